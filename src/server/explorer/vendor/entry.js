// What the explorer takes from published packages. `build.mjs` bundles it into ics23.js.
export { ics23, verifyMembership, verifyNonMembership, iavlSpec, tendermintSpec } from "@confio/ics23";
export { sha256 } from "@noble/hashes/sha2";
