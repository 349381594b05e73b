//! `/metrics`: well formed, and beside what was done.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;
use treering::config::{Config, MultiStoreConfig};
use treering::system::SystemConfig;

use super::client::ask_with;
use super::node::{Node, node, node_with};

/// Samples by name and labels, as they are written.
type Samples = BTreeMap<String, f64>;

/// Reads the text as a scraper does, and holds it against the rules of `OpenMetrics`: every sample belongs to a family that was described before
/// it, with the ending that the family's type has; families come once and samples once; buckets add up; and the end is said.
fn parse(text: &str) -> Samples {
    let (mut samples, mut families, mut described) = (Samples::new(), BTreeMap::new(), BTreeSet::new());
    let mut lines = text.lines();
    assert_eq!(lines.next_back(), Some("# EOF"));
    for line in lines {
        if let Some(rest) = line.strip_prefix("# ") {
            let [what, family, text] = rest.splitn(3, ' ').collect::<Vec<_>>().try_into().unwrap();
            match what {
                "HELP" => assert!(described.insert(family) && !text.is_empty(), "{line}"),
                "UNIT" => assert!(family.ends_with(&format!("_{text}")), "{line}"),
                "TYPE" => assert!(families.insert(family, text).is_none(), "{line}"),
                other => panic!("{other} in {line}"),
            }
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = sample.split_once('{').map_or((sample, ""), |(name, labels)| (name, labels.strip_suffix('}').unwrap()));
        let endings = |kind: &str| match kind {
            "counter" => vec!["_total"],
            "gauge" => vec![""],
            "histogram" => vec!["_bucket", "_sum", "_count"],
            other => panic!("type {other}"),
        };
        let belongs = families.iter().any(|(family, kind)| endings(kind).iter().any(|ending| name == format!("{family}{ending}")));
        assert!(belongs, "{line} belongs to no family");
        assert!(labels.is_empty() || labels.split("\",").all(|label| label.contains("=\"")), "{line}");
        assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{line} comes twice");
    }
    assert_eq!(described, families.keys().copied().collect());
    check_histograms(&samples, text);
    samples
}

/// Buckets come in order and grow; the last one has everything.
fn check_histograms(samples: &Samples, text: &str) {
    let mut last: Option<(String, f64, f64)> = None;
    let mut histograms = 0;
    for line in text.lines() {
        let Some((family, rest)) = line.split_once("_bucket{") else { continue };
        let (labels, count) = rest.rsplit_once("} ").unwrap();
        let (before, bound) = labels.split_once("le=\"").unwrap();
        let (bound, after) = bound.split_once('"').unwrap();
        let of = format!("{family}|{before}|{after}");
        let (bound, count): (f64, f64) = (bound.replace("+Inf", "inf").parse().unwrap(), count.parse().unwrap());
        if let Some((of_last, bound_of_last, count_of_last)) = &last
            && *of_last == of
        {
            assert!(*bound_of_last < bound && *count_of_last <= count, "{line}");
        }
        if bound.is_infinite() {
            let labels = format!("{before}{after}").trim_matches(',').to_owned();
            let total = samples[&format!("{family}_count{{{labels}}}")];
            assert!((total - count).abs() < 0.5 && samples[&format!("{family}_sum{{{labels}}}")] >= 0.0, "{line}");
            histograms += 1;
        }
        last = Some((of, bound, count));
    }
    assert!(histograms > 10, "{histograms}");
}

fn numbers(node: &Node) -> Samples {
    let answer = node.ask("GET", "/metrics");
    assert_eq!(answer.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    parse(answer.text())
}

#[track_caller]
fn assert_are(samples: &Samples, expected: &[(&str, u32)]) {
    for (name, value) in expected {
        let found = samples.get(*name).unwrap_or_else(|| panic!("there is no {name} in {samples:#?}"));
        assert!((found - f64::from(*value)).abs() < 0.5, "{name} is {found}, not {value}");
    }
}

#[test]
fn what_was_done_is_counted() {
    let node = node();
    for number in 0..7 {
        node.put("bank", &format!("k{number}"), "1");
    }
    node.save();
    for number in 0..9 {
        node.get(&format!("/v1/stores/bank/keys/k{number}?encoding=utf8"));
    }
    node.send("POST", "/v1/stores/bank/get", &json!({ "keys": ["k1", "k2", "none"], "encoding": "utf8", "version": 1 }));
    for _ in 0..2 {
        node.ask("GET", "/v1/nothing");
        node.ask("GET", "/v1/stores/none/keys/61");
    }
    node.ask("GET", "/v1/stores/bank/keys/x");
    node.ask("GET", "/v1/stores/bank/keys/61?version=9");
    ask_with(node.address, "GET", "/v1/stores", "host: evil.example\r\n", None);
    assert!(node.system.events().flush(Duration::from_secs(10)), "saved versions are counted by a subscriber");
    assert_are(
        &numbers(&node),
        &[
            ("treering_http_requests_total{route=\"PUT /v1/stores/{store}/keys/{key}\",status=\"2xx\"}", 7),
            ("treering_http_requests_total{route=\"GET /v1/stores/{store}/keys/{key}\",status=\"2xx\"}", 9),
            ("treering_http_requests_total{route=\"GET /v1/stores/{store}/keys/{key}\",status=\"4xx\"}", 4),
            ("treering_http_requests_total{route=\"POST /v1/stores/{store}/get\",status=\"2xx\"}", 1),
            ("treering_http_requests_total{route=\"POST /v1/versions\",status=\"2xx\"}", 1),
            ("treering_http_requests_total{route=\"none\",status=\"4xx\"}", 2),
            ("treering_http_request_seconds_count{route=\"GET /v1/stores/{store}/keys/{key}\"}", 13),
            ("treering_operation_seconds_count{operation=\"versions.save\"}", 1),
            ("treering_operation_seconds_count{operation=\"store.get_many\"}", 1),
            ("treering_errors_total{code=\"no_route\"}", 2),
            ("treering_errors_total{code=\"no_store\"}", 2),
            ("treering_errors_total{code=\"no_version\"}", 1),
            ("treering_errors_total{code=\"invalid_input\"}", 1),
            ("treering_operation_errors_total{code=\"no_store\"}", 2),
            ("treering_operation_errors_total{code=\"no_version\"}", 1),
            ("treering_key_reads_total{from=\"memory\"}", 12),
            ("treering_key_reads_total{from=\"storage\"}", 0),
            ("treering_commits_total", 1),
            ("treering_newest_version", 1),
            ("treering_oldest_version", 1),
            ("treering_stores", 2),
            ("treering_audit_failed", 0),
        ],
    );
    for number in 2..5 {
        node.put("bank", "k", &number.to_string());
        node.save();
    }
    assert!(node.system.events().flush(Duration::from_secs(10)));
    assert_are(&numbers(&node), &[("treering_commits_total", 4), ("treering_newest_version", 4)]);
}

#[test]
fn what_is_not_in_memory_is_counted_as_a_miss() {
    let config = Config::new().with("cache_size", 1_u64 << 20);
    let stores = MultiStoreConfig::new("").with_default_engine("memory").with_engine_config("memory", config);
    let node = node_with(|config| *config = SystemConfig { http: config.http.clone(), ..SystemConfig::of_stores(stores) });
    let key = |number: u64| format!("{number:06}");
    for first in (0..6000).step_by(1000) {
        let operations: Vec<_> = (first..first + 1000)
            .map(|number| json!({ "op": "set", "store": "bank", "key": key(number), "value": "v".repeat(600) }))
            .collect();
        node.send("POST", "/v1/batch", &json!({ "operations": operations, "encoding": "utf8" }));
        node.save();
    }
    let before = numbers(&node);
    assert_are(&before, &[("treering_cache_limit_bytes", 1 << 20)]);
    for first in (0..6000).step_by(1000) {
        let keys: Vec<_> = (first..first + 1000).map(key).collect();
        let found = node.send("POST", "/v1/stores/bank/get", &json!({ "keys": keys, "encoding": "utf8" })).json();
        assert!(found["items"].as_array().unwrap().iter().all(|item| item["found"] == true));
    }
    let after = numbers(&node);
    let of = |name: &str| after[name] - before.get(name).copied().unwrap_or(0.0);
    let (hits, misses) = (of("treering_key_reads_total{from=\"memory\"}"), of("treering_key_reads_total{from=\"storage\"}"));
    assert!((hits + misses - 6000.0).abs() < 0.5 && misses > 1000.0, "{hits} hits, {misses} misses");
    let read = of("treering_cache_misses_total{kind=\"nodes\"}") + of("treering_cache_misses_total{kind=\"index\"}");
    assert!(read >= misses, "{read} reads of storage for {misses} misses");
    assert!(after["treering_cache_used_bytes"] > 0.0);
}
