// The page: what its address says is shown, and kept up to date.
import { onTokenNeeded } from "./api.js";
import * as data from "./data.js";
import { askForToken, shortcutsAreOn, showHelp } from "./dialogs.js";
import { announce, h, replace } from "./dom.js";
import { Live } from "./live.js";
import { fillPanel } from "./panel.js";
import { notation, prefer } from "./preferences.js";
import { change, current, format, go } from "./router.js";
import { activityView, remember } from "./views/activity.js";
import { diffView } from "./views/diff.js";
import { keyView } from "./views/key.js";
import { keysView, listOf, markKey } from "./views/keys.js";
import { overviewView } from "./views/overview.js";
import { ringsView } from "./views/rings.js";
import { storeAt, storeHead } from "./views/store.js";

/** What the page needs to know of, wherever it is. */
const PATTERN = "multistore.**";

const main = document.getElementById("main");
const versions = document.getElementById("versions");
const live = { button: document.getElementById("live"), stream: null };
let shown = { page: null };
let activity = null;

const titleOf = (route) => {
  const parts = { overview: [], activity: ["activity"], store: [route.store], diff: [route.store, "differences"], unknown: ["not found"] };
  return [...parts[route.page], route.version ? `version ${route.version}` : null, "treering"].filter(Boolean).join(" · ");
};

function drawTop(route) {
  const at = { version: route.version };
  const link = (page, text, here) => h("li", {}, h("a", { href: format({ page, ...at }), "aria-current": here ? "page" : null, "data-focus": `page ${page}` }, text));
  replace(document.getElementById("pages"),
    link("overview", "Stores", route.page === "overview"),
    link("activity", "Activity", route.page === "activity"),
    h("li", {}, h("a", { href: new URL("../docs", import.meta.url).href, "data-focus": "docs" }, "API")));
}

/** The panels of a store's page: the list of keys stays when another key is chosen. */
function storeFrame() {
  const frame = { head: h("div", { class: "head" }), list: h("section", { class: "list", "aria-label": "Keys" }), detail: h("section", { class: "detail", "aria-label": "The key" }) };
  frame.columns = h("div", { class: "columns" }, frame.list, frame.detail);
  return frame;
}

function drawStore(route) {
  if (shown.page !== "store" || shown.store !== route.store || !shown.frame) {
    const frame = storeFrame();
    replace(main, frame.head, frame.columns);
    shown.frame = frame;
  }
  const { frame } = shown;
  frame.columns.classList.toggle("has-key", route.key !== undefined);
  const context = storeAt(route);
  fillPanel(frame.head, async () => storeHead(route, await context), { title: route.store, retry: show });
  // Where the store itself cannot be shown, its head says why; the same again below would say nothing more.
  const quiet = async (view) => {
    const known = await context.catch(() => null);
    if (!known) delete frame.list.dataset.shows;
    return known && view(known);
  };
  const list = listOf(route);
  if (frame.list.dataset.shows === list) markKey(frame.list, route);
  else fillPanel(frame.list, (signal) => quiet((known) => keysView(route, known, signal, show)));
  frame.list.dataset.shows = list;
  if (route.key === undefined) return replace(frame.detail);
  return fillPanel(frame.detail, (signal) => quiet((known) => keyView(route, known, signal, show)));
}

function drawDiff(route) {
  if (shown.page !== "diff" || shown.store !== route.store || !shown.diff) {
    const [head, body] = [h("div", { class: "head" }), h("section", { class: "list", "aria-label": "Differences" })];
    replace(main, head, body);
    shown.diff = { head, body };
  }
  const context = storeAt(route);
  fillPanel(shown.diff.head, async () => storeHead(route, await context), { title: route.store, retry: show });
  fillPanel(shown.diff.body, async (signal) => {
    const known = await context.catch(() => null);
    return known && diffView(route, known, signal, show);
  });
}

function drawActivity(route) {
  const view = activityView(route);
  activity = view;
  replace(main, view.content);
}

const unknown = () => [h("h1", {}, "There is no such page"), h("p", {}, "The address names nothing that can be shown. ", h("a", { href: "#/" }, "See all stores"))];

const PAGES = {
  overview: (route) => fillPanel(main, () => overviewView(route), { title: "All stores", retry: show }),
  store: drawStore,
  diff: drawDiff,
  activity: drawActivity,
  unknown: () => replace(main, unknown()),
};

/** The pages that need the versions, too: they tell why these cannot be read, which is not told twice. */
const NEEDS_VERSIONS = ["overview", "store", "diff"];

/** The topics to listen to. */
const patternOf = (route) => (route.page === "activity" ? route.pattern ?? "**" : PATTERN);

