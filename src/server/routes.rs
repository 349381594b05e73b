//! All routes: one table, which the router and the document are made from.

use axum::http::{Method, StatusCode};

use super::openapi;
use super::rest::{abci, events, explorer, health, keys, operations, stream, versions};
use super::route::{NOT_RENAMED, Route};
use crate::system::operations::{
    AbandonVersion, ApplyBatch, Check, CommitVersion, CreateStore, DeleteStore, DiffStore, DiscardChanges, GetStore, History,
    ListComponents, ListServices, ListStores, ListVersions, LoadVersion, MakeProof, PathOf, PrepareVersion, PruneVersions, RenameStore,
    RollBack, RunTransaction, SaveVersion, StartService, Stats, Status, StopService, VerifyProof,
};

/// All routes.
pub(super) fn all() -> Vec<Route> {
    let mut routes = health::routes();
    routes.extend(explorer::routes());
    routes.extend(of_stores());
    routes.extend(of_versions());
    routes.extend(of_system());
    routes
}

fn of_stores() -> Vec<Route> {
    let (get, post) = (Method::GET, Method::POST);
    let mut routes = vec![
        Route::operation::<ListStores>(get.clone(), "/v1/stores"),
        Route::operation_as::<CreateStore>(post.clone(), "/v1/stores", StatusCode::CREATED, NOT_RENAMED),
        Route::operation::<GetStore>(get.clone(), "/v1/stores/{store}"),
        Route::operation_as::<RenameStore>(Method::PATCH, "/v1/stores/{store}", StatusCode::OK, ("store", "from")),
        Route::operation::<DeleteStore>(Method::DELETE, "/v1/stores/{store}"),
        Route::operation::<DiffStore>(get.clone(), "/v1/stores/{store}/diff"),
        Route::operation::<RunTransaction>(post.clone(), "/v1/stores/{store}/transactions"),
        Route::operation::<History>(get.clone(), "/v1/stores/{store}/keys/{key}/history"),
        Route::operation::<MakeProof>(get.clone(), "/v1/stores/{store}/keys/{key}/proof"),
        Route::operation::<PathOf>(get, "/v1/stores/{store}/keys/{key}/path"),
        Route::operation::<ApplyBatch>(post, "/v1/batch"),
        stream::route(),
    ];
    routes.extend(keys::routes());
    routes
}

fn of_versions() -> Vec<Route> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        Route::operation::<ListVersions>(get.clone(), "/v1/versions"),
        versions::route(),
        Route::operation_as::<SaveVersion>(post.clone(), "/v1/versions", StatusCode::CREATED, NOT_RENAMED),
        Route::operation_as::<PrepareVersion>(post.clone(), "/v1/prepared", StatusCode::CREATED, NOT_RENAMED),
        Route::operation_as::<CommitVersion>(post.clone(), "/v1/prepared/{id}", StatusCode::CREATED, ("id", "prepared")),
        Route::operation_as::<AbandonVersion>(Method::DELETE, "/v1/prepared/{id}", StatusCode::OK, ("id", "prepared")),
        Route::operation::<LoadVersion>(post.clone(), "/v1/load"),
        Route::operation::<DiscardChanges>(post.clone(), "/v1/discard"),
        Route::operation::<RollBack>(post.clone(), "/v1/rollback"),
        Route::operation::<PruneVersions>(post.clone(), "/v1/prune"),
        Route::operation::<VerifyProof>(post, "/v1/verify"),
        abci::route(),
    ]
}

fn of_system() -> Vec<Route> {
    let (get, post) = (Method::GET, Method::POST);
    vec![
        Route::operation::<Status>(get.clone(), "/v1/status"),
        Route::operation::<Stats>(get.clone(), "/v1/stats"),
        Route::operation::<Check>(post.clone(), "/v1/check"),
        Route::operation::<ListComponents>(get.clone(), "/v1/components"),
        Route::operation::<ListServices>(get, "/v1/services"),
        Route::operation::<StartService>(post.clone(), "/v1/services/{id}/start"),
        Route::operation::<StopService>(post, "/v1/services/{id}/stop"),
        operations::list(),
        operations::execute(),
        events::route(),
        openapi::route(),
    ]
}
