// Pictures are sent, put in order and cropped.

function send(form, file) {
  const row = document.createElement("li"), bar = document.createElement("progress");
  bar.ariaLabel = file.name;
  row.append(file.name, bar);
  form.querySelector("ul").append(row);
  const body = new FormData(), request = new XMLHttpRequest();
  body.append("images", file);
  request.open("POST", form.action);
  request.setRequestHeader("HX-Request", "true");
  request.upload.onprogress = ({ loaded, total }) => { bar.value = loaded / total; };
  return new Promise((done) => {
    request.onloadend = () => {
      const away = request.getResponseHeader("HX-Redirect");
      if (away) location = away;
      if (request.response.includes('id="pictures"')) {
        htmx.swap("#pictures", request.response, { swapStyle: "outerHTML" });
        row.remove();
      } else bar.replaceWith(` ${form.dataset.failed}`);
      done();
    };
    request.send(body);
  });
}

async function sendAll(form, files) {
  for (const file of files) await send(form, file);
  form.reset();
}

const here = htmx.find(`[data-here] [value="${Intl.DateTimeFormat().resolvedOptions().timeZone}"]`);
if (here) here.selected = true;

on("change", ({ target }) => { if (target.matches(".drop input")) sendAll(target.form, [...target.files]); });

let moved; // a picture that wants another place; else files come from outside
const place = ({ target }) => target.closest?.(moved ? ".thumb" : ".drop");
on("dragstart", ({ target }) => { moved = target.closest?.(".thumb"); });
on("dragend", () => { moved = null; });
on("dragover", (event) => { if (place(event)) event.preventDefault(); });
on("drop", (event) => {
  const there = place(event);
  if (!there) return;
  event.preventDefault();
  if (!moved) sendAll(there, [...event.dataTransfer.files]);
  else htmx.ajax("POST", moved.dataset.move, { target: "#pictures", swap: "outerHTML", values: { position: there.dataset.place } });
});

on("click", ({ target, offsetX, offsetY }) => {
  if (!target.matches(".pick img")) return;
  const [x, y] = target.closest(".thumb").querySelectorAll("[type=range]");
  x.value = 100 * offsetX / target.width;
  y.value = 100 * offsetY / target.height;
  htmx.trigger(y, "change");
});
