// The versions, drawn as the rings of a tree. Choosing one moves the whole page to it.
import { get } from "../api.js";
import * as data from "../data.js";
import { h, s, replace } from "../dom.js";
import { count, plural, shortHash, time, timeElement } from "../format.js";
import { preference, prefer } from "../preferences.js";
import { change, changed } from "../router.js";
import { SIDE, bark, pith, rings, weigh } from "../rings.js";

/** So many versions are drawn when their changed keys are counted: each takes a request, of so many changes at most, so many at once. */
const COUNTED = 12;
const MOST_CHANGES = 1000;
const AT_ONCE = 3;

/** What was counted before: { count, isMore }, by the hashes of the two versions. What is between these stays the same. */
const counted = new Map();

/** What is drawn of each version: of one store, or of all together. */
function entriesOf(versions, store) {
  const entries = versions.map((version) => {
    const own = store ? data.storeIn(version, store) : null;
    if (store && !own) return null;
    const size = own ? own.size : version.stores.reduce((sum, { size: part }) => sum + part, 0);
    return { version: version.version, own: own?.version, time: version.time, size, hash: own ? own.root_hash : version.app_hash };
  });
  return entries.flatMap((entry, at) => {
    if (!entry) return [];
    const before = entries[at - 1] ?? null;
    // Where the store was not there in the version before, all of it is new; so it is in the very first version.
    return [{ ...entry, before, isNew: entry.version === 1 || (at > 0 && !before), same: before?.hash === entry.hash }];
  });
}

const pairOf = (store, { before, hash }) => `${store} ${before.hash} ${hash}`;

/** How many keys a version changed: { count, isMore }; undefined where that was not counted, or cannot be. */
function changesOf(store, entry) {
  if (entry.same) return { count: 0 };
  if (entry.isNew) return { count: entry.size };
  return entry.before ? counted.get(pairOf(store, entry)) : undefined;
}

/** The versions to draw when changes are counted: as many as are counted, with the chosen one among them. */
function fewer(entries, chosen) {
  const at = entries.findIndex((entry) => entry.version === chosen);
  const end = Math.min(Math.max((at < 0 ? entries.length : at + 1) + COUNTED / 2, COUNTED), entries.length);
  return entries.slice(Math.max(end - COUNTED, 0), end);
}

/** Counts the keys that one version changed: a page of differences. */
async function countOf(store, entry, signal) {
  const query = { from: entry.before.own, to: entry.own, limit: MOST_CHANGES, encoding: "hex" };
  const { changes, next } = await get(["stores", store, "diff"], query, signal);
  counted.set(pairOf(store, entry), { count: changes.length, isMore: next !== null && next !== undefined });
}

