// What all pages of a store have on top.
import { hasToken } from "../api.js";
import * as data from "../data.js";
import { h } from "../dom.js";
import { count, hash } from "../format.js";
import { format } from "../router.js";

/**
 * The store at the version that the page is at: { place, store, version }, where `version` is the store's own number for it, null before
 * the first.
 */
export async function storeAt(route) {
  const [place, stores] = await Promise.all([data.place(route), data.stores()]);
  const then = data.storeIn(place.entry, route.store);
  const now = stores.find((store) => store.name === route.store);
  if (!then && !now) throw problem("no_store", 404, `There is no store "${route.store}"${hasToken() ? ", or your token is not for it" : ""}.`);
  if (!then && place.number !== null && !place.followsNewest) {
    const message = `The store "${route.store}" was not there at version ${place.number}.`;
    throw problem("no_version", 404, message);
  }
  const store = then ? { ...then, engine: now?.engine } : now;
  return { place, store, version: store.version };
}

const problem = (code, status, message) => Object.assign(new Error(message), { code, status, details: {} });

/** Name, facts, and the links to the pages of the store. */
export function storeHead(route, { place, store }) {
  const at = data.storeIn(place.entry, route.store) ? `at version ${count(place.number)}` : store.version === null ? "not saved yet" : "in no version of all stores yet";
  const tab = (page, text) => {
    const here = route.page === page;
    return h("a", { href: format({ page, store: route.store, version: route.version }), "aria-current": here ? "page" : null, "data-focus": page }, text);
  };
  return [
    h("h1", {}, h("span", { class: "store-name" }, store.name), " ", h("span", { class: "at" }, at)),
    h("dl", { class: "facts" },
      h("div", { class: "wide" }, h("dt", {}, "Root hash"), h("dd", {}, hash(store.root_hash, "the root hash"))),
      h("div", {}, h("dt", {}, "Keys"), h("dd", {}, count(store.size))),
      h("div", {}, h("dt", {}, "Height"), h("dd", {}, count(store.height))),
      store.version === place.number ? null : h("div", {}, h("dt", {}, "Own version"), h("dd", {}, count(store.version))),
      h("div", {}, h("dt", {}, "Engine"), h("dd", {}, store.engine ?? "–"))),
    h("nav", { class: "tabs", "aria-label": "Pages of the store" }, tab("store", "Keys"), tab("diff", "Differences")),
  ];
}
