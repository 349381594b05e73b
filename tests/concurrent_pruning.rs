//! Pruning goes on beside saving, rolling back and saving anew under the same version numbers.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{FaultyBackend, Numbers};
use treering::{Error, Keep, SharedStore, Store, Versioned};

/// Lets the other threads end, also when this one fails.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn versions_rolled_back_and_saved_anew_under_a_pruning_stay_whole() {
    let backend = FaultyBackend::new();
    backend.orphans_take.store(300, Ordering::Relaxed);
    let database = backend.open();
    let store = SharedStore::from(database.store_or_new("s").unwrap());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for seed in 0..2 {
            let (store, is_over) = (store.clone(), &is_over);
            scope.spawn(move || {
                let mut numbers = Numbers(seed);
                while !is_over.load(Ordering::Relaxed) {
                    let versions: Vec<u64> = store.list_versions().unwrap().iter().map(|info| info.version).collect();
                    let kept = versions.into_iter().filter(|_| numbers.below(2) == 0).collect();
                    match store.prune(&Keep::Only(kept)) {
                        Ok(_) | Err(Error::NoStore { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        let _end = End(&is_over);
        let mut numbers = Numbers(7);
        for _ in 0..400 {
            for _ in 0..3 {
                for _ in 0..30 {
                    store.set(&numbers.below(300).to_be_bytes(), &numbers.next().to_be_bytes()).unwrap();
                }
                store.save_version().unwrap();
            }
            let versions = store.list_versions().unwrap();
            let target = versions.get(versions.len().saturating_sub(3)).unwrap().version;
            match store.rollback_to(target) {
                Ok(()) | Err(Error::NoVersion { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
    // What pruning was to remove it may have left when versions were rolled back under it.
    store.prune(&Keep::Last(3)).unwrap();
    database.check(&mut |_| {}).unwrap();
}
