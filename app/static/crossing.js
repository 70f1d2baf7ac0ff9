// Answers that cross: what was pressed is told though its place has come anew, and what is older is asked for again.
let presses = 0; // begun and answered
on("htmx:beforeRequest", ({ target, detail: { requestConfig } }) => {
  requestConfig.asked = presses += requestConfig.verb !== "get";
  target.addEventListener("htmx:beforeOnLoad", answered);
});

function answered(event) {
  const { target: elt, detail: { target, xhr, requestConfig: { verb } } } = event;
  if (verb === "get") return;
  presses++;
  if (elt.isConnected || event.defaultPrevented) return;
  event.preventDefault();
  if (!xhr.getResponseHeader("X-Request-Id")) fail(event);
  else htmx.swap(byId(target.id) ?? document.createElement("p"), xhr.response, { swapStyle: "outerHTML" });
}

on("htmx:beforeSwap", ({ detail }) => {
  const { target, requestConfig: { elt, verb, asked } } = detail;
  const pressed = !elt.action && htmx.find(target, "form.htmx-request"); // a look waits for it, a search need not
  if (verb !== "get" || asked === presses && !pressed) return;
  detail.shouldSwap = false;
  left = typed = null;
  if (elt.action) setTimeout(htmx.trigger, 0, elt, "submit");
});
