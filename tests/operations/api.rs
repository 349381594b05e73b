//! A system in memory, called with JSON. Every call is checked against the schemas of its operation.

use serde_json::{Value, json};
use treering::system::{ErrorKind, OperationContext, OperationError, Principal, SystemConfig, SystemService};

use crate::schema;

pub(crate) struct Api {
    pub(crate) system: SystemService,
    pub(crate) context: OperationContext,
}

impl Api {
    /// A system with these stores.
    pub(crate) fn new(stores: &[&str]) -> Self {
        Self::with(SystemConfig::in_memory(), stores)
    }

    /// A system as configured, with these stores.
    pub(crate) fn with(config: SystemConfig, stores: &[&str]) -> Self {
        let system = SystemService::builder(config).build().unwrap();
        let api = Self { system, context: OperationContext::local() };
        for store in stores {
            api.ok("stores.create", json!({ "name": store }));
        }
        api
    }

    /// The same system, called by somebody else.
    pub(crate) fn called_by(&self, principal: Principal) -> Self {
        Self { system: self.system.clone(), context: OperationContext::new(principal) }
    }

    pub(crate) fn call(&self, id: &str, input: Value) -> Result<Value, OperationError> {
        let component = self.system.registry().get(id).cloned();
        let answer = self.system.execute_operation(&self.context, id, input.clone());
        if let Some(component) = component {
            let fits = schema::check(component.input.unwrap().as_value(), &input);
            match &answer {
                // What cannot be read may fit the schema all the same: schemas say nothing of hex.
                Err(error) if error.kind == ErrorKind::BadInput || error.kind == ErrorKind::TooLarge => {}
                _ => fits.unwrap_or_else(|what| panic!("{id} took {input}, which is not as it says: {what}")),
            }
            if let Ok(output) = &answer {
                schema::check(component.output.unwrap().as_value(), output)
                    .unwrap_or_else(|what| panic!("{id} gave {output}, which is not as it says: {what}"));
            }
        }
        answer
    }

    pub(crate) fn ok(&self, id: &str, input: Value) -> Value {
        self.call(id, input.clone()).unwrap_or_else(|error| panic!("{id} {input}: {} {error}", error.code))
    }

    /// The error of a call, as JSON.
    pub(crate) fn err(&self, id: &str, input: Value) -> Value {
        let Err(error) = self.call(id, input.clone()) else { panic!("{id} {input} is to fail") };
        serde_json::to_value(error).unwrap()
    }

    pub(crate) fn set(&self, store: &str, key: &str, value: &str) {
        let operation = json!({ "op": "set", "store": store, "key": key, "value": value });
        self.ok("batch.apply", json!({ "operations": [operation], "encoding": "utf8" }));
    }

    pub(crate) fn delete(&self, store: &str, key: &str) {
        let operation = json!({ "op": "delete", "store": store, "key": key });
        self.ok("batch.apply", json!({ "operations": [operation], "encoding": "utf8" }));
    }

    /// Saves, and gives the version's number.
    pub(crate) fn save(&self) -> u64 {
        self.ok("versions.save", json!({}))["version"].as_u64().unwrap()
    }

    pub(crate) fn get(&self, store: &str, key: &str) -> Option<String> {
        let found = self.ok("store.get", json!({ "store": store, "key": key, "encoding": "utf8" }));
        assert_eq!(found["found"], !found["value"].is_null());
        found["value"].as_str().map(str::to_owned)
    }
}
