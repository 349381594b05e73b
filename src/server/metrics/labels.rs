//! What tells the numbers of a kind apart.

use prometheus_client::encoding::EncodeLabelSet;

/// A route.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct RouteLabel {
    pub(super) route: String,
}

/// A route and a class of status: `2xx`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct RouteStatus {
    pub(super) route: String,
    pub(super) status: &'static str,
}

/// An operation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct OperationLabel {
    pub(super) operation: &'static str,
}

/// The code of a failure.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct CodeLabel {
    pub(super) code: &'static str,
}

/// What was read past the cache: `nodes` or `index`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct ReadLabel {
    pub(super) kind: &'static str,
}

/// Where a key was found, or found missing: `memory` or `storage`.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct ReadFromLabel {
    pub(super) from: &'static str,
}

/// Records of a kind on an engine.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(super) struct RecordLabel {
    pub(super) engine: String,
    pub(super) kind: String,
}
