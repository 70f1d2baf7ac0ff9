// Answers that cross: what was pressed is told, what is older is asked for again.
let presses = 0; // begun and answered
on("htmx:beforeRequest", ({ target, detail: { requestConfig } }) => {
  requestConfig.asked = presses += requestConfig.verb !== "get";
  target.addEventListener("htmx:beforeOnLoad", answered);
  target.addEventListener("htmx:sendError", fail);
});

function answered(event) {
  const { target: pressed, detail } = event;
  if (detail.requestConfig.verb === "get") return;
  presses++;
  if (pressed.isConnected) return;
  const place = byId(detail.target.id) ?? nowhere();
  left = place.matches(":focus-within") && place.id;
  place.append(pressed); // htmx answers what is in the page
  detail.target = place;
  if (!detail.xhr.getResponseHeader("X-Request-Id")) fail(event);
}

function nowhere() {
  const unseen = document.body.appendChild(document.createElement("div"));
  unseen.hidden = true;
  setTimeout(() => unseen.remove(), 1e3);
  return unseen.appendChild(document.createElement("div"));
}

on("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig: { elt, verb, asked } } = detail;
  const pressed = !elt.action && htmx.find(target, "form.htmx-request"); // a look waits for it, a search need not
  if (verb !== "get" || asked === presses && !pressed) return;
  detail.shouldSwap = false;
  left = typed = null;
  if (elt.action) setTimeout(htmx.trigger, 0, elt, "submit");
});
