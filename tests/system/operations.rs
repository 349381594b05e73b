//! How operations are called.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use treering::config::Config;
use treering::event::Pattern;
use treering::system::{
    Access, CancelToken, ErrorKind, Execution, Grants, Observer, Operation, OperationContext, OperationError, Principal, Role, Stores,
    SystemHandle, SystemService,
};

use treering::{Keep, MultiStore, Store, Transactional};

use super::builder;

/// Puts words together; can be told to go wrong.
struct Join;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct JoinInput {
    words: Vec<Word>,
    #[serde(default)]
    separator: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Word {
    text: String,
    #[serde(default)]
    times: u8,
}

impl Operation for Join {
    type Input = JoinInput;
    type Output = String;
    const ID: &'static str = "words.join";
    const DESCRIPTION: &'static str = "Puts words together.";

    fn access(&self, input: &JoinInput) -> Access {
        assert!(input.separator != "panic before");
        Access::store(Role::Write, "words")
    }

    fn run(&self, _: &SystemHandle, context: &OperationContext, input: JoinInput) -> Result<String, OperationError> {
        assert!(input.separator != "panic");
        if input.separator == "cancel" {
            context.cancelled.cancel();
            context.check()?;
        }
        let words: Vec<String> = input.words.iter().flat_map(|word| vec![word.text.clone(); word.times.max(1).into()]).collect();
        Ok(words.join(&input.separator))
    }
}

/// Is not on.
struct Hidden;

impl Operation for Hidden {
    type Input = JoinInput;
    type Output = String;
    const ID: &'static str = "words.hide";
    const DESCRIPTION: &'static str = "Does nothing.";
    const FEATURE: Option<&'static str> = Some("checker");

    fn access(&self, _: &JoinInput) -> Access {
        Access::all(Role::Read)
    }

