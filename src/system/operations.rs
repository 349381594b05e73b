//! The operations that every system has, one file a group.
//!
//! Their inputs refuse fields that they do not know; an error says where in the input it is. Keys and values are strings in the `encoding`
//! that the input names, hex if it names none. Results that can be long come in pages: `next` is what to give as `after` or `before` for the
//! next one.
//!
//! Laws
//! 1. Nothing collects more than a page. [`scan_each`] gives a whole range to a callback instead.
//! 2. What walks far asks [`OperationContext::check`](super::OperationContext::check) on the way.
//! 3. Whoever may read single stores only sees nothing of the others.

mod batch;
mod bytes;
mod page;
mod place;
mod proof;
mod services;
mod status;
mod store;
mod stores;
mod transaction;
mod versions;

pub use batch::{Applied, ApplyBatch, Batch, BatchOperation};
pub use bytes::Encoding;
pub use page::Direction;
pub use proof::{Ics23Proof, MadeProof, MakeProof, ProofClaim, ProofOf, Verdict, VerifyProof};
pub use services::{ListServices, ServiceId, ServiceList, StartService, StopService, StopStarted};
pub use status::{
    Check, CheckInput, CheckReport, ComponentList, ComponentQuery, EngineStatistics, KindStatistics, ListComponents, Statistics, Stats,
    Status, SystemStatus,
};
pub use store::{
    Change, ChangeKind, Changes, DiffStore, DiffVersions, Found, FoundKey, FoundKeys, GetKey, GetKeys, History, HistoryOf, HistoryStep,
    Item, Items, KeyAt, KeyHistory, KeyPath, KeysAt, NodeSide, PathOf, ScanRange, ScanStore, TreeNode, scan_each,
};
pub use stores::{
    CreateStore, DeleteStore, Done, GetStore, ListStores, NewName, NewStore, NoInput, RenameStore, StoreInfo, StoreList, StoreName,
};
pub use transaction::{Expectation, KeyOperation, RunTransaction, TransactionInput, TransactionOutput};
pub use versions::{
    AbandonVersion, CommitVersion, DiscardChanges, GetVersion, KeepVersions, ListVersions, LoadVersion, PrepareInput, PrepareVersion,
    PreparedId, PreparedInfo, PruneInput, PruneOutput, PruneVersions, RetentionInput, RollBack, SaveVersion, StoreRoot, StoreVersionInfo,
    VersionInfo, VersionList, VersionNumber, VersionOrNewest, VersionPage,
};

use super::builder::SystemBuilder;

/// Adds them all.
pub(super) fn builtin(builder: SystemBuilder) -> SystemBuilder {
    builder
        .operation(ListStores)
        .operation(GetStore)
        .operation(CreateStore)
        .operation(DeleteStore)
        .operation(RenameStore)
        .operation(GetKey)
        .operation(GetKeys)
        .operation(ScanStore)
        .operation(History)
        .operation(DiffStore)
        .operation(PathOf)
        .operation(ApplyBatch)
        .operation(RunTransaction)
        .operation(ListVersions)
        .operation(GetVersion)
        .operation(SaveVersion)
        .operation(PrepareVersion)
        .operation(CommitVersion)
        .operation(AbandonVersion)
        .operation(LoadVersion)
        .operation(DiscardChanges)
        .operation(RollBack)
        .operation(PruneVersions)
        .operation(MakeProof)
        .operation(VerifyProof)
        .operation(ListServices)
        .operation(StartService)
        .operation(StopService)
        .operation(Status)
        .operation(ListComponents)
        .operation(Stats)
        .operation(Check)
}
