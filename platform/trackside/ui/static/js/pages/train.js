// The Train dialog: the server draws it, also at each change; here it is swapped in part by part, so
// that scrolling, focus and ticks stay. Verdicts and plans are never computed in the browser.
import { live, tellFresh } from "../live.js";
import { patchTiles } from "../gpu-tiles.js";
import { csrf } from "../send.js";
import { toast } from "../toasts.js";

const AGAIN = 4000; // milliseconds
const TYPED = "input:not([type=radio], [type=checkbox])";
const dialog = document.getElementById("train");
let leave = []; // what to stop when the dialog closes
let latest = 0; // number of the last plan that was asked for
let later = 0; // the timer of the next question while a machine measures
let picked = []; // the GPUs that were last ticked: a look at the CPU does not forget them
let states = ""; // of all GPUs at the last look: a change asks for a new plan

const form = () => dialog.querySelector("form");
const find = (selector) => dialog.querySelector(selector);
const verdicts = () => JSON.parse(find("#train-verdicts")?.textContent ?? "{}");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-train]");
  if (opener) open(opener.dataset.train, opener);
});

async function open(url, opener) {
  opener.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(url, { headers: { Accept: "text/html", "X-Fragment": "1" } });
    if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
    dialog.innerHTML = await answer.text();
    await recall(url);
  } catch (error) {
    toast(`The Train dialog cannot be shown. ${error.message}`, "error");
    return;
  } finally {
    opener.removeAttribute("aria-busy");
  }
  dialog.showModal();
  find("[data-main]")?.focus({ preventScroll: true });
  follow();
  askAgain();
}

// What was chosen when the dialog was closed comes back, for as long as the tab is open. Models are
// ticked anew where the design offers others, or other ones, by now.
const OWN = ["csrfmiddlewaretoken", "click_id", "seen_free"]; // of each dialog alone
let offered = ""; // the models of the design, and those that it has switched on
const models = () => [...dialog.querySelectorAll('[name="model"]')];
const offer = () => JSON.stringify(models().map((box) => [box.value, box.parentElement.textContent, box.defaultChecked]));

function keep(url) {
  if (!form()) return;
  const wishes = [...new FormData(form())].filter(([name]) => !OWN.includes(name));
  sessionStorage.setItem(`train ${url}`, JSON.stringify({ offered, wishes }));
}

async function recall(url) {
  if (!form()) return;
  offered = offer();
  const kept = JSON.parse(sessionStorage.getItem(`train ${url}`) ?? "null");
  if (!kept) return;
  const data = new FormData(form());
  const [own, ticked] = [OWN, kept.offered === offered ? [] : ["model"]];
  for (const name of new Set(data.keys())) if (![...own, ...ticked].includes(name)) data.delete(name);
  for (const [name, value] of kept.wishes) if (!ticked.includes(name)) data.append(name, value);
  const answer = await fetch(form().dataset.plan, { method: "POST", body: data, headers: { "X-CSRFToken": csrf() } });
  if (answer.ok) dialog.innerHTML = await answer.text();
}

function follow() {
  leave.push(live.watch("gpus", 0, ({ type, data }) => type === "gpus" && look(data)));
  leave.push(tellFresh(find("[data-live]")));
}

dialog.addEventListener("close", () => {
  keep(form()?.getAttribute("action"));
  leave.forEach((stop) => stop());
  leave = [];
  picked = [];
  states = "";
  clearTimeout(later);
});

// While a machine still measures its backbones no event tells of the end: then ask now and then.
function askAgain() {
  clearTimeout(later);
  if (dialog.open && find("[data-measuring]")) later = setTimeout(plan, AGAIN);
}

function look(board) {
  patchTiles(dialog, board, verdicts());
  const gpus = board.nodes.flatMap((node) => node.gpus.map((gpu) => `${gpu.uuid}${gpu.state}${gpu.queue}`));
  const now = `${board.nodes.map((node) => node.name + node.state + node.cores_free)}${gpus}`;
  if (states && states !== now) plan();
  states = now;
}

async function plan() {
  if (!form()) return;
  if (boxes().length) picked = chosen();
  const mine = ++latest;
  form().setAttribute("aria-busy", "true");
  try {
    const answer = await post(form().dataset.plan);
    if (mine === latest && answer.ok) swap(await answer.text());
    askAgain();
  } catch {
    toast("The server cannot be reached; the plan may be out of date.", "warning");
  } finally {
    if (mine === latest) form()?.removeAttribute("aria-busy");
  }
}

const post = (url) => fetch(url, { method: "POST", body: new FormData(form()), headers: { "X-CSRFToken": csrf() } });

