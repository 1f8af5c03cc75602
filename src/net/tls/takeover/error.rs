//! Why a TLS connection cannot be handed over, and why one that was taken over fails.

use std::io;

use rustls::AlertDescription;

/// Why a TLS connection cannot be handed over or taken over. Then it must be made anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TakeoverError {
    /// The handshake has not finished.
    #[error("the TLS handshake has not finished")]
    Handshaking,
    /// The bridge is closing the connection.
    #[error("the bridge is closing the connection")]
    Closing,
    /// The connection has failed already.
    #[error("the TLS connection has failed: {0}")]
    Failed(String),
    /// Its cipher is not one of those that can be continued.
    #[error("the TLS cipher {0} cannot be handed over")]
    UnknownCipher(String),
    /// The secrets from which the keys come were not found.
    #[error("the server has changed its TLS keys too often to hand them over")]
    UnknownSecrets,
    /// More is waiting to be read or sent than is handed over.
    #[error("{0} bytes wait to be read or sent, too many to hand over")]
    TooMuch(usize),
    /// The state was written by a version that writes it differently.
    #[error("the TLS connection was handed over in format {0}, which this version cannot read")]
    OtherFormat(u8),
    /// The state contradicts itself.
    #[error("the TLS connection was handed over with {0} of a wrong length")]
    Damaged(&'static str),
}

/// Why a connection that was taken over fails. The server is told, where TLS has an alert for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsRecordError {
    /// A record was changed on its way, or encrypted with other keys.
    #[error("a TLS record cannot be decrypted: it was changed on its way, or its keys are others")]
    BadRecordMac,
    /// A record is longer than TLS allows.
    #[error("the server sent a TLS record that is too long")]
    Overflow,
    /// Something that has no place on an open connection.
    #[error("the server sent {0} where TLS does not allow it")]
    Unexpected(&'static str),
    /// Something that does not follow its format.
    #[error("the server sent {0} that does not follow TLS")]
    Malformed(&'static str),
    /// Something of the right form that has no meaning.
    #[error("the server sent {0} with a value that TLS does not know")]
    Illegal(&'static str),
    /// Records of another version.
    #[error("the server sent a TLS record of another version")]
    OtherVersion,
    /// More than a server that means well sends.
    #[error("the server sent too many {0} in a row")]
    TooMany(&'static str),
    /// The server ended the connection by an alert.
    #[error("the server ended the TLS connection: {0}")]
    AlertReceived(String),
    /// So many records have been encrypted that the key is no longer safe, and TLS 1.2 has no way to change it.
    #[error("the keys of the TLS connection are used up")]
    KeysUsedUp,
    /// The cryptographic library refused.
    #[error("the TLS keys cannot be used")]
    Cipher,
}

impl TlsRecordError {
    /// The alert that tells the server of it.
    #[must_use]
    pub fn alert(&self) -> Option<AlertDescription> {
        match self {
            Self::BadRecordMac => Some(AlertDescription::BadRecordMac),
            Self::Overflow => Some(AlertDescription::RecordOverflow),
            Self::Unexpected(_) | Self::TooMany(_) => Some(AlertDescription::UnexpectedMessage),
            Self::Malformed(_) => Some(AlertDescription::DecodeError),
            Self::Illegal(_) => Some(AlertDescription::IllegalParameter),
            Self::OtherVersion => Some(AlertDescription::ProtocolVersion),
            Self::KeysUsedUp => Some(AlertDescription::CloseNotify),
            Self::Cipher => Some(AlertDescription::InternalError),
            Self::AlertReceived(_) => None,
        }
    }
}

impl From<TlsRecordError> for io::Error {
    fn from(error: TlsRecordError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}
