//! Which calls of operations have an entry, and what they are answered when the log fails.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use treering::system::audit::{AuditEntry, AuditLog, AuditOptions, AuditTrail, PageRequest};
use treering::system::{
    Access, ErrorKind, Grants, Operation, OperationContext, OperationError, Principal, Role, SystemConfig, SystemHandle, SystemService,
};
use treering::{Order, Store};

use super::scene::Scene;

/// What the operations of these tests take.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Input {
    store: String,
    #[serde(default)]
    fails: bool,
}

/// An operation that needs a role for a store, and sets a key of it unless it is to fail.
macro_rules! operation {
    ($name:ident, $id:literal, $role:expr) => {
        struct $name;

        impl Operation for $name {
            type Input = Input;
            type Output = u64;
            const ID: &'static str = $id;
            const DESCRIPTION: &'static str = "Does something.";

            fn access(&self, input: &Input) -> Access {
                Access::store($role, input.store.clone())
            }

            fn run(&self, system: &SystemHandle, _: &OperationContext, input: Input) -> Result<u64, OperationError> {
                if input.fails {
                    return Err(OperationError::new(ErrorKind::Conflict, "expectation_failed", "as asked for"));
                }
                if $role > Role::Read {
                    system.store().get_store(&input.store)?.set(b"key", Self::ID.as_bytes())?;
                }
                if $role == Role::Admin { Ok(system.store().save_version()?.version) } else { Ok(0) }
            }
        }
    };
}

operation!(Look, "test.look", Role::Read);
operation!(Change, "test.change", Role::Write);
operation!(Manage, "test.manage", Role::Admin);

fn system(scene: &Scene, options: AuditOptions) -> (SystemService, Arc<AuditLog>) {
    let (stores, log) = scene.open_with(options);
    // Its own audit log would lie on the same backend.
    let mut config = SystemConfig::in_memory();
    config.features.set("audit", false);
    let builder = SystemService::builder(config).operation(Look).operation(Change).operation(Manage);
    let system = builder.store(stores).observer(Arc::clone(&log) as Arc<_>).build().unwrap();
    system.start().unwrap();
    (system, log)
}

fn writer() -> OperationContext {
    let grants = Grants::default().with_store("bank", Role::Write);
    OperationContext::new(Principal::new("wendy", grants)).with_trace_id("trace-1")
}

fn all(log: &AuditLog) -> Vec<AuditEntry> {
    log.trail().page(&PageRequest { order: Order::Ascending, ..PageRequest::default() }).unwrap().entries
}

