//! Open TLS connections handed to another process: the secrets of one that rustls made, and the record layer that
//! continues it.
//!
//! rustls makes every connection: certificates, key exchange, everything that needs trust. Its secrets can be taken
//! out, but not put in again. So whoever takes over a connection encrypts and decrypts records by itself
//! (`record`), and nothing else: no handshake, no new trust.
//!
//! ```text
//!  old process                                     new process
//!  KeptTls ── into_state ─▶ TcpStream, TlsState ── resume ─▶ TakenOverTls ── into_state ─▶ …
//! ```
//!
//! At no moment is a byte lost or sent twice: [`TlsState`] has the keys and the numbers of the next records, what
//! arrived and was not read yet, and what was encrypted and did not leave yet.

mod error;
mod kept;
mod keys;
mod messages;
mod record;
mod secret;
mod state;
mod stream;
mod tail;
#[cfg(test)]
mod tests;

pub use error::{TakeoverError, TlsRecordError};
pub(super) use kept::Keeper;
pub use kept::KeptTls;
pub use state::TlsState;
pub use stream::TakenOverTls;
pub(super) use tail::RecordTail;
