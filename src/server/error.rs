//! Why a server cannot be started.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::system::SystemError;

/// Why a server cannot be started. A message names the thing and the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Somebody listens there already.
    #[error("{address} is in use by another process; stop that one, or set another `address` in [http]")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// It cannot be listened there.
    #[error("cannot listen on {address}; set another `address` in [http]")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A file for TLS cannot be used.
    #[error("the file {path} ({key} in [http]) cannot be used: {what}", path = path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// The key of the configuration that names it.
        key: &'static str,
        /// What is wrong.
        what: String,
    },
    /// There are no threads for it.
    #[error("the server's threads could not be started")]
    Threads(#[source] io::Error),
    /// Who is let in cannot be said.
    #[error(transparent)]
    Access(#[from] SystemError),
}
