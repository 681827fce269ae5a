// "Move to other devices": the server draws the dialog, its tiles stay live, a refusal stays in it.
import { follow, show } from "./compute-picker.js";
import { tellFresh } from "./live.js";
import { send } from "./send.js";
import { toast } from "./toasts.js";

const dialog = document.getElementById("move");
let leave = []; // what to stop when the dialog closes

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-move]");
  if (opener && dialog) open(opener.dataset.move);
});

async function open(url) {
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html" } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    dialog.innerHTML = await answer.text();
  } catch (problem) {
    toast(`The devices cannot be shown. ${problem.message}`, "error");
    return;
  }
  show(dialog.querySelector("[data-picker]"));
  dialog.showModal();
  dialog.querySelector("[data-main]").focus({ preventScroll: true });
  const fresh = dialog.querySelector("[data-live]"); // none where there is no GPU to follow
  leave = [follow(dialog, JSON.parse(dialog.querySelector("#move-verdicts").textContent)), ...(fresh ? [tellFresh(fresh)] : [])];
}

dialog?.addEventListener("close", () => {
  leave.forEach((stop) => stop());
  leave = [];
  dialog.replaceChildren();
});

dialog?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const go = form.querySelector("[data-go]");
  go.disabled = true;
  try {
    const answer = await send(form.action, new FormData(form));
    dialog.close();
    toast(answer.said, "success");
    dialog.dispatchEvent(new CustomEvent("moved", { bubbles: true }));
  } catch (problem) {
    const wrong = form.querySelector("[data-wrong]");
    wrong.hidden = false;
    wrong.lastElementChild.textContent = problem.message;
    wrong.scrollIntoView({ block: "nearest" });
    go.disabled = false;
  }
});
