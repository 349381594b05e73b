//! What comes bit by bit: ranges and events.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Connection, ask_with, request};
use super::node::node;

const NDJSON: &str = "accept: application/x-ndjson\r\n";

#[test]
fn a_range_is_streamed_whole_and_as_it_was() {
    let node = node();
    let model: BTreeMap<String, String> = (0..30_000).map(|number| (format!("{number:06x}"), format!("{:064x}", number * 7))).collect();
    let bank = node.system.store().get_store("bank").unwrap();
    for (key, value) in &model {
        treering::Store::set(&bank, &hex::decode(key).unwrap(), &hex::decode(value).unwrap()).unwrap();
    }
    let items = |text: &str| -> Vec<(String, String)> {
        let item = |line: &str| {
            let item: Value = serde_json::from_str(line).unwrap();
            (item["key"].as_str().unwrap().to_owned(), item["value"].as_str().unwrap().to_owned())
        };
        text.lines().map(item).collect()
    };
    let answer = ask_with(node.address, "GET", "/v1/stores/bank/keys", NDJSON, None);
    assert_eq!((answer.status, answer.headers["content-type"].as_str()), (200, "application/x-ndjson"));
    assert_eq!(items(answer.text()), model.clone().into_iter().collect::<Vec<_>>());
    let answer = ask_with(node.address, "GET", "/v1/stores/bank/keys?start=000100&end=000200&order=descending&limit=10", NDJSON, None);
    assert_eq!(
        items(answer.text()),
        model.range("000100".to_owned().."000200".to_owned()).rev().take(10).map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>()
    );
    assert_eq!(ask_with(node.address, "GET", "/v1/stores/none/keys", NDJSON, None).status, 404);
    // A reader that stops after the first piece: what is changed meanwhile is not in what it reads on.
    let mut slow = Connection::open(node.address);
    slow.send(request("GET", "/v1/stores/bank/keys", NDJSON, None)).unwrap();
    slow.head().unwrap();
    let mut text = slow.chunk().unwrap();
    for key in model.keys().step_by(2) {
        treering::Store::delete(&bank, &hex::decode(key).unwrap()).unwrap();
    }
    while let Some(chunk) = slow.chunk() {
        text.extend(chunk);
    }
    assert_eq!(items(std::str::from_utf8(&text).unwrap()), model.into_iter().collect::<Vec<_>>());
}

#[test]
fn events_come_as_they_happen() {
    let node = node();
    let mut events = Connection::open(node.address);
    events.send(request("GET", "/v1/events?pattern=multistore.**", "", None)).unwrap();
    let (status, headers) = events.head().unwrap();
    assert_eq!((status, headers["content-type"].as_str()), (200, "text/event-stream"));
    assert_eq!(events.chunk().unwrap(), b"retry: 2000\n\n");
    let saved = node.save();
    let text = String::from_utf8(events.chunk().unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("id: "));
    assert_eq!(lines[1], "event: multistore.version.saved");
    let event: Value = serde_json::from_str(lines[2].strip_prefix("data: ").unwrap()).unwrap();
    assert_eq!((&event["version"], &event["app_hash"]), (&saved["version"], &saved["app_hash"]));
    assert_eq!(node.ask("GET", "/v1/events?pattern=a..b").failure(), (400, "invalid_input".to_owned()));
    // A stream ends when the server stops, and does not hold it up.
    let begun = std::time::Instant::now();
    assert_eq!(node.system.stop().abandoned, Vec::<String>::new());
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(events.chunk(), None);
}

#[test]
fn a_slow_reader_of_events_is_told_how_many_it_missed_and_holds_nobody_up() {
    let node = node();
    let mut slow = Connection::open(node.address);
    slow.send(request("GET", "/v1/events?pattern=store.version.loaded", "", None)).unwrap();
    slow.head().unwrap();
    slow.chunk().unwrap();
    let published = 200_000;
    for version in 0..published {
        node.system.events().publish(treering::event::VersionLoaded { store: "x".repeat(100), version });
    }
    node.save();
    node.system.events().publish(treering::event::VersionLoaded { store: "end".to_owned(), version: published });
    let (mut delivered, mut missed, mut text) = (0, 0, String::new());
    let begun = std::time::Instant::now();
    while delivered + missed <= published {
        text += std::str::from_utf8(&slow.chunk().unwrap()).unwrap();
        while let Some((event, rest)) = text.split_once("\n\n") {
            if let Some(count) = event.strip_prefix("event: missed\ndata: ") {
                missed += serde_json::from_str::<Value>(count).unwrap()["count"].as_u64().unwrap();
            } else if event.starts_with("id: ") {
                delivered += 1;
            }
            text = rest.to_owned();
        }
        // What was missed last is told with the next event.
        node.system.events().publish(treering::event::VersionLoaded { store: "more".to_owned(), version: 0 });
        assert!(begun.elapsed() < Duration::from_mins(1), "{delivered} {missed}");
        if missed > 0 && delivered + missed > published {
            break;
        }
    }
    assert!(missed > 0 && delivered > 0, "{delivered} {missed}");
}

#[test]
fn a_reader_that_goes_away_frees_its_place() {
    let node = super::node::node_with(|config| config.http.concurrency = 1);
    let bank = node.system.store().get_store("bank").unwrap();
    for number in 0..20_000_u32 {
        treering::Store::set(&bank, &number.to_be_bytes(), &[7; 500]).unwrap();
    }
    let mut reader = Connection::open(node.address);
    reader.send(request("GET", "/v1/stores/bank/keys", NDJSON, None)).unwrap();
    reader.head().unwrap();
    reader.chunk().unwrap();
    assert_eq!(node.ask("GET", "/v1/stores").failure(), (503, "busy".to_owned()), "it is still being read");
    drop(reader);
    let begun = std::time::Instant::now();
    while node.ask("GET", "/v1/stores").status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "its place is still taken");
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(node.send("POST", "/v1/operations/stores.list", &json!({})).status, 200);
}