/** Counts what is not known yet. A version whose changes cannot be counted, such as one that was pruned meanwhile, is left out. */
async function countChanges(store, entries, signal) {
  const left = entries.filter((entry) => entry.before && !changesOf(store, entry));
  const work = async () => {
    while (left.length && !signal.aborted) await countOf(store, left.pop(), signal).catch(() => null);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function label(entry, store) {
  const what = store ? "root" : "app hash";
  const same = entry.same ? ", nothing changed" : "";
  return `Version ${entry.version}, ${time(entry.time)}, ${plural(entry.size, "key")}, ${what} ${shortHash(entry.hash)}${same}`;
}

/** How many keys a version changed, in words. */
function changesInWords(entry, { counts, isDone }) {
  if (!counts) return null;
  const known = counts.get(entry.version);
  if (known) return ` (${known.isMore ? "at least " : ""}${plural(known.count, "change")})`;
  return !entry.before ? " (changes unknown)" : isDone ? " (changes not counted)" : " (counting changes)";
}

function caption(entry, store, { chosen, newest, counting }) {
  if (!entry) return h("p", { class: "caption muted" }, store ? "Choose a ring to see the store at that version." : "Choose a ring.");
  const state = entry.version === newest ? "newest" : null;
  return h("dl", { class: "caption" },
    h("div", {}, h("dt", {}, chosen ? "At version" : "Version"), h("dd", {}, h("strong", {}, count(entry.version)), state ? h("span", { class: "tag" }, state) : null)),
    h("div", {}, h("dt", {}, "Saved"), h("dd", {}, timeElement(entry.time))),
    entry.own === undefined || entry.own === entry.version ? null : h("div", {}, h("dt", {}, "Own version"), h("dd", {}, count(entry.own))),
    h("div", {}, h("dt", {}, "Keys"), h("dd", {}, count(entry.size), changesInWords(entry, counting))),
    h("div", {}, h("dt", {}, store ? "Root" : "App hash"), h("dd", {}, h("code", {}, shortHash(entry.hash)), entry.same ? " as before" : null)));
}

/** The picture. Arrow keys go from ring to ring, Enter chooses. */
function picture({ entries, store, chosen, weights, onLook }) {
  const shapes = rings(store ?? "all stores", weights);
  const focusable = entries.some((entry) => entry.version === chosen) ? chosen : entries.at(-1)?.version;
  const choose = (version) => change({ version, after: null, before: null });
  const elements = entries.map((entry, at) => {
    const here = entry.version === chosen;
    const properties = {
      class: `ring ${at % 2 ? "late" : "early"}${here ? " chosen" : ""}${entry.same ? " same" : ""}`,
      role: "radio",
      "aria-checked": here ? "true" : "false",
      "aria-label": label(entry, store),
      tabindex: entry.version === focusable ? 0 : -1,
      "data-focus": `ring ${entry.version}`,
      "data-version": entry.version,
      onclick: () => choose(entry.version),
      onpointerenter: () => onLook(entry),
      onfocus: () => onLook(entry),
    };
    return s("g", properties, s("path", { class: "band", "fill-rule": "evenodd", d: shapes[at].band }), s("path", { class: "edge", d: shapes[at].edge }));
  });
  const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity };
  const onkeydown = (event) => {
    const at = elements.indexOf(event.target.closest(".ring"));
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") choose(entries[at].version);
    else if (event.key in steps) elements[Math.min(Math.max(at + steps[event.key], 0), elements.length - 1)].focus();
    else return;
    event.preventDefault();
  };
  const heart = s("path", { class: "pith", d: pith(store ?? "all stores") });
  const rim = shapes.length ? s("path", { class: "bark", d: bark(store ?? "all stores", shapes.at(-1).outer) }) : null;
  const group = s("g", { role: "radiogroup", "aria-label": "Versions, the newest outside", onkeydown }, elements);
  return s("svg", { class: "rings", viewBox: `0 0 ${SIDE} ${SIDE}`, onpointerleave: () => onLook(null) }, rim, heart, group);
}

function measureChoice(store, measure, onChange) {
  const choices = [["growth", "keys gained or lost"], ["size", "keys in all"], ...(store ? [["changes", "keys changed"]] : [])];
  const options = choices.map(([value, text]) => h("option", { value, selected: value === measure }, text));
  const onchange = (event) => {
    prefer("rings", event.target.value);
    onChange();
  };
  return h("label", { class: "measure" }, "Ring width: ", h("select", { onchange, "data-focus": "measure" }, options));
}

function steppers({ number, followsNewest }, { before, after }) {
  const link = (target, text, title, shown) =>
    shown
      ? h("a", { class: "button", href: changed({ version: target, after: null, before: null }), title, "aria-label": title, "data-focus": text }, text)
      : h("span", { class: "button off", "aria-hidden": "true" }, text);
  const onsubmit = (event) => {
    event.preventDefault();
    const asked = new FormData(event.target).get("version").trim();
    if (asked) change({ version: asked, after: null, before: null });
  };
  const field = h("input", { name: "version", inputmode: "numeric", autocomplete: "off", size: 7, "aria-label": "Go to version", "data-focus": "version", value: number ?? "" });
  return h("div", { class: "steppers" },
    link(before, "‹", "Version before  [", before !== null),
    h("form", { onsubmit }, field, h("button", { type: "submit" }, "Go")),
    link(after, "›", "Version after  ]", after !== null),
    followsNewest ? h("span", { class: "button following", title: "The page moves on when a version is saved" }, "newest") : link(null, "newest", "Follow the newest version  n", true));
}

/** The errors that tell that a version is not there; with others, such as a token that is missing, there is nothing to draw. */
const NOWHERE = ["no_version", "no_multi_version", "invalid_input"];

/** Where the page is when its address names no version that is there: nowhere, with the newest versions drawn. The page itself says why. */
async function elsewhere() {
  return { ...(await data.place({})), number: null, followsNewest: false };
}

/** The versions kept before and after one; none where there is no such one. */
const around = (version) => (version === null ? { before: null, after: null } : data.neighbours(version));

/** Everything beside the picture, and the picture. */
export async function ringsView(route, signal, redraw) {
  const place = await data.place(route).catch((error) => {
    if (!NOWHERE.includes(error.code)) throw error;
    return elsewhere();
  });
  if (place.entry === null) {
    return h("p", { class: "muted" }, "No version of all stores has been saved yet. The first one is drawn here when it is: POST /v1/versions saves one.");
  }
  const { versions, oldest } = await data.windowAround(place.followsNewest ? null : place.number);
  const store = route.store;
  const measure = store || preference("rings", "growth") !== "changes" ? preference("rings", "growth") : "growth";
  const heading = h("h2", {}, store ? ["Versions of ", h("span", { class: "store-name" }, store)] : "Versions of all stores");
  const all = entriesOf(versions, store);
  const entries = measure === "changes" ? fewer(all, place.number) : all;
  if (!entries.length) return [heading, steppers(place, await around(place.number)), h("p", { class: "muted nothing" }, "The store was not there in these versions.")];
  const innermost = entries[0].version > oldest ? entries[0].version : null;
  const [nearby, { before: earlier }] = await Promise.all([around(place.number), around(innermost)]);
  const chosen = entries.find((entry) => entry.version === place.number) ?? null;
  const [trunk, below] = [h("div", { class: "trunk" }), h("div", {})];
  const counting = { counts: null, isDone: false };
  let looked = chosen;
  const onLook = (entry) => {
    looked = entry ?? chosen;
    replace(below, caption(looked, store, { chosen: looked === chosen, newest: place.newest, counting }));
  };
  const draw = () => {
    if (measure === "changes") counting.counts = new Map(entries.map((entry) => [entry.version, changesOf(store, entry)]));
    const weights = weigh(entries, measure, new Map([...(counting.counts ?? [])].map(([version, known]) => [version, known?.count ?? 0])));
    replace(trunk, picture({ entries, store, chosen: place.number, weights, onLook }));
    onLook(looked);
  };
  draw();
  // The picture does not wait for what has to be counted.
  if (measure === "changes") {
    countChanges(store, entries, signal).then(() => {
      counting.isDone = true;
      if (!signal.aborted) draw();
    });
  }
  return [
    heading,
    steppers(place, nearby),
    h("div", { class: "looked" }, trunk, below),
    h("p", { class: "rings-foot" }, measureChoice(store, measure, redraw), earlier ? h("a", { href: changed({ version: earlier }) }, "Older versions") : null),
  ];
}
