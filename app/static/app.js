// All works without this.

const { lang } = document.documentElement;
const on = (name, act) => document.addEventListener(name, act);
const byId = (id) => document.getElementById(id);
const each = (root, selector, act) => {
  if (root.matches?.(selector)) act(root);
  root.querySelectorAll(selector).forEach(act);
};

function addLocalTime(time) {
  const form = (timeZone) =>
    new Date(time.dateTime).toLocaleString(lang, { dateStyle: "medium", timeStyle: "short", timeZone });
  if (form() === form(time.dataset.local)) return;
  const textContent = `${form()} ${time.dataset.here}`;
  time.after(Object.assign(document.createElement("span"), { className: "here-time", textContent }));
}

function countDown(time) {
  const left = Math.max(0, Math.ceil((new Date(time.dateTime) - Date.now()) / 1000));
  let rest = left;
  time.textContent = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]]
    .filter(([size]) => size <= (left || 1)).slice(0, 2).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count.toLocaleString(lang, { style: "unit", unit, unitDisplay: "long" });
  }).join(" ");
  if (left) setTimeout(() => time.isConnected && countDown(time), left < 3600 ? 1000 : 30000);
  else setTimeout(htmx.trigger, 500, time, "due");
}

function hideWhileSeen(link) {
  new IntersectionObserver(([seen]) => { link.hidden = seen.isIntersecting; }).observe(byId(link.dataset.unlessSeen));
}

on("change", ({ target: { form, dataset: { most } } }) => { if (most) form.quantity.max = most; });

on("htmx:load", ({ detail: { elt } }) => {
  each(elt, "time[data-local]", addLocalTime);
  each(elt, "time[data-countdown]", countDown);
  each(elt, "[data-unless-seen]", hideWhileSeen);
});

// Focus goes to the first bad field, else to `data-next`, else into what came.
let left, next;
on("htmx:beforeSwap", ({ detail: { target } }) => {
  left = target.matches(":focus-within") && target.id;
  next = document.activeElement.dataset.next;
});
on("htmx:afterSettle", ({ detail }) => {
  const come = byId(left) ?? detail.elt;
  const bad = come.id && come.querySelector("[autofocus], [aria-invalid=true]");
  if (bad) bad.focus();
  else if (left && !come.matches(":focus-within")) {
    come.tabIndex = -1;
    (byId(next) ?? come).focus({ preventScroll: !next });
  }
  left = null;
});

// `data-live` does not ask while nobody looks.
on("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});
on("htmx:sendError", ({ target }) => {
  if (!target.matches("[data-live]"))
    byId("toasts").replaceChildren(byId("no-answer").content.cloneNode(true));
});

on("click", ({ target }) => {
  target.closest("[data-dismiss]")?.parentElement.remove();
  const copy = target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(byId(copy.dataset.copy).textContent.trim());
  each(document, "details.menu[open]", (menu) => { menu.open = menu.contains(target); });
});
on("keydown", ({ key, target }) => {
  const menu = key === "Escape" && target.closest("details[data-menu][open]");
  if (!menu) return;
  menu.open = false;
  menu.firstElementChild.focus();
});

// Typed work is not lost unasked.
let unsaved;
on("input", ({ target }) => { unsaved ||= target.closest("form[data-unsaved]")?.action; });
on("submit", () => { unsaved = null; });
on("htmx:afterOnLoad", ({ detail: { requestConfig: { elt } } }) => { if (elt.action === unsaved) unsaved = null; });
onbeforeunload = (event) => { if (unsaved) event.preventDefault(); };
