// All stores at a version.
import { hasToken } from "../api.js";
import * as data from "../data.js";
import { h } from "../dom.js";
import { count, hash, timeElement } from "../format.js";
import { format } from "../router.js";

function row(store, engine, version) {
  const link = h("a", { href: format({ page: "store", store: store.name, version }) }, store.name);
  return h("tr", {},
    h("th", { scope: "row" }, link),
    h("td", { class: "number", "data-label": "Keys" }, count(store.size)),
    h("td", { class: "number", "data-label": "Height" }, count(store.height)),
    h("td", { class: "number", "data-label": "Own version" }, count(store.version)),
    h("td", { "data-label": "Engine" }, engine ?? h("span", { class: "muted" }, "gone since")),
    h("td", { "data-label": "Root hash" }, hash(store.root_hash, `the root hash of ${store.name}`)));
}

function table(stores, engines, version) {
  if (!stores.length) return h("p", { class: "muted" }, "There are no stores yet. Make one: treering create DIR NAME, or POST /v1/stores");
  const heads = ["Store", "Keys", "Height", "Own version", "Engine", "Root hash"].map((text) => h("th", { scope: "col" }, text));
  return h("table", { class: "stores cards" },
    h("caption", { class: "away" }, "The stores, with their size and root hash"),
    h("thead", {}, h("tr", {}, heads)),
    h("tbody", {}, stores.map((store) => row(store, engines.get(store.name), version))));
}

export async function overviewView(route) {
  const [place, stores] = await Promise.all([data.place(route), data.stores()]);
  const engines = new Map(stores.map((store) => [store.name, store.engine]));
  if (!place.entry) return [h("h1", {}, "Stores"), table(stores, engines)];
  const { entry } = place;
  const names = new Set(entry.stores.map((store) => store.name));
  const later = place.followsNewest ? stores.filter((store) => !names.has(store.name)) : [];
  return [
    h("h1", {}, "All stores ", h("span", { class: "at" }, `at version ${count(entry.version)}`)),
    h("dl", { class: "facts" },
      h("div", { class: "wide" }, h("dt", {}, "App hash"), h("dd", {}, hash(entry.app_hash, "the app hash"))),
      h("div", {}, h("dt", {}, "Saved"), h("dd", {}, timeElement(entry.time))),
      h("div", {}, h("dt", {}, "Stores"), h("dd", {}, count(entry.stores.length))),
      h("div", {}, h("dt", {}, "Keys"), h("dd", {}, count(entry.stores.reduce((sum, store) => sum + store.size, 0))))),
    table([...entry.stores, ...later], engines, route.version),
    hasToken() ? h("p", { class: "muted" }, "Stores that your token is not for are not shown.") : null,
  ];
}
