//! `flusher`: watches what is on its way to the disk.
//!
//! The databases write by themselves, in threads of their own which outlive every service: what was saved must get to its place whether a
//! service runs or not. So this service moves nothing while it runs. It says how far they are behind, and fails when a write has failed,
//! which those who only read would not see. When it is stopped, it gets everything into its place, so that the next opening is quick and
//! a failure is told to somebody.

use std::time::Duration;

use serde_json::json;

use crate::system::service::{Service, ServiceContext, ServiceError, Wake};

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Flusher;

impl Service for Flusher {
    fn id(&self) -> &'static str {
        "flusher"
    }

    fn description(&self) -> &'static str {
        "Watches what is on its way to the disk, and waits for it at the end."
    }

    fn feature(&self) -> Option<&str> {
        Some("flusher")
    }

    fn run(&self, context: &ServiceContext) -> Result<(), ServiceError> {
        let store = context.system().store();
        let look = || -> Result<(), ServiceError> {
            let status = store.flush_status()?;
            context.report(json!({ "checkpoints_waiting": status.checkpoints, "bytes_waiting": status.bytes }));
            Ok(())
        };
        look()?;
        context.ready();
        while context.wait(INTERVAL) == Wake::Elapsed {
            look()?;
        }
        store.flush()?;
        look()
    }
}
