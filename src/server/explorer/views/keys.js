// The keys of a store, page by page, with a search.
import { get } from "../api.js";
import { parse, show } from "../bytes.js";
import { generation } from "../data.js";
import { h } from "../dom.js";
import { octets, plural } from "../format.js";
import { notation } from "../preferences.js";
import { change, changed } from "../router.js";
import { notationSwitch } from "./notation.js";

const PAGE = 50;
const PREVIEW = 80;

/** A page of keys: after a key, or before one, or the first. */
async function read(route, version, signal) {
  const backwards = route.before !== undefined;
  const query = {
    version,
    prefix: route.prefix,
    after: route.before ?? route.after,
    order: backwards ? "descending" : "ascending",
    limit: PAGE,
    encoding: "hex",
  };
  const { items, next } = await get(["stores", route.store, "keys"], query, signal);
  const more = next !== null && next !== undefined;
  if (backwards) return { items: items.reverse(), hasBefore: more, hasAfter: true };
  return { items, hasBefore: route.after !== undefined, hasAfter: more };
}

function search(route, redraw) {
  const problem = h("p", { class: "field-error", id: "search-error", role: "alert" });
  const shown = route.prefix ? show(route.prefix, notation()) : { text: "", kind: notation() };
  // A prefix that is no text can only be shown as hex.
  const field = h("input", { id: "search", name: "key", type: "search", autocomplete: "off", spellcheck: "false", autocapitalize: "off",
    placeholder: notation() === "text" ? "account/" : "616c", "aria-describedby": "search-error", "data-focus": "search",
    value: notation() === "hex" ? route.prefix ?? "" : shown.kind === "text" ? shown.text : "" });
  const onsubmit = (event) => {
    event.preventDefault();
    const { hex, error } = parse(field.value, notation());
    problem.textContent = error ?? "";
    field.toggleAttribute("aria-invalid", Boolean(error));
    if (error) return;
    const exact = event.submitter?.value === "exact";
    if (exact && hex) change({ key: hex, tab: null });
    else change({ prefix: hex, after: null, before: null, key: null, tab: null });
  };
  return h("form", { class: "search", role: "search", onsubmit },
    h("label", { for: "search" }, "Key"),
    h("div", { class: "search-row" }, field, notationSwitch(redraw)),
    h("div", { class: "search-row" },
      h("button", { type: "submit", value: "prefix" }, "Starts with"),
      h("button", { type: "submit", value: "exact", class: "quiet" }, "Is exactly"),
      route.prefix ? h("a", { href: changed({ prefix: null, after: null, before: null }) }, "All keys") : null),
    problem);
}

function item(route, { key, value }) {
  const here = route.key === key;
  return h("li", {},
    h("a", { href: changed({ key }), "aria-current": here ? "true" : null, "data-focus": `key ${key}`, "data-key": key },
      octets(key), h("span", { class: "preview" }, value ? octets(value, { limit: PREVIEW }) : h("span", { class: "muted" }, "empty"))));
}

function paging(route, { items, hasBefore, hasAfter }) {
  const link = (shown, changes, text) => (shown ? h("a", { class: "button", href: changed(changes), "data-focus": text }, text) : h("span", { class: "button off", "aria-hidden": "true" }, text));
  if (!hasBefore && !hasAfter) return null;
  const [first, last] = [items[0]?.key, items.at(-1)?.key];
  return h("nav", { class: "paging", "aria-label": "Pages of keys" },
    link(hasBefore, { after: null, before: null }, "First"),
    link(hasBefore && first !== undefined, { before: first, after: null }, "Previous"),
    link(hasAfter && last !== undefined, { after: last, before: null }, "Next"));
}

export async function keysView(route, { store, version }, signal, redraw) {
  const page = version === null ? { items: [], hasBefore: false, hasAfter: false } : await read(route, version, signal);
  const nothing = route.prefix ? "No key starts so at this version." : store.size ? "No keys on this page." : "The store has no keys at this version.";
  const told = page.items.length
    ? `${plural(page.items.length, "key")}${route.prefix ? " that start so" : ""}${page.hasBefore || page.hasAfter ? " on this page" : ""}`
    : nothing;
  return [
    h("h2", { class: "away" }, "Keys"),
    search(route, redraw),
    h("p", { class: "told", role: "status" }, told),
    h("ul", { class: "keys" }, page.items.map((entry) => item(route, entry))),
    paging(route, page),
  ];
}

/** Marks the key that the page shows in a list that is otherwise as it was. */
export function markKey(list, route) {
  for (const link of list.querySelectorAll("[data-key]")) {
    const { key } = link.dataset;
    link.setAttribute("href", changed({ key }));
    if (key === route.key) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

/** What the list of keys depends on: the same text, the same list. */
export const listOf = ({ store, version, prefix, after, before }) => JSON.stringify([store, version, prefix, after, before, notation(), generation]);
