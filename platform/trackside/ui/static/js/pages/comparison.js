// Comparison: choices take effect at once; the page loads again when the job has answered.
import { live } from "../live.js";

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-submit]")) target.form.requestSubmit();
});

const waits = document.querySelector("[data-waits]");
if (waits) {
  const look = async () => {
    const place = location.pathname.replace(/comparison\/$/, `analyses/jobs/${waits.dataset.waits}/`);
    const answer = await fetch(place, { headers: { Accept: "application/json" } });
    if (answer.ok && (await answer.json()).over) location.reload();
  };
  live.watch(`job:${waits.dataset.waits}`, Number(waits.dataset.seq), ({ type }) => ["state", "finished", "failed", "gap"].includes(type) && look());
  look();
}
