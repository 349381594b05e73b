// The explorer at a server that wants tokens: what each of them lets a page see, and where the page keeps it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { hexOf, inPage, launch, settled } from "./browser.mjs";
import { Place } from "./server.mjs";

let browser;
let place;
let address;
let tokens;
let appHash;

before(async () => {
  place = new Place();
  for (const store of ["bank", "gov"]) place.run("create", place.database, store);
  const set = (store, key, value) => ({ op: "set", store, key, value });
  place.apply([set("bank", "alice", "64"), set("gov", "secret", "of gov"), { op: "save" }, set("bank", "alice", "65"), { op: "save" }]);
  appHash = place.run("app-hash", place.database).trim();
  const make = (name, ...words) => place.objects("token", "new", name, "--file", "tokens.toml", ...words)[0].token;
  tokens = { reader: make("reader", "--role", "read"), teller: make("teller", "--role", "read", "--store", "bank") };
  address = await place.serve('[access]\nmode = "tokens"\ntokens = "tokens.toml"\n');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await place.close();
});

const check = (name, run) => test(name, () => inPage(browser, run, { address, mayFail: true }));
const text = (page, selector) => page.locator(selector).first().innerText();

/** Opens a page that asks for a token, and gives it one. */
async function enter(page, token, fragment = "#/") {
  await page.goto(`${address}/${fragment}`);
  await page.fill("#token-field", token);
  await page.keyboard.press("Enter");
}

async function enterAsReader(page, fragment) {
  await enter(page, tokens.reader, fragment);
  await page.waitForSelector(".facts");
  await settled(page);
}

check("without a token the page asks for one, and says how to get one; without an answer it says that nothing can be shown", async (page) => {
  await page.goto(`${address}/#/stores/bank`);
  await page.waitForSelector("#token[open]");
  const asked = await text(page, "#token");
  assert.match(asked, /A token is needed/);
  assert.doesNotMatch(asked, /Authorization/, "people have no headers to give");
  assert.match(asked, /treering token new NAME --role read --file tokens\.toml/);
  assert.doesNotMatch(asked, /does not know that token/);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.waitForSelector("#main .error");
  assert.match(await text(page, "#main .error"), /a token is needed.*unauthenticated/s);
  assert.equal(await page.locator(".keys li, .ring").count(), 0);
  assert.equal(await page.locator(".error").count(), 1, "it is told once");
  assert.equal(await text(page, "#versions"), "The versions cannot be shown.");
  await settled(page);
  assert.equal(await page.locator("#token[open]").count(), 0, "who does not want to give one is not asked again");
  // It can be asked for again.
  await page.locator("#main .error").getByRole("button", { name: "Try again" }).first().click();
  await page.fill("#token-field", tokens.reader);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".keys li");
  await page.waitForSelector(".ring");
  await page.waitForSelector('#live[data-state="live"]');
  assert.equal(await page.locator(".error").count(), 0);
});

check("a wrong token is refused in words, and the right one lets in", async (page) => {
  await enter(page, `${tokens.reader.slice(0, -1)}${tokens.reader.endsWith("0") ? "1" : "0"}`);
  await page.waitForSelector("#token .field-error");
  assert.match(await text(page, "#token .field-error"), /The server does not know that token/);
  assert.equal(await page.inputValue("#token-field"), "");
  await page.fill("#token-field", `  ${tokens.reader}\n`);
  await page.keyboard.press("Enter");
  await page.waitForFunction((hash) => document.querySelector(".facts")?.innerText.includes(hash), appHash);
  assert.equal(await page.locator("#token[open]").count(), 0);
});

check("a token for reading shows everything, live, and changes nothing", async (page) => {
  await enterAsReader(page);
  assert.deepEqual(await page.locator("table.stores tbody th").allInnerTexts(), ["bank", "gov"]);
  await page.waitForSelector('#live[data-state="live"]');
  await page.evaluate((key) => (location.hash = `#/stores/bank?key=${key}&tab=proof`), hexOf("alice"));
  await page.waitForSelector('.verdict[data-valid="true"]');
  const refusals = await page.evaluate(async () => {
    const authorization = `Bearer ${Object.values(sessionStorage)[0]}`;
    const headers = { authorization, "content-type": "application/json" };
    const ask = async (method, path, body) => {
      const answer = await fetch(path, { method, headers, body });
      return [answer.status, (await answer.json()).error?.code];
    };
    return [
      await ask("PUT", "v1/stores/bank/keys/00", '{"value":"00"}'), await ask("DELETE", "v1/stores/bank/keys/616c696365"), await ask("POST", "v1/versions"),
      await ask("POST", "v1/stores", '{"name":"mine"}'), await ask("POST", "v1/rollback", '{"version":1}'), await ask("POST", "v1/operations/batch.apply", '{"operations":[{"op":"set","store":"bank","key":"00","value":"00"}]}'),
    ];
  });
  assert.deepEqual(refusals, refusals.map(() => [403, "denied"]));
  assert.equal(place.objects("app-hash", place.database)[0].app_hash, appHash);
});

