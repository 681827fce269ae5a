// The import as it goes on; when it is over the page is loaded anew and shows what came out.
import { live } from "../live.js";
import { thousands } from "../words.js";

const box = document.getElementById("import");
const part = (id) => document.getElementById(id);
const OVER = ["succeeded", "failed", "cancelled"];

if (box.dataset.job) live.watch(`job:${box.dataset.job}`, Number(box.dataset.seq), heard);
setInterval(check, 15000); // a stream may be missing altogether

function heard({ type, data }) {
  if (type === "gap") location.reload();
  if (type === "phase") part("import-what").textContent = data.text || data.name;
  if (type === "progress") progress(data);
  if (type === "state") state(data);
}

function progress({ done, of, unit }) {
  if (!of) return;
  const share = (100 * done) / of;
  part("import-bar").firstElementChild.setAttribute("width", share.toFixed(2));
  part("import-bar").setAttribute("aria-valuenow", Math.round(share));
  part("import-count").textContent = `${thousands(Math.floor(done))} of ${thousands(Math.ceil(of))}${unit === "megabyte" ? " MB" : ""}`;
}

function state({ state: now, reason }) {
  if (OVER.includes(now)) location.reload();
  if (reason) part("import-reason").textContent = reason;
}

async function check() {
  const answer = await fetch(location.href, { credentials: "same-origin" }).catch(() => null);
  if (answer?.ok && !(await answer.text()).includes('id="import"')) location.reload();
}
