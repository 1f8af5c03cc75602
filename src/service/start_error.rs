//! Why the bridge cannot start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::store::StoreError;

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The ident server cannot listen.
    #[error(
        "ident.listen: cannot listen on {address} ({error}): choose another port, stop the \
         program that uses it, or allow the bridge a port below 1024 (see docs/sender-modes.md)"
    )]
    Ident {
        /// `ident.listen`.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The account key is not shared, and is not there.
    #[error(
        "{}: missing, and [store] share_keys is false: copy the file from the other node, or make it on the first one with \
         `head -c 32 /dev/urandom`, for the user of the bridge alone", .0.display()
    )]
    NoAccountKey(PathBuf),
}
