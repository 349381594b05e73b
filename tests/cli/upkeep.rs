use serde_json::json;

use crate::run::{Forest, save, set};

#[test]
fn rollback_makes_an_older_version_the_newest() {
    let forest = Forest::planted();
    let root = forest.root(1);
    let ran = forest.run("rollback", &["--to", "1", "--json"]).ok().object();
    assert_eq!(ran, json!({"version": 1, "root": root, "size": 2, "height": 1, "removed": 2}));
    assert_eq!(forest.run("versions", &[]).ok().lines().len(), 1);
    assert_eq!(forest.run("get", &["oak", "--utf8"]).ok().out, "200 rings\n");
    assert_eq!(forest.apply("forest", &[save()]).ok().object()["version"], 2);
    forest.run("check", &[]).ok();
}

#[test]
fn prune_keeps_the_newest_versions() {
    let forest = Forest::planted();
    let root = forest.root(3);
    let pruned = forest.run("prune", &["--to", "1", "--json"]).ok().object();
    assert_eq!((&pruned["versions"], &pruned["deferred"]), (&json!(1), &json!([])));
    forest.run("get", &["oak", "--utf8", "--version", "1"]).fails("no version 1");
    assert_eq!(forest.run("prune", &["--keep", "1", "--json"]).ok().object()["versions"], 1);
    assert_eq!(forest.root(3), root);
    assert_eq!(forest.run("scan", &["--utf8"]).ok().out, "ash\t\noak\t201 rings\n");
    forest.run("check", &[]).ok();
}

#[test]
fn check_counts_what_it_looked_at() {
    let forest = Forest::planted();
    forest.apply("other", &[set("oak", "1"), save()]).ok();
    let checked = forest.run("check", &["--json"]).ok().object();
    assert_eq!(checked["ok"], true);
    assert_eq!((&checked["stores"], &checked["versions"]), (&json!(2), &json!(4)));
    assert_eq!(checked["index_entries"], 3);
    assert!(checked["nodes"].as_u64() > Some(0) && checked["hashes"].as_u64() > Some(0), "{checked}");
    assert!(forest.run("check", &[]).ok().out.starts_with("all is well: 2 stores, 4 versions, "));
}

#[test]
fn stats_count_the_records_of_every_kind() {
    let forest = Forest::planted();
    let kinds = forest.run("stats", &["--json"]).ok().objects();
    let count = |kind: &str| kinds.iter().find(|line| line["kind"] == kind).unwrap()["count"].as_u64().unwrap();
    assert_eq!((count("latest"), count("indexed")), (2, 1));
    assert!(count("nodes: leaf") >= 2 && count("nodes: inner") >= 1);
    assert_eq!(forest.run("stats", &[]).ok().lines().len(), kinds.len());
}

#[test]
fn tree_draws_text_and_graphs() {
    let forest = Forest::planted();
    let text = forest.run("tree", &["--version", "1"]).ok();
    assert_eq!(text.lines().len(), 3, "{}", text.out);
    assert!(text.lines()[0].trim_start().starts_with("pine"), "{}", text.out);
    assert_eq!(forest.run("tree", &["--version", "1", "--depth", "0"]).ok().lines().len(), 1);
    let dot = forest.run("tree", &["--dot"]).ok().out;
    assert!(dot.starts_with("digraph") && dot.contains("oak"), "{dot}");
    assert!(forest.run("tree", &["--json"]).ok().object()["picture"].as_str().unwrap().contains("oak"));
}

#[test]
fn tree_draws_no_thousands_of_nodes_unless_asked() {
    let forest = Forest::empty();
    let mut lines: Vec<_> = (0..1_001).map(|i| set(&format!("{i}"), "")).collect();
    lines.push(save());
    forest.apply("s", &lines).ok();
    forest.run("tree", &[]).fails("2001 nodes, more than the 2000 that are drawn whole: --depth N");
    assert!(forest.run("tree", &["--depth", "2"]).ok().lines().len() <= 7);
    assert_eq!(forest.run("tree", &["--depth", "255"]).ok().lines().len(), 2_001);
}
