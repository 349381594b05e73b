//! The records beside the versions of all stores: what is missing or changed is told.

use treering::proofs::varint::put_uvarint;
use treering::{Companion, Hash, Keep};

use super::scene::{Scene, call, save};

/// A record that says something else.
fn body(companion: &Companion) -> Vec<u8> {
    let mut body = vec![1];
    put_uvarint(&mut body, companion.version);
    body.extend(companion.root_hash.as_bytes());
    put_uvarint(&mut body, companion.entries);
    body
}

fn beside(scene: &Scene, version: u64) -> Companion {
    scene.stores().companion(version).unwrap().unwrap()
}

#[test]
fn they_name_the_log_as_it_was_on_the_disk() {
    let scene = Scene::of_ten_entries();
    let (stores, log) = scene.open();
    let versions = log.trail().versions().unwrap();
    for (version, entries) in [(1, 4), (2, 7), (3, 9)] {
        let info = versions[entries - 1];
        let expected = Companion { version: info.version, root_hash: info.root_hash, entries: info.size };
        assert_eq!(stores.companion(version).unwrap(), Some(expected));
        let marked = log.trail().entry(u64::try_from(entries).unwrap() + 1).unwrap().unwrap().saved;
        assert_eq!(marked.iter().map(|mark| (mark.version, mark.entries)).collect::<Vec<_>>(), [(version, expected.entries)]);
    }
}

#[test]
fn a_missing_one() {
    for (version, entry) in [(1, 5), (2, 8), (3, 10)] {
        let scene = Scene::of_ten_entries();
        scene.set_record(version, None);
        let expected = format!(
            "the record beside version {version} of all stores: it is missing, but entry {entry} says that the version was saved with it"
        );
        assert_eq!(scene.told(), [expected]);
    }
    let scene = Scene::of_ten_entries();
    (1..=3).for_each(|version| scene.set_record(version, None));
    assert_eq!(scene.told().len(), 3);
}

#[test]
fn a_missing_one_of_a_version_that_was_saved_without_the_log() {
    let scene = Scene::of_ten_entries();
    let stores = scene.stores();
    save(&stores);
    save(&stores);
    stores.close_all().unwrap();
    assert_eq!(scene.told(), [""; 0], "the one before is repeated");
    scene.set_record(4, None);
    assert_eq!(scene.told(), ["the record beside version 4 of all stores: it is missing, though an older version has one"]);
}

#[test]
fn a_changed_one() {
    let root = Hash::new([7; 32]);
    let place = "the record beside version 2 of all stores: it names ";
    // The second record, and what is told when it is made of all three.
    let changed = |change: fn([Companion; 3]) -> Companion| {
        let scene = Scene::of_ten_entries();
        let all = [1, 2, 3].map(|version| beside(&scene, version));
        scene.set_record(2, Some(&body(&change(all))));
        (all[1], scene.told())
    };
    let (second, told) = changed(|[_, second, _]| Companion { root_hash: Hash::new([7; 32]), ..second });
    let expected =
        format!("{place}version 7 of the log with root {root}, which has root {}: the record or the log was changed", second.root_hash);
    assert_eq!(told, [expected]);
    let (_, told) = changed(|[_, second, _]| Companion { entries: 8, ..second });
    let expected = [
        format!("{place}8 entries in version 7 of the log, which has 7: the record was changed"),
        format!("{place}8 entries of the log, but entry 8 says that it named 7"),
    ];
    assert_eq!(told, expected);
    // What another one says is so, but not here.
    assert_eq!(changed(|[first, ..]| first).1, [format!("{place}4 entries of the log, but entry 8 says that it named 7")]);
    assert_eq!(changed(|[.., third]| third).1, [format!("{place}9 entries of the log, but entry 8 says that it named 7")]);

    let scene = Scene::of_ten_entries();
    scene.set_record(3, Some(&body(&beside(&scene, 1))));
    let expected = [
        "the record beside version 3 of all stores: it names version 4 of the log, an older one than version 7, which that beside version 2 names",
        "the record beside version 3 of all stores: it names 4 entries of the log, but entry 10 says that it named 9",
    ];
    assert_eq!(scene.told(), expected);
}

#[test]
fn one_that_cannot_be_read_or_belongs_to_nothing() {
    let scene = Scene::of_ten_entries();
    scene.set_record(2, Some(&[1, 2, 3]));
    let told = scene.told();
    assert_eq!(told.len(), 1);
    let expected = format!(
        "the records beside the versions of all stores: the database is damaged: record {} of commits: ",
        hex::encode([&b"n"[..], &2u64.to_be_bytes()].concat())
    );
    assert!(told[0].starts_with(&expected), "{told:?}");

    let scene = Scene::of_ten_entries();
    let stores = scene.stores();
    stores.prune(&Keep::From(2)).unwrap();
    stores.close_all().unwrap();
    assert_eq!(scene.told(), [""; 0]);
    let companion = beside(&scene, 2);
    scene.set_record(1, Some(&body(&companion)));
    assert_eq!(scene.told(), ["the record beside version 1 of all stores: there is no such version"]);
}

#[test]
fn rolling_back_pruning_and_saving_anew_are_no_tampering() {
    let scene = Scene::of_ten_entries();
    let (stores, log) = scene.open();
    stores.rollback_to(1).unwrap();
    log.record(call("versions.rollback")).unwrap();
    assert_eq!(scene.verify().findings, []);
    for _ in 0..4 {
        save(&stores);
        log.record(call("versions.save")).unwrap();
    }
    assert_eq!(scene.verify().findings, []);
    stores.prune(&Keep::Last(2)).unwrap();
    let report = scene.verify();
    assert_eq!((report.findings, report.companions), (Vec::new(), 2));
    stores.load_version(4).unwrap();
    stores.rollback_to(4).unwrap();
    save(&stores);
    log.record(call("versions.save")).unwrap();
    assert_eq!(scene.verify().findings, []);
}
