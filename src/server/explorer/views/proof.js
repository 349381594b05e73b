// A proof of a key, checked in the browser and shown step by step. Another value can be tried: it must fail.
import { address, get } from "../api.js";
import { fromHex, parse, show, toHex } from "../bytes.js";
import { storeIn } from "../data.js";
import { h, replace } from "../dom.js";
import { copyButton, count, hash, octets, plural } from "../format.js";
import { notation } from "../preferences.js";
import { checkProof } from "../verify.js";
import { notationSwitch } from "./notation.js";
import { ownNote } from "./own.js";

const PARTS = {
  prefix: "prefix",
  suffix: "suffix",
  child: "hash of the step before",
  key: "key, with its length",
  value: "hash of the value, with its length",
};

/** The bytes that a step hashes, part by part. */
function strip(parts) {
  const filled = parts.filter(({ bytes }) => bytes.length);
  return h("div", { class: "strip" }, filled.map(({ role, bytes }) => h("code", { class: `part ${role}`, title: PARTS[role] }, h("span", { class: "away" }, `${PARTS[role]}: `), toHex(bytes))));
}

function stepTitle(step, at, tree) {
  if (step.kind === "leaf") return tree === "iavl" ? `The leaf, set at version ${count(step.version)}` : "The leaf of the store, in the tree of stores";
  const side = `the hash before goes ${step.side}`;
  if (tree === "simple") return `Node ${at} of the tree of stores: ${side}`;
  return `Inner node of height ${step.height} over ${plural(step.size, "key")}, made at version ${count(step.version)}: ${side}`;
}

function stepItem(step, at, tree, usual) {
  const same = !usual || toHex(usual.hash) === toHex(step.hash);
  return h("li", { class: same ? null : "differs" },
    h("p", { class: "step-title" }, stepTitle(step, at, tree)),
    strip(step.parts),
    h("p", { class: "step-hash" }, h("span", { class: "muted" }, "sha256 = "), h("code", {}, toHex(step.hash)), same ? null : h("span", { class: "badge removed" }, "another hash")));
}

function end(reached, wanted, what) {
  const same = toHex(reached) === wanted;
  return h("p", { class: `end ${same ? "good" : "bad"}` }, same ? `✓ This is the ${what}.` : [`✗ This is not the ${what}, which is `, h("code", {}, wanted)]);
}

/** The steps of one way to a root, in a part that can be closed. */
function chain({ title, steps, usual, tree, wanted, what, open }) {
  return h("details", { class: "chain", open },
    h("summary", {}, title, h("span", { class: "muted" }, ` · ${plural(steps.length, "step")}`)),
    h("ol", { class: "steps" }, steps.map((step, at) => stepItem(step, at, tree, usual?.[at]))),
    steps.length ? end(steps.at(-1).hash, wanted, what) : null);
}

const word = (good, yes, no) => h("span", { class: good ? "good" : "bad" }, good ? `✓ ${yes}` : `✗ ${no}`);

function verdict(answer, result, claim) {
  const { valid, reason, first, second } = result;
  const about = claim.value === null
    ? ["that ", octets(toHex(claim.key)), " is not in ", answer.store]
    : ["that ", octets(toHex(claim.key)), " has the value ", octets(toHex(claim.value), { limit: 60 }), " in ", answer.store];
  const agreed = first.package && (second?.package ?? true);
  return h("div", { class: `verdict ${valid ? "good" : "bad"}`, role: "status", "data-valid": valid ? "true" : "false" },
    h("p", { class: "verdict-word" }, valid ? "✓ Valid. The proof shows " : "✗ Failed. The proof does not show ", about, ` at version ${count(answer.version)}.`),
    valid ? null : h("p", {}, reason),
    h("p", { class: "verdict-who" }, "Checked here, in your browser: ", word(agreed, "@confio/ics23 accepts it", "@confio/ics23 refuses it"), " · ",
      word(valid, "every step recomputed", "the steps recomputed do not show it")));
}

function absenceChains(answer, result, claim, wanted) {
  const { left, right } = result.message.nonexist ?? {};
  const both = left && right;
  const side = (name, leaf, steps) =>
    leaf && chain({ title: [`The ${name} neighbour, `, octets(toHex(leaf.key))], steps, tree: "iavl", wanted, what: `root hash of ${answer.store}`, open: false });
  const says = both
    ? ["No key lies between ", octets(toHex(left.key)), " and ", octets(toHex(right.key)), ": their ways to the root part once and then run side by side. ", octets(toHex(claim.key)), " would lie between them."]
    : left ? ["The last key of the store is ", octets(toHex(left.key)), ", and ", octets(toHex(claim.key)), " would come after it."]
    : ["The first key of the store is ", octets(toHex(right.key)), ", and ", octets(toHex(claim.key)), " would come before it."];
  return [h("p", {}, says), side("left", left, result.first.left), side("right", right, result.first.right)];
}

function chains(answer, result, usual, claim) {
  const root = toHex(claim.root);
  const first = claim.value === null
    ? absenceChains(answer, result, claim, root)
    : chain({ title: "From the key to the root of the store", steps: result.first.steps, usual: usual.first.steps, tree: "iavl", wanted: root, what: `root hash of ${answer.store}`, open: true });
  const second = result.second && chain({ title: "From the store to the app hash", steps: result.second.steps, usual: usual.second?.steps, tree: "simple", wanted: toHex(claim.appHash), what: "app hash", open: true });
  return [first, second ?? h("p", { class: "muted" }, "The answer has no second step to an app hash.")];
}

