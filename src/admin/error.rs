//! Why the API cannot be offered.

use std::io;
use std::net::SocketAddr;

use super::socket::ControlSocketError;

/// Why the API cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The bridge cannot listen at the address.
    #[error(
        "admin.listen: cannot listen on {address} ({error}): choose another port, or stop the \
         program that uses it"
    )]
    Bind {
        /// `admin.listen`.
        address: SocketAddr,
        /// The system's error.
        error: io::Error,
    },
    /// There is no Unix socket.
    #[error(transparent)]
    Socket(#[from] ControlSocketError),
    /// The system has no random numbers.
    #[error("the system has no random numbers ({0}): check that /dev/urandom can be read")]
    Random(#[from] getrandom::Error),
}

impl AdminError {
    /// Whether something listens at the address already.
    pub(super) fn is_address_in_use(&self) -> bool {
        matches!(self, Self::Bind { error, .. } if error.kind() == io::ErrorKind::AddrInUse)
    }
}
