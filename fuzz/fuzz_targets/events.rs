//! Any text as an event in JSON and as a topic pattern: no panic; what is read is written and read back as the same; a pattern is what its
//! description says, and matches what trying everything does.
//!
//! Input: JSON or a pattern (one byte); for a pattern: a topic, a newline, the pattern.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treering::event::{Event, Pattern, Topic};

fuzz_target!(|bytes: &[u8]| {
    let [kind, text @ ..] = bytes else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if *kind % 2 == 0 {
        event(text);
    } else {
        let (topic, text) = text.split_once('\n').unwrap_or(("store.version.saved", text));
        pattern(text, topic);
    }
});

fn event(json: &str) {
    let Ok(event) = serde_json::from_str::<Event>(json) else { return };
    let written = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event);
    assert!(written.starts_with(&format!("{{\"topic\":\"{}\",", event.topic())), "{written}");
    assert!(!written.contains('\n'), "an event is one line");
}

fn pattern(text: &str, topic: &str) {
    let parsed = Pattern::parse(text);
    assert_eq!(parsed.is_ok(), is_pattern(text), "{text:?}");
    let Ok(pattern) = parsed else { return };
    assert_eq!(pattern.to_string(), text);
    let segments: Vec<&str> = text.split('.').collect();
    let expected = |topic: &str| matches(&segments, &topic.split('.').collect::<Vec<_>>());
    assert_eq!(pattern.matches(topic), expected(topic), "{text:?} {topic:?}");
    let topics: Vec<Topic> = Topic::ALL.iter().copied().filter(|topic| expected(topic.as_str())).collect();
    assert_eq!(pattern.topics().collect::<Vec<_>>(), topics);
}

/// What a pattern is, said without a parser.
fn is_pattern(text: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let segments: Vec<&str> = text.split('.').collect();
    let last = segments.len() - 1;
    segments.iter().enumerate().all(|(place, segment)| *segment == "*" || word(segment) || (*segment == "**" && place == last))
}

/// What it matches: `**` is the last segment, so it matches whatever is left.
fn matches(pattern: &[&str], topic: &[&str]) -> bool {
    let rest = pattern.last() == Some(&"**");
    let before = if rest { &pattern[..pattern.len() - 1] } else { pattern };
    let fits = before.len() == topic.len() || (rest && before.len() < topic.len());
    fits && before.iter().zip(topic).all(|(segment, text)| *segment == "*" || segment == text)
}
