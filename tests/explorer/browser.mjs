// What the tests in a browser share: the server's address, what the data set must give, and pages that watch themselves.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

/** A variable of the environment, without which the tests cannot run. */
export function needed(name, meaning) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: ${meaning}; see tests/explorer/README.md`);
  return value;
}

/** The server's address, without a slash at the end. */
export const ADDRESS = needed("EXPLORER_URL", "the address of a server of the data set").replace(/\/$/, "");
/** Every version of the data set as `treering versions --json` told it. */
export const EXPECTED = JSON.parse(readFileSync(needed("EXPLORER_EXPECTED", "the file expected.json of the data set"), "utf8"));
export const atVersion = (version) => EXPECTED.find((entry) => entry.version === version);

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });

/**
 * Runs a test in a page of its own. The page may report no error, break no rule of its Content-Security-Policy and ask no other server
 * for anything; failed requests are fine only where `mayFail` says so.
 */
export async function inPage(browser, run, { mayFail = false, address = ADDRESS, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("console", (message) => {
    const isFailedRequest = /Failed to load resource/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !(mayFail && isFailedRequest)) wrong.push(`${message.type()}: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!/^(blob|data|about):/.test(request.url()) && new URL(request.url()).origin !== new URL(address).origin) wrong.push(`asked ${request.url()}`);
  });
  try {
    await run(page, context);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

/** Goes to a place of the explorer and waits until nothing of it is being loaded. */
export async function open(page, fragment = "#/", address = ADDRESS) {
  if (page.url().startsWith(address)) {
    // Only the part after the # may differ, and then there is no new document.
    await page.goto("about:blank");
  }
  await page.goto(`${address}/${fragment}`);
  await settled(page);
}

export async function settled(page) {
  await page.waitForFunction(() => {
    const main = document.getElementById("main");
    return main?.childElementCount > 0 && !document.querySelector("[aria-busy=true]");
  });
}

export const hexOf = (text) => Buffer.from(text, "utf8").toString("hex");

/** The JSON of the API. */
export async function api(path, options) {
  const response = await fetch(`${ADDRESS}/v1/${path}`, { ...options, headers: { "content-type": "application/json" } });
  assert.ok(response.ok, `${path}: ${response.status} ${await response.clone().text()}`);
  return response.json();
}
