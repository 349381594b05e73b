// What values a key had, the newest first.
import { get } from "../api.js";
import * as data from "../data.js";
import { h } from "../dom.js";
import { count, octets, timeElement } from "../format.js";
import { changed } from "../router.js";

const PAGE = 20;
const PREVIEW = 400;
/** So many pages without entries are passed over by themselves. */
const EMPTY_PAGES = 10;

function entryRow(route, place, entry) {
  const whole = data.wholeVersion(place.entry, route.store, entry.version);
  const text = `version ${count(whole)}`;
  // A version that was pruned still made the value, but there is nothing to see at it.
  const link = entry.time === null ? h("span", {}, text) : h("a", { href: changed({ version: whole, tab: null }), "data-focus": `history ${entry.version}` }, text);
  const value = entry.deleted ? h("span", { class: "badge removed" }, "removed") : entry.value ? octets(entry.value, { limit: PREVIEW }) : h("span", { class: "muted" }, "empty");
  return h("li", { class: whole === place.number ? "here" : null },
    h("div", { class: "history-when" }, link, h("span", { class: "muted" }, entry.time ? timeElement(entry.time) : "no longer kept")), h("div", { class: "history-value" }, value));
}

export async function historyView(route, { place, store }, signal) {
  const read = (before) => get(["stores", store.name, "keys", route.key, "history"], { limit: PAGE, before, encoding: "hex" }, signal);
  const list = h("ol", { class: "history" });
  const more = h("button", { type: "button", hidden: true }, "Older");
  const add = ({ entries, next }) => {
    list.append(...entries.map((entry) => entryRow(route, place, entry)));
    more.hidden = next === null || next === undefined;
    more.onclick = async () => {
      more.disabled = true;
      try {
        add(await read(next));
      } finally {
        more.disabled = false;
      }
    };
  };
  // Where the key has long been absent, a page can end before anything is found.
  let first = await read();
  for (let pages = 1; !first.entries.length && first.next && pages < EMPTY_PAGES; pages++) first = await read(first.next);
  if (!first.entries.length && !first.next) return h("p", { class: "muted" }, "No kept version has this key.");
  add(first);
  return [h("p", { class: "muted" }, "What the key was set to, in all kept versions, the newest first."), list, more];
}
