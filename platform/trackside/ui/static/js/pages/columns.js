// Says what is changed, marks it, and keeps a page with changes from being lost.
const form = document.getElementById("types");
const what = document.getElementById("types-what");
const begin = what?.textContent;
let sent = false;

const changed = () => [...form.querySelectorAll("select[data-was]")].filter((one) => one.value !== one.dataset.was);

function touched(one) {
  if (one.type === "radio") return one.checked !== one.defaultChecked;
  if (!one.options) return one.value !== one.defaultValue;
  return [...one.options].some((option) => option.value && option.selected !== option.defaultSelected);
}

const readAnew = () => [...form.querySelectorAll("#reading [name]")].some(touched);

function settle() {
  const some = changed();
  const parts = [];
  for (const one of form.querySelectorAll("select[data-was]")) one.closest(".column").classList.toggle("column--new", some.includes(one));
  const names = some.slice(0, 3).map((one) => one.closest(".column").dataset.column).join(", ");
  if (some.length) parts.push(`${some.length} ${some.length === 1 ? "type" : "types"} to correct: ${names}${some.length > 3 ? " …" : ""}`);
  if (readAnew()) parts.push("the file is read with other options");
  const said = parts.join("; ");
  what.textContent = said ? said[0].toUpperCase() + said.slice(1) : begin;
}

// A line for the column in "Other texts in single columns", ready to be written on.
function texts(event) {
  const name = event.target.closest("[data-gap]")?.dataset.gap;
  if (name === undefined) return;
  event.preventDefault();
  document.getElementById("reading").open = true;
  const field = document.getElementById("r-single");
  const plain = /^[^\s:"]([^:"]*[^\s:"])?$/.test(name);
  const start = `${plain ? name : `"${name.replaceAll('"', '""')}"`}:`;
  const lines = field.value.split("\n").filter((line) => line.trim());
  if (!lines.some((line) => line.startsWith(start))) lines.push(`${start} `);
  field.value = lines.join("\n");
  const at = lines.findIndex((line) => line.startsWith(start));
  const end = lines.slice(0, at + 1).join("\n").length;
  field.focus();
  field.setSelectionRange(end, end);
  field.scrollIntoView({ block: "center" });
  settle();
}

if (what) {
  form.addEventListener("click", texts);
  form.addEventListener("input", settle);
  form.addEventListener("change", settle);
  form.addEventListener("submit", () => (sent = true));
  addEventListener("beforeunload", (event) => !sent && (changed().length || readAnew()) && event.preventDefault());
  settle(); // a browser may have kept the choices of before a reload
}
