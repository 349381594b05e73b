// The description of the API, /v1/openapi.json, as a page to read.
import { get, onTokenNeeded } from "./api.js";
import { askForToken } from "./dialogs.js";
import { h, replace } from "./dom.js";
import { copyButton } from "./format.js";
import { curl, groups, outline, resolve, schemaLinks } from "./openapi.js";
import { fillPanel } from "./panel.js";
import { prefer } from "./preferences.js";

const main = document.getElementById("main");
const contents = document.getElementById("contents");

/** A text, with what stands between backticks as code. */
const inline = (paragraph) => (paragraph ?? "").split(/(`[^`]+`)/).map((part) => (/^`.+`$/.test(part) ? h("code", {}, part.slice(1, -1)) : part));

/** Paragraphs. */
function prose(text) {
  return (text ?? "").split(/\n{2,}/).filter(Boolean).map((paragraph) => h("p", {}, inline(paragraph)));
}

const badge = (method) => h("span", { class: `method ${method}` }, method.toUpperCase());

/** The short form of a schema's type, with links to named schemas. */
function typeOf(schema) {
  return schemaLinks(schema).map((part) => (part.link ? h("a", { href: `#schema-${part.link}` }, part.link) : part.text));
}

function fields(rows, heads) {
  if (!rows.length) return null;
  return h("table", { class: "fields" }, h("thead", {}, h("tr", {}, heads.map((text) => h("th", { scope: "col" }, text)))), h("tbody", {}, rows));
}

function parameterRow(spec, { name, in: place, required, description, schema }) {
  return h("tr", {},
    h("th", { scope: "row" }, h("code", {}, name), required ? h("span", { class: "required" }, "required") : null),
    h("td", {}, place), h("td", {}, typeOf(resolve(spec, schema))), h("td", {}, prose(description ?? schema?.description)));
}

/** The fields of a schema, one a row; those of objects inside it a step further in. */
function schemaTable(spec, schema) {
  const rows = outline(spec, schema).map(({ depth, name, required, schema: part }) =>
    h("tr", { class: `depth-${Math.min(depth, 4)}` },
      h("th", { scope: "row" }, h("code", {}, name), required ? h("span", { class: "required" }, "required") : null),
      h("td", {}, typeOf(part)), h("td", {}, prose(part.description))));
  return fields(rows, ["Field", "Type", "Meaning"]) ?? h("p", {}, typeOf(schema));
}

function content(spec, holder, isBody = false) {
  return Object.entries(holder?.content ?? {}).map(([type, { schema }]) => [h("p", { class: "media" }, h("code", {}, type), schema ? [" ", typeOf(schema)] : null), schema && (isBody || !schema.$ref) ? schemaTable(spec, schema) : null]);
}

function response(spec, status, holder) {
  const resolved = resolve(spec, holder);
  return h("div", { class: "response" }, h("p", {}, h("strong", { class: /^[23]/.test(status) ? "good" : "bad" }, status), " ", resolved.description ?? ""), content(spec, resolved));
}

function operationView(spec, { method, path, id, operation, parameters }) {
  const line = curl(spec, { method, path, operation, parameters }, new URL("../", import.meta.url));
  const body = operation.requestBody && resolve(spec, operation.requestBody);
  return h("details", { class: "operation", id, "data-text": `${method} ${path} ${operation.summary ?? ""} ${operation.description ?? ""}`.toLowerCase() },
    h("summary", {}, badge(method), h("code", { class: "path" }, path), h("span", { class: "summary" }, inline(operation.summary))),
    h("div", { class: "operation-body" },
      prose(operation.description),
      parameters.length ? [h("h3", {}, "Parameters"), fields(parameters.map((part) => parameterRow(spec, part)), ["Name", "In", "Type", "Meaning"])] : null,
      body ? [h("h3", {}, "Body"), prose(body.description), content(spec, body, true)] : null,
      h("h3", {}, "Answers"), Object.entries(operation.responses ?? {}).map(([status, holder]) => response(spec, status, holder)),
      h("h3", {}, "Example"), h("div", { class: "example" }, h("pre", { class: "value" }, line), copyButton(line, "the command"))));
}

function schemaView(spec, [name, schema]) {
  return h("details", { class: "operation schema", id: `schema-${name}`, "data-text": `${name} ${schema.description ?? ""}`.toLowerCase() },
    h("summary", {}, h("code", { class: "path" }, name), h("span", { class: "summary" }, inline((schema.description ?? "").split("\n")[0]))),
    h("div", { class: "operation-body" }, prose(schema.description), schemaTable(spec, schema)));
}

/** Opens what the address points to, so that it can be seen. */
function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target?.matches("details")) return;
  target.open = true;
  target.scrollIntoView();
  target.querySelector("summary").focus({ preventScroll: true });
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const section of main.querySelectorAll("section")) {
    let some = false;
    for (const entry of section.querySelectorAll("details.operation")) {
      entry.hidden = !words.every((word) => entry.dataset.text.includes(word));
      some ||= !entry.hidden;
    }
    section.hidden = !some;
  }
}

function drawContents(sections) {
  const field = h("input", { id: "filter", type: "search", autocomplete: "off", oninput: (event) => filter(event.target.value) });
  replace(contents, h("label", { for: "filter" }, "Find"), field, h("ul", {}, sections.map(({ id, title, count }) => h("li", {}, h("a", { href: `#${id}` }, title), h("span", { class: "muted" }, ` ${count}`)))));
}

async function page(signal) {
  const spec = await get(["openapi.json"], {}, signal);
  const grouped = groups(spec);
  const schemas = Object.entries(spec.components?.schemas ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const sections = grouped.map(({ name, operations }, at) => ({ id: `group-${at}`, title: name, count: operations.length }));
  if (schemas.length) sections.push({ id: "schemas", title: "Schemas", count: schemas.length });
  drawContents(sections);
  setTimeout(openTarget);
  return [
    h("h1", {}, spec.info?.title ?? "API", " ", h("span", { class: "muted version" }, spec.info?.version ?? "")),
    prose(spec.info?.description),
    h("p", {}, h("a", { href: new URL("../v1/openapi.json", import.meta.url).href }, "openapi.json"), " is this page for programs."),
    grouped.map(({ name, description, operations }, at) =>
      h("section", { id: `group-${at}` }, h("h2", {}, name), prose(description), operations.map((operation) => operationView(spec, operation)))),
    schemas.length ? h("section", { id: "schemas" }, h("h2", {}, "Schemas"), schemas.map((entry) => schemaView(spec, entry))) : null,
  ];
}

onTokenNeeded(askForToken);
document.getElementById("skip").addEventListener("click", () => main.focus());
document.getElementById("theme").addEventListener("click", () => {
  const theme = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  prefer("theme", theme);
  document.documentElement.dataset.theme = theme;
});
addEventListener("hashchange", openTarget);
fillPanel(main, page, { title: "API" });
