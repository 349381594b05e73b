// The database that the explorer's tests look at, and a model of it that they compare the page with.
//
//   node dataset.mjs TREERING FOLDER
//
// makes FOLDER/database with the program TREERING, and FOLDER/expected.json with what the program says about it: every version of all
// stores with its app hash, roots, sizes and heights. The same data always, so the same hashes; only the times differ.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** How many versions of all stores there are. */
export const VERSIONS = 24;
/** The store `ibc` comes so late: it was not there before. */
export const IBC_SINCE = 9;

const text = (string) => Buffer.from(string, "utf8").toString("hex");
const account = (number) => `account/${String(number).padStart(4, "0")}`;
const set = (store, key, value) => ({ op: "set", store, key, value });
const remove = (store, key) => ({ op: "delete", store, key });

/** Accounts come, their balances change, and some go. */
function bank(version) {
  const operations = [];
  const newcomers = version === 1 ? 40 : (version * 7) % 13;
  const first = version === 1 ? 1 : 40 + version * 13;
  for (let number = first; number < first + newcomers; number++) {
    operations.push(set("bank", text(account(number)), text(String(number * 1000 + version))));
  }
  operations.push(set("bank", text("alice"), text(String(100 + version))), set("bank", text("supply"), text(String(version * 100000))));
  if (version % 5 === 0) operations.push(remove("bank", text(account(version))));
  if (version === 4) operations.push(set("bank", text("dora"), text("short-lived")));
  if (version === 6) operations.push(remove("bank", text("dora")));
  return operations;
}

/** JSON values, and one with letters beyond ASCII. */
function gov(version) {
  if (version % 3 !== 0) return [];
  const proposal = { id: version, title: `Proposal ${version}`, status: version % 2 ? "passed" : "voting", votes: { yes: version * 10, no: 3 } };
  return [set("gov", text(`proposal/${version}`), text(JSON.stringify(proposal))), set("gov", text("params/größe"), text(`Höhe ${version} ✓`))];
}

/** Keys and values that are no text, and one value that is long. */
function index(version) {
  const key = `00ff${version.toString(16).padStart(4, "0")}80`;
  const value = `${"deadbeef".repeat(version % 4 + 1)}ff`;
  return [set("index", key, value), ...(version === 2 ? [set("index", "ffff", "c0ffee".repeat(3000))] : [])];
}

function ibc(version) {
  return version < IBC_SINCE ? [] : [set("ibc", text(`channel/${version}`), text(`open since ${version}`))];
}

/** What happens in a version, in the form that `treering apply` takes. The store `empty` never gets a key. */
export function operationsOf(version) {
  return [...bank(version), ...gov(version), ...index(version), ...ibc(version)];
}

/** The keys and values, as hex, that a store has at a version of all stores, in key order. */
export function stateAt(store, version) {
  const state = new Map();
  for (let step = 1; step <= version; step++) {
    for (const { op, store: name, key, value } of operationsOf(step)) {
      if (name !== store) continue;
      if (op === "set") state.set(key, value);
      else state.delete(key);
    }
  }
  return new Map([...state].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function make(program, folder) {
  mkdirSync(folder, { recursive: true });
  const database = join(folder, "database");
  const run = (...parts) => execFileSync(program, parts, { encoding: "utf8", stdio: ["pipe", "pipe", "inherit"] });
  const apply = (first, last) => {
    const lines = [];
    for (let version = first; version <= last; version++) lines.push(...operationsOf(version), { op: "save" });
    const file = join(folder, "operations.jsonl");
    writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    run("apply", database, file);
  };
  run("init", database);
  for (const store of ["bank", "empty", "gov", "index"]) run("create", database, store);
  apply(1, IBC_SINCE - 1);
  run("create", database, "ibc");
  apply(IBC_SINCE, VERSIONS);
  const versions = run("versions", database, "--json").trim().split("\n").map((line) => JSON.parse(line));
  writeFileSync(join(folder, "expected.json"), `${JSON.stringify(versions, null, 1)}\n`);
  console.log(`${database}: ${versions.length} versions, app hash ${versions.at(-1).app_hash}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [program, folder] = process.argv.slice(2);
  if (!program || !folder) {
    console.error("use: node dataset.mjs TREERING FOLDER");
    process.exit(2);
  }
  make(program, folder);
}
