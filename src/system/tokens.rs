//! Who has which token. The file keeps hashes, so that reading it lets nobody in.
//!
//! ```
//! # let toml = r#"
//! [[tokens]]
//! name = "explorer"
//! sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! role = "read"                  # for everything
//!
//! [[tokens]]
//! name = "teller"
//! sha256 = "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
//! stores = { bank = "write" }    # for single stores
//! # "#;
//! # let file = treering::system::TokenFile::parse(toml)?;
//! # assert_eq!(file.authenticate("test").unwrap().name, "explorer");
//! # assert_eq!(file.authenticate("test2").unwrap().name, "teller");
//! # assert_eq!(file.authenticate("test3"), None);
//! # Ok::<(), String>(())
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::config::{AccessMode, SystemConfig};
use super::error::SystemError;
use super::principal::{Grants, Principal, Role};

/// What a token begins with, so that people and scanners for leaked secrets know it.
const PREFIX: &str = "treering_";
/// Random bytes of a token: as much as its hash can tell apart.
const SECRET_BYTES: usize = 32;

/// The tokens that there are.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFile {
    #[serde(default)]
    tokens: Vec<Token>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    name: String,
    #[serde(with = "hex_hash")]
    sha256: [u8; 32],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    stores: BTreeMap<String, Role>,
}

mod hex_hash {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(hash: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(hash))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        hex::decode_to_slice(&text, &mut hash).map_err(|_| D::Error::custom("a hash is 64 hex digits"))?;
        Ok(hash)
    }
}

