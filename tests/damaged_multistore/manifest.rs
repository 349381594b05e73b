//! The file that says where the home is, cut and with flipped bits.

use std::fs;

use crate::every_use::{Expected, use_all};
use crate::two_engines::{Sample, TwoEngines};

#[test]
fn a_damaged_note_of_the_home_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let sample = Sample::save(folder.path());
    let expected = Expected::of(&sample, folder.path());
    let path = folder.path().join("treering.json");
    let sound = fs::read(&path).unwrap();
    let cut = (0..sound.len()).map(|length| sound[..length].to_vec());
    let flipped = (0..sound.len() * 8).map(|bit| {
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        damaged
    });
    for text in cut.chain(flipped) {
        fs::write(&path, &text).unwrap();
        let noticed = use_all(&TwoEngines::with(&sample.records), folder.path(), &expected);
        let told = noticed.texts();
        let shown = String::from_utf8_lossy(&text).into_owned();
        if text.trim_ascii_end() == sound.trim_ascii_end() {
            assert!(told.is_empty(), "{shown:?}: {told:?}");
            continue;
        }
        assert_eq!(told.len(), 1, "{shown:?}: {told:?}");
        // A misspelt engine is one that is not there.
        let is_named = told[0].contains("treering.json") || told[0].contains("there is no engine");
        assert!(is_named, "{shown:?}: {told:?}");
        // What is damaged is never taken for an empty folder.
        assert!(TwoEngines::with(&sample.records).builder(folder.path()).open_or_create().is_err(), "{shown:?}");
        assert_eq!(fs::read(&path).unwrap(), text, "{shown:?}: it is left as it is");
        let newer = serde_json::from_slice::<serde_json::Value>(&text).ok().and_then(|json| json.get("format")?.as_u64());
        assert_eq!(told[0].contains("use a newer treering"), newer.is_some_and(|format| format > 1), "{shown:?}: {told:?}");
    }
}
