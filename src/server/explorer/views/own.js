// A store's own versions. They have the numbers of the versions of all stores, but for stores that were saved alone as well.
import * as data from "../data.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { changed } from "../router.js";

/**
 * Names a store's own version `own` at a place: as a link to the version of all stores that has it, which `changes` are made to go to as
 * well; where none has it, in words. `kept` is false for a version that is not kept any more. `here` says whether the page is at it.
 */
export async function nameOwn(route, { place, store }, own, { changes = {}, kept = true, focus = null } = {}) {
  const found = kept ? await data.firstWith(route.store, own, place.entry) : null;
  if (found?.exact) {
    const link = h("a", { href: changed({ version: found.version, ...changes }), "data-focus": focus }, `version ${count(found.version)}`);
    return { here: found.version === place.number, elements: [link, found.version === own ? null : h("span", { class: "muted" }, ` (its own ${count(own)})`)] };
  }
  const differs = store.version !== place.number;
  if (!kept) return { here: false, elements: [h("span", {}, `${differs ? "its own version" : "version"} ${count(own)}`)] };
  const why = found ? `saved alone, before version ${count(found.version)} of all stores` : "saved alone, in no version of all stores yet";
  return { here: false, elements: [h("span", {}, `its own version ${count(own)}`), h("span", { class: "muted" }, ` (${why})`)] };
}

/** Says that versions in what follows are the store's own, where these are not those of all stores. */
export const ownNote = ({ place, store }) =>
  store.version === place.number ? null : h("p", { class: "muted" }, `Versions of nodes are the store's own; version ${count(place.number)} of all stores has its version ${count(store.version)}.`);
