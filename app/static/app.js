// What pages cannot do by themselves. Everything works without it.
"use strict";

const { lang } = document.documentElement;
const on = (name, act) => document.addEventListener(name, act);
const each = (root, selector, act) => {
  if (root.matches?.(selector)) act(root);
  root.querySelectorAll(selector).forEach(act);
};

// Times of the event, again in the reader's own timezone where that differs.
function addLocalTime(time) {
  const at = new Date(time.dateTime);
  const form = (timeZone) => at.toLocaleString(lang, { dateStyle: "medium", timeStyle: "short", timeZone });
  if (time.nextElementSibling?.matches(".here-time") || form() === form(time.dataset.local)) return;
  const here = document.createElement("span");
  here.className = "here-time";
  here.textContent = `${form()} ${time.dataset.here}`;
  time.after(here);
}

// Counts down to a moment, and tells the element when it has come.
function countDown(time) {
  const left = Math.max(0, Math.ceil((new Date(time.dateTime) - Date.now()) / 1000));
  const parts = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const from = parts.findIndex(([size]) => left >= size);
  let rest = left;
  time.textContent = parts.slice(from < 0 ? 3 : from).slice(0, 2).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count.toLocaleString(lang, { style: "unit", unit, unitDisplay: "long" });
  }).join(" ");
  if (left) setTimeout(() => time.isConnected && countDown(time), from < 2 ? 30000 : 1000);
  else setTimeout(() => time.dispatchEvent(new Event("due", { bubbles: true })), 500);
}

// The way to something is of no use while that is in view.
function hideWhileSeen(link) {
  const seen = new IntersectionObserver(([{ isIntersecting }]) => { link.hidden = isIntersecting; });
  seen.observe(document.getElementById(link.dataset.unlessSeen));
}

on("htmx:load", ({ detail: { elt } }) => {
  each(elt, "time[data-local]", addLocalTime);
  each(elt, "time[data-countdown]", countDown);
  each(elt, "[data-dismiss], [data-copy]", (button) => { button.hidden = false; });
  each(elt, "[data-unless-seen]", hideWhileSeen);
});

// After a swap the focus is at the first bad field, or in what came instead of what had it.
let left = null;
on("htmx:beforeSwap", ({ detail: { target } }) => {
  left = target.contains(document.activeElement) ? target.id : null;
});
on("htmx:afterSettle", ({ detail }) => {
  const come = document.getElementById(left) ?? detail.elt;
  const bad = come.querySelector("[autofocus], [aria-invalid=true]");
  if (bad) bad.focus();
  else if (left && !come.contains(document.activeElement)) {
    come.tabIndex = -1;
    come.focus({ preventScroll: true });
  }
  left = null;
});

// `data-live` asks every few seconds, but not while nobody looks.
on("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});
on("htmx:sendError", ({ target }) => {
  if (target.matches("[data-live]")) return;
  document.getElementById("toasts").replaceChildren(document.getElementById("no-answer").content.cloneNode(true));
});

on("click", ({ target }) => {
  target.closest("[data-dismiss]")?.parentElement.remove();
  const copy = target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim());
  each(document, "details.menu[open]", (menu) => { if (!menu.contains(target)) menu.open = false; });
});
on("keydown", ({ key, target }) => {
  const menu = key === "Escape" && target.closest("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// Typed work is not left behind unasked.
let unsaved;
on("input", ({ target }) => { unsaved ||= target.closest("form[data-unsaved]"); });
on("submit", () => { unsaved = null; });
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
