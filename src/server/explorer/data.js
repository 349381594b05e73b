// What several parts of the page need of the server: the versions of all stores, and which one the page is at.
import { get } from "./api.js";

/** How many versions are drawn at once. */
export const WINDOW = 32;

const cache = new Map();

/** Forgets what was read before: something new was saved, pruned or rolled back. */
export function forget() {
  cache.clear();
  generation++;
}

/** How often things were forgotten: what was drawn from an older generation may be out of date. */
export let generation = 0;

/** What can change without the page being told of it is kept so long: all parts of one drawing read it once. In milliseconds. */
const SHORTLY = 2000;

/** Reads something once, until `forget`, or `SHORTLY` only. What fails is read again. */
function once(name, read, { shortly = false } = {}) {
  if (!cache.has(name)) {
    const reading = read();
    const drop = () => cache.get(name) === reading && cache.delete(name);
    cache.set(name, reading);
    reading.catch(drop);
    if (shortly) setTimeout(drop, SHORTLY);
  }
  return cache.get(name);
}

/** The stores there are now. */
export const stores = () => once("stores", async () => (await get(["stores"])).stores, { shortly: true });

/** Up to `WINDOW` versions of all stores below `before` (null: the newest), the oldest first, with the oldest and newest kept. */
const page = (before) =>
  once(
    `versions ${before}`,
    async () => {
      const { versions, oldest, newest } = await get(["versions"], { limit: WINDOW, before });
      return { versions: versions.sort((a, b) => a.version - b.version), oldest, newest };
    },
    { shortly: before === null },
  );

/** The versions to draw around `version` (null: the newest): the newest ones, if it is well among them, else those around it. */
export async function windowAround(version) {
  const newest = await page(null);
  const isWhole = newest.versions[0]?.version === newest.oldest;
  if (version === null || isWhole || version >= newest.versions[WINDOW / 4]?.version) return newest;
  return page(version + WINDOW / 2);
}

/** A version of all stores; null for the newest, which gives null when none was saved yet. */
export async function versionAt(version) {
  const { versions } = await windowAround(version);
  if (version === null) return versions.at(-1) ?? null;
  return versions.find((entry) => entry.version === version) ?? once(`version ${version}`, () => get(["versions", String(version)]));
}

/** The version number of an address's parameter; null when there is none, NaN when it is no number. */
export function versionNumber(parameter) {
  if (parameter === undefined) return null;
  return /^[1-9][0-9]{0,15}$/.test(parameter) ? Number(parameter) : Number.NaN;
}

/**
 * Where the page is: { number, entry, newest, oldest, followsNewest }. A store's own version numbers can differ from those of all stores;
 * `entry.stores` has them.
 */
export async function place(route) {
  const number = versionNumber(route.version);
  if (Number.isNaN(number)) {
    const message = `"${route.version}" is no version; versions are 1, 2, 3 and so on.`;
    throw Object.assign(new Error(message), { code: "invalid_input", status: 400, details: {} });
  }
  const [{ oldest, newest }, entry] = await Promise.all([windowAround(null), versionAt(number)]);
  return { number: entry?.version ?? null, entry, oldest, newest, followsNewest: number === null };
}

/** The newest version kept before `version`, and the oldest one kept after it; null where there is none. Pruning may have left gaps. */
export async function neighbours(version) {
  const { versions, oldest, newest } = await windowAround(version);
  const drawn = versions.map((entry) => entry.version);
  const before = drawn.findLast((number) => number < version) ?? (version > oldest ? (await page(version)).versions.at(-1)?.version : null);
  const after = drawn.find((number) => number > version) ?? (version < newest ? await afterGap(version, newest) : null);
  return { before: before ?? null, after };
}

/** The oldest version kept above `version`, where `newest` is one: halves the gap between them until it is found. */
const afterGap = (version, newest) =>
  once(`after ${version}`, async () => {
    let [none, some] = [version, newest];
    while (none + 1 < some) {
      const middle = Math.floor((none + some) / 2);
      const { versions: [found] } = await get(["versions"], { limit: 1, before: middle + 1 });
      if (found?.version > version) some = found.version;
      else none = middle;
    }
    return some;
  });

/** What a version says about a store; null when the store was not there. */
export const storeIn = (entry, name) => entry?.stores.find((store) => store.name === name) ?? null;

/** Up to `WINDOW` versions that end a little after `version`. Those of versions that are near each other are the same ones, read once. */
const blockWith = async (version) => (await page((Math.floor(version / WINDOW) + 1) * WINDOW)).versions;

/**
 * The first version of all stores that is kept and has a store's own version `own`, or a newer one of it: { version, exact }. Null where
 * none has it yet. A store's own numbers go on when it is saved alone, so they can differ from those of all stores, more and more; they
 * never go down. Looks first where `near`, a version of all stores, lets it be expected: mostly that takes one page of versions, and at
 * most some for each time that the number of versions can be halved.
 */
export async function firstWith(name, own, near) {
  const { versions, oldest, newest } = await page(null);
  const at = (entry) => storeIn(entry, name)?.version ?? 0;
  const found = (entry) => ({ version: entry.version, exact: at(entry) === own });
  let first = versions.at(-1);
  if (!first || at(first) < own) return null;
  // All up to `older` have an older one; `first` does not.
  let older = oldest - 1;
  let guess = storeIn(near, name) ? near.version + own - at(near) : newest;
  for (let step = 0; older + 1 < first.version; step++) {
    if (step % 2) guess = Math.floor((older + first.version) / 2);
    guess = Math.min(Math.max(guess, older + 1), first.version - 1);
    const block = await blockWith(guess);
    const place = block.findIndex((entry) => at(entry) >= own);
    if (place > 0) return found(block[place]);
    // Of what is at the block's edge, the numbers tell how far away the rest is.
    const edge = place === 0 ? block[0] : block.at(-1);
    if (place === 0) first = edge;
    else older = Math.max(guess, edge?.version ?? 0);
    guess = edge ? edge.version + own - at(edge) : guess;
  }
  return found(first);
}
