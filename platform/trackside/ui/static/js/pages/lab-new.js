// The suggested name follows the chosen dataset until somebody types one.
const form = document.getElementById("new-analysis");
const name = form?.elements.namedItem("name");
let own = false;
name?.addEventListener("input", () => (own = true));
form?.addEventListener("change", (event) => {
  if (event.target.name === "dataset" && !own) name.value = event.target.dataset.suggest.slice(0, 80);
});
