// What can be predicted follows the chosen dataset and column: the server draws it anew. A name that
// somebody typed stays.
const form = document.getElementById("new-analysis");
let own = false;
let latest = 0;

form?.addEventListener("input", (event) => {
  if (event.target.name === "name") own = true;
});
form?.addEventListener("change", (event) => {
  if (event.target.name === "dataset") draw({ dataset: event.target.value });
  if (event.target.name === "target") draw({ dataset: new FormData(form).get("dataset"), target: event.target.value });
});

async function draw(chosen) {
  const mine = ++latest;
  const kept = form.elements.namedItem("name").value;
  form.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${location.pathname}?${new URLSearchParams(chosen)}`);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const part = fresh.querySelector("[data-aim]");
    if (mine !== latest || !answer.ok || !part) return;
    const focus = document.activeElement?.id;
    form.querySelector("[data-aim]").replaceWith(part);
    if (own) form.elements.namedItem("name").value = kept;
    if (focus) document.getElementById(focus)?.focus();
  } finally {
    if (mine === latest) form.removeAttribute("aria-busy");
  }
}
