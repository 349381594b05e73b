//! The topics, and the event that belongs to each: one table says all.
//!
//! A topic is lower-case words joined by dots. In JSON an event is one object, its topic beside the fields of its payload, hashes in hex:
//!
//! ```
//! use treering::event::{Event, VersionLoaded};
//!
//! let event = Event::from(VersionLoaded { store: "bank".into(), version: 7 });
//! assert_eq!(serde_json::to_string(&event)?, r#"{"topic":"store.version.loaded","store":"bank","version":7}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

use super::payload::{
    DamageFound, MultistoreVersionLoaded, MultistoreVersionPruned, MultistoreVersionRolledBack, MultistoreVersionSaved, OperationExecuted,
    OperationFailed, ServiceFailed, ServiceStarted, ServiceStopped, StoreClosed, StoreCreated, StoreDeleted, StoreRenamed,
    TransactionBegin, TransactionCommit, TransactionRollback, VersionLoaded, VersionPruned, VersionRolledBack, VersionSaved,
};

/// What an event of one topic says.
pub trait Payload: Into<Event> {
    /// The topic.
    const TOPIC: Topic;
}

macro_rules! topics {
    ($($payload:ident = $topic:literal, $meaning:literal;)*) => {
        /// Something that happened.
        #[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
        #[serde(tag = "topic")]
        #[non_exhaustive]
        pub enum Event {
            $(
                #[doc = $meaning]
                #[serde(rename = $topic)]
                $payload($payload),
            )*
        }

        /// What an event is about. The text forms (`Display`, JSON) are as in `store.version.saved`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Topic {
            $(
                #[doc = concat!("`", $topic, "`: ", $meaning)]
                #[serde(rename = $topic)]
                $payload,
            )*
        }

        impl Event {
            /// Its topic.
            #[must_use]
            pub const fn topic(&self) -> Topic {
                match self {
                    $(Self::$payload(_) => Topic::$payload,)*
                }
            }
        }

        impl Topic {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$payload),*];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$payload => $topic,)*
                }
            }
        }

        $(
            impl From<$payload> for Event {
                fn from(payload: $payload) -> Self {
                    Self::$payload(payload)
                }
            }

            impl Payload for $payload {
                const TOPIC: Topic = Topic::$payload;
            }
        )*
    };
}