    fn run(&self, _: &SystemHandle, _: &OperationContext, _: JoinInput) -> Result<String, OperationError> {
        Ok(String::new())
    }
}

fn system() -> SystemService {
    builder().operation(Join).operation(Hidden).build().unwrap()
}

fn failure(input: Value) -> Value {
    let error = system().execute_operation(&OperationContext::local().with_trace_id("t1"), "words.join", input).unwrap_err();
    serde_json::to_value(error).unwrap()
}

#[test]
fn bad_input_is_told_with_its_place() {
    let told = |path: &str, message: &str| json!({ "code": "invalid_input", "message": message, "details": { "path": path } });
    assert_eq!(failure(json!({})), told(".", "the input cannot be taken: missing field `words`"));
    assert_eq!(failure(json!(null)), told(".", "the input cannot be taken: invalid type: null, expected struct JoinInput"));
    assert_eq!(
        failure(json!({ "words": [], "seperator": "-" })),
        told("seperator", "seperator: unknown field `seperator`, expected `words` or `separator`")
    );
    assert_eq!(
        failure(json!({ "words": [{ "text": "a" }, { "text": 7 }] })),
        told("words[1].text", "words[1].text: invalid type: integer `7`, expected a string")
    );
    assert_eq!(
        failure(json!({ "words": [{ "text": "a", "times": 300 }] })),
        told("words[0].times", "words[0].times: invalid value: integer `300`, expected u8")
    );
    assert_eq!(failure(json!({ "words": [{}] })), told("words[0]", "words[0]: missing field `text`"));
}

#[test]
fn an_operation_that_panics_is_an_error_and_the_next_call_is_answered() {
    let system = system();
    let context = OperationContext::local().with_trace_id("t1");
    for separator in ["panic", "panic before"] {
        let error = system.execute_operation(&context, "words.join", json!({ "words": [], "separator": separator })).unwrap_err();
        assert_eq!((error.code, error.kind), ("internal", ErrorKind::Internal));
        assert!(error.message.contains("words.join") && error.message.contains("t1"), "{error}");
    }
    let answer = system.execute_operation(&context, "words.join", json!({ "words": [{ "text": "a", "times": 2 }], "separator": "-" }));
    assert_eq!(answer.unwrap(), "a-a");
}

#[test]
fn typed_calls_are_the_same_calls() {
    let input = JoinInput { words: vec![Word { text: "b".to_owned(), times: 1 }], separator: String::new() };
    assert_eq!(system().run::<Join>(&OperationContext::local(), input).unwrap(), "b");
    let input = || JoinInput { words: Vec::new(), separator: String::new() };
    let nobody = OperationContext::new(Principal::new("nobody", Grants::default()));
    assert_eq!(system().run::<Join>(&nobody, input()).unwrap_err().code, "denied");
    let without = builder().build().unwrap();
    assert_eq!(without.run::<Join>(&OperationContext::local(), input()).unwrap_err().code, "unknown_operation");
    assert_eq!(system().run::<Hidden>(&OperationContext::local(), input()).unwrap_err().code, "feature_off");
}

#[test]
fn a_call_ends_at_its_deadline_or_when_it_is_cancelled() {
    let input = || json!({ "words": [] });
    let call = |context: OperationContext, input| system().execute_operation(&context, "words.join", input).unwrap_err();
    let error = call(OperationContext::local().with_timeout(Duration::ZERO), input());
    assert_eq!((error.code, error.kind), ("deadline_exceeded", ErrorKind::TimedOut));
    let token = CancelToken::new();
    token.cancel();
    assert_eq!(call(OperationContext::local().with_cancel_token(token), input()).code, "cancelled");
    assert_eq!(call(OperationContext::local(), json!({ "words": [], "separator": "cancel" })).code, "cancelled");
    let far = OperationContext::local().with_timeout(Duration::MAX);
    assert_eq!(system().execute_operation(&far, "words.join", input()).unwrap(), "");
    // What is denied is denied, also when it is late.
    let late = OperationContext::new(Principal::new("nobody", Grants::default())).with_timeout(Duration::ZERO);
    assert_eq!(call(late, input()).code, "denied");
}

#[test]
fn a_stopped_system_takes_no_operations_until_it_is_started() {
    let system = system();
    let call = || system.execute_operation(&OperationContext::local(), "stores.list", json!({}));
    assert!(call().is_ok());
    let _ = system.stop();
    assert_eq!(call().unwrap_err().code, "service_stopped");
    system.start().unwrap();
    assert!(call().is_ok());
}

/// Every combination of what is granted and what is needed, against the rule written down a second time.
#[test]
fn access_is_granted_by_the_table() {
    let roles = [None, Some(Role::Read), Some(Role::Write), Some(Role::Admin)];
    let level = |role: Option<Role>| roles.iter().position(|other| *other == role).unwrap();
    let mut granted = 0;
    for everywhere in roles {
        for bank in roles {
            for gov in roles {
                let mut grants = Grants { everywhere, ..Grants::default() };
                for (store, role) in [("bank", bank), ("gov", gov)] {
                    if let Some(role) = role {
                        grants = grants.with_store(store, role);
                    }
                }
                let principal = Principal::new("p", grants);
                let has = |store: &str, needed| {
                    let own = if store == "bank" { bank } else { gov };
                    level(everywhere) >= level(needed) || level(own) >= level(needed)
                };
                for role in [Role::Read, Role::Write, Role::Admin] {
                    let needed = Some(role);
                    let cases = [
                        (Access::all(role), level(everywhere) >= level(needed)),
                        (Access::store(role, "bank"), has("bank", needed)),
                        (Access::stores(role, ["gov", "bank", "gov"]), has("bank", needed) && has("gov", needed)),
                        (Access::store(role, "other"), level(everywhere) >= level(needed)),
                        (Access::granted(role), has("bank", needed) || has("gov", needed)),
                        (Access { role, stores: Stores::Named(Vec::new()) }, level(everywhere.max(bank).max(gov)) >= level(needed)),
                    ];
                    for (access, expected) in cases {
                        assert_eq!(access.is_granted_to(&principal), expected, "{principal:?} {access:?}");
                        assert_eq!(access.check(&principal).is_ok(), expected);
                        granted += u32::from(expected);
                    }
                }
            }
        }
    }
    assert!(granted > 100);
}

#[test]
fn who_is_denied_learns_what_is_missing_and_nothing_else() {
    let system = system();
    let reader = OperationContext::new(Principal::new("reader", Grants::everywhere(Role::Read)));
    let error = system.execute_operation(&reader, "words.join", json!({ "words": [] })).unwrap_err();
    assert_eq!(
        serde_json::to_value(&error).unwrap(),
        json!({ "code": "denied", "message": "\"reader\" lacks the role write for store \"words\"; ask for a token that has it" })
    );
    assert_eq!(error.kind, ErrorKind::Denied);
    for name in ["bank", "gov"] {
        system.store().create_store(name, None, &Config::new()).unwrap();
    }
    let teller = OperationContext::new(Principal::new("teller", Grants::default().with_store("gov", Role::Read)));
    let listed = system.execute_operation(&teller, "stores.list", json!({})).unwrap();
    assert_eq!(listed["stores"].as_array().unwrap().len(), 1, "only what may be read is listed");
    assert_eq!(listed["stores"][0]["name"], "gov");
}

#[test]
fn every_call_is_told_on_the_bus() {
    let system = system();
    let events = system.events().subscribe(Pattern::parse("system.operation.*").unwrap(), 16);
    let context = OperationContext::local().with_trace_id("t7");
    system.execute_operation(&context, "words.join", json!({ "words": [] })).unwrap();
    system.execute_operation(&context, "words.join", json!({ "words": [], "separator": "panic" })).unwrap_err();
    let nobody = OperationContext::new(Principal::new("nobody", Grants::default())).with_trace_id("t8");
    system.execute_operation(&nobody, "words.join", json!({ "words": [] })).unwrap_err();
    let told: Vec<Value> = std::iter::from_fn(|| events.try_recv().ok())
        .map(|published| {
            let mut told = serde_json::to_value(&*published.event).unwrap();
            assert!(told.as_object_mut().unwrap().remove("duration_us").unwrap().is_u64());
            told
        })
        .collect();
    assert_eq!(
        told,
        [
            json!({ "topic": "system.operation.executed", "operation": "words.join", "principal": "local", "trace_id": "t7" }),
            json!({ "topic": "system.operation.failed", "operation": "words.join", "principal": "local", "trace_id": "t7", "code": "internal" }),
            json!({ "topic": "system.operation.failed", "operation": "words.join", "principal": "nobody", "trace_id": "t8", "code": "denied" }),
        ]
    );
}

/// Writes down what it is told; refuses when it is told to.
#[derive(Default)]
struct Witness(Mutex<Vec<(String, Option<&'static str>)>>);

impl Observer for Witness {
    fn wants_input(&self, access: &Access) -> bool {
        access.role >= Role::Write
    }

    fn executed(&self, execution: &Execution<'_>) -> Result<(), OperationError> {
        let input = execution.input.map_or_else(String::new, |input| String::from_utf8(input.to_vec()).unwrap());
        let (is_refused, is_to_panic) = (input.contains("refuse"), input.contains("panic"));
        self.0.lock().unwrap().push((input, execution.failure.map(|failure| failure.code)));
        assert!(!is_to_panic);
        if is_refused { Err(OperationError::internal("the witness is full")) } else { Ok(()) }
    }
}

#[test]
fn observers_see_every_call_with_its_input_in_one_form() {
    let witness = Arc::new(Witness::default());
    let system = builder().operation(Join).observer(Arc::clone(&witness) as Arc<dyn Observer>).build().unwrap();
    let local = OperationContext::local();
    system.execute_operation(&local, "words.join", json!({ "separator": "-", "words": [{ "text": "a" }] })).unwrap();
    let input = JoinInput { words: vec![Word { text: "a".to_owned(), times: 0 }], separator: "-".to_owned() };
    system.run::<Join>(&local, input).unwrap();
    system.execute_operation(&local, "stores.list", json!({})).unwrap();
    let nobody = OperationContext::new(Principal::new("nobody", Grants::default()));
    system.execute_operation(&nobody, "words.join", json!({ "words": [] })).unwrap_err();
    let refused = system.execute_operation(&local, "words.join", json!({ "words": [{ "text": "refuse" }] })).unwrap_err();
    assert_eq!(refused.message, "the witness is full");
    let broken = system.execute_operation(&local, "words.join", json!({ "words": [{ "text": "panic" }] })).unwrap_err();
    assert_eq!(broken.code, "internal");
    let written = r#"{"words":[{"text":"a","times":0}],"separator":"-"}"#.to_owned();
    let expected = [
        (written.clone(), None),
        (written, None),
        (String::new(), None),
        (r#"{"words":[],"separator":""}"#.to_owned(), Some("denied")),
        (r#"{"words":[{"text":"refuse","times":0}],"separator":""}"#.to_owned(), None),
        (r#"{"words":[{"text":"panic","times":0}],"separator":""}"#.to_owned(), None),
    ];
    assert_eq!(*witness.0.lock().unwrap(), expected);
}

/// What the library says, as operations say it: codes that stay, and details for programs.
#[test]
fn errors_of_the_library_have_codes_kinds_and_details() {
    let stores = MultiStore::in_memory().unwrap();
    let bank = stores.create_store("bank", None, &Config::new()).unwrap();
    let told = |error: treering::Error| {
        let sentence = error.to_string();
        let error = OperationError::from(error);
        assert_eq!(error.message, sentence);
        (error.code, error.kind, error.details)
    };
    assert_eq!(
        told(stores.get_store("bang").err().unwrap()),
        ("no_store", ErrorKind::NotFound, json!({ "store": "bang", "stores": ["bank"] }))
    );
    let again = stores.create_store("bank", None, &Config::new()).err().unwrap();
    assert_eq!(told(again), ("store_exists", ErrorKind::Conflict, json!({ "store": "bank" })));
    let (code, kind, details) = told(stores.version(7).unwrap_err());
    assert_eq!((code, kind), ("no_multi_version", ErrorKind::NotFound));
    assert_eq!((&details["version"], &details["oldest"], &details["newest"]), (&json!(7), &json!(null), &json!(null)));
    for value in 1..=3_u8 {
        bank.set(b"alice", &[value]).unwrap();
        stores.save_version().unwrap();
    }
    stores.prune(&Keep::Last(2)).unwrap();
    let (_, _, details) = told(stores.version(1).unwrap_err());
    assert_eq!((&details["version"], &details["oldest"], &details["newest"]), (&json!(1), &json!(2), &json!(3)));
    assert_eq!(told(stores.prune(&Keep::Last(0)).unwrap_err()).0, "keeps_nothing");
    let (first, second) = (bank.begin_tx().unwrap(), bank.begin_tx().unwrap());
    for tx in [&first, &second] {
        tx.get(b"alice").unwrap();
        tx.set(b"alice", b"mine").unwrap();
    }
    first.commit().unwrap();
    let conflict = second.commit().unwrap_err();
    assert_eq!(told(conflict), ("conflict", ErrorKind::Conflict, json!({ "store": "bank", "key": "616c696365" })));
    drop((first, second));
    let (code, kind, details) = told(bank.set(&vec![0; 70_000], b"").unwrap_err());
    assert_eq!((code, kind, &details["length"]), ("key_too_long", ErrorKind::TooLarge, &json!(70_000)));
    stores.close_all().unwrap();
    assert_eq!(told(stores.save_version().unwrap_err()).0, "closed");
    assert_eq!(told(bank.get(b"alice").unwrap_err()), ("closed", ErrorKind::Unavailable, json!({ "store": "bank" })));
}
