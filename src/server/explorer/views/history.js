// What values a key had, the newest first.
import { get } from "../api.js";
import { h } from "../dom.js";
import { octets, timeElement } from "../format.js";
import { nameOwn } from "./own.js";

const PAGE = 20;
const PREVIEW = 400;
/** So many pages without entries are passed over by themselves. */
const EMPTY_PAGES = 10;

async function entryRow(route, context, entry) {
  // A version that was pruned still made the value, but there is nothing to see at it.
  const { here, elements } = await nameOwn(route, context, entry.version, { changes: { tab: null }, kept: entry.time !== null, focus: `history ${entry.version}` });
  const value = entry.deleted ? h("span", { class: "badge removed" }, "removed") : entry.value ? octets(entry.value, { limit: PREVIEW }) : h("span", { class: "muted" }, "empty");
  return h("li", { class: here ? "here" : null },
    h("div", { class: "history-when" }, h("span", { class: "history-version" }, elements), h("span", { class: "muted" }, entry.time ? timeElement(entry.time) : "no longer kept")), h("div", { class: "history-value" }, value));
}

export async function historyView(route, context, signal) {
  const { store } = context;
  const read = (before) => get(["stores", store.name, "keys", route.key, "history"], { limit: PAGE, before, encoding: "hex" }, signal);
  const list = h("ol", { class: "history" });
  const more = h("button", { type: "button", hidden: true }, "Older");
  const add = async ({ entries, next }) => {
    list.append(...(await Promise.all(entries.map((entry) => entryRow(route, context, entry)))));
    more.hidden = next === null || next === undefined;
    more.onclick = async () => {
      more.disabled = true;
      try {
        await add(await read(next));
      } finally {
        more.disabled = false;
      }
    };
  };
  // Where the key has long been absent, a page can end before anything is found.
  let first = await read();
  for (let pages = 1; !first.entries.length && first.next && pages < EMPTY_PAGES; pages++) first = await read(first.next);
  if (!first.entries.length && !first.next) return h("p", { class: "muted" }, "No kept version has this key.");
  await add(first);
  return [h("p", { class: "muted" }, "What the key was set to, in all kept versions, the newest first."), list, more];
}
