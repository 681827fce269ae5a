// A connection is tried without leaving the page: what was typed stays, the password too, which
// the server never sends back. What works is saved by the same request: it is tested once.
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
  data.set("then", then);
  form().ariaBusy = "true";
  try {
    const answer = await fetch(form().action, { method: "POST", body: data, headers: { "X-Fragment": "1" }, credentials: "same-origin", redirect: "manual" });
    if (answer.status === 201) return location.assign((await answer.json()).url);
    const found = await connectionOf(answer); // none where one has to sign in
    if (found) show(found);
    else if (await renewed()) toast("You have signed in anew. Try again.", "error");
    else toast("You are signed out. Sign in as an administrator in another tab and try again: what you typed stays here.", "error");
  } catch {
    toast("The server does not answer. Try again.", "error");
  }
  form().ariaBusy = "false";
});

const connectionOf = async (answer) =>
  new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("connection");

// Whether this page is still answered; its token is that of who is signed in now.
async function renewed() {
  const found = await connectionOf(await fetch(form().action, { credentials: "same-origin", redirect: "manual" }));
  if (!found) return false;
  form().elements.csrfmiddlewaretoken.value = found.querySelector("[name=csrfmiddlewaretoken]").value;
  return true;
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
