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

on("htmx:load", ({ detail: { elt } }) => each(elt, "[data-local]", addLocalTime));

// Focus: a bad field, `data-next` or what came.
let left, next, typed;
on("htmx:beforeSwap", ({ detail: { target, requestConfig: { verb } } }) => {
  left = target.matches(":focus-within") && target.id;
  next = document.activeElement.dataset.next;
  typed = verb === "get" ? target.querySelectorAll("input, select, details") : null;
});
on("htmx:afterSettle", ({ detail }) => {
  typed?.forEach(({ id, value, checked, open }) => {
    const now = byId(id);
    if (!now || now.disabled) return;
    Object.assign(now, { value, checked, open });
    if (now.selectedIndex < 0) now.selectedIndex = 0;
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

let failed;
on("htmx:beforeRequest", (event) => {
  const { requestConfig, target } = event.detail;
  if (event.target.matches("[data-live]")) document.hidden && event.preventDefault();
  else if (target === failed || !requestConfig.headers["X-Look"]) byId("trouble")?.remove();
});
// Without our id: a proxy's word.
const fail = (event) => {
  event.preventDefault();
  if (event.target.matches("[data-live]")) return;
  byId("toasts").innerHTML = byId("no-answer").innerHTML;
  failed = event.detail.target;
};
on("htmx:sendError", fail);
const unlessOurs = (event) => event.detail.xhr.getResponseHeader("X-Request-Id") || fail(event);
on("htmx:beforeOnLoad", unlessOurs);

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

// Typed and not kept, by field.
const unsaved = new Set;
on("input", ({ target }) => target.closest("[data-unsaved]") && unsaved.add(target));
on("submit", ({ defaultPrevented, target }) => defaultPrevented || target.matches("[data-unsaved]") && unsaved.clear());
on("htmx:afterOnLoad", ({ detail: { xhr, requestConfig: { elt, formData } } }) => {
  if (xhr.status < 400) unsaved.forEach((field) => {
    const { form, name } = field;
    if (form?.action === elt.action && new FormData(form).get(name) === formData.get(name)) unsaved.delete(field);
  });
});
onbeforeunload = () => [...unsaved].find((field) => field.isConnected);
