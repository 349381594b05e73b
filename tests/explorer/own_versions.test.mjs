// Stores whose own versions are not those of all stores: one came at version 3, one was saved alone, and versions were pruned.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hexOf, inPage, launch, open, settled } from "./browser.mjs";
import { Place } from "./server.mjs";

let browser;
let place;
let address;
/** What the program says: the versions of all stores, and those of `side` with whether they are kept. */
let whole;
let ownKept;
/** The values that the own versions of `side` gave its key `n`, by own version. */
const model = new Map();

const set = (store, key, value) => ({ op: "set", store, key, value });
const setAlone = (key, value) => ({ op: "set", key, value });
const save = { op: "save" };

/** Versions of `side` alone: each sets `n`. */
function alone(first, count) {
  const owns = Array.from({ length: count }, (_, at) => first + at);
  for (const own of owns) model.set(own, `alone ${own}`);
  place.apply(owns.flatMap((own) => [setAlone("n", `alone ${own}`), save]), "--store", "side");
}

/** Versions of all stores, in which `side` gets the own versions from `own` on. */
function together(version, own, count, more = () => []) {
  const steps = Array.from({ length: count }, (_, at) => at);
  for (const at of steps) model.set(own + at, `together ${own + at}`);
  place.apply(steps.flatMap((at) => [set("bank", "v", `${version + at}`), set("side", "n", `together ${own + at}`), ...more(version + at), save]));
}

before(async () => {
  place = new Place();
  for (const store of ["bank", "side"]) place.run("create", place.database, store);
  together(1, 1, 2);
  place.run("create", place.database, "late");
  const late = (version) => (version === 3 ? [set("late", "a", "1"), set("late", "b", "2")] : [set("late", "a", String(version))]);
  together(3, 3, 2, late);
  alone(5, 3);
  // Here `side` gets the own version 8, in which nothing changed.
  place.apply([set("bank", "v", "5"), save]);
  together(6, 9, 2, late);
  alone(11, 2);
  together(8, 13, 60, late);
  alone(73, 2);
  whole = place.objects("versions", place.database);
  ownKept = new Set(place.objects("versions", place.database, "--store", "side").map(({ version }) => version));
  address = await place.serve();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await place.close();
});

const check = (name, run, options) => test(name, () => inPage(browser, (page) => run(page), { address, ...options }));
const text = (page, selector) => page.locator(selector).first().innerText();
const ownAt = (version, store = "side") => whole.find((entry) => entry.version === version).stores[store]?.version;

/** What the page must call an own version of `side`. */
function named(own) {
  const entry = whole.find(({ stores }) => stores.side.version >= own);
  if (!entry) return `its own version ${own} (saved alone, in no version of all stores yet)`;
  if (entry.stores.side.version !== own) return `its own version ${own} (saved alone, before version ${entry.version} of all stores)`;
  return `version ${entry.version}${entry.version === own ? "" : ` (its own ${own})`}`;
}

test("the stores are as these tests need them", () => {
  assert.deepEqual([1, 4, 5, 6, 8, 67].map((version) => ownAt(version)), [1, 4, 8, 9, 13, 72]);
  assert.deepEqual([2, 3, 67].map((version) => ownAt(version, "late")), [undefined, 3, 67]);
  assert.equal(Math.max(...ownKept), 74);
});

check("the history of a key names the versions of all stores that have what it was set to", async (page) => {
  await open(page, `#/stores/side?version=67&key=${hexOf("n")}&tab=history`, address);
  const more = page.getByRole("button", { name: "Older" });
  while (await more.isVisible()) {
    const before = await page.locator(".history li").count();
    await more.click();
    await page.waitForFunction((count) => document.querySelectorAll(".history li").length > count, before);
  }
  const rows = await page.locator(".history li").evaluateAll((all) => all.map((row) => [row.querySelector(".history-version").innerText, row.querySelector(".octets").innerText]));
  const expected = [...model].sort(([a], [b]) => b - a).map(([own, value]) => [named(own), value]);
  assert.deepEqual(rows, expected);
  // Following a link leads to what the row said.
  await page.getByRole("link", { name: "version 6", exact: true }).click();
  await page.waitForURL(/version=6\b/);
  await page.waitForFunction(() => document.querySelector("pre.value")?.innerText === "together 9");
  assert.equal(await text(page, ".set-at"), "Set at version 6 (its own 9).");
  await open(page, `#/stores/side?version=5&key=${hexOf("n")}`, address);
  assert.equal(await text(page, "pre.value"), "alone 7");
  assert.equal(await text(page, ".set-at"), "Set at its own version 7 (saved alone, before version 5 of all stores).");
});

check("a store that came at version 3 is all new there, and has the numbers of all stores", async (page) => {
  await open(page, "#/stores/late?version=3", address);
  await page.locator(".measure select").selectOption("changes");
  await page.waitForFunction(() => /\(2 changes\)/.test(document.querySelector(".caption").innerText));
  const drawn = await page.locator(".ring").evaluateAll((all) => all.map((ring) => Number(ring.dataset.version)));
  assert.deepEqual(drawn.slice(0, 3), [3, 4, 5]);
  assert.doesNotMatch(await text(page, ".facts"), /Own version/);
  await page.locator('.ring[data-version="5"]').focus();
  assert.match(await text(page, ".caption"), /\(0 changes\)/);
  await open(page, `#/stores/late?version=6&key=${hexOf("b")}`, address);
  assert.match(await text(page, ".set-at"), /^Set at version 3\.$/);
  await open(page, "#/stores/late?version=2", address);
  assert.match(await text(page, ".error"), /was not there at version 2/);
}, { mayFail: true });