#[test]
fn writes_and_denials_have_entries_and_reads_only_if_asked_for() {
    for reads in [false, true] {
        let scene = Scene::empty();
        let (system, log) = system(&scene, AuditOptions { reads });
        let run = |id: &str, input| system.execute_operation(&writer(), id, input).map_err(|error| error.code);
        assert_eq!(run("test.change", json!({"store": "bank"})), Ok(json!(0)));
        assert_eq!(run("test.look", json!({"store": "bank"})), Ok(json!(0)));
        assert_eq!(run("test.change", json!({"fails": true, "store": "bank"})), Err("expectation_failed"));
        assert_eq!(run("test.manage", json!({"store": "bank"})), Err("denied"));
        assert_eq!(run("test.look", json!({"store": "gov"})), Err("denied"));
        assert_eq!(run("test.look", json!({"stores": "gov"})), Err("invalid_input"));
        let typed = system.run::<Change>(&writer(), Input { store: "bank".to_owned(), fails: false });
        assert_eq!(typed.unwrap(), 0);
        log.close().unwrap();

        let entries = all(&log);
        let told: Vec<_> = entries.iter().map(|entry| (&*entry.operation, entry.role, &*entry.result)).collect();
        let mut expected = vec![
            ("test.change", Role::Write, "ok"),
            ("test.look", Role::Read, "ok"),
            ("test.change", Role::Write, "expectation_failed"),
            ("test.manage", Role::Admin, "denied"),
            ("test.look", Role::Read, "denied"),
            ("test.change", Role::Write, "ok"),
        ];
        if !reads {
            expected.remove(1);
        }
        assert_eq!(told, expected);
        let first = &entries[0];
        assert_eq!((&*first.principal, &*first.trace_id, first.number), ("wendy", "trace-1", 1));
        assert_eq!(first.stores.as_deref(), Some(&["bank".to_owned()][..]));
        assert!(first.time > 1_700_000_000);
        // The digest does not hang on how the caller wrote the input.
        let digest = hex::encode(Sha256::digest(br#"{"store":"bank","fails":false}"#));
        assert_eq!(first.input_digest, Some(digest.clone()));
        assert_eq!(entries.last().unwrap().input_digest, Some(digest));
        assert_eq!(scene.verify().findings, []);
    }
}

#[test]
fn a_version_is_saved_with_the_log_beside_it_and_the_next_entry_says_so() {
    let scene = Scene::empty();
    let (system, log) = system(&scene, AuditOptions::default());
    for version in 1..=3 {
        let saved = system.execute_operation(&OperationContext::local(), "test.manage", json!({"store": "bank"})).unwrap();
        assert_eq!(saved, json!(version));
    }
    let entries = all(&log);
    let marks: Vec<_> =
        entries.iter().map(|entry| entry.saved.iter().map(|mark| (mark.version, mark.entries)).collect::<Vec<_>>()).collect();
    // There was no log to stand beside the first.
    assert_eq!(marks, [vec![], vec![(2, 1)], vec![(3, 2)]]);
    assert_eq!(
        system.store().companions().unwrap().iter().map(|(version, beside)| (*version, beside.entries)).collect::<Vec<_>>(),
        [(2, 1), (3, 2)]
    );
    assert_eq!(scene.verify().findings, []);
}

#[test]
fn nothing_is_written_without_the_log_and_reading_goes_on() {
    let scene = Scene::empty();
    let (system, log) = system(&scene, AuditOptions::default());
    let run = |id: &str| system.execute_operation(&writer(), id, json!({"store": "bank"}));
    run("test.change").unwrap();
    assert_eq!(log.failure(), None);
    scene.audit.fail_after(0);
    // What was running when the log failed is told what became of it.
    let error = run("test.change").unwrap_err();
    assert_eq!((error.code, error.kind), ("audit_unavailable", ErrorKind::Unavailable));
    assert!(error.message.ends_with("; \"test.change\" had run already, with the result \"ok\""), "{}", error.message);
    assert_eq!(error.details, json!({"operation": "test.change", "result": "ok"}));

    assert!(log.failure().is_some_and(|cause| cause.contains("injected")), "{:?}", log.failure());
    // From now on nothing that needs an entry runs.
    system.store().get_store("bank").unwrap().set(b"key", b"untouched").unwrap();
    for _ in 0..2 {
        let error = run("test.change").unwrap_err();
        assert_eq!(error.code, "audit_unavailable");
    }
    let error = system.execute_operation(&OperationContext::local(), "test.manage", json!({"store": "bank"})).unwrap_err();
    assert_eq!(error.code, "audit_unavailable");
    assert_eq!(system.store().get_store("bank").unwrap().get(b"key").unwrap().unwrap(), b"untouched");
    assert_eq!(run("test.look").unwrap(), json!(0));
    assert_eq!(run("test.manage").unwrap_err().code, "denied");
    // Not even past the operations.
    let error: OperationError = system.store().save_version().unwrap_err().into();
    assert_eq!(error.code, "audit_unavailable");
    assert_eq!(system.store().newest_version().unwrap(), None);
    assert_eq!(log.close().unwrap_err().code, "audit_unavailable");
}

#[test]
fn a_system_has_an_audit_log_unless_it_is_switched_off_or_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trees");
    let config = SystemConfig::new(&path);
    let built = |config| SystemService::builder(config).operation(Manage).build().unwrap();
    {
        let system = built(config.clone());
        system.store().create_store("bank", None, &treering::config::Config::new()).unwrap();
        for version in 1..=2 {
            let saved = system.execute_operation(&OperationContext::local(), "test.manage", json!({"store": "bank"})).unwrap();
            assert_eq!(saved, json!(version));
        }
        let log = system.audit().unwrap();
        assert_eq!(all(log).iter().map(|entry| entry.saved.len()).collect::<Vec<_>>(), [0, 1]);
    }
    assert!(path.join("audit").is_dir());
    let stores = treering::MultiStore::builder(config.stores.clone()).read_only().open().unwrap();
    let trail = AuditTrail::open(&stores).unwrap().unwrap();
    let report = trail.verify(&stores, &mut |_, _| {}).unwrap();
    assert_eq!((report.findings, report.entries, report.companions), (Vec::new(), 2, 1));
    let reading = SystemService::builder(config.clone()).store(stores).build().unwrap();
    assert!(reading.audit().is_none());
    drop((reading, trail));

    let mut off = config;
    off.features.set("audit", false);
    let system = built(off);
    assert!(system.audit().is_none());
    system.execute_operation(&OperationContext::local(), "test.manage", json!({"store": "bank"})).unwrap();
    assert_eq!(system.store().companions().unwrap().len(), 2, "what stood beside the version before is repeated");
}
