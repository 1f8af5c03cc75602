//! The way to a server: all its addresses, tried with some overlap, until one answers.

use super::tls::HandshakeError;

/// Why there is no connection; worded for whoever keeps the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TLS did not come about.
    #[error("no TLS with {host}: {why}")]
    Tls {
        /// Whom we wanted to speak with.
        host: String,
        /// What is wrong.
        #[source]
        why: HandshakeError,
    },
}