check("the tree, the proof and the facts say which versions are the store's own", async (page) => {
  const note = /Versions of nodes are the store's own; version 8 of all stores has its version 13\./;
  await open(page, `#/stores/side?version=8&key=${hexOf("n")}&tab=tree`, address);
  assert.match(await text(page, ".key-body"), note);
  assert.match(await text(page, ".facts"), /Own version\s+13/);
  assert.match(await text(page, ".caption"), /Own version\s+13/);
  await open(page, `#/stores/side?version=8&key=${hexOf("n")}&tab=proof`, address);
  assert.match(await text(page, ".key-body"), note);
  assert.equal(await page.locator(".verdict").getAttribute("data-valid"), "true");
  assert.match(await text(page, ".step-title"), /set at version 13/);
  await open(page, `#/stores/bank?version=8&key=${hexOf("v")}&tab=tree`, address);
  assert.doesNotMatch(await text(page, ".key-body"), /store's own/);
});

check("differences are between versions of all stores, whatever the store's own are", async (page) => {
  for (const [from, to] of [[4, 5], [5, 6], [2, 67]]) {
    await open(page, `#/stores/side/diff?version=67&from=${from}&to=${to}`, address);
    const values = await page.locator(".change-values .octets").allInnerTexts();
    const valueAt = (version) => model.get(ownAt(version)) ?? "alone 7";
    assert.deepEqual(values, [valueAt(from), valueAt(to)], `${from} to ${to}`);
  }
});

check("a store that no version of all stores has yet is shown as that", async (page) => {
  const name = "hermit";
  const made = await fetch(`${address}/v1/stores`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name }) });
  assert.equal(made.status, 201);
  await open(page, `#/stores/${name}`, address);
  assert.match(await text(page, "h1"), /^hermit\s+not saved yet$/);
  assert.match(await text(page, "#versions"), /was not there in these versions/);
  await open(page, `#/stores/${name}?key=00&tab=proof`, address);
  assert.match(await text(page, ".key-body"), /against versions of all stores, and none has this store yet/);
  await open(page, `#/stores/${name}/diff`, address);
  assert.match(await text(page, "#main .list"), /between versions of all stores, and none has this store yet/);
});

test("a database whose stores were only saved alone shows them at their newest own versions", async () => {
  const lonely = new Place();
  try {
    lonely.run("create", lonely.database, "bank");
    lonely.apply([setAlone("k", "one"), save, setAlone("k", "two"), save], "--store", "bank");
    const there = await lonely.serve();
    await inPage(browser, async (page) => {
      await open(page, `#/stores/bank?key=${hexOf("k")}`, there);
      assert.match(await text(page, "h1"), /^bank\s+in no version of all stores yet$/);
      assert.equal(await text(page, "pre.value"), "two");
      assert.equal(await text(page, ".set-at"), "Set at its own version 2 (saved alone, in no version of all stores yet).");
      assert.match(await text(page, "#versions"), /No version of all stores has been saved yet/);
      // The first version of all stores is heard of, and drawn.
      await page.waitForSelector('#live[data-state="live"]');
      const saved = await fetch(`${there}/v1/versions`, { method: "POST" });
      assert.equal(saved.status, 201);
      await page.waitForSelector(".ring");
      await page.waitForFunction(() => /^bank\s+at version 3$/.test(document.querySelector("h1").innerText));
    }, { address: there });
  } finally {
    await lonely.close();
  }
});

check("steps and older versions lead over gaps that pruning left", async (page) => {
  const pruned = await fetch(`${address}/v1/prune`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ keep: { retention: { max_versions: 3, keep_every: 10 } } }) });
  assert.equal(pruned.status, 200, await pruned.text());
  const { versions } = await (await fetch(`${address}/v1/versions?limit=1000`)).json();
  const kept = versions.map(({ version }) => version).sort((a, b) => a - b);
  assert.deepEqual(kept, [10, 20, 30, 40, 50, 60, 65, 66, 67]);
  await open(page, "#/stores/side?version=20", address);
  const at = (version) => page.waitForFunction((number) => document.querySelector("h1").innerText.endsWith(`at version ${number}`), version);
  await page.keyboard.press("]");
  await at(30);
  await page.locator('.steppers a[aria-label^="Version before"]').click();
  await at(20);
  await settled(page);
  await page.keyboard.press("[");
  await at(10);
  await settled(page);
  assert.equal(await page.locator('.steppers a[aria-label^="Version before"]').count(), 0);
  await open(page, "#/stores/side/diff?version=30", address);
  assert.deepEqual(await page.locator(".diff-form input").evaluateAll((all) => all.slice(0, 2).map(({ value }) => value)), ["20", "30"]);
  await open(page, `#/stores/side?version=20&key=${hexOf("n")}&tab=history`, address);
  const rows = await page.locator(".history li").evaluateAll((all) => all.map((row) => row.querySelector(".history-version").innerText));
  const unsaved = [74, 73].map((own) => `its own version ${own} (saved alone, in no version of all stores yet)`);
  assert.deepEqual(rows.slice(-9), kept.map((version) => named(ownAt(version))).reverse());
  for (const row of rows.slice(0, -9)) assert.ok(unsaved.includes(row), row);
});
