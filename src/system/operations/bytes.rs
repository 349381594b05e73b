//! Keys and values in JSON.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::system::{ErrorKind, OperationError};

/// How bytes are written as JSON strings: all keys and values of a call, in and out.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Two hex digits a byte; `0x` may stand before those of an input.
    #[default]
    Hex,
    /// As text.
    Utf8,
    /// As base64 with padding.
    Base64,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Hex => "hex",
            Self::Utf8 => "utf8",
            Self::Base64 => "base64",
        })
    }
}

impl Encoding {
    /// The bytes that `text` stands for; `path` is where it stands in the input.
    ///
    /// # Errors
    /// `invalid_input`, which says what is wrong with it.
    pub fn read(self, path: &str, text: &str) -> Result<Vec<u8>, OperationError> {
        match self {
            Self::Utf8 => Ok(text.as_bytes().to_vec()),
            Self::Hex => hex::decode(text.strip_prefix("0x").unwrap_or(text)).map_err(|error| {
                let what = format!("it is not hex ({error}); give two hex digits a byte, or set `encoding` to \"utf8\" or \"base64\"");
                OperationError::invalid_input(path, what)
            }),
            Self::Base64 => STANDARD.decode(text).map_err(|error| {
                let what = format!("it is not base64 ({error}); give it with padding, or set `encoding` to \"hex\" or \"utf8\"");
                OperationError::invalid_input(path, what)
            }),
        }
    }

    /// The bytes of a field that may be left out.
    ///
    /// # Errors
    /// As [`Encoding::read`].
    pub fn read_some(self, path: &str, text: Option<&str>) -> Result<Option<Vec<u8>>, OperationError> {
        text.map(|text| self.read(path, text)).transpose()
    }

    /// The text that stands for `bytes`; `what` is what they are, such as "the key".
    ///
    /// # Errors
    /// `not_utf8`, which says to ask for hex.
    pub fn write<'a>(self, what: &str, bytes: impl Into<Cow<'a, [u8]>>) -> Result<String, OperationError> {
        let bytes = bytes.into();
        match self {
            Self::Hex => Ok(hex_digits(&bytes)),
            Self::Base64 => Ok(STANDARD.encode(bytes)),
            Self::Utf8 => String::from_utf8(bytes.into_owned()).map_err(|error| {
                let hex = shortened(error.as_bytes());
                let message = format!("{what} {hex} is not UTF-8; ask with `encoding` \"hex\" or \"base64\"");
                OperationError::new(ErrorKind::BadInput, "not_utf8", message).with_details(json!({ "hex": hex }))
            }),
        }
    }

    /// As [`Encoding::write`], of bytes that may not be there.
    ///
    /// # Errors
    /// `not_utf8`.
    pub fn write_some<'a>(self, what: &str, bytes: Option<impl Into<Cow<'a, [u8]>>>) -> Result<Option<String>, OperationError> {
        bytes.map(|bytes| self.write(what, bytes)).transpose()
    }
}

/// As `hex::encode`, which goes digit by digit and costs more than finding the value does.
fn hex_digits(bytes: &[u8]) -> String {
    let mut digits = vec![b'0'; bytes.len().saturating_mul(2)];
    // There is room for two digits a byte, and digits are text.
    let _ = hex::encode_to_slice(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// The beginning of bytes, in hex: enough to find them again.
fn shortened(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    match bytes.get(..MOST) {
        Some(start) if bytes.len() > MOST => format!("{}..", hex::encode(start)),
        _ => hex::encode(bytes),
    }
}
