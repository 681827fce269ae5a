// Says how many types are changed, marks them, and keeps a page with changes from being lost.
const form = document.getElementById("types");
const what = document.getElementById("types-what");
const begin = what?.textContent;
let sent = false;

const changed = () => [...form.querySelectorAll("select[data-was]")].filter((one) => one.value !== one.dataset.was);

function settle() {
  const some = changed();
  for (const one of form.querySelectorAll("select[data-was]")) one.closest(".column").classList.toggle("column--new", some.includes(one));
  const names = some.slice(0, 3).map((one) => one.closest(".column").dataset.column).join(", ");
  what.textContent = some.length ? `${some.length} ${some.length === 1 ? "type" : "types"} to correct: ${names}${some.length > 3 ? " …" : ""}` : begin;
}

if (what) {
  form.addEventListener("change", settle);
  form.addEventListener("submit", () => (sent = true));
  addEventListener("beforeunload", (event) => !sent && changed().length && event.preventDefault());
  settle(); // a browser may have kept the choices of before a reload
}
