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

/** The versions to draw around `version` (null: the newest): the newest ones, if it is among them, else those around it. */
export async function windowAround(version) {
  const newest = await page(null);
  const first = newest.versions[0]?.version;
  if (version === null || first === undefined || version >= first) return newest;
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

/** What a version says about a store; null when the store was not there. */
export const storeIn = (entry, name) => entry?.stores.find((store) => store.name === name) ?? null;

/** The version of all stores that has a store's own version, if it can be told without asking for many. */
export function wholeVersion(entry, name, storeVersion) {
  const store = storeIn(entry, name);
  return store ? storeVersion + entry.version - store.version : storeVersion;
}