topics! {
    StoreCreated = "store.created", "a store was made.";
    StoreDeleted = "store.deleted", "a store was removed with all its versions.";
    StoreRenamed = "store.renamed", "a store got another name.";
    StoreClosed = "store.closed", "a store's handle was closed.";
    VersionSaved = "store.version.saved", "a version of a store is durable.";
    VersionLoaded = "store.version.loaded", "the working tree of a store was set to a version.";
    VersionPruned = "store.version.pruned", "versions of a store were removed to save room.";
    VersionRolledBack = "store.version.rolled_back", "a store went back to an older version.";
    TransactionBegin = "store.transaction.begin", "a transaction was begun.";
    TransactionCommit = "store.transaction.commit", "a transaction's writes became part of the working tree.";
    TransactionRollback = "store.transaction.rollback", "a transaction ended without an effect.";
    MultistoreVersionSaved = "multistore.version.saved", "a version of all stores together is durable.";
    MultistoreVersionLoaded = "multistore.version.loaded", "the working trees of all stores were set to a version.";
    MultistoreVersionRolledBack = "multistore.version.rolled_back", "all stores went back to an older version.";
    MultistoreVersionPruned = "multistore.version.pruned", "versions of all stores were removed to save room.";
    ServiceStarted = "system.service.started", "a service of a system was started, for the first time or again.";
    ServiceStopped = "system.service.stopped", "a service of a system was stopped, or is done.";
    ServiceFailed = "system.service.failed", "a service of a system failed.";
    OperationExecuted = "system.operation.executed", "an operation of a system was executed.";
    OperationFailed = "system.operation.failed", "an operation of a system failed, or was denied.";
    DamageFound = "system.damage.found", "a check in the background found damage.";
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use treering_proofs::Hash;

    use super::super::payload::SavedStore;
    use super::*;

    const ROOT: &str = "0101010101010101010101010101010101010101010101010101010101010101";
    const APP: &str = "fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe";

    /// Every event, and its JSON; ROOT and APP stand for the hashes.
    fn golden() -> Vec<(Event, &'static str)> {
        let store = || "bank".to_owned();
        let (root_hash, app_hash) = (Hash::new([1; 32]), Hash::new([0xfe; 32]));
        let stores = vec![SavedStore { store: store(), version: 3, root_hash }];
        vec![
            (
                StoreCreated { store: store(), engine: "rocksdb".into() }.into(),
                r#"{"topic":"store.created","store":"bank","engine":"rocksdb"}"#,
            ),
            (StoreDeleted { store: store() }.into(), r#"{"topic":"store.deleted","store":"bank"}"#),
            (StoreRenamed { from: store(), to: "vault".into() }.into(), r#"{"topic":"store.renamed","from":"bank","to":"vault"}"#),
            (StoreClosed { store: store() }.into(), r#"{"topic":"store.closed","store":"bank"}"#),
            (
                VersionSaved { store: store(), version: u64::MAX, root_hash, size: 5, height: 3, time: 1_700_000_000 }.into(),
                r#"{"topic":"store.version.saved","store":"bank","version":18446744073709551615,"root_hash":"ROOT","size":5,"height":3,"time":1700000000}"#,
            ),
            (VersionLoaded { store: store(), version: 7 }.into(), r#"{"topic":"store.version.loaded","store":"bank","version":7}"#),
            (
                VersionPruned { store: store(), versions: 2, nodes: 9, oldest: Some(3) }.into(),
                r#"{"topic":"store.version.pruned","store":"bank","versions":2,"nodes":9,"oldest":3}"#,
            ),
            (
                VersionRolledBack { store: store(), version: 6 }.into(),
                r#"{"topic":"store.version.rolled_back","store":"bank","version":6}"#,
            ),
            (
                TransactionBegin { store: store(), transaction: 1, read_only: true }.into(),
                r#"{"topic":"store.transaction.begin","store":"bank","transaction":1,"read_only":true}"#,
            ),
            (
                TransactionCommit { store: store(), transaction: 2, writes: 4 }.into(),
                r#"{"topic":"store.transaction.commit","store":"bank","transaction":2,"writes":4}"#,
            ),
            (
                TransactionRollback { store: store(), transaction: 3 }.into(),
                r#"{"topic":"store.transaction.rollback","store":"bank","transaction":3}"#,
            ),
            (
                MultistoreVersionSaved { version: 4, app_hash, time: 0, stores }.into(),
                r#"{"topic":"multistore.version.saved","version":4,"app_hash":"APP","time":0,"stores":[{"store":"bank","version":3,"root_hash":"ROOT"}]}"#,
            ),
            (MultistoreVersionLoaded { version: 4 }.into(), r#"{"topic":"multistore.version.loaded","version":4}"#),
            (MultistoreVersionRolledBack { version: 2 }.into(), r#"{"topic":"multistore.version.rolled_back","version":2}"#),
            (
                MultistoreVersionPruned { versions: 1, nodes: 0, oldest: None }.into(),
                r#"{"topic":"multistore.version.pruned","versions":1,"nodes":0,"oldest":null}"#,
            ),
        ]
    }

    /// The same for what systems tell.
    fn golden_of_systems() -> Vec<(Event, &'static str)> {
        let (service, operation) = (|| "checker".to_owned(), || "store.get".to_owned());
        let (principal, trace_id) = (|| "alice".to_owned(), || "00ff".to_owned());
        vec![
            (ServiceStarted { service: service() }.into(), r#"{"topic":"system.service.started","service":"checker"}"#),
            (ServiceStopped { service: service() }.into(), r#"{"topic":"system.service.stopped","service":"checker"}"#),
            (
                ServiceFailed { service: service(), error: "no room".into(), restarts: 2 }.into(),
                r#"{"topic":"system.service.failed","service":"checker","error":"no room","restarts":2}"#,
            ),
            (
                OperationExecuted { operation: operation(), principal: principal(), trace_id: trace_id(), duration_us: 17 }.into(),
                r#"{"topic":"system.operation.executed","operation":"store.get","principal":"alice","trace_id":"00ff","duration_us":17}"#,
            ),
            (
                OperationFailed {
                    operation: operation(),
                    principal: principal(),
                    trace_id: trace_id(),
                    duration_us: 9,
                    code: "denied".into(),
                }
                .into(),
                r#"{"topic":"system.operation.failed","operation":"store.get","principal":"alice","trace_id":"00ff","duration_us":9,"code":"denied"}"#,
            ),
            (
                DamageFound { store: "bank".into(), error: "a node is missing".into() }.into(),
                r#"{"topic":"system.damage.found","store":"bank","error":"a node is missing"}"#,
            ),
        ]
    }

    #[test]
    fn the_json_of_every_event_stays_and_comes_back() {
        let golden = [golden(), golden_of_systems()].concat();
        let topics: Vec<Topic> = golden.iter().map(|(event, _)| event.topic()).collect();
        assert_eq!(topics, Topic::ALL, "one event a topic, in the table's order");
        for (event, json) in golden {
            let json = json.replace("ROOT", ROOT).replace("APP", APP);
            assert_eq!(serde_json::to_string(&event).unwrap(), json);
            assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event);
            assert!(json.starts_with(&format!("{{\"topic\":\"{}\",", event.topic())));
        }
    }

    #[test]
    fn bad_json_is_refused() {
        for json in [
            r#"{"topic":"store.exploded","store":"bank"}"#,
            r#"{"store":"bank"}"#,
            r#"{"topic":"store.version.loaded","store":"bank"}"#,
            r#"{"topic":"store.version.loaded","store":"bank","version":-1}"#,
            r#"{"topic":"multistore.version.saved","version":4,"app_hash":"fe","time":0,"stores":[]}"#,
        ] {
            assert!(serde_json::from_str::<Event>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn topics_have_names_of_their_own_that_patterns_can_say() {
        let names: BTreeSet<&str> = Topic::ALL.iter().map(|topic| topic.as_str()).collect();
        assert_eq!(names.len(), Topic::ALL.len());
        for &topic in Topic::ALL {
            assert_eq!(serde_json::to_value(topic).unwrap(), topic.as_str());
            let pattern: super::super::Pattern = topic.as_str().parse().unwrap();
            assert_eq!(pattern.topics().collect::<Vec<_>>(), [topic]);
        }
    }
}
