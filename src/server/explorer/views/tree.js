// The way from the root of the tree to a key, drawn: the nodes on it one below the other, and what hangs beside them.
import { get } from "../api.js";
import { show } from "../bytes.js";
import { h, s } from "../dom.js";
import { count, hash, octets, plural, shortHash } from "../format.js";
import { notation } from "../preferences.js";
import { ownNote } from "./own.js";

const BOX = { width: 112, height: 58 };
const GAP = { x: 8, y: 34 };
const WIDTH = 3 * BOX.width + 2 * GAP.x + 4;
const CENTRE = WIDTH / 2;
/** So many letters of a key fit into a box. */
const LETTERS = 15;

const shortKey = (key) => {
  const { text } = show(key, notation());
  return text.length > LETTERS ? `${text.slice(0, LETTERS - 1)}…` : text;
};

const isLeaf = (node) => node.height === 0;

function told(node, role) {
  const { text } = show(node.key, notation());
  const what = isLeaf(node) ? `leaf with key ${text}` : `inner node of height ${node.height} over ${plural(node.size, "key")}, keys from ${text} on are at its right`;
  return `${role}: ${what}, set at version ${node.version}, hash ${shortHash(node.hash)}`;
}

/** A node's box. The words in it are for the eye; `told` says the same to screen readers. */
function box(node, x, y, role, kind) {
  const line = (text, at, name) => s("text", { x: x + BOX.width / 2, y: y + at, class: name }, text);
  return s("g", { class: `node ${kind}${isLeaf(node) ? " leaf" : ""}`, role: "img", "aria-label": told(node, role) },
    s("title", {}, `${told(node, role)}\n${node.hash}`),
    s("rect", { x, y, width: BOX.width, height: BOX.height, rx: isLeaf(node) ? BOX.height / 2 : 6 }),
    line(isLeaf(node) ? shortKey(node.key) : `≥ ${shortKey(node.key)}`, 17, "node-key"),
    line(`#${shortHash(node.hash)}`, 33, "node-hash"),
    line(isLeaf(node) ? `version ${node.version}` : `h ${node.height} · ${count(node.size)} · v${node.version}`, 48, "node-facts"));
}

/** The line from a node to one below it. */
function edge(fromY, toX, toY, kind) {
  const middle = (fromY + toY) / 2;
  return s("path", { class: `edge ${kind}`, d: `M${CENTRE} ${fromY}C${CENTRE} ${middle} ${toX} ${middle} ${toX} ${toY}` });
}

function drawing(path, siblings, isFound) {
  const rowHeight = BOX.height + GAP.y;
  const edges = [];
  const boxes = [];
  path.forEach((node, at) => {
    const y = 2 + at * rowHeight;
    const end = at === path.length - 1;
    if (at > 0) {
      const sibling = siblings[at - 1];
      const above = y - GAP.y;
      edges.push(edge(above, CENTRE, y, "way"));
      if (sibling) {
        const x = sibling.side === "left" ? 2 : WIDTH - 2 - BOX.width;
        edges.push(edge(above, x + BOX.width / 2, y, "aside"));
        boxes.push(box(sibling, x, y, `Beside it, at the ${sibling.side}`, "sibling"));
      }
    }
    const role = at === 0 ? "Root" : `Step ${at}, to the ${node.side}`;
    boxes.push(box(node, CENTRE - BOX.width / 2, y, role, end ? (isFound ? "way found" : "way astray") : "way"));
  });
  const height = path.length * rowHeight - GAP.y + 4;
  return s("svg", { class: "tree", viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": "The way from the root to the key" }, edges, boxes);
}

export async function treeView(route, context, signal) {
  const { store, version } = context;
  const nothing = h("p", { class: "muted" }, "The store has no keys at this version, so there is no tree.");
  if (version === null) return nothing;
  const answer = await get(["stores", store.name, "keys", route.key, "path"], { version, encoding: "hex" }, signal);
  if (!answer.leaf) return nothing;
  const way = [...answer.path, answer.leaf];
  const steps = answer.path.length;
  const found = answer.found
    ? `From the root it is ${plural(steps, "step")} to the key. Of what hangs beside the way a proof needs only the hashes.`
    : ["The key is not in the tree. The search for it ends at the leaf ", octets(answer.leaf.key), ", where the key would be a neighbour."];
  return [
    h("p", { class: "muted" }, found),
    drawing(way, answer.siblings, answer.found),
    h("dl", { class: "legend" },
      h("div", {}, h("dt", {}, "≥ key"), h("dd", {}, "keys from this one on are at the right")),
      h("div", {}, h("dt", {}, "#…"), h("dd", {}, "start of the node's hash")),
      h("div", {}, h("dt", {}, "h · n · v"), h("dd", {}, "height, keys below, version that made the node"))),
    ownNote(context),
    h("p", { class: "muted" }, "Root hash ", hash(answer.root_hash, "the root hash")),
  ];
}
