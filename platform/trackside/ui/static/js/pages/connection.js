// A connection is tried without leaving the page: what was typed stays, the password too, which
// the server never sends back. What works is then saved by the form itself.
import { enhance } from "../param-form.js";
import { toast } from "../toasts.js";

const page = () => document.getElementById("connection");
const form = () => page().querySelector("form[data-try]");
const password = () => form().elements.password;

document.addEventListener("submit", async (event) => {
  const then = event.submitter?.value ?? "";
  if (event.target !== form() || then === "save") return;
  event.preventDefault();
  if (form().ariaBusy === "true") return;
  const data = new FormData(form());
  data.set("then", "test");
  form().ariaBusy = "true";
  try {
    const answer = await fetch(form().action, { method: "POST", body: data, credentials: "same-origin" });
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("connection");
    if (!found) return location.reload(); // signed out, or no administrator any more
    if (then !== "test" && found.querySelector('[data-found="works"]')) return save();
    show(found);
  } catch {
    toast("The server does not answer. Try again.", "error");
  } finally {
    form().ariaBusy = "false";
  }
});

function save() {
  const word = Object.assign(document.createElement("input"), { type: "hidden", name: "then", value: "save" });
  form().append(word);
  form().submit();
}

function show(found) {
  const typed = password().value;
  page().replaceWith(found);
  enhance(page());
  password().value = typed;
  const place = page().querySelector('[data-found], [aria-invalid="true"]') ?? form();
  place.focus();
  place.scrollIntoView({ block: "center" });
}
