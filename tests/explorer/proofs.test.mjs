// The verifier that the page runs, on proofs of a server of the data set: honest ones hold, and changed ones do not.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { fromHex, fromText, toHex } from "../../src/server/explorer/bytes.js";
import { checkProof } from "../../src/server/explorer/verify.js";
import { api, atVersion, hexOf } from "./browser.mjs";
import { VERSIONS, stateAt } from "./dataset.mjs";

/** The proofs of all cases, read before anything is computed: a server closes connections on which nothing comes for long. */
const proofs = new Map();
const proofOf = (store, key, version) => proofs.get(`${store} ${key} ${version}`);

/** What is true of the key by the model, and by the hashes that the command line printed. */
function truth(store, key, version) {
  const value = stateAt(store, version).get(key);
  const { app_hash: appHash, stores } = atVersion(version);
  return { key: fromHex(key), value: value === undefined ? null : fromHex(value), root: fromHex(stores[store].root), appHash: fromHex(appHash) };
}

const CASES = [
  ...[...stateAt("bank", 12).keys()].slice(0, 30).map((key) => ["bank", key, 12]),
  ["bank", hexOf("alice"), 1], ["bank", hexOf("alice"), VERSIONS], ["bank", hexOf("account/0005"), 12], ["bank", "00", 12], ["bank", "ff", 12],
  ["bank", hexOf("account/00055"), 3], ["gov", hexOf("proposal/9"), 12], ["gov", "ff", 3], ["gov", "00", 3], ["index", "ffff", 2], ["ibc", "00", 9],
  ["ibc", hexOf("channel/9"), 9],
];

/** Those of which every bit is changed. */
const CHANGED = [["gov", hexOf("proposal/9"), 12], ["gov", hexOf("proposal/8"), 12], ["gov", "00", 12]];

before(async () => {
  for (const [store, key, version] of [...CASES, ...CHANGED]) {
    proofs.set(`${store} ${key} ${version}`, await api(`stores/${store}/keys/${key}/proof?version=${version}&encoding=hex`));
  }
});

test("every honest proof holds, by the package and step by step", () => {
  for (const [store, key, version] of CASES) {
    const claim = truth(store, key, version);
    const result = checkProof(proofOf(store, key, version), claim);
    assert.equal(result.valid, true, `${store} ${key} ${version}: ${result.reason}`);
    assert.equal(result.first.package && result.second.package, true);
    const last = (list) => toHex(list.at(-1).hash);
    assert.equal(last(result.second.steps), toHex(claim.appHash));
    if (claim.value) assert.equal(last(result.first.steps), toHex(claim.root));
  }
});

test("no proof holds for another value, key, root or app hash", () => {
  for (const [store, key, version] of CASES) {
    const claim = truth(store, key, version);
    const answer = proofOf(store, key, version);
    const others = [{ root: claim.appHash }, { appHash: claim.root }, { key: fromText("another key, not there") }];
    if (claim.value) others.push({ value: new Uint8Array() }, { value: Uint8Array.of(...claim.value, 0) }, { value: null });
    else others.push({ value: fromText("1") });
    const isElsewhere = (other) => other.key && claim.value === null;
    for (const other of others) {
      // A proof of absence is of a gap: it may well hold for another key in it.
      if (isElsewhere(other)) continue;
      const result = checkProof(answer, { ...claim, ...other });
      assert.equal(result.valid, false, `${store} ${key} ${version} ${Object.keys(other)}`);
      assert.ok(result.reason);
    }
  }
});

/** What a message says. The key that a proof of absence names is not part of it: the neighbours are. */
function said(message) {
  const plain = JSON.parse(JSON.stringify(message));
  delete plain.nonexist?.key;
  return JSON.stringify(plain);
}

/** The result of a check; null when the bytes are no proof at all. */
function tried(answer, claim) {
  try {
    return checkProof(answer, claim);
  } catch {
    return null;
  }
}

test("a proof with any bit changed proves nothing false, and nothing true in another way", () => {
  for (const [store, key, version] of CHANGED) {
    const claim = truth(store, key, version);
    const answer = proofOf(store, key, version);
    const honest = checkProof(answer, claim);
    const isFalse = { ...claim, ...(claim.value ? { value: fromText("something else") } : { key: fromHex([...stateAt(store, version).keys()][0]) }) };
    for (const part of ["key", "store"]) {
      const bytes = fromHex(answer.ics23[part]);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const changed = bytes.slice();
        changed[bit >> 3] ^= 1 << (bit & 7);
        const forged = { ...answer, ics23: { ...answer.ics23, [part]: toHex(changed) } };
        const where = `${store} ${key} ${part} bit ${bit}`;
        assert.notEqual(tried(forged, isFalse)?.valid, true, where);
        const result = tried(forged, claim);
        // Protobuf can write some numbers in several ways: then the message is the same.
        if (result?.valid) assert.deepEqual([said(result.message), said(result.secondMessage)], [said(honest.message), said(honest.secondMessage)], where);
      }
    }
  }
});
