// The versions, drawn as the rings of a tree. Choosing one moves the whole page to it.
import { get } from "../api.js";
import * as data from "../data.js";
import { h, s, replace } from "../dom.js";
import { count, plural, shortHash, time, timeElement } from "../format.js";
import { preference, prefer } from "../preferences.js";
import { change, changed } from "../router.js";
import { SIDE, bark, pith, rings, weigh } from "../rings.js";

const MOST_CHANGES = 1000;
const changeCounts = new Map();

/** What is drawn of each version: of one store, or of all together. */
function entriesOf(versions, store) {
  const entries = versions.map((version) => {
    const own = store ? data.storeIn(version, store) : null;
    if (store && !own) return null;
    const size = own ? own.size : version.stores.reduce((sum, { size: part }) => sum + part, 0);
    return { version: version.version, own: own?.version, time: version.time, size, hash: own ? own.root_hash : version.app_hash };
  });
  return entries.filter(Boolean).map((entry, at, all) => ({ ...entry, same: at > 0 && all[at - 1].hash === entry.hash }));
}

/** How many keys each version changed, as far as it is known; reads what is not known yet. */
async function countChanges(store, entries, signal) {
  const counts = new Map();
  for (const [at, entry] of entries.entries()) {
    const name = `${store} ${entry.hash}`;
    if (entry.same) changeCounts.set(name, 0);
    const before = entries[at - 1];
    if (!changeCounts.has(name) && before) {
      const { changes } = await get(["stores", store, "diff"], { from: before.own, to: entry.own, limit: MOST_CHANGES, encoding: "hex" }, signal);
      changeCounts.set(name, changes.length);
    }
    // Everything in the very first version is new. Of the oldest one drawn, otherwise, nobody knows.
    const known = changeCounts.get(name) ?? (entry.version === 1 ? entry.size : undefined);
    if (known !== undefined) counts.set(entry.version, known);
  }
  return counts;
}

function label(entry, store) {
  const what = store ? "root" : "app hash";
  const same = entry.same ? ", nothing changed" : "";
  return `Version ${entry.version}, ${time(entry.time)}, ${plural(entry.size, "key")}, ${what} ${shortHash(entry.hash)}${same}`;
}

function caption(entry, store, { chosen, newest, counts }) {
  if (!entry) return h("p", { class: "caption muted" }, store ? "Choose a ring to see the store at that version." : "Choose a ring.");
  const state = entry.version === newest ? "newest" : null;
  return h("dl", { class: "caption" },
    h("div", {}, h("dt", {}, chosen ? "At version" : "Version"), h("dd", {}, h("strong", {}, count(entry.version)), state ? h("span", { class: "tag" }, state) : null)),
    h("div", {}, h("dt", {}, "Saved"), h("dd", {}, timeElement(entry.time))),
    h("div", {}, h("dt", {}, "Keys"), h("dd", {}, count(entry.size), counts?.has(entry.version) ? ` (${counts.get(entry.version) === MOST_CHANGES ? "at least " : ""}${plural(counts.get(entry.version), "change")})` : null)),
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
  const choices = [["growth", "keys more or fewer"], ["size", "keys in all"], ...(store ? [["changes", "keys changed"]] : [])];
  const options = choices.map(([value, text]) => h("option", { value, selected: value === measure }, text));
  const onchange = (event) => {
    prefer("rings", event.target.value);
    onChange();
  };
  return h("label", { class: "measure" }, "Ring width: ", h("select", { onchange, "data-focus": "measure" }, options));
}

function steppers({ number, oldest, newest, followsNewest }) {
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
    link(number - 1, "‹", "Version before  [", number !== null && number > oldest),
    h("form", { onsubmit }, field, h("button", { type: "submit" }, "Go")),
    link(number + 1, "›", "Version after  ]", number !== null && number < newest),
    followsNewest ? h("span", { class: "button following", title: "The page moves on when a version is saved" }, "newest") : link(null, "newest", "Follow the newest version  n", true));
}

/** Where the page is when its address names no version that is there: nowhere, with the newest versions drawn. The page itself says why. */
async function elsewhere() {
  return { ...(await data.place({})), number: null, followsNewest: false };
}

/** Everything beside the picture, and the picture. */
export async function ringsView(route, signal, redraw) {
  const place = await data.place(route).catch(() => elsewhere());
  if (place.entry === null) {
    return h("p", { class: "muted" }, "No version of all stores has been saved yet. The first one is drawn here when it is.");
  }
  const { versions, oldest } = await data.windowAround(place.followsNewest ? null : place.number);
  const store = route.store;
  const entries = entriesOf(versions, store);
  const measure = store || preference("rings", "growth") !== "changes" ? preference("rings", "growth") : "growth";
  const counts = measure === "changes" ? await countChanges(store, entries, signal) : undefined;
  const chosen = entries.find((entry) => entry.version === place.number) ?? null;
  const below = h("div", {}, caption(chosen, store, { chosen: true, newest: place.newest, counts }));
  const onLook = (entry) => {
    const looked = entry ?? chosen;
    replace(below, caption(looked, store, { chosen: looked === chosen, newest: place.newest, counts }));
  };
  const drawn = !entries.length ? h("p", { class: "muted" }, "The store was not there in these versions.") : picture({ entries, store, chosen: place.number, weights: weigh(entries, measure, counts), onLook });
  const earlier = entries.length && entries[0].version > oldest ? entries[0].version - 1 : null;
  return [
    h("h2", {}, store ? ["Versions of ", h("span", { class: "store-name" }, store)] : "Versions of all stores"),
    steppers(place),
    h("div", { class: "looked" }, h("div", { class: "trunk" }, drawn), below),
    h("p", { class: "rings-foot" }, measureChoice(store, measure, redraw), earlier ? h("a", { href: changed({ version: earlier }) }, "Older versions") : null),
  ];
}