function legend() {
  return h("p", { class: "strip-legend" }, Object.entries(PARTS).map(([role, text]) => h("span", { class: `part ${role}` }, text)));
}

/** The fields with which other things can be tried. `onTry` gets { other, appHash }, hex or null for what the server said. */
function trial(answer, onTry) {
  const absent = !answer.found;
  const what = absent ? "key" : "value";
  const problem = h("p", { class: "field-error", role: "alert" });
  const shown = () => show((absent ? answer.key : answer.value) ?? "", notation());
  const isHex = shown().kind === "hex";
  const field = h("input", { id: "other", autocomplete: "off", spellcheck: "false", value: isHex ? shown().text.replace(/^0x|^\(empty\)$/, "") : shown().text, "data-focus": "other" });
  const hashField = h("input", { id: "trusted", autocomplete: "off", spellcheck: "false", value: answer.app_hash ?? "", "data-focus": "trusted" });
  const onsubmit = (event) => {
    event.preventDefault();
    const { hex, error } = parse(field.value, isHex ? "hex" : "text");
    const appHash = fromHex(hashField.value);
    problem.textContent = error ?? (appHash?.length === 32 || !answer.app_hash ? "" : "An app hash is 64 hex digits.");
    if (!problem.textContent) onTry({ other: hex, appHash });
  };
  const onreset = () => {
    field.value = isHex ? shown().text.replace(/^0x|^\(empty\)$/, "") : shown().text;
    hashField.value = answer.app_hash ?? "";
    problem.textContent = "";
    onTry(null);
  };
  const reset = h("button", { type: "button", class: "quiet", onclick: onreset }, "As the server said");
  return h("form", { class: "trial", onsubmit },
    h("label", { for: "other" }, `Try another ${what}`, isHex ? " (hex)" : ""), field,
    answer.app_hash ? [h("label", { for: "trusted" }, "App hash that you trust"), hashField] : null,
    h("div", { class: "search-row" }, h("button", { type: "submit" }, "Check"), reset), problem);
}

const claimOf = (answer) => ({
  key: fromHex(answer.key),
  value: answer.found ? fromHex(answer.value) : null,
  root: fromHex(answer.root_hash),
  appHash: fromHex(answer.app_hash ?? ""),
});

/** Offers a proof's bytes as a file. */
function download(hex, name) {
  const onclick = () => {
    const url = URL.createObjectURL(new Blob([fromHex(hex)], { type: "application/octet-stream" }));
    h("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return h("button", { type: "button", class: "quiet", onclick }, `${name} (${plural(hex.length / 2, "byte")})`);
}

function files({ ics23 }) {
  return h("div", { class: "files" }, h("span", { class: "muted" }, "ICS-23 bytes: "), download(ics23.key, "key.ics23"), ics23.store ? download(ics23.store, "store.ics23") : null);
}

/** What to say where ICS-23 has no form for the proof: of an empty tree, an empty value, or another hash function. */
function withoutIcs23(answer, href) {
  return h("p", { class: "absent" }, "There is nothing to check here: ", answer.ics23_missing ?? "ICS-23 has no form for this proof", ". The server's own form has a proof: ", h("a", { href }, "see it"), ", and check it with treering verify.");
}

export async function proofView(route, context, signal, redraw) {
  const { place, store } = context;
  if (!storeIn(place.entry, route.store)) return h("p", { class: "muted" }, "Proofs are against versions of all stores, and none has this store yet. POST /v1/versions saves one.");
  const path = ["stores", store.name, "keys", route.key, "proof"];
  const query = { version: place.number, encoding: "hex" };
  const answer = await get(path, query, signal);
  if (!answer.ics23?.key) return withoutIcs23(answer, address(path, query).href);
  const honest = claimOf(answer);
  const usual = checkProof(answer, honest);
  const shown = h("div", { class: "proof-result" });
  const draw = (claim, result) => replace(shown, verdict(answer, result, claim), legend(), chains(answer, result, usual, claim));
  const onTry = (tried) => {
    if (tried === null) return draw(honest, usual);
    const other = fromHex(tried.other);
    const claim = { ...honest, ...(answer.found ? { value: other } : { key: other }), appHash: tried.appHash ?? honest.appHash };
    draw(claim, checkProof(answer, claim));
  };
  draw(honest, usual);
  const line = `curl '${address(path, query).href}'`;
  return [
    h("div", { class: "proof-tools" }, trial(answer, onTry), notationSwitch(redraw)),
    shown,
    ownNote(context),
    h("h3", {}, "The proof itself"),
    files(answer),
    h("p", { class: "curl" }, h("code", {}, line), copyButton(line, "the command")),
    h("p", { class: "muted" }, "Root hash of ", answer.store, ": ", hash(answer.root_hash, "the root hash")),
    answer.app_hash ? h("p", { class: "muted" }, "App hash: ", hash(answer.app_hash, "the app hash")) : null,
  ];
}
