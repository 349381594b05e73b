// Finding versions, against a search through all of them. The server is a model here: it answers for lists of versions only.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import * as data from "../../src/server/explorer/data.js";

let kept = [];
let asked = 0;

globalThis.fetch = async (url) => {
  asked++;
  const { pathname, searchParams } = new URL(url);
  assert.match(pathname, /\/versions$/);
  const [limit, before] = [Number(searchParams.get("limit")), Number(searchParams.get("before") ?? Infinity)];
  const versions = kept.filter(({ version }) => version < before).slice(-limit).reverse();
  return Response.json({ versions, oldest: kept[0]?.version ?? null, newest: kept.at(-1)?.version ?? null });
};

// The page forgets what it read of the newest versions after a while; nothing here lasts so long.
globalThis.setTimeout = () => 0;

beforeEach(() => data.forget());

/** Numbers that look random, the same for the same seed. */
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Versions of all stores as they can come to be: a store that comes late, that is saved alone now and then, or stays; pruned in places. */
function history(seed) {
  const next = random(seed);
  const [count, since, alone] = [1 + next(400), next(60), [0, 2, 30][next(3)]];
  const first = 1 + next(2) * next(1000);
  let own = 0;
  const all = Array.from({ length: count }, (_, at) => {
    const version = first + at;
    if (at < since) return { version, stores: [] };
    // The first one has the number of the whole.
    own = own === 0 ? version : own + 1;
    if (alone && next(4) === 0) own += next(alone);
    return { version, stores: [{ name: "bank", version: own }] };
  });
  const every = [1, 1, 3, 50][next(4)];
  return { versions: all.filter(({ version }, at) => version % every === 0 || at + 20 > count), next };
}

test("the first version of all stores with a store's own version is found, with few requests", async () => {
  let most = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const { versions, next } = history(seed);
    kept = versions;
    data.forget();
    const ownOf = (entry) => data.storeIn(entry, "bank")?.version ?? 0;
    const newest = ownOf(kept.at(-1));
    for (let round = 0; round < 10; round++) {
      const near = kept[next(kept.length)];
      const own = Math.max(1, newest + 5 - next(kept.length + 50));
      const entry = kept.find((each) => ownOf(each) >= own);
      const expected = entry ? { version: entry.version, exact: ownOf(entry) === own } : null;
      asked = 0;
      assert.deepEqual(await data.firstWith("bank", own, near), expected, `seed ${seed}: ${own} near ${near.version}`);
      most = Math.max(most, asked);
    }
  }
  assert.ok(most <= 6, `${most} requests`);
});

test("where a store was never saved alone, a history takes a page of versions for each 32", async () => {
  kept = Array.from({ length: 1000 }, (_, at) => ({ version: at + 1, stores: [{ name: "bank", version: at + 1 }] }));
  asked = 0;
  const owns = Array.from({ length: 20 }, (_, at) => 500 - at);
  const found = await Promise.all(owns.map((own) => data.firstWith("bank", own, kept[499])));
  assert.deepEqual(found, owns.map((own) => ({ version: own, exact: true })));
  assert.equal(asked, 2);
});

test("the versions kept before and after one are found over gaps", async () => {
  for (let seed = 1; seed <= 100; seed++) {
    const { versions, next } = history(seed);
    kept = versions;
    data.forget();
    for (let round = 0; round < 10; round++) {
      const at = next(kept.length);
      const expected = { before: kept[at - 1]?.version ?? null, after: kept[at + 1]?.version ?? null };
      assert.deepEqual(await data.neighbours(kept[at].version), expected, `seed ${seed}: ${kept[at].version}`);
    }
  }
});
