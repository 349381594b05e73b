//! What happens in a store, told to whoever listens.
//!
//! The code that commits publishes [events](Event) on an [`EventBus`]; others subscribe to the [topics](Topic) that a [`Pattern`] matches,
//! either as a [`Subscription`], which they read when they like, or with a [`Callback`], which a thread of its own calls.
//!
//! Laws:
//! 1. Publishing never waits for a subscriber and never fails. What a subscriber does, even a panic, is nothing that the publisher sees.
//! 2. Events of a bus are numbered from 1 without gaps, and every subscriber gets its events in the order of these numbers.
//! 3. A subscriber has room for so many events. What comes when it is full is dropped for this subscriber only, and counted: the events
//!    that its pattern matched since it subscribed are those delivered, those dropped and those that wait.
//! 4. No code of a user runs while a lock of the bus is held, so that callbacks may publish, subscribe, unsubscribe and drop the bus.
//!
//! ```text
//! publish -> number it -> Queue of a Subscription -> recv
//!                     \-> Queue of a Callback     -> its thread -> the callback
//! ```
//!
//! ```
//! use treering::event::{Event, EventBus, Pattern, VersionLoaded};
//!
//! let bus = EventBus::new();
//! let loads = bus.subscribe(Pattern::parse("store.version.*")?, 16);
//! bus.publish(VersionLoaded { store: "bank".into(), version: 7 });
//!
//! let published = loads.try_recv()?;
//! assert_eq!(published.sequence, 1);
//! assert!(matches!(&*published.event, Event::VersionLoaded(loaded) if loaded.version == 7));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bus;
mod clock;
mod pattern;
mod payload;
mod queue;
mod stats;
mod subscriber;
mod topic;
mod worker;

use std::sync::Arc;

pub use bus::EventBus;
pub use pattern::{Pattern, PatternError};
pub use payload::{
    DamageFound, MultistoreVersionLoaded, MultistoreVersionPruned, MultistoreVersionRolledBack, MultistoreVersionSaved, OperationExecuted,
    OperationFailed, SavedStore, ServiceFailed, ServiceStarted, ServiceStopped, StoreClosed, StoreCreated, StoreDeleted, StoreRenamed,
    TransactionBegin, TransactionCommit, TransactionRollback, VersionLoaded, VersionPruned, VersionRolledBack, VersionSaved,
};
pub use stats::{BusStats, Counts, SubscriberKind, SubscriberStats};
pub use subscriber::{Callback, Events, Subscription};
pub use topic::{Event, Payload, Topic};

/// An event as a subscriber gets it. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Published {
    /// Its number: 1 for the first event of the bus, one more for every further one. To a subscriber of all topics (`**`) a gap shows what
    /// it missed.
    pub sequence: u64,
    /// What happened.
    pub event: Arc<Event>,
}
