// The explorer in a browser, against a server of the data set. What the page must show comes from the model and from what the command
// line said when the data set was made.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ADDRESS, EXPECTED, api, atVersion, hexOf, inPage, launch, open, settled } from "./browser.mjs";
import { IBC_SINCE, VERSIONS, stateAt } from "./dataset.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

const check = (name, run, options) => test(name, () => inPage(browser, run, options));
const text = (page, selector) => page.locator(selector).first().innerText();
const texts = (page, selector) => page.locator(selector).allInnerTexts();
const facts = (page) => text(page, ".facts");
const drawnVersions = (page) => page.locator(".ring").evaluateAll((all) => all.map((ring) => Number(ring.dataset.version)));

check("all stores are listed with the sizes and root hashes of the chosen version", async (page) => {
  for (const version of [1, IBC_SINCE - 1, VERSIONS]) {
    await open(page, `#/?version=${version}`);
    const { app_hash: appHash, stores } = atVersion(version);
    assert.match(await facts(page), new RegExp(appHash));
    const rows = await page.locator("table.stores tbody tr").evaluateAll((all) =>
      all.map((row) => [row.querySelector("th").innerText, row.cells[1].innerText, row.cells[2].innerText, row.querySelector("code").innerText]));
    const expected = Object.entries(stores).map(([name, { size, height, root }]) => [name, String(size), String(height), root]);
    assert.deepEqual(rows, expected);
  }
});

check("a ring a version, and choosing one moves the page and its address; back goes back", async (page) => {
  await open(page, `#/stores/bank?version=${VERSIONS}`);
  assert.equal(await page.locator(".ring").count() >= VERSIONS, true);
  await page.locator('.ring[data-version="5"]').dispatchEvent("click");
  await page.waitForURL(/version=5\b/);
  await page.waitForFunction((root) => document.querySelector(".facts").innerText.includes(root), atVersion(5).stores.bank.root);
  assert.match(await text(page, "h1"), /bank\s+at version 5/);
  assert.equal(await page.locator('.ring[aria-checked="true"]').getAttribute("data-version"), "5");
  await page.goBack();
  await page.waitForFunction((root) => document.querySelector(".facts").innerText.includes(root), atVersion(VERSIONS).stores.bank.root);
});

check("rings say what they are when they are hovered or have the focus, and are chosen with keys", async (page) => {
  await open(page, "#/stores/bank?version=10");
  const ring = (version) => page.locator(`.ring[data-version="${version}"]`);
  assert.match(await ring(7).getAttribute("aria-label"), new RegExp(`Version 7, .*${atVersion(7).stores.bank.size} keys, root ${atVersion(7).stores.bank.root.slice(0, 8)}`));
  await ring(10).focus();
  await page.keyboard.press("ArrowLeft");
  await page.waitForFunction((start) => document.querySelector(".caption").innerText.includes(start), atVersion(9).stores.bank.root.slice(0, 8));
  await page.keyboard.press("Enter");
  await page.waitForURL(/version=9\b/);
  await settled(page);
  assert.equal(await page.evaluate(() => document.activeElement.dataset.version), "9");
});

