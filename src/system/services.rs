//! The services that every system has, one file each. Each belongs to the feature of its name.

use super::builder::SystemBuilder;

/// Adds them all.
pub(super) fn builtin(builder: SystemBuilder) -> SystemBuilder {
    builder
}
