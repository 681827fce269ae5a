// Shows a field only while the field it depends on has one of the named values
// (data-when="retrained=last,all"). The hidden one is still sent: the server knows all of them.
function apply(root) {
  for (const box of root.querySelectorAll("[data-when]")) {
    const [name, values] = box.dataset.when.split("=");
    const value = current(root, name);
    if (value !== null) box.hidden = !values.split(",").includes(value);
  }
}

function current(root, name) {
  const wanted = (input) => input.name === name || input.name.endsWith(`-${name}`);
  const inputs = [...root.querySelectorAll("input, select")].filter(wanted);
  if (!inputs.length) return null;
  const radio = inputs.find((input) => input.type === "radio" && input.checked);
  if (radio) return radio.value;
  const [first] = inputs;
  return first.type === "checkbox" ? (first.checked ? "True" : "False") : first.value;
}

export function enhance(root = document) {
  root.querySelectorAll("[data-param-form]").forEach(apply);
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-param-form]");
  if (form) apply(form);
});
document.addEventListener("htmx:afterSettle", () => enhance());
enhance();
