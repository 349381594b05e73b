// Every page, light and dark, wide and narrow: the rules of axe-core hold, and nothing is wider than the screen.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { ADDRESS, hexOf, inPage, launch, open } from "./browser.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const alice = `key=${hexOf("alice")}`;
const PAGES = {
  overview: "#/?version=20",
  keys: "#/stores/bank?version=20",
  value: `#/stores/gov?version=20&key=${hexOf("proposal/9")}`,
  "hex value": "#/stores/index?version=20&key=ffff",
  history: `#/stores/bank?version=20&${alice}&tab=history`,
  tree: `#/stores/bank?version=20&${alice}&tab=tree`,
  proof: `#/stores/bank?version=20&${alice}&tab=proof`,
  absence: `#/stores/bank?version=20&key=${hexOf("alicf")}&tab=proof`,
  differences: "#/stores/bank/diff?version=20&from=3&to=20",
  error: "#/stores/nope",
  activity: "#/activity",
};

let browser;
before(async () => (browser = await launch()));
after(() => browser.close());

async function rules(page, name) {
  await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations: found } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return found.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", ")}`);
  });
  assert.deepEqual(violations, [], name);
}

async function fits(page, name) {
  const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(content <= screen, `${name} is ${content} wide on a screen of ${screen}`);
}

for (const colorScheme of ["light", "dark"]) {
  for (const width of [360, 1280]) {
    test(`every page is accessible and fits, ${colorScheme}, ${width} wide`, () =>
      inPage(browser, async (page) => {
        for (const [name, fragment] of Object.entries(PAGES)) {
          await open(page, fragment);
          await fits(page, name);
          await rules(page, name);
        }
        await page.keyboard.press("?");
        await rules(page, "help");
        await page.goto(`${ADDRESS}/docs`);
        await page.waitForSelector(".operation");
        await page.locator(".operation summary").first().click();
        await fits(page, "docs");
        await rules(page, "docs");
      }, { colorScheme, viewport: { width, height: 800 }, reducedMotion: "reduce", mayFail: true }));
  }
}
