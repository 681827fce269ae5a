// The grid by keyboard, and the viewer: arrow keys go from image to image in both.
const grid = document.getElementById("grid");
const viewer = document.getElementById("viewer");
const part = (id) => document.getElementById(`viewer-${id}`);
const pictures = grid ? [...grid.querySelectorAll(".pic")] : [];
const boxes = JSON.parse(document.getElementById("boxes")?.textContent ?? "{}"); // by picture, of those that have any
let now = 0;

pictures.forEach((picture, place) => {
  picture.tabIndex = place ? -1 : 0; // one tab stop for the whole grid
  picture.addEventListener("click", () => show(place, true));
});

grid?.addEventListener("keydown", (event) => {
  const at = pictures.indexOf(event.target.closest(".pic"));
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(), ArrowUp: -columns(), Home: -at, End: pictures.length - 1 - at }[event.key];
  if (step === undefined || at < 0) return;
  event.preventDefault();
  focus(Math.max(0, Math.min(pictures.length - 1, at + step)));
});

function columns() {
  const top = pictures[0].getBoundingClientRect().top;
  const first = pictures.findIndex((one) => one.getBoundingClientRect().top > top + 1);
  return first < 0 ? pictures.length : first;
}

function focus(place) {
  pictures.forEach((one, at) => (one.tabIndex = at === place ? 0 : -1));
  pictures[place].focus();
}

function show(place, open) {
  now = place;
  const { full, path, label, split, size, number } = pictures[place].dataset;
  document.getElementById("viewer-t").textContent = path;
  part("img").src = full;
  outline(boxes[number]);
  const named = label || [...new Set((boxes[number]?.boxes ?? []).map((one) => one.label))].join(", ");
  part("img").alt = named ? `${path}, ${named}` : path;
  part("size").textContent = size;
  for (const [id, text] of [["label", label], ["split", split]]) {
    part(id).textContent = text;
    part(id).hidden = !text;
  }
  part("back").disabled = place === 0;
  part("next").disabled = place === pictures.length - 1;
  if (open && !viewer.open) viewer.showModal();
}

// The boxes around objects, in the picture's own pixels; the drawing shrinks as the picture does.
function outline(found) {
  const drawing = part("boxes");
  drawing.toggleAttribute("hidden", !found);
  drawing.replaceChildren();
  if (!found) return;
  const { width, height } = found;
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) drawing.setAttribute(name, value);
  const letter = Math.max(width, height) / 40;
  for (const { label, xmin, ymin, xmax, ymax } of found.boxes) {
    const words = shape("text", { x: xmin + letter / 4, y: Math.max(ymin + letter, letter), "font-size": letter });
    words.textContent = label;
    drawing.append(shape("rect", { x: xmin, y: ymin, width: xmax - xmin, height: ymax - ymin }), words);
  }
}

function shape(name, values) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(values)) made.setAttribute(key, value);
  return made;
}

const step = (by) => now + by >= 0 && now + by < pictures.length && show(now + by, false);
part("back").addEventListener("click", () => step(-1));
part("next").addEventListener("click", () => step(1));
viewer.addEventListener("keydown", (event) => {
  if (event.key === "ArrowRight") step(1);
  if (event.key === "ArrowLeft") step(-1);
});
viewer.addEventListener("close", () => {
  part("img").removeAttribute("src");
  focus(now);
});
