// Buying and answering offers: the time left, the bar to the box, how many.
function countDown(time) {
  const left = Math.max(0, Math.ceil((new Date(time.dateTime) - new Date) / 1e3));
  time.textContent = [[86400, "day", 1e9], [3600, "hour", 24], [60, "minute", 60], [1, "second", 60]]
    .filter(([size]) => size <= (left || 1)).slice(0, 2).map(([size, unit, whole]) =>
    (left / size % whole | 0).toLocaleString(lang, { style: "unit", unit, unitDisplay: "long" })).join(" ");
  if (left) setTimeout(() => time.isConnected && countDown(time), 1e3);
  else setTimeout(htmx.trigger, 500, time, "due");
}

on("htmx:load", ({ detail: { elt } }) => {
  each(elt, "[data-countdown]", countDown);
  each(elt, "[data-unless-seen]", (link) =>
    new IntersectionObserver(([seen]) => link.hidden = seen.isIntersecting).observe(byId(link.dataset.unlessSeen)));
});

const limit = ({ checked, form, dataset: { most } }) => { if (checked && most) form.quantity.max = most; };
on("change", ({ target }) => limit(target));
for (const come of ["htmx:load", "htmx:afterSettle"]) on(come, () => each(document, "[data-most]", limit));
