// Draws the OpenAPI document that stands in the page. No third party, nothing is fetched.
import { make } from "../flow-panel.js";

const api = JSON.parse(document.getElementById("openapi").textContent);
const place = document.getElementById("docs");
const nav = document.getElementById("docs-nav");
const DEEPEST = 4;

for (const { name: tag } of api.tags) {
  place.append(make("h2", { id: `tag-${slug(tag)}` }, tag));
  const links = [];
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [verb, call] of Object.entries(methods)) {
      if (!call.tags.includes(tag)) continue;
      place.append(operation(path, verb, call));
      links.push(make("a", { href: `#${call.operationId}` }, call.summary));
    }
  }
  nav.append(make("h2", { class: "lbl" }, tag), ...links);
}
addEventListener("hashchange", reveal);
reveal();

function slug(text) {
  return text.toLowerCase().replaceAll(" ", "-");
}

function reveal() {
  const named = location.hash && document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) {
    named.open = true;
    named.scrollIntoView();
  }
}

function operation(path, verb, call) {
  const title = make("summary", {}, make("span", { class: `verb verb--${verb}` }, verb.toUpperCase()), make("code", {}, `/api/v1${path}`), make("span", { class: "t2" }, call.summary));
  const parts = [call.description ? make("p", {}, call.description) : "", parameters(call), body(call), ...answers(call)];
  return make("details", { class: "card op", id: call.operationId }, title, make("div", { class: "card__b" }, parts));
}

function parameters({ parameters: all }) {
  if (!all.length) return "";
  const rows = all.map((one) => make("li", {}, make("code", {}, one.name), make("span", {}, `${kind(one.schema)}, ${one.in}. ${one.description ?? ""}`)));
  return make("div", { class: "stack stack--2" }, make("h3", { class: "lbl" }, "Parameters"), make("ul", { class: "schema" }, rows));
}

function body({ requestBody: sent }) {
  if (!sent) return "";
  const [[media, { schema }]] = Object.entries(sent.content);
  return make("div", { class: "stack stack--2" }, make("h3", { class: "lbl" }, `Body, ${media}`), fields(schema));
}

function answers({ responses }) {
  return Object.entries(responses).filter(([status]) => status !== "default").map(([status, { content }]) => {
    const kinds = Object.keys(content ?? {});
    const schema = content?.["application/json"]?.schema;
    return make("div", { class: "stack stack--2" }, make("h3", { class: "lbl" }, `Answer ${status}${kinds.length ? `, ${kinds.join(" or ")}` : ""}`), schema ? fields(schema) : "");
  });
}

function kind(schema) {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `list of ${kind(schema.items ?? {})}`;
  const type = [schema.type ?? "any"].flat().join(" or ");
  const range = schema.minimum !== undefined && schema.maximum !== undefined ? ` ${schema.minimum} to ${schema.maximum}` : "";
  return type + range;
}

function fields(schema, depth = 0) {
  const inner = schema.type === "array" ? (schema.items ?? {}) : schema;
  const entries = Object.entries(inner.properties ?? {});
  if (!entries.length || depth > DEEPEST) return make("p", { class: "t3 s" }, kind(schema));
  const rows = entries.map(([name, one]) => field(name, one, inner.required?.includes(name), depth));
  return make("ul", { class: "schema" }, rows);
}

function field(name, schema, required, depth) {
  const initial = schema.default !== undefined ? ` Default ${JSON.stringify(schema.default)}.` : "";
  const label = make("code", {}, name, required ? make("span", { class: "req", title: "required" }, " *") : "");
  const nested = schema.properties || schema.items?.properties ? fields(schema, depth + 1) : "";
  return make("li", {}, label, make("span", {}, `${kind(schema)}. ${schema.description || schema.title || ""}${initial}`), nested);
}