function swap(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  const focus = mark(document.activeElement);
  const open = [...dialog.querySelectorAll("details[open]")].map((one) => one.id);
  let stale = false; // what stays on the screen is what was seen there
  for (const part of dialog.querySelectorAll("[data-part]")) {
    const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
    if (!next || next.innerHTML === part.innerHTML) continue;
    if (writing(part) || pressed(part)) stale = true;
    else part.replaceChildren(...next.childNodes);
  }
  for (const id of open) find(`details#${id}`)?.setAttribute("open", "");
  if (!stale) {
    for (const old of form().querySelectorAll('[name="seen_free"]')) old.remove();
    form().prepend(...fresh.querySelectorAll('[name="seen_free"]'));
  }
  const mode = fresh.querySelector('[name="mode"]:checked');
  if (mode) find(`[name="mode"][value="${mode.value}"]`).checked = true;
  if (focus && !dialog.contains(document.activeElement)) (find(focus) ?? find("[data-main]"))?.focus({ preventScroll: true });
}

// Somebody types in this part: what they have written so far is not taken from under their hands.
const writing = (part) => part.contains(document.activeElement) && document.activeElement.matches(TYPED);

// A button that is replaced between the press and the release of the mouse is never clicked.
const pressed = (part) => part.querySelector("button:active") !== null;

// How to find the element again after its part was drawn anew.
function mark(element) {
  if (!element || !dialog.contains(element)) return "";
  if (element.name) return `[name="${element.name}"]${element.matches("[type=radio], [type=checkbox]") ? `[value="${element.value}"]` : ""}`;
  return element.matches("[data-go]") ? "[data-go]" : "[data-main]";
}

dialog.addEventListener("change", (event) => {
  const { name, value } = event.target;
  if (name === "gpu" && event.target.checked) alone(event.target);
  if (name === "mode" && value === "pick" && picked.length) choose(picked);
  else if (name !== "session_name") plan();
});

dialog.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const { drop, all, use, batch, set, value } = button.dataset;
  if (drop) tick([...chosen()].filter((uuid) => uuid !== drop));
  else if (all) tick(all.split(","));
  else if (use === "cpu") { mode("cpu"); plan(); }
  else if (use) choose([use]);
  else if (batch) { sizes(Number(batch)); plan(); }
  else if (set) { fill(set, value); plan(); }
  else if ("again" in button.dataset) plan();
});

// A slice trains alone: it takes the place of what was ticked, and a whole GPU that of a slice.
function alone(ticked) {
  const slice = (box) => box.closest(".cut");
  for (const box of boxes()) if (box !== ticked && (slice(ticked) || slice(box))) box.checked = false;
}

const boxes = () => [...dialog.querySelectorAll('[type="checkbox"][name="gpu"]')];
const chosen = () => boxes().filter((box) => box.checked).map((box) => box.value);
const mode = (value) => { const radio = find(`[name="mode"][value="${value}"]`); if (radio) radio.checked = true; };

function tick(uuids) {
  boxes().forEach((box) => (box.checked = uuids.includes(box.value)));
  plan();
}

// From the CPU or Automatic there are no boxes yet: the wish goes along by hand.
function choose(uuids) {
  mode("pick");
  if (boxes().length) return tick(uuids);
  const wishes = uuids.map((value) => Object.assign(document.createElement("input"), { type: "hidden", name: "gpu", value }));
  form().append(...wishes);
  plan().then(() => wishes.forEach((wish) => wish.remove()));
}

function fill(name, value) {
  const field = find(`[name="${name}"]`);
  if (field.type === "checkbox") field.checked = true;
  else field.value = value;
  field.closest("details")?.setAttribute("open", "");
}

function sizes(batch) {
  for (const select of dialog.querySelectorAll('select[name^="batch-"]')) {
    if (Number(select.value) > batch) select.value = String(batch);
  }
}

dialog.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form()?.requestSubmit(find("[data-go]"));
    return;
  }
  if (event.key === "Enter" && event.target.matches(TYPED)) {
    event.preventDefault(); // the field is done, not the whole dialog
    plan();
    return;
  }
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step || event.target.name !== "gpu") return;
  const all = boxes();
  const next = all[all.indexOf(event.target) + step];
  if (next) { next.focus(); event.preventDefault(); }
});

dialog.addEventListener("submit", async (event) => {
  event.preventDefault();
  const go = find("[data-go]");
  if (go.getAttribute("aria-disabled") === "true" || form().dataset.sent) return;
  form().dataset.sent = "yes";
  try {
    const answer = await post(form().action);
    if (answer.status === 201) {
      const { location: where } = await answer.json();
      sessionStorage.removeItem(`train ${form().getAttribute("action")}`);
      window.location.assign(where);
      return;
    }
    const html = await answer.text();
    if (answer.status !== 409) throw new Error(`The server answered ${answer.status}.`);
    swap(html);
    find('[data-part="sentence"]')?.scrollIntoView({ block: "nearest" });
  } catch (error) {
    toast(`Nothing was started. ${error.message}`, "error");
  }
  delete form()?.dataset.sent;
});

// A page may be opened with #train: the dialog opens at once.
if (location.hash === "#train") document.querySelector("[data-train]")?.click();
