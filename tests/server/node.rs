//! A system with its server, for a test.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use treering::config::Config;
use treering::server::install;
use treering::system::{Access, Operation, OperationContext, OperationError, Role, SystemConfig, SystemHandle, SystemService};

use super::client::{Answer, ask};

pub(crate) struct Node {
    pub(crate) system: SystemService,
    pub(crate) address: SocketAddr,
}

/// A node in memory, with stores `bank` and `gov`.
pub(crate) fn node() -> Node {
    node_with(|_| {})
}

pub(crate) fn node_with(change: impl FnOnce(&mut SystemConfig)) -> Node {
    let mut config = SystemConfig::in_memory();
    config.http.address = "127.0.0.1:0".parse().unwrap();
    change(&mut config);
    let (builder, address) = install(SystemService::builder(config).operation(Sleep)).unwrap();
    let system = builder.build().unwrap();
    system.store().create_store("bank", None, &Config::default()).unwrap();
    system.store().create_store("gov", None, &Config::default()).unwrap();
    let report = system.start().unwrap();
    assert_eq!(report.waiting, Vec::<String>::new());
    Node { system, address: address.unwrap() }
}

impl Node {
    pub(crate) fn ask(&self, method: &str, path: &str) -> Answer {
        ask(self.address, method, path, None)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        ask(self.address, method, path, Some(&body.to_string()))
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    pub(crate) fn put(&self, store: &str, key: &str, value: &str) {
        let answer = self.send("PUT", &format!("/v1/stores/{store}/keys/{key}?encoding=utf8"), &json!({ "value": value }));
        assert_eq!((answer.status, answer.json()), (200, json!({ "applied": 1 })));
    }

    pub(crate) fn save(&self) -> Value {
        let answer = self.ask("POST", "/v1/versions");
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    }

    /// The error that asking gives, whole.
    pub(crate) fn error(&self, method: &str, path: &str, body: Option<&str>) -> (u16, Value) {
        let answer = ask(self.address, method, path, body);
        (answer.status, answer.json())
    }
}

/// An operation that takes its time.
struct Sleep;

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Milliseconds {
    milliseconds: u64,
}

impl Operation for Sleep {
    type Input = Milliseconds;
    type Output = u64;
    const ID: &'static str = "test.sleep";
    const DESCRIPTION: &'static str = "Sleeps.";

    fn access(&self, _: &Milliseconds) -> Access {
        Access::all(Role::Read)
    }

    fn run(&self, _: &SystemHandle, context: &OperationContext, input: Milliseconds) -> Result<u64, OperationError> {
        for _ in 0..input.milliseconds.div_ceil(10) {
            context.check()?;
            thread::sleep(Duration::from_millis(10));
        }
        Ok(input.milliseconds)
    }
}

/// What an error is told as.
pub(crate) fn told(code: &str, message: &str, details: &Value) -> Value {
    json!({ "error": { "code": code, "message": message, "details": details, "request_id": super::client::ID } })
}
