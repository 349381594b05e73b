//! The services that every system has, one file each. Each belongs to the feature of its name.

mod checker;
mod flusher;
mod pruner;

use super::builder::SystemBuilder;
use checker::Checker;
use flusher::Flusher;
use pruner::Pruner;

/// Adds them all. What was added first is stopped last: the flusher, after all that may save.
pub(super) fn builtin(builder: SystemBuilder) -> SystemBuilder {
    let (pruner, checker) = (Pruner::new(&builder.configuration().pruner), Checker::new(&builder.configuration().checker));
    builder.service(Flusher).service(pruner).service(checker)
}