/** Draws what the address says. */
function show() {
  const route = current();
  activity = null;
  document.title = titleOf(route);
  drawTop(route);
  // A panel that still loads something for another page must not draw over this one.
  if (shown.page !== route.page || shown.store !== route.store) {
    main.loading?.abort();
    main.removeAttribute("aria-busy");
  }
  const keep = shown.page === route.page && shown.store === route.store ? { frame: shown.frame, diff: shown.diff } : {};
  const moved = shown.page !== null && (shown.page !== route.page || shown.store !== route.store);
  shown = { ...keep, page: shown.page, store: shown.store };
  PAGES[route.page](route);
  Object.assign(shown, { page: route.page, store: route.store });
  versions.classList.toggle("of-store", route.store !== undefined);
  fillPanel(versions, (signal) => ringsView(route, signal, show), { retry: show, instead: NEEDS_VERSIONS.includes(route.page) ? "The versions cannot be shown." : null });
  live.stream?.listen(patternOf(route));
  if (moved) {
    scrollTo(0, 0);
    announce(document.title);
  }
}

const STATES = {
  connecting: ["Connecting", "The page connects to hear of changes"],
  live: ["Live", "The page hears of changes as they happen"],
  reconnecting: ["Reconnecting", "The connection was lost; what is shown may be old. Press to try at once"],
  refused: ["Not live", "The server does not let this page hear of changes. Press to try again"],
};

function drawLive(state, error) {
  const [text, title] = STATES[state];
  live.button.dataset.state = state;
  live.button.title = error ? `${title}: ${error.message}` : title;
  replace(live.button, h("span", { class: "dot", "aria-hidden": "true" }), h("span", { class: "live-word" }, text));
}

/** Something was saved, pruned or rolled back: a moment later, so that many at once are one. */
let refreshing;
function refreshSoon() {
  clearTimeout(refreshing);
  refreshing = setTimeout(() => {
    data.forget();
    show();
  }, 150);
}

function onEvent({ detail }) {
  remember(detail);
  activity?.update();
  if (detail.event === "missed" || detail.event.startsWith("multistore.version.") || /^store\.(created|deleted|renamed)$/.test(detail.event)) refreshSoon();
}

function listen() {
  const stream = new Live(patternOf(current()));
  let wasLost = false;
  stream.addEventListener("state", ({ detail }) => {
    drawLive(detail.state, detail.error);
    // What happened while the connection was away is not told again.
    if (detail.state === "live" && wasLost) refreshSoon();
    wasLost = detail.state !== "live";
  });
  stream.addEventListener("event", onEvent);
  live.stream = stream;
  live.button.addEventListener("click", () => stream.reconnect());
  drawLive("connecting");
}

function switchTheme() {
  const dark = document.documentElement.dataset.theme === "dark";
  prefer("theme", dark ? "light" : "dark");
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  announce(dark ? "Light" : "Dark");
}

/** Goes to the version kept "before" or "after" the one that the page is at. */
async function step(side) {
  const { number } = await data.place(current());
  const target = number === null ? null : (await data.neighbours(number))[side];
  if (target !== null) change({ version: target, after: null, before: null });
}

const help = () => showHelp(() => location.reload());
const tab = (name) => () => current().key !== undefined && change({ tab: name });

const KEYS = {
  "?": help,
  "/": () => document.getElementById("search")?.focus(),
  "[": () => step("before"),
  "]": () => step("after"),
  n: () => change({ version: null, after: null, before: null }),
  o: () => go({ page: "overview", version: current().version }),
  a: () => go({ page: "activity", version: current().version }),
  t: switchTheme,
  x: () => {
    prefer("notation", notation() === "text" ? "hex" : "text");
    show();
  },
  1: tab(null),
  2: tab("history"),
  3: tab("tree"),
  4: tab("proof"),
};

function onKey(event) {
  const field = event.target.closest?.("input, textarea, select, dialog, [contenteditable]");
  // What a dialog held stays the target for a moment after it was closed.
  const isTyping = field && field.getClientRects().length > 0;
  if (isTyping || event.altKey || event.ctrlKey || event.metaKey || !shortcutsAreOn() || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
}

onTokenNeeded(async (wasRefused) => {
  const token = await askForToken(wasRefused);
  // The stream of events does not try again by itself when it was refused. It shall do so with the new token.
  if (token !== null && live.stream?.state === "refused") setTimeout(() => live.stream.reconnect());
  return token;
});
document.getElementById("theme").addEventListener("click", switchTheme);
document.getElementById("help-button").addEventListener("click", help);
document.getElementById("skip").addEventListener("click", () => main.focus());
addEventListener("keydown", onKey);
addEventListener("hashchange", show);
show();
listen();
