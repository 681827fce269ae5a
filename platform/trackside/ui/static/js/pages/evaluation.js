// The pages of evaluations: what is chosen is shown at once.
for (const one of document.querySelectorAll("[data-submit]")) one.addEventListener("change", () => one.form.requestSubmit());
for (const one of document.querySelectorAll("[data-goto]")) one.addEventListener("change", () => location.assign(one.dataset.goto));