impl TokenFile {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SystemError::Tokens`] with what is wrong.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, SystemError> {
        let path = path.as_ref();
        let failed = |what: String| SystemError::Tokens { path: path.to_owned(), what };
        let hint = || format!("`treering token new NAME --role read --file {}` makes the file", path.display());
        let text = fs::read_to_string(path).map_err(|error| failed(format!("{error}; {}", hint())))?;
        Self::parse(&text).map_err(failed)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(toml: &str) -> Result<Self, String> {
        let file: Self = toml::from_str(toml).map_err(|error| error.to_string())?;
        for (index, token) in file.tokens.iter().enumerate() {
            if file.tokens.iter().skip(index + 1).any(|other| other.name == token.name) {
                return Err(format!("there are two tokens {:?}; give one of them another name", token.name));
            }
            if token.role.is_none() && token.stores.is_empty() {
                return Err(format!("the token {:?} grants nothing; give it a role, or roles for stores", token.name));
            }
        }
        Ok(file)
    }

    /// Makes a token and gives its secret, which is kept nowhere.
    ///
    /// # Errors
    /// In words, when the name is taken, nothing is granted, or the system gives no random numbers.
    pub fn add(&mut self, name: &str, grants: Grants) -> Result<String, String> {
        if name.is_empty() {
            return Err("a token needs a name".to_owned());
        }
        if self.tokens.iter().any(|token| token.name == name) {
            return Err(format!("there is a token {name:?} already; remove it first, or take another name"));
        }
        if grants == Grants::default() {
            return Err(format!("the token {name:?} would grant nothing; give it a role"));
        }
        let mut random = [0; SECRET_BYTES];
        getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers: {error}"))?;
        let secret = format!("{PREFIX}{}", hex::encode(random));
        let Grants { everywhere, stores } = grants;
        self.tokens.push(Token { name: name.to_owned(), sha256: Sha256::digest(&secret).into(), role: everywhere, stores });
        Ok(secret)
    }

    /// Removes a token. Says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.name != name);
        self.tokens.len() != before
    }

    /// The tokens: names, and what they grant.
    pub fn principals(&self) -> impl Iterator<Item = Principal> {
        self.tokens.iter().map(Token::principal)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Writes a file, readable for its owner only. What was there before stays whole until the new one is.
    ///
    /// # Errors
    /// [`SystemError::Tokens`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), SystemError> {
        let path = path.as_ref();
        let failed = |what: String| SystemError::Tokens { path: path.to_owned(), what };
        let text = toml::to_string(self).map_err(|error| failed(error.to_string()))?;
        let new = path.with_extension("new");
        let written = write_private(&new, text.as_bytes()).and_then(|()| fs::rename(&new, path));
        written.map_err(|error| failed(error.to_string()))
    }

    /// Whose token it is. All are compared, each in constant time, so that how long it takes says nothing of them. O(tokens).
    #[must_use]
    pub fn authenticate(&self, token: &str) -> Option<Principal> {
        let hash: [u8; 32] = Sha256::digest(token).into();
        let (mut is_known, mut place) = (Choice::from(0), 0_u64);
        for (known, index) in self.tokens.iter().zip(0..) {
            let is_this = known.sha256.ct_eq(&hash);
            place.conditional_assign(&index, is_this);
            is_known |= is_this;
        }
        let found = usize::try_from(place).ok().and_then(|place| self.tokens.get(place));
        found.filter(|_| is_known.into()).map(Token::principal)
    }
}

impl Token {
    fn principal(&self) -> Principal {
        Principal::new(self.name.clone(), Grants { everywhere: self.role, stores: self.stores.clone() })
    }
}

/// Writes a new file that only its owner may read, down to the disk.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Tells who calls a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Authenticator {
    /// Everyone may do everything.
    Open,
    /// Who has one of these tokens may do what it grants.
    Tokens(TokenFile),
}

impl Authenticator {
    /// What the configuration says, for the address that it says.
    ///
    /// # Errors
    /// [`SystemError::NeedsTokens`], [`SystemError::Tokens`].
    pub fn from_config(config: &SystemConfig) -> Result<Self, SystemError> {
        let is_open = match (config.access.mode, &config.access.tokens) {
            (AccessMode::Open, _) => true,
            (AccessMode::Auto, None) => config.http.address.ip().is_loopback(),
            _ => false,
        };
        if is_open {
            return Ok(Self::Open);
        }
        let tokens = config.access.tokens.as_ref().map(TokenFile::load).transpose()?.unwrap_or_default();
        if tokens.is_empty() {
            return Err(SystemError::NeedsTokens { address: config.http.address.to_string() });
        }
        Ok(Self::Tokens(tokens))
    }

    /// Who calls, by the token that they show; `None`: nobody who is let in.
    #[must_use]
    pub fn authenticate(&self, token: Option<&str>) -> Option<Principal> {
        match self {
            Self::Open => Some(Principal::anyone()),
            Self::Tokens(tokens) => tokens.authenticate(token?),
        }
    }

    /// Whether everyone may do everything.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lets_its_owner_in_and_its_file_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        let mut file = TokenFile::default();
        let secrets: Vec<String> =
            ["a", "b", "c"].map(|name| file.add(name, Grants::default().with_store(name, Role::Write)).unwrap()).into_iter().collect();
        let reader = file.add("reader", Grants::everywhere(Role::Read)).unwrap();
        file.save(&path).unwrap();
        file.save(&path).unwrap();
        let loaded = TokenFile::load(&path).unwrap();
        assert_eq!(loaded, file);
        for (secret, name) in secrets.iter().zip(["a", "b", "c"]) {
            assert_eq!(loaded.authenticate(secret), Some(Principal::new(name, Grants::default().with_store(name, Role::Write))));
        }
        assert_eq!(loaded.authenticate(&reader).unwrap().grants.everywhere, Some(Role::Read));
        let text = fs::read_to_string(&path).unwrap();
        for secret in secrets.iter().chain([&reader]) {
            assert!(!text.contains(secret.strip_prefix(PREFIX).unwrap()), "the file has a secret");
            assert_eq!(secret.len(), PREFIX.len() + 64);
        }
        for line in text.lines().filter_map(|line| line.strip_prefix("sha256 = ")) {
            assert_eq!(loaded.authenticate(line.trim_matches('"')), None, "a hash is no token");
        }
        assert_eq!(loaded.authenticate(""), None);
        assert_eq!(TokenFile::default().authenticate(&reader), None);
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        assert!(file.remove("a") && !file.remove("a"));
        assert_eq!(file.authenticate(&secrets[0]), None);
    }

    #[test]
    fn a_bad_file_says_what_is_wrong() {
        let hash = "0".repeat(64);
        let token = |rest: &str| format!("[[tokens]]\nname = \"a\"\nsha256 = \"{hash}\"\n{rest}\n");
        let error = |toml: &str| TokenFile::parse(toml).unwrap_err();
        assert_eq!(error(&token("")), "the token \"a\" grants nothing; give it a role, or roles for stores");
        assert!(error(&(token("role = \"read\"") + &token("role = \"admin\""))).starts_with("there are two tokens \"a\""));
        assert!(error(&token("role = \"root\"")).contains("expected one of `read`, `write`, `admin`"));
        assert!(error(&token("rolle = \"read\"")).contains("unknown field `rolle`"));
        assert!(error("[[tokens]]\nname = \"a\"\nsha256 = \"00\"").contains("a hash is 64 hex digits"));
        assert!(error("tokens = 1").contains("invalid type"));
        let missing = TokenFile::load("/nowhere/tokens.toml").unwrap_err().to_string();
        assert!(
            missing.starts_with("the tokens in /nowhere/tokens.toml: ") && missing.ends_with("--file /nowhere/tokens.toml` makes the file")
        );
        let mut file = TokenFile::parse(&token("role = \"read\"")).unwrap();
        assert!(file.add("a", Grants::everywhere(Role::Read)).unwrap_err().starts_with("there is a token \"a\" already"));
        assert!(file.add("b", Grants::default()).unwrap_err().contains("would grant nothing"));
        assert!(file.add("", Grants::everywhere(Role::Read)).is_err());
    }

    #[test]
    fn who_is_let_in_follows_from_the_address_and_the_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tokens.toml");
        let mut file = TokenFile::default();
        let secret = file.add("a", Grants::everywhere(Role::Read)).unwrap();
        file.save(&path).unwrap();
        let of = |address: &str, mode: AccessMode, has_tokens: bool| {
            let mut config = SystemConfig::new("trees");
            config.http.address = address.parse().unwrap();
            config.access.mode = mode;
            config.access.tokens = has_tokens.then(|| path.clone());
            Authenticator::from_config(&config)
        };
        let (near, far) = ("127.0.0.1:1", "0.0.0.0:1");
        assert!(of(near, AccessMode::Auto, false).unwrap().is_open());
        assert!(of("[::1]:1", AccessMode::Auto, false).unwrap().is_open());
        assert!(of(far, AccessMode::Open, false).unwrap().is_open());
        for (address, mode) in [(near, AccessMode::Auto), (far, AccessMode::Auto), (near, AccessMode::Tokens)] {
            let tokens = of(address, mode, true).unwrap();
            assert_eq!((tokens.authenticate(None), tokens.authenticate(Some("x"))), (None, None));
            assert_eq!(tokens.authenticate(Some(&secret)).unwrap().name, "a");
        }
        for (address, mode) in [(far, AccessMode::Auto), (near, AccessMode::Tokens), (far, AccessMode::Tokens)] {
            let error = of(address, mode, false).unwrap_err().to_string();
            assert!(error.contains("treering token new NAME --role read") && error.contains(address), "{error}");
        }
        TokenFile::default().save(&path).unwrap();
        assert!(matches!(of(far, AccessMode::Auto, true), Err(SystemError::NeedsTokens { .. })), "a file without tokens lets nobody in");
    }
}
