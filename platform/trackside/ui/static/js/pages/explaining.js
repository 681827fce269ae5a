// Explanations of a table's model: the page shows the answer of its small job when it is there.
import { live } from "../live.js";

const waits = document.querySelector("[data-waits]");
if (waits) {
  const look = async () => {
    const answer = await fetch(waits.dataset.place, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const now = await answer.json();
    waits.querySelector("span").textContent = `A small job works on it: ${now.reason}`;
    if (now.over) location.reload();
  };
  live.watch(`job:${waits.dataset.waits}`, Number(waits.dataset.seq), ({ type }) => ["state", "finished", "failed", "gap"].includes(type) && look());
  look();
}
