//! A store in a `MultiStore`.

use std::sync::Arc;

use crate::config::Retention;
use crate::persist::Pin;
use crate::persist::multi::Place;
use crate::store::SharedStore;

/// A store, where it lies, and what of it is kept.
#[derive(Clone)]
pub(super) struct Member {
    pub(super) store: SharedStore,
    pub(super) place: Place,
    pub(super) engine: String,
    pub(super) retention: Retention,
    /// Holds the version that the newest version of the whole has: it is neither pruned nor rolled back alone.
    pub(super) held: Option<Arc<Pin>>,
}

/// A store, as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StoreListing {
    /// Its name.
    pub name: String,
    /// The engine that it lies on.
    pub engine: String,
    /// Which of its versions are kept.
    pub retention: Retention,
}
