//! `abci_query` as nodes of the Cosmos SDK answer it, through the RPC of `CometBFT` over GET.
//!
//! The path is `/store/NAME/key`, the data the key in hex after `0x`, or a text in quotation marks. An answer with a proof has the two
//! steps that clients know: `ics23:iavl`, the key under the store's root hash, and `ics23:simple`, that under the app hash of the height.

use axum::http::{Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};

use super::super::answer;
use super::super::call::{Answer, Call};
use super::super::failure::Failure;
use super::super::route::{About, JSON, NOT_RENAMED, Route};
use crate::system::operations::{Encoding, MadeProof, MakeProof, ProofOf};
use crate::system::{ErrorKind, OperationContext, OperationError, SystemHandle};

/// Codes of the Cosmos SDK, in the code space `sdk`.
const UNKNOWN_REQUEST: u32 = 6;
const INVALID_REQUEST: u32 = 18;
const INVALID_HEIGHT: u32 = 26;
const OTHER: u32 = 1;

/// What is asked, as `CometBFT` writes it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Query {
    /// `/store/NAME/key`.
    path: String,
    /// The key: hex after `0x`, or a text in quotation marks.
    data: String,
    /// A version of all stores; the newest one if it is 0 or left out.
    #[serde(default)]
    height: Option<String>,
    /// Whether the answer has a proof.
    #[serde(default)]
    prove: Option<bool>,
}

#[derive(Serialize)]
struct Reply {
    jsonrpc: &'static str,
    id: i32,
    result: ReplyResult,
}

#[derive(Serialize)]
struct ReplyResult {
    response: Response,
}

#[derive(Default, Serialize)]
struct Response {
    code: u32,
    log: String,
    info: String,
    index: String,
    key: Option<String>,
    value: Option<String>,
    #[serde(rename = "proofOps")]
    proof_ops: Option<ProofOps>,
    height: String,
    codespace: &'static str,
}

#[derive(Serialize)]
struct ProofOps {
    ops: [ProofOp; 2],
}

#[derive(Serialize)]
struct ProofOp {
    r#type: &'static str,
    key: String,
    data: String,
}

pub(in crate::server) fn route() -> Route {
    let summary = "Gives a key's value as CometBFT's `abci_query` does, with a proof for clients of the Cosmos SDK.";
    let about = About { input: Some(schema_for!(Query)), ..About::other(summary, JSON) };
    Route::new(Method::GET, "/v1/abci_query", about, query)
}

async fn query(mut call: Call) -> Answer {
    let query: Query = call.read_input(NOT_RENAMED).await?;
    call.run_aside(move |system, context| {
        let response = match run(system, context, &query) {
            Ok(response) => response,
            // Who may not ask, or asks what cannot be answered now, learns it as everywhere else.
            Err(error) if !matches!(error.kind, ErrorKind::BadInput | ErrorKind::NotFound) => return Err(Failure::from(error)),
            Err(error) => refusal(&error),
        };
        Ok(answer::json(StatusCode::OK, &Reply { jsonrpc: "2.0", id: -1, result: ReplyResult { response } }))
    })
    .await
}

fn run(system: &SystemHandle, context: &OperationContext, query: &Query) -> Result<Response, OperationError> {
    let store = store_of(unquoted(&query.path))?;
    let key = key_of(&query.data)?;
    let version = height_of(query.height.as_deref())?;
    let input = ProofOf { store: store.to_owned(), key: hex::encode(&key), version, encoding: Encoding::Hex };
    let made = system.run::<MakeProof>(context, input)?;
    let value = made.value.as_deref().map(bytes).transpose()?;
    let proof_ops = if query.prove.unwrap_or(false) { Some(proof_ops(&made, &key)?) } else { None };
    Ok(Response {
        index: "0".to_owned(),
        key: Some(STANDARD.encode(&key)),
        value: value.map(|value| STANDARD.encode(value)),
        proof_ops,
        height: made.version.to_string(),
        ..Response::default()
    })
}

fn refusal(error: &OperationError) -> Response {
    let code = match error.code {
        "no_store" | "unknown_path" => UNKNOWN_REQUEST,
        "invalid_input" => INVALID_REQUEST,
        "no_multi_version" => INVALID_HEIGHT,
        _ => OTHER,
    };
    Response { code, log: error.message.clone(), index: "0".to_owned(), height: "0".to_owned(), codespace: "sdk", ..Response::default() }
}

/// Texts may come in quotation marks, as `CometBFT` wants them.
fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

fn store_of(path: &str) -> Result<&str, OperationError> {
    let store = path.strip_prefix("/store/").and_then(|rest| rest.strip_suffix("/key")).filter(|store| !store.is_empty());
    store.ok_or_else(|| {
        let message = format!("the path {path:?} is not known; ask for \"/store/NAME/key\"");
        OperationError::new(ErrorKind::NotFound, "unknown_path", message)
    })
}

fn key_of(data: &str) -> Result<Vec<u8>, OperationError> {
    if let Some(digits) = data.strip_prefix("0x") {
        return hex::decode(digits).map_err(|error| OperationError::invalid_input("data", format!("it is not hex: {error}")));
    }
    match data.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(text) => Ok(text.as_bytes().to_vec()),
        None => Err(OperationError::invalid_input("data", "give hex after `0x`, or a text in quotation marks")),
    }
}

fn height_of(height: Option<&str>) -> Result<Option<u64>, OperationError> {
    let Some(height) = height.map(unquoted) else { return Ok(None) };
    let height: u64 = height.parse().map_err(|_| OperationError::invalid_input("height", format!("{height:?} is not a height")))?;
    Ok((height != 0).then_some(height))
}

fn proof_ops(made: &MadeProof, key: &[u8]) -> Result<ProofOps, OperationError> {
    let none = || {
        let why = made.ics23_missing.clone().unwrap_or_default();
        OperationError::new(ErrorKind::BadInput, "unsupported", format!("the key cannot be proven in ICS-23 form: {why}"))
    };
    let forms = made.ics23.as_ref().ok_or_else(none)?;
    let store = forms.store.as_deref().ok_or_else(none)?;
    let op = |kind, key: &[u8], data: &str| {
        Ok::<_, OperationError>(ProofOp { r#type: kind, key: STANDARD.encode(key), data: STANDARD.encode(bytes(data)?) })
    };
    Ok(ProofOps { ops: [op("ics23:iavl", key, &forms.key)?, op("ics23:simple", made.store.as_bytes(), store)?] })
}

/// Bytes that an operation wrote in hex.
fn bytes(text: &str) -> Result<Vec<u8>, OperationError> {
    hex::decode(text).map_err(|error| OperationError::internal(format!("a result is not hex: {error}")))
}
