// What pages cannot do by themselves. Everything works without it.
"use strict";

const on = (kind, act) => document.addEventListener(kind, act);
const each = (root, selector, act) => {
  if (root.matches?.(selector)) act(root);
  root.querySelectorAll(selector).forEach(act);
};

// Times of the event, again in the reader's own timezone where that differs.
function addLocalTime(time) {
  const at = new Date(time.dateTime);
  const form = (timeZone) => at.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short", timeZone });
  if (!time.nextElementSibling?.matches(".here-time") && form(undefined) !== form(time.dataset.local)) {
    const here = document.createElement("span");
    here.className = "here-time";
    here.textContent = `${form(undefined)} ${time.dataset.here}`;
    time.after(here);
  }
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
    return count.toLocaleString(document.documentElement.lang, { style: "unit", unit, unitDisplay: "long" });
  }).join(" ");
  if (left) setTimeout(() => time.isConnected && countDown(time), from < 2 ? 30000 : 1000);
  else setTimeout(() => time.dispatchEvent(new Event("due", { bubbles: true })), 500);
}

// The way to something is of no use while that is in view.
function hideWhileSeen(link) {
  new IntersectionObserver(([seen]) => { link.hidden = seen.isIntersecting; }).observe(document.getElementById(link.dataset.unlessSeen));
}

function dress(root) {
  each(root, "time[data-local]", addLocalTime);
  each(root, "time[data-countdown]", countDown);
  each(root, "[data-dismiss], [data-copy]", (button) => { button.hidden = false; });
  each(root, "[data-unless-seen]", hideWhileSeen);
}

// After a swap: to the first bad field, else stay; what had the focus and is gone hands it to what came instead.
let focusedIn = null;
on("htmx:beforeSwap", ({ detail }) => {
  focusedIn = detail.target.contains(document.activeElement) ? detail.target.id : null;
});
on("htmx:afterSettle", ({ detail }) => {
  const come = document.getElementById(focusedIn) ?? detail.elt;
  const bad = come.querySelector("[autofocus], [aria-invalid=true]");
  if (bad) bad.focus();
  else if (focusedIn && !come.contains(document.activeElement)) {
    come.tabIndex = -1;
    come.focus({ preventScroll: true });
  }
  focusedIn = null;
});
on("htmx:load", ({ detail }) => dress(detail.elt));

// Nobody looks: no need to ask again. `data-live` marks what asks every few seconds.
on("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});

on("click", ({ target }) => {
  target.closest("[data-dismiss]")?.parentElement.remove();
  const copy = target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(document.getElementById(copy.dataset.copy).textContent.trim());
  each(document, "details.menu[open]", (menu) => { if (!menu.contains(target)) menu.open = false; });
});
on("keydown", ({ key, target }) => {
  const menu = key === "Escape" && target.closest("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Forms that hold work warn before the page is left.
let unsaved = false;
on("input", ({ target }) => { if (target.closest("form[data-unsaved]")) unsaved = true; });
on("submit", () => { unsaved = false; });
addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
