// <button data-open="id"> shows the <dialog id="id">; [data-close] closes the one it is in. The
// browser gives the focus back to the opener. A page may be opened with #id to show the dialog.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) {
    const dialog = document.getElementById(opener.dataset.open);
    if (dialog && !dialog.open) dialog.showModal();
  }
  if (event.target.closest("[data-close]")) event.target.closest("dialog")?.close();
  if (event.target instanceof HTMLDialogElement && outside(event)) event.target.close();
});

function outside(event) {
  if (event.clientX === 0 && event.clientY === 0) return false; // a key press, not a pointer
  const box = event.target.getBoundingClientRect();
  return event.clientX < box.left || event.clientX > box.right || event.clientY < box.top || event.clientY > box.bottom;
}

// <button data-copy="text"> or data-copy-from="id": copies and says so.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  const source = button.dataset.copyFrom ? document.getElementById(button.dataset.copyFrom) : null;
  const text = source ? (source.value ?? source.textContent) : button.dataset.copy;
  const { toast } = await import("./toasts.js");
  try {
    await navigator.clipboard.writeText(text);
    toast("Copied.", "success");
  } catch {
    if (source?.select) source.select();
    toast("The browser does not allow copying here. Select the text and press Ctrl C.", "warning");
  }
});

// A form with data-typed="KEY" can be sent only when its field `typed` holds exactly that.
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-typed]");
  if (form) form.querySelector("[data-go]").disabled = form.elements.typed.value.trim() !== form.dataset.typed;
});

const named = location.hash && document.getElementById(location.hash.slice(1));
if (named instanceof HTMLDialogElement) named.showModal();
document.querySelectorAll("dialog[data-show]").forEach((dialog) => dialog.showModal());

// <select data-submit> sends its form at once; the button beside it is for browsers without scripts.
for (const control of document.querySelectorAll("[data-submit]")) {
  const button = control.form?.querySelector("[data-submit-button]");
  if (button) button.hidden = true;
  control.addEventListener("change", () => control.form.requestSubmit());
}
