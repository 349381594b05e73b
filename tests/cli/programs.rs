use serde_json::Value;

use crate::run::treering;

/// The fields that the results of all measured stores have in common.
const FIELDS: [&str; 15] = [
    "root",
    "load_ops_s",
    "blk_ops_s",
    "blk_ms_p50",
    "blk_ms_p99",
    "blk_cpu_us_op",
    "gets_s",
    "proofs_s",
    "verifies_s",
    "scan_items_s",
    "reopen_ms",
    "disk_bytes",
    "n",
    "batch",
    "blocks",
];

#[test]
fn bench_ends_with_the_published_root_and_gives_every_figure() {
    let vectors: Value = serde_json::from_str(include_str!("../vectors/bench-roots.json")).unwrap();
    let run = &vectors["runs"][0];
    let number = |name: &str| run["config"][name].to_string();
    let (keys, batch, blocks, load) = (number("n"), number("batch"), number("blocks"), number("load_block"));
    let words = ["bench", "--keys", &keys, "--batch", &batch, "--blocks", &blocks, "--load-batch", &load];
    let sizes = ["--gets", "500", "--proofs", "100"];
    let results = treering([&words[..], &sizes, &["--json"]].concat()).ok().object();
    assert_eq!(results["root"], *run["roots"].as_array().unwrap().last().unwrap());
    assert_eq!(results["root_loaded"], run["roots"][9]);
    for field in FIELDS {
        assert!(!results[field].is_null(), "{field} is missing: {results}");
    }
    assert_eq!(results["peer"], "treering");
    assert_eq!(results["scan_items"], run["live_keys_at_end"]);
    if cfg!(target_os = "linux") {
        assert!(results["vmhwm_mib"].as_u64() > Some(0) && results["blk_wbytes_op"].is_u64(), "{results}");
    }

    // Other settings, the same root; --n is what the peers call --keys.
    let words = ["bench", "--n", &keys, "--batch", &batch, "--blocks", &blocks, "--load-batch", &load, "--no-sync", "--cache-size", "1"];
    let shown = treering([&words[..], &sizes].concat()).ok();
    assert_eq!(shown.object()["root"], results["root"], "the line of JSON is there without --json too");
    assert!(shown.err.contains(results["root"].as_str().unwrap()), "{}", shown.err);
}

#[test]
fn demo_tells_its_story_without_colours_in_a_pipe() {
    let told = treering(["demo"]).ok();
    for part in ["8,893 accounts", "72,009,990.49948 ether", "cosmos/iavl", "VALID", "REFUSED", "opened again", "pruned"] {
        assert!(told.out.contains(part), "{part} is missing in {}", told.out);
    }
    assert!(!told.out.contains('\x1b'));
    assert_eq!(told.err, "");
}

#[test]
fn demo_leaves_a_database_that_can_be_used_when_a_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("trees");
    let dir = dir.to_str().unwrap();
    let shown = treering(["demo", "--dir", dir, "--json"]).ok().object();
    assert_eq!(shown["accounts"], 8_893);
    assert_eq!(shown["total_wei"], "72009990499480000000000000");
    assert_eq!(treering(["root", dir]).ok().out.trim(), shown["root"]);
    treering(["check", dir]).ok();
    treering(["demo", "--dir", dir]).fails("has a treering database already");
}
