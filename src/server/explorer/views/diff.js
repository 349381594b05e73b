// What is different between two versions of a store.
import { get } from "../api.js";
import { parse, show } from "../bytes.js";
import * as data from "../data.js";
import { h } from "../dom.js";
import { errorBox } from "../errors.js";
import { octets, plural } from "../format.js";
import { notation } from "../preferences.js";
import { change, changed, format } from "../router.js";
import { notationSwitch } from "./notation.js";

const PAGE = 100;
const PREVIEW = 200;

/** The store's own number for a version of all stores, or an error that says that there is none. */
async function ownVersion(name, whole) {
  const number = data.versionNumber(String(whole));
  const { entry } = await data.place({ version: String(whole) });
  const store = data.storeIn(entry, name);
  if (store) return store.version;
  throw Object.assign(new Error(`The store "${name}" was not there at version ${number}.`), { code: "no_version", status: 404, details: {} });
}

function form(route, { from, to }, redraw) {
  const problem = h("p", { class: "field-error", role: "alert" });
  const number = (name, text, value) =>
    h("label", {}, text, h("input", { name, inputmode: "numeric", size: 8, autocomplete: "off", required: true, value, "data-focus": name }));
  const shown = route.prefix ? show(route.prefix, notation()).text.replace(/^0x/, "") : "";
  const onsubmit = (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    const { hex, error } = parse(fields.get("prefix"), notation());
    problem.textContent = error ?? "";
    if (!error) change({ from: fields.get("from").trim(), to: fields.get("to").trim(), prefix: hex, after: null });
  };
  return h("form", { class: "diff-form", onsubmit },
    h("div", { class: "search-row" }, number("from", "From version ", from), number("to", "to ", to)),
    h("div", { class: "search-row" },
      h("label", {}, "Keys that start with ", h("input", { name: "prefix", autocomplete: "off", spellcheck: "false", value: shown, "data-focus": "prefix" })), notationSwitch(redraw)),
    h("button", { type: "submit" }, "Compare"), problem);
}

/** The version kept before a version; null where there is none. */
async function before(version) {
  const number = data.versionNumber(String(version));
  return number > 0 ? (await data.neighbours(number)).before : null;
}

const value = (hex) => (hex === "" ? h("span", { class: "muted" }, "empty") : octets(hex, { limit: PREVIEW }));

function changeRow(route, { from, to }, { key, kind, old, new: fresh }) {
  const link = h("a", { href: format({ page: "store", store: route.store, version: kind === "removed" ? from : to, key }) }, octets(key));
  return h("li", {},
    h("div", { class: "change-key" }, h("span", { class: `badge ${kind}` }, kind), link),
    h("div", { class: "change-values" },
      kind === "added" ? null : h("del", {}, value(old)),
      kind === "changed" ? h("span", { class: "arrow", "aria-hidden": "true" }, "→") : null,
      kind === "removed" ? null : h("ins", {}, value(fresh))));
}

async function results(route, from, to, signal) {
  const [ownFrom, ownTo] = await Promise.all([ownVersion(route.store, from), ownVersion(route.store, to)]);
  const query = { from: ownFrom, to: ownTo, prefix: route.prefix, after: route.after, limit: PAGE, encoding: "hex" };
  const { changes, next } = await get(["stores", route.store, "diff"], query, signal);
  const more = next !== null && next !== undefined;
  const some = `${plural(changes.length, "key")}${more || route.after ? " on this page" : ""} changed from version ${from} to ${to}`;
  const first = route.after ? h("a", { class: "button", href: changed({ after: null }) }, "First") : null;
  const following = more ? h("a", { class: "button", href: changed({ after: changes.at(-1).key }) }, "Next") : null;
  return [
    h("p", { class: "told", role: "status" }, changes.length ? some : `Nothing changed from version ${from} to ${to}.`),
    h("ul", { class: "changes" }, changes.map((entry) => changeRow(route, { from, to }, entry))),
    first || following ? h("nav", { class: "paging", "aria-label": "Pages of differences" }, first, following) : null,
  ];
}

export async function diffView(route, { place }, signal, redraw) {
  if (!data.storeIn(place.entry, route.store)) return h("p", { class: "muted" }, "Differences are between versions of all stores, and none has this store yet. POST /v1/versions saves one.");
  const to = route.to ?? place.number;
  const from = route.from ?? (await before(to)) ?? to;
  // An error stands below the form, so that other versions can be asked for.
  const found = await results(route, from, to, signal).catch((error) => errorBox(error, redraw));
  return [form(route, { from, to }, redraw), found];
}
