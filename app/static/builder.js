async function send(form, file) {
  const row = document.createElement("li"), bar = document.createElement("progress");
  bar.ariaLabel = file.name;
  row.append(file.name, " ", bar);
  byId("uploads").append(row);
  const body = new FormData, post = new XMLHttpRequest;
  body.append("images", file);
  post.open("POST", form.action);
  post.setRequestHeader("HX-Request", true);
  post.upload.onprogress = ({ loaded, total }) => bar.value = loaded / total;
  post.send(body);
  await new Promise((done) => post.onloadend = done);
  const away = post.getResponseHeader("HX-Redirect");
  if (away) location = away;
  row.className = "complaint";
  if (post.response.includes("images-error")) {
    htmx.swap("#pictures", post.response, { swapStyle: "outerHTML" });
    row.replaceChildren(...byId("images-error").children);
  } else bar.outerHTML = post.response.match(/lead">(.+)</)?.[1] ?? form.dataset.failed;
}

async function sendAll(form, files) {
  each(form, ".complaint", (row) => row.remove());
  for (const file of [...files]) await send(form, file);
  form.reset();
}

// An answer goes where its place is now.
on("htmx:beforeRequest", ({ detail: { target } }) => {
  target.addEventListener("htmx:sendError", fail);
  target.addEventListener("htmx:beforeOnLoad", unlessOurs);
  target.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!detail.target.isConnected) detail.target = byId(target.id) ?? target;
  });
});

Object(htmx.find(`[data-here] [value="${Intl.DateTimeFormat().resolvedOptions().timeZone}"]`)).selected = true;

on("change", ({ target }) => target.matches(".drop input") && sendAll(target.form, target.files));

let moved;
const place = ({ target, dataTransfer }) =>
  moved ? target.closest?.(".thumb") : dataTransfer.types.includes("Files") && document;
on("dragstart", ({ target }) => moved = target.closest?.(".thumb"));
on("dragend", () => moved = null);
on("dragover", (event) => place(event) && event.preventDefault());
on("drop", (event) => {
  const there = place(event);
  if (!there) return;
  event.preventDefault();
  if (!moved) each(there, ".drop", (form) => sendAll(form, event.dataTransfer.files));
  else htmx.ajax("POST", moved.dataset.move, { source: moved, values: { position: there.dataset.place } });
});

on("click", ({ target, offsetX, offsetY }) => {
  if (!target.matches(".pick img")) return;
  const [x, y] = target.closest(".thumb").querySelectorAll("[type=range]");
  x.value = 100 * offsetX / target.width;
  y.value = 100 * offsetY / target.height;
  htmx.trigger(y, "change");
});
