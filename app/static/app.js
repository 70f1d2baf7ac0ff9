const { lang } = document.documentElement;
const { on } = htmx;
const byId = (id) => document.getElementById(id);
const each = (root, selector, act) => root.querySelectorAll(selector).forEach(act);

function addLocalTime(time) {
  const { here, local, end } = time.dataset, at = new Date(time.dateTime);
  const form = (timeZone) => Intl.DateTimeFormat(lang, { dateStyle: "medium", timeStyle: "short", timeZone })
    .formatRange(at, new Date(end || at));
  if (form() !== form(local)) time.insertAdjacentHTML("afterend", `<span class=here-time>${form()} ${here}</span>`);
}

function countDown(time) {
  const left = Math.max(0, Math.ceil((new Date(time.dateTime) - new Date) / 1e3));
  time.textContent = [[86400, "day", 1e9], [3600, "hour", 24], [60, "minute", 60], [1, "second", 60]]
    .filter(([size]) => size <= (left || 1)).slice(0, 2).map(([size, unit, whole]) =>
    (left / size % whole | 0).toLocaleString(lang, { style: "unit", unit, unitDisplay: "long" })).join(" ");
  if (left) setTimeout(() => time.isConnected && countDown(time), 1e3);
  else setTimeout(htmx.trigger, 500, time, "due");
}

const limit = ({ checked, form, dataset: { most } }) => { if (checked && most) form.quantity.max = most; };
on("change", ({ target }) => limit(target));

on("htmx:load", ({ detail: { elt } }) => {
  each(elt, "[data-local]", addLocalTime);
  each(elt, "[data-countdown]", countDown);
  each(elt, "[data-most]", limit);
  each(elt, "[data-unless-seen]", (link) =>
    new IntersectionObserver(([seen]) => link.hidden = seen.isIntersecting).observe(byId(link.dataset.unlessSeen)));
});

// Focus: a bad field, or what came.
let left, next, typed;
on("htmx:beforeSwap", ({ detail: { target, requestConfig: { verb } } }) => {
  left = target.matches(":focus-within") && target.id;
  next = document.activeElement.dataset.next;
  typed = verb === "get" ? target.querySelectorAll("input, select, details") : null;
});
on("htmx:afterSettle", ({ detail }) => {
  typed?.forEach(({ id, value, checked, open }) => {
    const now = byId(id);
    if (now && !now.disabled) limit(Object.assign(now, { value, checked, open }));
  });
  const come = byId(left) ?? detail.elt;
  const bad = come.id && come.querySelector("[autofocus], [aria-invalid=true]");
  if (bad) bad.focus();
  else if (left && !come.matches(":focus-within")) {
    come.tabIndex = -1;
    (byId(next) ?? come).focus({ preventScroll: !next });
  }
  left = typed = null;
});

on("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches("[data-live]")) event.preventDefault();
});
// A proxy's word:
const fail = (event) => {
  event.preventDefault();
  if (!event.target.matches("[data-live]")) byId("toasts").innerHTML = byId("no-answer").innerHTML;
};
on("htmx:sendError", fail);
on("htmx:beforeOnLoad", (event) => event.detail.xhr.getResponseHeader("X-Request-Id") || fail(event));

on("click", ({ target }) => {
  target.closest("[data-dismiss]")?.parentElement.remove();
  const copy = target.closest("[data-copy]");
  if (copy) navigator.clipboard.writeText(copy.value).then(() => copy.lastChild.data = copy.dataset.copy);
  each(document, ".menu", (menu) => menu.open &&= menu.contains(target));
});
on("keydown", ({ key, target }) => {
  const menu = target.closest("[data-menu][open]");
  if (!menu || key !== "Escape") return;
  menu.open = false;
  menu.firstElementChild.focus();
});

on("htmx:oobAfterSwap", ({ detail: { target } }) => {
  const field = byId(target.id.replace("-error", ""));
  if (field?.name) field.ariaInvalid = !!target.firstElementChild;
});

let unsaved;
on("input", ({ target }) => unsaved ||= target.closest("[data-unsaved]")?.action);
const kept = ({ action }) => action === unsaved && (unsaved = null);
on("submit", (event) => event.defaultPrevented || kept(event.target));
on("htmx:afterOnLoad", ({ detail: { xhr, requestConfig: { elt } } }) => xhr.status < 400 && kept(elt));
onbeforeunload = () => unsaved;
