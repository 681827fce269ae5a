// Results of a table: readings under the pointer, and the threshold of a model of two classes.
import "../open-tab.js";

const words = (value) => {
  const size = Math.abs(value);
  if (size && (size < 1e-3 || size >= 1e7)) return value.toExponential(2);
  return value.toLocaleString("en", { maximumSignificantDigits: size < 1000 ? 3 : 6 });
};

// A drawing's lines are read back from their paths: the scales are straight.
function readings(svg) {
  const of = (name) => svg.dataset[name].split(" ").map(Number);
  const [left, right, top, bottom] = ["left", "right", "top", "bottom"].map((name) => Number(svg.dataset[name]));
  const [x, y] = [of("x"), of("y")];
  const lines = [...svg.querySelectorAll("path.ln")].map((path) => ({
    name: path.dataset.name,
    points: path.getAttribute("d").slice(1).split("L").map((pair) => pair.split(" ").map(Number)),
  })).filter(({ points }) => points.length > 1);
  const value = (at, from, to, [low, high]) => low + ((at - from) / (to - from)) * (high - low);
  return { left, right, lines, x: (at) => value(at, left, right, x), y: (at) => value(at, bottom, top, y), top, bottom };
}

for (const svg of document.querySelectorAll("svg[data-chart]")) {
  const drawn = readings(svg);
  const told = svg.parentElement.querySelector("[data-reading]");
  if (!drawn.lines.length || !told) continue;
  const ruler = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [key, at] of Object.entries({ class: "at", y1: drawn.top, y2: drawn.bottom, visibility: "hidden" })) ruler.setAttribute(key, at);
  svg.append(ruler);
  svg.addEventListener("pointermove", (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).x;
    if (at < drawn.left || at > drawn.right) return;
    const nearest = (points, to) => points.reduce((one, two) => (Math.abs(two[0] - to) < Math.abs(one[0] - to) ? two : one));
    const place = nearest(drawn.lines.map(({ points }) => nearest(points, at)), at)[0];
    const reaches = ({ points }) => place >= points[0][0] - 1 && place <= points.at(-1)[0] + 1;
    const near = drawn.lines.filter(reaches).map(({ name, points }) => ({ name, point: nearest(points, place) }));
    ruler.setAttribute("x1", place);
    ruler.setAttribute("x2", place);
    ruler.setAttribute("visibility", "visible");
    told.textContent = `${svg.dataset.label} ${words(drawn.x(place))}: ${near.map(({ name, point }) => `${name} ${words(drawn.y(point[1]))}`).join(", ")}`;
  });
  svg.addEventListener("pointerleave", () => {
    ruler.setAttribute("visibility", "hidden");
    told.textContent = "";
  });
}

const form = document.querySelector("form[data-threshold]");
if (form) begin(form, JSON.parse(document.getElementById("by-threshold").textContent));

function begin(form, { rows, mode }) {
  const slider = form.elements.threshold;
  const COUNTS = ["tp", "fp", "tn", "fn"];
  const CELLS = { "00": "tn", "01": "fp", "10": "fn", "11": "tp" };
  const put = (selector, text) => (form.querySelector(selector).textContent = text);
  const gains = () => Object.fromEntries([...form.querySelectorAll("[data-gain]")].map((one) => [one.dataset.gain, Number(one.value) || 0]));
  const worth = (row, each) => COUNTS.reduce((sum, name) => sum + row[name] * each[name], 0);
  const best = (each) => {
    const most = Math.max(...rows.map((row) => worth(row, each)));
    const equal = rows.filter((row) => worth(row, each) >= most - 1e-9);
    return equal[Math.floor(equal.length / 2)];
  };
  const whole = (row, name) => {
    const side = { tn: ["tn", "fp"], fp: ["tn", "fp"], fn: ["fn", "tp"], tp: ["fn", "tp"] };
    const down = { tn: ["tn", "fn"], fn: ["tn", "fn"], fp: ["fp", "tp"], tp: ["fp", "tp"] };
    return (mode === "column" ? down : side)[name].reduce((sum, one) => sum + row[one], 0);
  };

  function show() {
    const row = rows.reduce((one, two) => (Math.abs(two.threshold - slider.value) < Math.abs(one.threshold - slider.value) ? two : one));
    const at = row.threshold.toFixed(2);
    put("[data-at]", at);
    for (const [place, name] of Object.entries(CELLS)) {
      const cell = form.querySelector(`[data-cell="${place}"]`);
      const share = whole(row, name) ? row[name] / whole(row, name) : 0;
      const shade = Math.max(1, Math.min(4, Math.round(share * 4 + 0.25)));
      cell.textContent = mode === "count" ? row[name].toLocaleString("en") : `${(100 * share).toFixed(1)} %`;
      cell.className = `cm__c ${row[name] ? `${name[0] === "t" ? "g" : "b"}${shade}` : ""}`;
      cell.setAttribute("aria-label", `${row[name].toLocaleString("en")} rows of ${cell.dataset.of}`);
    }
    for (const name of COUNTS) put(`[data-count="${name}"]`, row[name].toLocaleString("en"));
    for (const one of form.querySelectorAll("[data-figure]")) one.textContent = row[one.dataset.figure].toFixed(3);
    const each = gains();
    put("[data-total]", words(worth(row, each)));
    put("[data-best]", best(each).threshold.toFixed(2));
    keep(at);
  }

  // The address, the other pages and the button that keeps it have the threshold that was chosen.
  function keep(at) {
    const used = at === slider.dataset.used;
    const ours = [...document.querySelectorAll(".res__nav a.one")].filter((one) => one.pathname.startsWith(location.pathname.replace(/[^/]+\/$/, "")));
    for (const one of [location, ...ours, ...form.querySelectorAll("a[data-cell]")]) {
      const url = new URL(one.href);
      if (used) url.searchParams.delete("threshold");
      else url.searchParams.set("threshold", at);
      if (one === location) history.replaceState(null, "", url);
      else one.href = url;
    }
    const button = document.querySelector("[data-keep]");
    if (!button) return;
    button.disabled = used;
    document.querySelector("[data-kept]").value = at;
  }

  const go = (threshold) => {
    slider.value = threshold;
    show();
  };
  form.addEventListener("input", (event) => {
    if (event.target.matches("[data-mode]")) {
      mode = event.target.value;
      form.elements.mode.value = mode;
    }
    show();
  });
  form.querySelector("[data-own-back]").addEventListener("click", () => go(slider.dataset.own));
  form.querySelector("[data-take-best]").addEventListener("click", () => go(best(gains()).threshold));
  form.addEventListener("submit", (event) => event.preventDefault());
}
