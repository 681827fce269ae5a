// POST with the page's CSRF token. `send(url, {a: 1})` sends a form; JSON comes back parsed.
const meta = (name) => document.querySelector(`meta[name="${name}"]`)?.content ?? "";

export const csrf = () => meta("csrf");

export class Refused extends Error {
  constructor(message, status, body) {
    super(message);
    this.status = status;
    this.body = body;
  }
}

export async function send(url, fields = {}, { method = "POST" } = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  const answer = await fetch(url, {
    method,
    body,
    headers: { "X-CSRFToken": csrf(), Accept: "application/json" },
    credentials: "same-origin",
  });
  const json = (answer.headers.get("Content-Type") ?? "").includes("json");
  const content = json ? await answer.json() : await answer.text();
  if (!answer.ok) {
    const said = json ? content?.error?.message : "";
    throw new Refused(said || `The server answered ${answer.status}.`, answer.status, content);
  }
  return content;
}
