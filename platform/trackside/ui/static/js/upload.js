// The upload with a bar: drop zone, name from the file, progress, stop; then the page of the dataset
// takes over. Without this script the form is an ordinary one.
import { csrf } from "./send.js";
import { duration, size } from "./words.js";

const form = document.getElementById("upload");
const part = (id) => document.getElementById(id);
const input = part("file");
let request = null;

input.addEventListener("change", chosen);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!request) begin();
});
part("cancel").addEventListener("click", () => request?.abort());
for (const type of ["dragenter", "dragover"]) part("drop").addEventListener(type, () => part("drop").classList.add("drop--over"));
for (const type of ["dragleave", "drop"]) part("drop").addEventListener(type, () => part("drop").classList.remove("drop--over"));
addEventListener("beforeunload", (event) => request && event.preventDefault());

function chosen() {
  const file = input.files[0];
  const box = part("chosen");
  box.hidden = !file;
  if (!file) return;
  box.querySelector("b").textContent = file.name;
  box.querySelector("span").textContent = size(file.size);
  const name = part("name"); // of a new dataset
  const stem = file.name.replace(/(\.(zip|tar|tgz|gz|bz2|xz|csv|tsv|txt|jsonl?|ndjson|parquet|xlsx?|ods))+$/i, "").replace(/[^A-Za-z0-9._-]+/g, "_").replace(/^[._-]+|[._-]+$/g, "");
  if (name && (!name.value || name.dataset.made === name.value)) name.value = name.dataset.made = stem.slice(0, 80);
  trouble("");
}

function trouble(text) {
  part("trouble").hidden = !text;
  part("trouble").querySelector("div").textContent = text;
}

function begin() {
  const file = input.files[0];
  if (!file) return trouble("Choose a file.");
  if (file.size > Number(form.dataset.most)) return trouble(`${file.name} is larger than ${size(Number(form.dataset.most))}.`);
  trouble("");
  request = new XMLHttpRequest();
  const began = Date.now();
  request.open("POST", form.action || location.href);
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRFToken", csrf());
  request.upload.addEventListener("progress", (event) => event.lengthComputable && show(event.loaded, event.total, began));
  request.upload.addEventListener("load", () => (part("sent-what").textContent = "Received. Checking the file"));
  request.addEventListener("load", () => answered(request));
  request.addEventListener("error", () => ended("The connection broke. Nothing was kept; upload it again."));
  request.addEventListener("abort", () => ended("The upload was stopped. Nothing was kept."));
  sending(true);
  request.send(new FormData(form));
  return undefined;
}

function show(done, of, began) {
  const share = of ? (100 * done) / of : 0;
  part("sent-bar").firstElementChild.setAttribute("width", share.toFixed(2));
  part("sent-bar").setAttribute("aria-valuenow", Math.round(share));
  const rate = done / Math.max(0.2, (Date.now() - began) / 1000);
  const left = done < of ? `, ${duration((of - done) / rate)} left` : "";
  part("sent").textContent = `${size(done)} of ${size(of)}${left}`;
}

function answered(answer) {
  let body = null;
  try {
    body = JSON.parse(answer.responseText);
  } catch {
    body = null;
  }
  if (answer.status < 300 && body?.url) {
    request = null;
    location.assign(body.url);
    return;
  }
  ended(body?.error?.message || `The server answered ${answer.status}. Nothing was kept.`);
}

function ended(text) {
  request = null;
  sending(false);
  trouble(text);
  part("trouble").scrollIntoView({ block: "nearest" });
}

function sending(on) {
  part("sending").hidden = !on;
  part("cancel").hidden = !on;
  part("back").hidden = on;
  part("go").disabled = on;
  part("sent-what").textContent = "Uploading";
}
