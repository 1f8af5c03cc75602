//! What one process tells another of an open TLS connection.

use std::fmt;

use data_encoding::BASE64;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::error::TakeoverError;
use super::keys::{DirectionKeys, DirectionSecret, RecordCipher};
use super::messages::Handshakes;

/// The format that this version writes and reads.
const FORMAT: u8 = 1;

/// How many bytes of each kind are handed over at most. rustls holds half of it.
const MAX_BYTES: usize = 256 * 1_024;

/// Everything that an open TLS connection needs to go on in another process, beside its socket.
///
/// It contains the connection's keys: whoever has them can read and forge this connection. They are overwritten when it
/// is dropped, and `Debug` does not show them. Serialised, they are plain.
#[derive(Serialize, Deserialize)]
pub struct TlsState {
    format: u8,
    cipher: RecordCipher,
    receiving: DirectionState,
    sending: DirectionState,
    /// Decrypted, and not read yet.
    received: HandedBytes,
    /// Arrived, and not decrypted yet.
    incoming: HandedBytes,
    /// Encrypted, and not sent yet.
    unsent: HandedBytes,
    /// A message of the handshake that has partly been read.
    handshakes: Handshakes,
    /// The server sends no more.
    is_closed: bool,
}

/// The keys of one direction, and the number of its next record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct DirectionState {
    pub(super) secret: DirectionSecret,
    pub(super) sequence: u64,
}

/// The bytes on their way when a connection is handed over.
#[derive(Debug, Default)]
pub(super) struct InTransit {
    pub(super) received: Vec<u8>,
    pub(super) incoming: Vec<u8>,
    pub(super) unsent: Vec<u8>,
}

/// The parts of a state, with keys that can be used.
pub(super) struct StateParts {
    pub(super) cipher: RecordCipher,
    pub(super) receiving: DirectionKeys,
    pub(super) sending: DirectionKeys,
    pub(super) bytes: InTransit,
    pub(super) handshakes: Handshakes,
    pub(super) is_closed: bool,
}

impl TlsState {
    /// # Errors
    /// When more bytes are on their way than may be.
    pub(super) fn new(
        cipher: RecordCipher,
        [receiving, sending]: [DirectionState; 2],
        bytes: InTransit,
        handshakes: Handshakes,
        is_closed: bool,
    ) -> Result<Self, TakeoverError> {
        let state = Self {
            format: FORMAT,
            cipher,
            receiving,
            sending,
            received: HandedBytes(bytes.received),
            incoming: HandedBytes(bytes.incoming),
            unsent: HandedBytes(bytes.unsent),
            handshakes,
            is_closed,
        };
        state.check()?;
        Ok(state)
    }

    /// The parts, if they fit together.
    pub(super) fn into_parts(self) -> Result<StateParts, TakeoverError> {
        self.check()?;
        let keys = |of: DirectionState| DirectionKeys::new(self.cipher, of.secret, of.sequence);
        let (receiving, sending) = (keys(self.receiving)?, keys(self.sending)?);
        if receiving.is_tls13() != sending.is_tls13() {
            return Err(TakeoverError::Damaged("the keys of one direction"));
        }
        let bytes = InTransit {
            received: self.received.0,
            incoming: self.incoming.0,
            unsent: self.unsent.0,
        };
        let (cipher, handshakes, is_closed) = (self.cipher, self.handshakes, self.is_closed);
        Ok(StateParts { cipher, receiving, sending, bytes, handshakes, is_closed })
    }

    fn check(&self) -> Result<(), TakeoverError> {
        if self.format != FORMAT {
            return Err(TakeoverError::OtherFormat(self.format));
        }
        for bytes in [&self.received, &self.incoming, &self.unsent] {
            if bytes.0.len() > MAX_BYTES {
                return Err(TakeoverError::TooMuch(bytes.0.len()));
            }
        }
        if !self.handshakes.is_sound() {
            return Err(TakeoverError::Damaged("a message of the handshake"));
        }
        Ok(())
    }
}

impl fmt::Debug for TlsState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsState")
            .field("cipher", &self.cipher)
            .field("received", &self.received.0.len())
            .field("incoming", &self.incoming.0.len())
            .field("unsent", &self.unsent.0.len())
            .finish_non_exhaustive()
    }
}

/// Bytes that are written in base64, so that every format can hold them.
struct HandedBytes(Vec<u8>);

impl Serialize for HandedBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for HandedBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}