check("a token for one store shows that one, and says that it is not for the others", async (page) => {
  await enter(page, tokens.teller);
  await page.waitForSelector(".facts");
  await settled(page);
  assert.deepEqual(await page.locator("table.stores tbody th").allInnerTexts(), ["bank"]);
  assert.match(await text(page, ".facts"), new RegExp(appHash));
  assert.match(await text(page, "#main"), /Stores that your token is not for are not shown/);
  await page.evaluate((key) => (location.hash = `#/stores/bank?key=${key}&tab=proof`), hexOf("alice"));
  await page.waitForSelector('.verdict[data-valid="true"]');
  // Events tell of all stores, so it does not get them, and the page says so.
  await page.waitForSelector('#live[data-state="refused"]');
  assert.match(await page.locator("#live").getAttribute("title"), /does not let this page hear of changes/);
  for (const fragment of ["#/stores/gov", `#/stores/gov?key=${hexOf("secret")}`, "#/stores/gov?version=1", "#/stores/gov/diff?from=1&to=2"]) {
    await page.evaluate((hash) => (location.hash = hash), fragment);
    await page.waitForFunction(() => /gov/.test(document.querySelector("#main .error")?.innerText));
    assert.match(await text(page, "#main .error"), /There is no store "gov", or your token is not for it\..*no_store/s, fragment);
  }
  assert.doesNotMatch(await page.content(), /of gov/);
});

check("the token is kept for the tab only: not in the address, not for other tabs, not on the disk, not in the page", async (page, context) => {
  const seen = [];
  await page.route("**/*", (route) => {
    const request = route.request();
    seen.push({ url: request.url(), header: request.headers().authorization, body: request.postData() });
    return route.continue();
  });
  await enterAsReader(page, "#/stores/bank");
  await page.waitForSelector('#live[data-state="live"]');
  for (const fragment of ["#/", "#/stores/bank/diff?from=1&to=2", "#/activity", `#/stores/bank?key=${hexOf("alice")}&tab=proof`]) {
    await page.evaluate((hash) => (location.hash = hash), fragment);
    await settled(page);
    assert.ok(!page.url().includes(tokens.reader) && !(await page.content()).includes(tokens.reader), fragment);
  }
  const kept = await page.evaluate(() => [Object.values(sessionStorage), Object.values(localStorage), document.cookie]);
  assert.deepEqual([kept[0], kept[2]], [[tokens.reader], ""]);
  assert.ok(!kept[1].some((value) => value.includes(tokens.reader)), "localStorage has the token");
  assert.equal(await page.evaluate(async () => (await indexedDB.databases()).length), 0);
  assert.deepEqual(await context.cookies(), []);
  assert.ok(seen.every(({ url, body }) => !url.includes(tokens.reader) && !body?.includes(tokens.reader)), "a request has the token elsewhere than in its header");
  // Files of the page are for everyone: they are loaded without it.
  for (const { url, header } of seen) assert.ok(header === undefined || (header === `Bearer ${tokens.reader}` && url.startsWith(`${address}/v1/`)), `${url} ${header}`);
  assert.ok(seen.some(({ header }) => header));

  const other = await context.newPage();
  await other.goto(`${address}/#/`);
  await other.waitForSelector("#token[open]");
  await page.reload();
  await page.waitForSelector(".facts");
  assert.equal(await page.locator("#token[open]").count(), 0);
  await page.keyboard.press("?");
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.waitForSelector("#token[open]");
  assert.deepEqual(await page.evaluate(() => Object.values(sessionStorage)), []);
  assert.equal(await page.locator(".facts").count(), 0);
});

check("the reference of the API can be read without a token", async (page) => {
  await page.goto(`${address}/docs`);
  await page.waitForSelector(".operation");
  assert.equal(await page.locator("#token[open]").count(), 0);
});
