// Checks proofs in the browser, twice: with the package @confio/ics23, and step by step, so that every hash can be looked at. A proof is
// valid only when both say so, and when every step has the shape that IAVL gives it: an inner node's bytes may hold its child on one side
// only, heights grow from leaf to root, and neighbours in a proof of absence leave no room between them.
import { ics23, iavlSpec, sha256, tendermintSpec, verifyMembership, verifyNonMembership } from "./vendor/ics23.js";
import { compare, concat, equal, fromHex, fromText, toHex } from "./bytes.js";

const HASH_LENGTH = 32;

/** The ICS-23 message that hex digits encode. */
export function decode(hex) {
  const bytes = fromHex(hex ?? "");
  if (!bytes?.length) throw new Error("The answer holds no ICS-23 proof.");
  const message = ics23.CommitmentProof.decode(bytes);
  if (!message.exist && !message.nonexist) throw new Error("The ICS-23 proof is neither of existence nor of absence.");
  return message;
}

/** An unsigned number in LEB128, as protobuf writes lengths. */
function length(number) {
  const bytes = [];
  let rest = number;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Uint8Array.from([...bytes, rest]);
}

/** A signed number in zigzag LEB128, as Go writes heights, sizes and versions: { number, next }. */
function zigzag(bytes, at) {
  let number = 0n;
  for (let shift = 0n, next = at; next < bytes.length && shift < 70n; shift += 7n) {
    const byte = bytes[next++];
    number |= BigInt(byte & 127) << shift;
    if (byte < 128) return { number: Number((number >> 1n) ^ -(number & 1n)), next };
  }
  throw new Error("A step's prefix ends in the middle of a number.");
}

/** Height, size and version at the start of an IAVL node's bytes. */
function numbersOf(prefix) {
  const height = zigzag(prefix, 0);
  const size = zigzag(prefix, height.next);
  const version = zigzag(prefix, size.next);
  return { height: height.number, size: size.number, version: version.number, next: version.next };
}

function iavlLeaf({ prefix }) {
  const { height, size, version, next } = numbersOf(prefix);
  if (next !== prefix.length || height !== 0 || size !== 1) throw new Error("The leaf's prefix is not that of a leaf.");
  return { height, size, version };
}

/** On which side of an IAVL node the proof's child is, and the hash on the other side. Every hash has a byte for its length before it. */
function iavlInner({ prefix, suffix }, heightBelow) {
  const { height, size, version, next } = numbersOf(prefix);
  const rest = prefix.subarray(next);
  if (height <= heightBelow) throw new Error("The heights do not grow from leaf to root.");
  const isHash = (bytes) => bytes.length === HASH_LENGTH + 1 && bytes[0] === HASH_LENGTH;
  if (rest.length === 1 && rest[0] === HASH_LENGTH && isHash(suffix)) {
    return { height, size, version, side: "left", sibling: suffix.subarray(1) };
  }
  const left = rest.subarray(0, HASH_LENGTH + 1);
  if (suffix.length === 0 && isHash(left) && rest.length === HASH_LENGTH + 2 && rest[HASH_LENGTH + 1] === HASH_LENGTH) {
    return { height, size, version, side: "right", sibling: left.subarray(1) };
  }
  throw new Error("An inner node's bytes are not those of an IAVL node.");
}

/** The same for the tree of stores, where a node is a 1 and two hashes. */
function simpleInner({ prefix, suffix }) {
  if (prefix[0] !== 1) throw new Error("A node of the tree of stores does not start with 1.");
  if (prefix.length === 1 && suffix.length === HASH_LENGTH) return { side: "left", sibling: suffix };
  if (prefix.length === 1 + HASH_LENGTH && suffix.length === 0) return { side: "right", sibling: prefix.subarray(1) };
  throw new Error("A node of the tree of stores does not hold two hashes.");
}

function simpleLeaf({ prefix }) {
  if (prefix.length !== 1 || prefix[0] !== 0) throw new Error("A leaf of the tree of stores does not start with 0.");
  return {};
}

const SHAPES = {
  iavl: { spec: iavlSpec, leaf: iavlLeaf, inner: iavlInner },
  simple: { spec: tendermintSpec, leaf: simpleLeaf, inner: simpleInner },
};

/** The steps from a key and value to the root: each with the bytes that are hashed, and the hash. The value may be another one. */
export function steps(existence, tree, value = existence.value) {
  const shape = SHAPES[tree];
  const hashedValue = sha256(value);
  const { key, leaf } = existence;
  const parts = [
    { role: "prefix", bytes: leaf.prefix },
    { role: "key", bytes: concat(length(key.length), key) },
    { role: "value", bytes: concat(length(HASH_LENGTH), hashedValue) },
  ];
  let hash = sha256(concat(...parts.map((part) => part.bytes)));
  let height = 0;
  const all = [{ kind: "leaf", parts, hash, ...shape.leaf(leaf) }];
  for (const op of existence.path) {
    const facts = shape.inner(op, height);
    height = facts.height ?? 0;
    const inner = [
      { role: "prefix", bytes: op.prefix },
      { role: "child", bytes: hash },
      { role: "suffix", bytes: op.suffix },
    ];
    hash = sha256(concat(...inner.map((part) => part.bytes)));
    all.push({ kind: "inner", parts: inner, hash, ...facts });
  }
  return all;
}

