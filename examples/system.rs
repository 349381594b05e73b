//! A system: an operation and a service of one's own, beside those of the library.
//!
//! `cargo run --release --example system`

use std::error::Error;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use treering::Store;
use treering::config::Config;
use treering::event::Pattern;
use treering::system::{
    Access, Grants, Operation, OperationContext, OperationError, Principal, Role, Service, ServiceContext, ServiceError, SystemConfig,
    SystemHandle, SystemService, Wake,
};

/// Moves coins from one account to another.
struct Transfer;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TransferInput {
    from: String,
    to: String,
    coins: u64,
}

/// What the two accounts have then.
#[derive(Serialize, JsonSchema)]
struct Balances {
    from: u64,
    to: u64,
}

fn balance(store: &dyn Store, account: &str) -> Result<u64, OperationError> {
    let Some(value) = store.get(account.as_bytes())? else { return Ok(0) };
    let coins = value.try_into().map_err(|_| OperationError::internal(format!("the balance of {account:?} is no number")))?;
    Ok(u64::from_be_bytes(coins))
}

impl Operation for Transfer {
    type Input = TransferInput;
    type Output = Balances;
    const ID: &'static str = "bank.transfer";
    const DESCRIPTION: &'static str = "Moves coins from one account to another.";

    fn access(&self, _: &TransferInput) -> Access {
        Access::store(Role::Write, "bank")
    }

    fn run(&self, system: &SystemHandle, context: &OperationContext, input: TransferInput) -> Result<Balances, OperationError> {
        let bank = system.store().get_store("bank")?;
        let tx = treering::Transactional::begin_tx(&bank)?;
        let (from, to) = (balance(&*tx, &input.from)?, balance(&*tx, &input.to)?);
        let missing = || OperationError::invalid_input("coins", format!("{:?} has only {from}", input.from));
        let after = Balances {
            from: from.checked_sub(input.coins).ok_or_else(missing)?,
            to: to.checked_add(input.coins).ok_or_else(|| OperationError::invalid_input("coins", "more than there can be"))?,
        };
        tx.set(input.from.as_bytes(), &after.from.to_be_bytes())?;
        tx.set(input.to.as_bytes(), &after.to.to_be_bytes())?;
        // Nobody waits any more: nothing was done.
        context.check()?;
        tx.commit()?;
        Ok(after)
    }
}

/// Saves a version every so often.
struct Blocks {
    interval: Duration,
}

impl Service for Blocks {
    fn id(&self) -> &'static str {
        "blocks"
    }

    fn description(&self) -> &'static str {
        "Saves a version every so often."
    }

    /// Stopped before it, so that what it saved last is waited for.
    fn dependencies(&self) -> Vec<String> {
        vec!["flusher".to_owned()]
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        context.ready();
        while context.wait(self.interval) == Wake::Elapsed {
            let saved = context.system().store().save_version()?;
            context.report(json!({ "version": saved.version }));
        }
        Ok(())
    }
}

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let blocks = Blocks { interval: Duration::from_millis(5) };
    let system = SystemService::builder(SystemConfig::in_memory()).operation(Transfer).service(blocks).build()?;
    let bank = system.store().create_store("bank", None, &Config::new())?;
    bank.set(b"alice", &100_u64.to_be_bytes())?;
    let saves = system.events().subscribe(Pattern::parse("multistore.version.saved")?, 64);
    let failures = system.events().subscribe(Pattern::parse("system.operation.failed")?, 64);

    let started = system.start()?;
    println!("ready: {}", started.ready.join(", "));
    assert!(started.ready.contains(&"blocks".to_owned()) && started.waiting.is_empty());

    // By name with JSON, as a server does; and typed, as a program does.
    let teller = OperationContext::new(Principal::new("teller", Grants::default().with_store("bank", Role::Write)));
    let answer = system.execute_operation(&teller, "bank.transfer", json!({ "from": "alice", "to": "bob", "coins": 30 }))?;
    assert_eq!(answer, json!({ "from": 70, "to": 30 }));
    let input = TransferInput { from: "bob".to_owned(), to: "alice".to_owned(), coins: 5 };
    assert_eq!(system.run::<Transfer>(&teller, input)?.from, 25);

    // What goes wrong has a code, a sentence, and the place in the input.
    let wrong = [json!({ "from": "alice", "to": "bob", "coins": 1000 }), json!({ "from": "alice", "to": "bob", "coins": "all" })];
    for input in wrong {
        let error = system.execute_operation(&teller, "bank.transfer", input).err().ok_or("it should have failed")?;
        println!("{}: {}", error.code, error.message);
        assert_eq!((error.code, error.details.get("path")), ("invalid_input", Some(&json!("coins"))));
    }
    let visitor = OperationContext::new(Principal::new("visitor", Grants::everywhere(Role::Read)));
    let denied = system.execute_operation(&visitor, "bank.transfer", json!({ "from": "alice", "to": "eve", "coins": 70 }));
    println!("{}", denied.as_ref().err().ok_or("it should have been denied")?.message);
    assert_eq!(denied.err().map(|error| error.code), Some("denied"));
    // Input that cannot be read is no call.
    for code in ["invalid_input", "denied"] {
        let told = serde_json::to_value(&*failures.recv()?.event)?;
        assert_eq!((told.get("operation"), told.get("code")), (Some(&json!("bank.transfer")), Some(&json!(code))));
    }

    saves.recv()?;
    let stopped = system.stop();
    println!("stopped: {}", stopped.stopped.join(", "));
    assert_eq!(stopped.stopped.last().map(String::as_str), Some("flusher"));
    assert_eq!(system.status("blocks")?.report, json!({ "version": system.store().current_version()? }));
    Ok(())
}
