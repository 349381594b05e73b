// One key: its value, its history, the tree around it, its proof.
import { get } from "../api.js";
import { fromHex, hexDump, toPrettyJson, toPrintable } from "../bytes.js";
import { h } from "../dom.js";
import { bytes, copyButton, octets } from "../format.js";
import { changed } from "../router.js";
import { historyView } from "./history.js";
import { nameOwn } from "./own.js";
import { proofView } from "./proof.js";
import { treeView } from "./tree.js";

const TABS = [["value", "Value"], ["history", "History"], ["tree", "Tree"], ["proof", "Proof"]];
/** So much of a value is shown at first. */
const SHOWN = 8192;

/** The forms in which a value can be read, the best one first. */
function forms(value) {
  const json = toPrettyJson(value);
  const text = toPrintable(value, { lines: true });
  return [
    json === null ? null : ["JSON", () => json],
    text === null ? null : ["Text", () => text],
    ["Hex", (limit) => hexDump(value.subarray(0, limit / 4))],
  ].filter(Boolean);
}

/** A value with the forms to choose from. */
export function valueBox(hex) {
  const value = fromHex(hex);
  if (!value.length) return h("p", { class: "muted" }, "The value is empty: no bytes.");
  const choices = forms(value);
  const box = h("pre", { class: "value", tabindex: 0, "aria-label": "Value" });
  const more = h("button", { type: "button", hidden: true }, "Show all");
  const pick = (at, limit) => {
    const [name, form] = choices[at];
    const text = form(limit);
    const whole = text.length <= limit && (name !== "Hex" || value.length <= limit / 4);
    box.textContent = text.length <= limit ? text : text.slice(0, limit);
    box.dataset.form = name;
    more.hidden = whole;
    more.onclick = () => pick(at, Infinity);
    for (const [index, button] of buttons.entries()) button.setAttribute("aria-pressed", index === at ? "true" : "false");
  };
  const buttons = choices.map(([name], at) => h("button", { type: "button", onclick: () => pick(at, SHOWN) }, name));
  pick(0, SHOWN);
  return [
    h("div", { class: "value-head" },
      h("div", { class: "switch", role: "group", "aria-label": "Form of the value" }, buttons),
      h("span", { class: "muted" }, bytes(value.length)), copyButton(hex, "the value as hex")),
    box, more];
}

async function valueView(route, context, signal) {
  const { store, version } = context;
  const answer = version === null ? { found: false } : await get(["stores", store.name, "keys", route.key], { version, encoding: "hex" }, signal);
  if (!answer.found) {
    return h("p", { class: "absent" }, "The key is not there at this version. ", h("a", { href: changed({ tab: "proof" }) }, "Prove it"), ", or look at ", h("a", { href: changed({ tab: "history" }) }, "its history"), ".");
  }
  const since = answer.set_at ?? null;
  if (since === null) return valueBox(answer.value);
  const { elements } = await nameOwn(route, context, since);
  return [valueBox(answer.value), h("p", { class: "muted set-at" }, "Set at ", elements, ".")];
}

const VIEWS = { value: valueView, history: historyView, tree: treeView, proof: proofView };

/** The key's name and its tabs; `body` is what the chosen one shows. */
export async function keyView(route, context, signal, redraw) {
  const chosen = route.tab in VIEWS ? route.tab : "value";
  const tab = ([name, text]) => h("a", { href: changed({ tab: name === "value" ? null : name }), "aria-current": name === chosen ? "page" : null, "data-focus": `tab ${name}` }, text);
  if (fromHex(route.key) === null) throw Object.assign(new Error(`"${route.key}" is no key in hex.`), { code: "invalid_input", status: 400, details: {} });
  const body = await VIEWS[chosen](route, context, signal, redraw);
  return [
    h("div", { class: "key-head" },
      h("h2", {}, h("span", { class: "away" }, "Key "), octets(route.key)),
      copyButton(route.key, "the key as hex"),
      h("a", { class: "close", href: changed({ key: null, tab: null }), "data-focus": "close" }, "All keys")),
    h("nav", { class: "tabs", "aria-label": "About the key" }, TABS.map(tab)),
    h("div", { class: `key-body ${chosen}` }, body),
  ];
}
