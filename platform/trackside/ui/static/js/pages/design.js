// Saves the design as it is made: a changed form is sent at once, wrong values come back as sentences
// beside their fields, the others stay. The Save button of the page without scripts goes away.
import { live } from "../live.js";
import { icon } from "../icons.js";
import "../open-tab.js";
import { enhance } from "../param-form.js";
import { csrf, send } from "../send.js";

const form = document.querySelector("form[data-autosave]");
const said = document.querySelector("[data-saved]");
let waiting = null;
let edits = 0; // what was changed or typed since it was sent is not drawn anew

if (form && !form.hasAttribute("data-readonly")) {
  form.querySelector("[data-save]")?.setAttribute("hidden", "");
  form.addEventListener("input", () => (edits += 1));
  form.addEventListener("change", () => {
    edits += 1;
    clearTimeout(waiting);
    waiting = setTimeout(save, 250);
  });
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name) return; // add or remove a model: an ordinary form
    event.preventDefault();
    save();
  });
}

async function save() {
  say("Saving…");
  const mine = edits;
  try {
    const answer = await fetch(location.pathname, {
      method: "POST",
      body: new FormData(form),
      headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
    });
    if (answer.status !== 200 && answer.status !== 422) throw new Error(`The server answered ${answer.status}.`);
    const { errors } = await answer.json();
    show(errors);
    const wrong = Object.keys(errors).length;
    say(wrong ? "Not saved: see the fields in red" : "Saved just now", wrong > 0);
    if (!wrong) document.dispatchEvent(new CustomEvent("design:saved"));
    if (!wrong) await redraw(mine);
  } catch (error) {
    say(`Not saved. ${error.message}`, true);
  }
}

// What the design says of itself, and what a field may hold that depends on the others: the server
// draws them anew, the focus stays. What has a data-key is drawn anew only when that is another one.
async function redraw(mine) {
  const answer = await fetch(location.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== edits || !answer.ok) return;
  for (const one of document.querySelectorAll("[data-fresh]")) {
    const drawn = page.getElementById(one.id);
    if (!drawn || (one.dataset.key && one.dataset.key === drawn.dataset.key)) continue;
    if (drawn.dataset.key) one.dataset.key = drawn.dataset.key;
    one.replaceChildren(...drawn.childNodes);
  }
  enhance(form);
  const fresh = page.querySelector("[data-rows] tbody");
  const now = form.querySelector("[data-rows] tbody");
  if (!form.hasAttribute("data-redraw") || !fresh || !now) return;
  const { name } = document.activeElement ?? {};
  now.replaceWith(fresh);
  if (name) form.querySelector(`[name="${CSS.escape(name)}"]`)?.focus();
}

function say(words, bad = false) {
  if (!said) return;
  said.textContent = words;
  said.classList.toggle("is-bad", bad);
}

function show(errors) {
  form.querySelectorAll("[data-auto-error]").forEach((old) => old.remove());
  form.querySelectorAll('[aria-invalid="true"]').forEach((input) => input.removeAttribute("aria-invalid"));
  form.querySelectorAll(".errs").forEach((old) => old.remove());
  for (const [name, sentence] of Object.entries(errors)) {
    const input = form.querySelector(`[name="${CSS.escape(name)}"]`);
    const box = input?.closest(".f, td, [data-errors]") ?? form.querySelector(".card__b") ?? form;
    const line = document.createElement("p");
    line.className = "f__e";
    line.dataset.autoError = "";
    line.setAttribute("role", "alert");
    line.id = `${name}-sentence`;
    const words = document.createElement("span");
    words.textContent = sentence;
    line.append(icon("alert-circle"), words);
    input?.setAttribute("aria-invalid", "true");
    input?.setAttribute("aria-describedby", line.id);
    input?.closest("details")?.setAttribute("open", "");
    box.append(line);
  }
}

// The preview of augmentation: a small job draws it, the stream tells when it is done.
const preview = document.querySelector("[data-preview]");
const items = preview?.querySelector("[data-preview-items]");
const state = preview?.querySelector("[data-preview-state]");
let seed = 7;
let stop = null;
let wanted = 0;

async function draw() {
  const mine = ++wanted;
  const data = new FormData(form);
  data.append("preview_seed", seed);
  state.textContent = "Drawing…";
  try {
    const job = await send(preview.dataset.preview, data);
    stop?.();
    if (mine !== wanted) return;
    const place = preview.dataset.preview.replace(/lab\/.*$/, `analyses/jobs/${job.job}/`);
    const look = async () => {
      const now = await (await fetch(place, { headers: { Accept: "application/json" } })).json();
      if (mine !== wanted) return;
      state.textContent = now.over ? (now.state === "succeeded" ? "" : now.reason) : now.reason || "Waits for a core…";
      if (now.over) stop?.();
      if (now.state === "succeeded") paint(now.items);
    };
    stop = live.watch(`job:${job.job}`, job.seq, ({ type }) => ["state", "finished", "failed", "gap"].includes(type) && look());
    look();
  } catch (error) {
    state.textContent = error.message;
  }
}

function paint(rows) {
  items.replaceChildren(...rows.map((row) => {
    const line = document.createElement("div");
    line.className = "aug__row";
    [row.original, ...row.copies].forEach((src, n) => {
      const image = new Image();
      image.src = src;
      image.alt = n ? `Picture ${row.number}, version ${n}` : `Picture ${row.number} as it is`;
      line.append(image);
    });
    return line;
  }));
}

if (preview && form && !form.hasAttribute("data-readonly")) {
  preview.querySelector("[data-new-seed]").addEventListener("click", () => {
    seed = Math.floor(Math.random() * 9000) + 1;
    preview.querySelector("[data-seed]").textContent = seed;
    draw();
  });
  document.addEventListener("design:saved", draw);
  draw();
}