check("rings can be as wide as the keys that changed, which are counted with few requests", async (page) => {
  let asked = 0;
  page.on("request", (request) => (asked += Number(request.url().includes("/diff?"))));
  const isCounted = () => page.waitForFunction(() => /\(\d+ changes?\)/.test(document.querySelector(".caption").innerText));
  await open(page, "#/stores/bank?version=3");
  await page.locator(".measure select").selectOption("changes");
  await isCounted();
  assert.deepEqual(await drawnVersions(page), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.equal(asked, 11);
  for (const version of await drawnVersions(page)) {
    await page.locator(`.ring[data-version="${version}"]`).focus();
    const expected = version === 1 ? stateAt("bank", 1).size : difference("bank", version - 1, version).length;
    assert.match(await text(page, ".caption"), new RegExp(`\\(${expected} changes?\\)`), `version ${version}`);
  }
  // What was counted is not counted again.
  await page.evaluate(() => (location.hash = "#/stores/bank?version=8"));
  await page.waitForSelector('.ring[data-version="14"]');
  await isCounted();
  assert.deepEqual(await drawnVersions(page), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  assert.equal(asked, 13);
  // A store that came later is all new in its first version.
  await page.evaluate((version) => (location.hash = `#/stores/ibc?version=${version}`), IBC_SINCE);
  await page.waitForFunction(() => /\(1 change\)/.test(document.querySelector(".caption").innerText));
});

check("keys that changed are counted after the rings are drawn, up to a page of them, and a failure is told", async (page) => {
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  await page.route("**/diff?*", async (route) => {
    await held;
    const { searchParams } = new URL(route.request().url());
    if (searchParams.get("to") === "20") return route.fulfill({ json: { changes: [{ key: "61", kind: "added", old: null, new: "" }], next: "61" } });
    return route.fulfill({ status: 503, json: { error: { code: "closed", message: "no", details: {}, request_id: "r" } } });
  });
  await open(page, "#/stores/bank?version=20");
  await page.locator(".measure select").selectOption("changes");
  await page.waitForFunction(() => /\(counting changes\)/.test(document.querySelector(".caption").innerText));
  assert.equal((await drawnVersions(page)).length, 12);
  letGo();
  await page.waitForFunction(() => /\(at least 1 change\)/.test(document.querySelector(".caption").innerText));
  await page.locator('.ring[data-version="21"]').focus();
  assert.match(await text(page, ".caption"), /\(changes not counted\)/);
}, { mayFail: true });

check("the pages of keys give every key of the version once, and lead back", async (page) => {
  await open(page, "#/stores/bank?version=20");
  const expected = [...stateAt("bank", 20)].map(([key, value]) => [Buffer.from(key, "hex").toString(), Buffer.from(value, "hex").toString()]);
  const pages = [];
  const read = () => page.locator(".keys li a").evaluateAll((all) => all.map((link) => [...link.querySelectorAll(".octets")].map((code) => code.innerText)));
  for (;;) {
    pages.push(await read());
    const next = page.locator(".paging a", { hasText: "Next" });
    if (!(await next.count())) break;
    const first = pages.at(-1)[0][0];
    await next.click();
    await page.waitForFunction((before) => document.querySelector(".keys .octets")?.innerText !== before, first);
    await settled(page);
  }
  assert.ok(pages.length > 2);
  assert.deepEqual(pages.flat(), expected);
  await page.locator(".paging a", { hasText: "Previous" }).click();
  await page.waitForURL(/before=/);
  await settled(page);
  const again = await read();
  assert.deepEqual(again, expected.slice(expected.length - pages.at(-1).length - again.length, expected.length - pages.at(-1).length));
});

check("keys are found by how they start and exactly, as text and as hex", async (page) => {
  await open(page, "#/stores/bank?version=20");
  await page.fill("#search", "account/00");
  await page.getByRole("button", { name: "Starts with" }).click();
  await page.waitForURL(new RegExp(`prefix=${hexOf("account/00")}`));
  await page.waitForFunction(() => /start so/.test(document.querySelector(".told").innerText));
  const expected = [...stateAt("bank", 20).keys()].filter((key) => key.startsWith(hexOf("account/00")));
  assert.match(await text(page, ".told"), new RegExp(`^${Math.min(expected.length, 50)} keys`));
  await page.getByRole("button", { name: "Hex", exact: true }).first().click();
  await settled(page);
  assert.equal(await page.inputValue("#search"), hexOf("account/00"));
  assert.equal(await text(page, ".keys .octets"), `0x${expected[0]}`);
  await page.fill("#search", "61 6c 69 63 65");
  await page.getByRole("button", { name: "Is exactly" }).click();
  await page.waitForURL(/key=616c696365/);
  await settled(page);
  assert.equal(await text(page, ".key-head .octets"), "0x616c696365");
  await page.fill("#search", "61x");
  await page.getByRole("button", { name: "Starts with" }).click();
  assert.match(await text(page, "#search-error"), /pairs of the digits/);
});

check("a value is shown as JSON, text or hex, and a long one in parts", async (page) => {
  const key = hexOf("proposal/9");
  await open(page, `#/stores/gov?version=12&key=${key}`);
  const value = JSON.parse(Buffer.from(stateAt("gov", 12).get(key), "hex").toString());
  assert.equal(await text(page, "pre.value"), JSON.stringify(value, null, 2));
  await page.getByRole("button", { name: "Text", exact: true }).last().click();
  assert.equal(await text(page, "pre.value"), JSON.stringify(value));
  await open(page, `#/stores/gov?version=12&key=${hexOf("params/größe")}`);
  assert.equal(await text(page, "pre.value"), "Höhe 12 ✓");
  assert.equal(await text(page, ".key-head .octets"), "params/größe");
  await open(page, "#/stores/index?version=12&key=ffff");
  assert.match(await text(page, "pre.value"), /^000000 {2}c0 ff ee/);
  const few = (await text(page, "pre.value")).length;
  await page.getByRole("button", { name: "Show all" }).click();
  assert.ok((await text(page, "pre.value")).length > 4 * few);
  assert.match(await text(page, ".value-head"), /9,000 bytes/);
});

check("a key's history has every value it was set to, and where it was removed", async (page) => {
  const told = () => page.locator(".history li").evaluateAll((all) => all.map((row) => [row.querySelector("a").innerText, row.querySelector(".history-value").innerText]));
  await open(page, `#/stores/bank?version=12&key=${hexOf("dora")}&tab=history`);
  assert.deepEqual(await told(), [["version 6", "removed"], ["version 4", "short-lived"]]);
  await open(page, `#/stores/bank?version=12&key=${hexOf("account/0005")}&tab=history`);
  assert.deepEqual(await told(), [["version 5", "removed"], ["version 1", "5001"]]);
  await page.getByRole("link", { name: "version 1", exact: true }).click();
  await page.waitForURL(/version=1\b/);
  await page.waitForFunction(() => document.querySelector("pre.value")?.innerText === "5001");
  await open(page, `#/stores/bank?version=12&key=${hexOf("alice")}&tab=history`);
  const more = page.getByRole("button", { name: "Older" });
  if (await more.isVisible()) await more.click();
  await page.waitForFunction((least) => document.querySelectorAll(".history li").length >= least, VERSIONS);
  const rows = await told();
  assert.deepEqual(rows.slice(-VERSIONS).reverse(), EXPECTED.map(({ version }) => [`version ${version}`, String(100 + version)]));
});

function difference(store, from, to) {
  const [old, fresh] = [stateAt(store, from), stateAt(store, to)];
  const keys = [...new Set([...old.keys(), ...fresh.keys()])].sort().filter((key) => old.get(key) !== fresh.get(key));
  const shown = (hex) => Buffer.from(hex, "hex").toString();
  return keys.map((key) => {
    const kind = !old.has(key) ? "added" : fresh.has(key) ? "changed" : "removed";
    return [kind, shown(key), ...[old.get(key), fresh.get(key)].filter((value) => value !== undefined).map(shown)];
  });
}

check("the differences between two versions are those of the model", async (page) => {
  for (const [from, to] of [[5, 12], [12, 5], [1, VERSIONS], [7, 7]]) {
    await open(page, `#/stores/bank/diff?version=12&from=${from}&to=${to}`);
    const rows = [];
    for (;;) {
      const read = () => page.locator(".changes li").evaluateAll((all) => all.map((row) => [row.querySelector(".badge").innerText, ...[...row.querySelectorAll(".octets")].map((code) => code.innerText)]));
      rows.push(...(await read()));
      const next = page.locator(".paging a", { hasText: "Next" });
      if (!(await next.count())) break;
      const first = await text(page, ".changes .change-key a");
      await next.click();
      await page.waitForFunction((before) => document.querySelector(".changes .change-key a")?.innerText !== before, first);
      await settled(page);
    }
    assert.deepEqual(rows, difference("bank", from, to), `from ${from} to ${to}`);
  }
});

check("the tree is drawn from the root to the leaf, with what hangs beside", async (page) => {
  await open(page, `#/stores/bank?version=12&key=${hexOf("alice")}&tab=tree`);
  const nodes = await page.locator("svg.tree .node.way").evaluateAll((all) => all.map((node) => [...node.querySelectorAll("text")].map((line) => line.textContent)));
  assert.equal(nodes[0][1], `#${atVersion(12).stores.bank.root.slice(0, 8)}`);
  assert.match(nodes[0][2], new RegExp(`^h ${atVersion(12).stores.bank.height} · ${atVersion(12).stores.bank.size} · v12$`));
  assert.deepEqual([nodes.at(-1)[0], nodes.at(-1)[2]], ["alice", "version 12"]);
  assert.equal(await page.locator("svg.tree .node.sibling").count(), nodes.length - 1);
  assert.equal(await page.locator("svg.tree .found").count(), 1);
  await open(page, `#/stores/bank?version=12&key=${hexOf("alicf")}&tab=tree`);
  assert.equal(await page.locator("svg.tree .astray").count(), 1);
});

const verdict = (page) => page.locator(".verdict").getAttribute("data-valid");
const check1 = (page) => page.getByRole("button", { name: "Check", exact: true }).click();

check("a proof is checked to the root and the app hash, and another value or app hash fails", async (page) => {
  await open(page, `#/stores/bank?version=5&key=${hexOf("alice")}&tab=proof`);
  assert.equal(await verdict(page), "true");
  assert.match(await text(page, ".verdict"), /alice has the value 105 in bank at version 5/);
  assert.match(await text(page, ".verdict"), /@confio\/ics23 accepts it/);
  const lasts = await page.locator(".chain").evaluateAll((all) => all.map((chain) => chain.querySelector(".steps li:last-child .step-hash code").innerText));
  assert.deepEqual(lasts, [atVersion(5).stores.bank.root, atVersion(5).app_hash]);
  assert.equal(await page.locator(".end.good").count(), 2);
  await page.fill("#other", "106");
  await check1(page);
  assert.equal(await verdict(page), "false");
  assert.match(await text(page, ".verdict"), /refuses it/);
  assert.equal(await page.locator(".end.bad").count(), 2);
  assert.equal(await page.locator(".steps li:not(.differs)").count(), 0);
  await page.getByRole("button", { name: "As the server said" }).click();
  assert.equal(await verdict(page), "true");
  await page.fill("#trusted", atVersion(6).app_hash);
  await check1(page);
  assert.equal(await verdict(page), "false");
  assert.deepEqual([await page.locator(".end.good").count(), await page.locator(".end.bad").count()], [1, 1]);
});

check("absence is proven by neighbours, and not of a key that is there", async (page) => {
  for (const [key, leaves] of [["alicf", ["alice", "supply"]], ["a", ["account/0001"]], ["zebra", ["supply"]]]) {
    await open(page, `#/stores/bank?version=12&key=${hexOf(key)}&tab=proof`);
    assert.equal(await verdict(page), "true", key);
    const shown = await texts(page, ".chain summary .octets");
    assert.deepEqual(shown, leaves);
    const other = page.locator("#other");
    await other.fill(leaves[0]);
    await check1(page);
    assert.equal(await verdict(page), "false", key);
  }
});

check("a proof that was changed on its way fails", async (page) => {
  await page.route("**/proof?*", async (route) => {
    const answer = await (await route.fetch()).json();
    const at = answer.ics23.key.length - 10;
    const digit = answer.ics23.key[at] === "0" ? "1" : "0";
    answer.ics23.key = answer.ics23.key.slice(0, at) + digit + answer.ics23.key.slice(at + 1);
    await route.fulfill({ json: answer });
  });
  await open(page, `#/stores/bank?version=5&key=${hexOf("alice")}&tab=proof`);
  assert.equal(await verdict(page), "false");
});

check("a store that came later was not there before", async (page) => {
  await open(page, `#/stores/ibc?version=1`);
  assert.equal(await text(page, "#versions .caption"), "Choose a ring to see the store at that version.");
  await open(page, `#/stores/ibc?version=${IBC_SINCE - 1}`);
  assert.match(await text(page, ".error"), new RegExp(`was not there at version ${IBC_SINCE - 1}`));
  await open(page, `#/stores/ibc?version=${IBC_SINCE}&key=${hexOf(`channel/${IBC_SINCE}`)}&tab=proof`);
  assert.equal(await verdict(page), "true");
});

check("an empty store says so, and an error its code and the way out", async (page) => {
  await open(page, "#/stores/empty?version=3");
  assert.match(await text(page, ".told"), /has no keys/);
  await open(page, "#/stores/bank?version=999999");
  assert.match(await text(page, ".error"), /no_multi_version|no_version/);
  await page.locator(".error a", { hasText: "newest" }).first().click();
  await page.waitForFunction(() => document.querySelector(".facts")?.innerText.includes("Root hash"));
  await open(page, "#/stores/nope");
  assert.match(await text(page, ".error"), /no_store/);
  await open(page, "#/stores/bank?version=abc");
  assert.match(await text(page, ".error"), /"abc" is no version/);
  await open(page, "#/nothing/here");
  assert.match(await text(page, "h1"), /no such page/);
}, { mayFail: true });

check("what the server says about a failed call is shown in place, and it can be tried again", async (page) => {
  let failing = true;
  await page.route("**/keys/*/history?*", (route) => failing
    ? route.fulfill({ status: 503, json: { error: { code: "closed", message: "the store is being closed", details: {}, request_id: "r-17" } } })
    : route.continue());
  await open(page, `#/stores/bank?version=5&key=${hexOf("alice")}&tab=history`);
  assert.match(await text(page, ".detail .error"), /the store is being closed\s+closed · request r-17/);
  assert.match(await facts(page), /Root hash/);
  failing = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector(".history li");
}, { mayFail: true });

check("without a token the page asks for one, keeps it for the tab, and sends it with every call", async (page) => {
  const headers = [];
  await page.route("**/v1/**", (route) => {
    const header = route.request().headers().authorization;
    headers.push(header);
    if (header === "Bearer good") return route.continue();
    return route.fulfill({ status: 401, json: { error: { code: "unauthenticated", message: "a token is needed", details: {}, request_id: "r" } } });
  });
  await page.goto(`${ADDRESS}/#/stores/bank?version=5`);
  await page.fill("#token-field", "bad");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#token .field-error");
  await page.fill("#token-field", "good");
  await page.keyboard.press("Enter");
  await page.waitForFunction((root) => document.querySelector(".facts")?.innerText.includes(root), atVersion(5).stores.bank.root);
  await page.waitForSelector('#live[data-state="live"]');
  assert.deepEqual(await page.evaluate(() => [Object.values(sessionStorage), Object.values(localStorage)]), [["good"], []]);
  headers.length = 0;
  await page.reload();
  await page.waitForSelector(".keys li");
  assert.deepEqual([...new Set(headers)], ["Bearer good"]);
  await page.keyboard.press("?");
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.waitForSelector("#token-field");
}, { mayFail: true });

check("the page hears of a version that is saved: it follows the newest, and stays at a chosen one", async (page, context) => {
  const fixed = await context.newPage();
  await open(page, "#/stores/bank");
  await open(fixed, "#/stores/bank?version=5");
  await Promise.all([page, fixed].map((each) => each.waitForSelector('#live[data-state="live"]')));
  const { version: before } = await api("versions/latest");
  await api(`stores/bank/keys/${hexOf("live")}?encoding=hex`, { method: "PUT", body: JSON.stringify({ value: hexOf(`at ${before}`) }) });
  await api("versions", { method: "POST", body: "{}" });
  await page.waitForFunction((newest) => document.querySelector("h1").innerText.endsWith(String(newest)), before + 1);
  await page.waitForSelector(`.ring[data-version="${before + 1}"][aria-checked="true"]`);
  await fixed.waitForFunction((newest) => document.querySelector(`.ring[data-version="${newest}"]`) || document.querySelector('.steppers a[aria-label^="Version after"]'), before + 1);
  assert.match(await text(fixed, "h1"), /at version 5$/);
  const root = (await api("versions/latest")).stores.find(({ name }) => name === "bank").root_hash;
  await page.waitForFunction((hash) => document.querySelector(".facts").innerText.includes(hash), root);
});

check("a lost connection shows, and comes back by itself", async (page) => {
  let lost = true;
  await page.route("**/v1/events?*", (route) => (lost ? route.abort() : route.continue()));
  await open(page, "#/");
  await page.waitForSelector('#live[data-state="reconnecting"]');
  assert.match(await text(page, "#live"), /Reconnecting/);
  lost = false;
  await page.waitForSelector('#live[data-state="live"]');
}, { mayFail: true });

check("the activity page lists events as they come", async (page) => {
  await open(page, "#/activity?pattern=multistore.**");
  await page.waitForSelector('#live[data-state="live"]');
  // The stream with the page's own pattern may still be the one before.
  await page.waitForTimeout(300);
  const { version } = await api("versions", { method: "POST", body: "{}" });
  await page.waitForFunction((number) => document.querySelector(".events li")?.innerText.includes(`version ${number}`), version);
  assert.match(await text(page, ".events .event-topic"), /^multistore\.version\.saved$/);
});

check("the activity page hears all topics from its first moment on, unless one is chosen", async (page) => {
  const asked = [];
  page.on("request", (request) => request.url().includes("/events?") && asked.push(new URL(request.url()).searchParams.get("pattern")));
  await open(page, "#/activity");
  await page.waitForSelector('#live[data-state="live"]');
  assert.deepEqual(asked, ["**"]);
  await api("versions", { method: "POST", body: "{}" });
  await page.waitForFunction(() => [...document.querySelectorAll(".event-topic")].some((topic) => topic.innerText === "store.version.saved"));
});

check("shortcuts do what the help says, and not while one types", async (page) => {
  await open(page, `#/stores/bank?version=10&key=${hexOf("alice")}`);
  await page.keyboard.press("?");
  assert.equal(await page.locator("#help").isVisible(), true);
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#help").isVisible(), false);
  await page.keyboard.press("[");
  await page.waitForURL(/version=9\b/);
  await page.keyboard.press("]");
  await page.waitForURL(/version=10\b/);
  await page.keyboard.press("4");
  await page.waitForURL(/tab=proof/);
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const first = await theme();
  await page.keyboard.press("t");
  assert.notEqual(await theme(), first);
  await page.keyboard.press("/");
  await page.keyboard.type("t?[n");
  assert.equal(await page.inputValue("#search"), "t?[n");
  assert.match(page.url(), /version=10\b/);
  await page.locator("h1").click();
  await page.keyboard.press("n");
  await page.waitForFunction(() => !location.hash.includes("version="));
});

check("what one types stays when the page draws anew under it", async (page) => {
  await open(page, "#/stores/bank");
  await page.locator("#search").pressSequentially("acc");
  await api("versions", { method: "POST", body: "{}" });
  const { version } = await api("versions/latest");
  await page.waitForSelector(`.ring[data-version="${version}"]`);
  await settled(page);
  await page.keyboard.type("ount");
  assert.equal(await page.inputValue("#search"), "account");
});

check("light and dark follow the system until one is chosen, which lasts", async (page) => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await open(page);
  assert.equal(await theme(), "dark");
  await page.getByRole("button", { name: "Light or dark" }).click();
  assert.equal(await theme(), "light");
  await page.reload();
  assert.equal(await theme(), "light");
}, { colorScheme: "dark" });

test("the page may load nothing but its own files", async () => {
  for (const path of ["/", "/docs"]) {
    const response = await fetch(ADDRESS + path);
    const policy = response.headers.get("content-security-policy") ?? "";
    assert.match(policy, /default-src 'self'/, path);
    assert.doesNotMatch(policy, /unsafe/, path);
    assert.doesNotMatch(await response.text(), /https?:\/\/|style=|<script>/, path);
  }
});

check("the description of the API is shown whole", async (page) => {
  const spec = await api("openapi.json");
  await page.goto(`${ADDRESS}/docs`);
  await page.waitForSelector(".operation");
  const shown = await page.locator(".operation:not(.schema) summary").evaluateAll((all) => all.map((one) => `${one.querySelector(".method").innerText} ${one.querySelector(".path").innerText}`));
  const methods = ["get", "put", "post", "patch", "delete"];
  const expected = Object.entries(spec.paths).flatMap(([path, item]) => methods.filter((name) => item[name]).map((name) => `${name.toUpperCase()} ${path}`));
  assert.deepEqual(shown.sort(), expected.sort());
  for (const name of Object.keys(spec.components?.schemas ?? {})) assert.equal(await page.locator(`[id="schema-${name}"]`).count(), 1, name);
  await page.fill("#filter", "stores delete");
  assert.ok((await page.locator(".operation:visible").count()) < expected.length);
});