const rootOf = (list) => list.at(-1).hash;
const failed = (reason) => ({ valid: false, reason });

/** The package's own word on it. What it throws is a no. */
function asks(question) {
  try {
    return question();
  } catch {
    return false;
  }
}

/** Whether `key` has `value` in the tree with this root: { valid, reason, package, steps }. */
export function checkExistence(message, tree, root, key, value) {
  const existence = message.exist;
  if (!existence) return { ...failed("The proof is not one of existence."), package: false, steps: [] };
  const result = { package: asks(() => verifyMembership(message, SHAPES[tree].spec, root, key, value)), steps: [] };
  try {
    result.steps = steps(existence, tree, value);
  } catch (error) {
    return { ...result, ...failed(error.message) };
  }
  if (!equal(existence.key, key)) return { ...result, ...failed("The proof is about another key.") };
  if (value.length === 0) return { ...result, ...failed("ICS-23 proves no empty values.") };
  if (!equal(rootOf(result.steps), root)) return { ...result, ...failed("The steps lead to another root.") };
  return { ...result, ...(result.package ? { valid: true } : failed("The package @confio/ics23 refuses the proof.")) };
}

/** Whether the ways to two leaves, seen from the root, part once, and then keep to the sides that face each other. */
function areNeighbours(left, right) {
  const up = left.slice(1).reverse();
  const down = right.slice(1).reverse();
  let at = 0;
  // The same node, left at the same side. Nodes are the same when their hashes are.
  while (at < up.length && at < down.length && equal(up[at].hash, down[at].hash) && up[at].side === down[at].side) at++;
  const parts = at < up.length && at < down.length && equal(up[at].hash, down[at].hash) && up[at].side === "left" && down[at].side === "right";
  return parts && up.slice(at + 1).every((step) => step.side === "right") && down.slice(at + 1).every((step) => step.side === "left");
}

function gapAround({ left, right }, key) {
  if (!left && !right) return "The proof names no neighbour.";
  if (left && compare(left.key, key) >= 0) return "The key does not lie behind the left neighbour.";
  if (right && compare(key, right.key) >= 0) return "The key does not lie before the right neighbour.";
  return null;
}

function noRoomBetween(left, right) {
  if (left.length && right.length) return areNeighbours(left, right) ? null : "The two leaves are not neighbours.";
  if (left.length) return left.slice(1).every((step) => step.side === "right") ? null : "The left neighbour is not the last leaf.";
  return right.slice(1).every((step) => step.side === "left") ? null : "The right neighbour is not the first leaf.";
}

/** Whether `key` is absent from the tree with this root: { valid, reason, package, left, right }, with the steps of both neighbours. */
export function checkAbsence(message, tree, root, key) {
  const absence = message.nonexist;
  if (!absence) return { ...failed("The proof is not one of absence."), package: false, left: [], right: [] };
  const result = { package: asks(() => verifyNonMembership(message, SHAPES[tree].spec, root, key)), left: [], right: [] };
  try {
    if (absence.left) result.left = steps(absence.left, tree);
    if (absence.right) result.right = steps(absence.right, tree);
  } catch (error) {
    return { ...result, ...failed(error.message) };
  }
  const astray = [result.left, result.right].some((list) => list.length && !equal(rootOf(list), root));
  const reason = gapAround(absence, key) ?? (astray ? "The steps lead to another root." : noRoomBetween(result.left, result.right));
  if (reason) return { ...result, ...failed(reason) };
  return { ...result, ...(result.package ? { valid: true } : failed("The package @confio/ics23 refuses the proof.")) };
}

/**
 * Checks an answer of /proof: the key in its store, and the store among all. `claim` has what to check against, all as bytes: `value`
 * (null: the key is absent), `key`, `root` and `appHash`. The second part starts from the root that the first one came to, so a wrong
 * value shows to the end.
 */
export function checkProof(answer, claim) {
  const message = decode(answer.ics23.key);
  const first = claim.value === null
    ? checkAbsence(message, "iavl", claim.root, claim.key)
    : checkExistence(message, "iavl", claim.root, claim.key, claim.value);
  const reached = [first.steps, first.left, first.right].find((list) => list?.length);
  const root = reached ? rootOf(reached) : claim.root;
  const secondMessage = answer.ics23.store ? decode(answer.ics23.store) : null;
  const second = secondMessage && checkExistence(secondMessage, "simple", claim.appHash, fromText(answer.store), root);
  const broken = first.valid ? second : first;
  return { message, secondMessage, first, second, root: toHex(root), valid: first.valid && (second?.valid ?? true), reason: broken?.reason };
}
