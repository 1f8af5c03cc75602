//! The messages of the handshake that a server may send after it: tickets, which nobody needs any more, changes of its
//! keys, and requests to renegotiate.

use serde::{Deserialize, Serialize};

use super::error::TlsRecordError;

/// How many changes of keys a server may send without any data between; as many as rustls allows.
const MAX_KEY_CHANGES: u8 = 32;

/// How many requests to renegotiate a server may send.
const MAX_RENEGOTIATIONS: u8 = 1;

const HELLO_REQUEST: u8 = 0;
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// The length of a message's header: type and length.
const HEADER_LEN: usize = 4;

/// What a record of messages means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PostHandshake {
    /// Nothing that matters.
    Nothing,
    /// From now on the server encrypts with its next keys. It may want ours to change, too.
    KeyUpdate { request: bool },
    /// The server wants to renegotiate (TLS 1.2).
    RenegotiationRequest,
}

/// Where the messages of a server are, which may begin in one record and end in another.
///
/// ```text
///   between messages ──header──▶ in a message ──its last byte──▶ between messages
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Handshakes {
    /// What has been read of the header.
    header: Vec<u8>,
    /// How many bytes of the message's body are missing.
    missing: u32,
    #[serde(skip)]
    key_changes: u8,
    #[serde(skip)]
    renegotiations: u8,
}

impl Handshakes {
    /// Whether a message has begun and not ended.
    pub(super) fn is_amid_message(&self) -> bool {
        !self.header.is_empty()
    }

    /// Whether this can have come from reading.
    pub(super) fn is_sound(&self) -> bool {
        match self.header.len() {
            HEADER_LEN => self.missing > 0 && self.missing < 1 << 24,
            len => len < HEADER_LEN && self.missing == 0,
        }
    }

    /// Data came: whoever changes keys now may do so again.
    pub(super) fn forgive(&mut self) {
        self.key_changes = 0;
    }

    /// Reads the content of a record.
    pub(super) fn read(
        &mut self,
        is_tls13: bool,
        mut content: &[u8],
    ) -> Result<PostHandshake, TlsRecordError> {
        if content.is_empty() {
            return Err(TlsRecordError::Unexpected("an empty record of the handshake"));
        }
        let mut meaning = PostHandshake::Nothing;
        while let Some((first, rest)) = content.split_first() {
            // The keys change at the end of a record (RFC 8446, section 5.1).
            if meaning != PostHandshake::Nothing {
                return Err(TlsRecordError::Unexpected("a message behind the change of its keys"));
            }
            if self.header.len() < HEADER_LEN {
                self.header.push(*first);
                content = rest;
                self.missing = self.checked_len(is_tls13)?;
                if self.header.len() == HEADER_LEN && self.missing == 0 {
                    meaning = self.end_message(&[])?;
                }
                continue;
            }
            let len = content.len().min(usize::try_from(self.missing).unwrap_or(usize::MAX));
            let (body, rest) = content.split_at(len);
            content = rest;
            self.missing -= u32::try_from(len).unwrap_or(self.missing);
            if self.missing == 0 {
                meaning = self.end_message(body)?;
            }
        }
        Ok(meaning)
    }

    /// The length of the message, once its header is complete; or what is wrong with the header.
    fn checked_len(&self, is_tls13: bool) -> Result<u32, TlsRecordError> {
        let Some(kind) = self.header.first() else { return Ok(0) };
        let len = match self.header[1..] {
            [a, b, c] => Some(u32::from_be_bytes([0, a, b, c])),
            _ => None,
        };
        match (is_tls13, *kind, len) {
            (true, NEW_SESSION_TICKET, len) => Ok(len.unwrap_or(0)),
            (true, KEY_UPDATE, Some(1)) => Ok(1),
            (true, KEY_UPDATE, Some(_)) => Err(TlsRecordError::Malformed("a change of keys")),
            (false, HELLO_REQUEST, Some(1..)) => {
                Err(TlsRecordError::Malformed("a request to renegotiate"))
            }
            (true, KEY_UPDATE, None) | (false, HELLO_REQUEST, None | Some(0)) => Ok(0),
            _ => Err(TlsRecordError::Unexpected("a message of the handshake")),
        }
    }

    /// The message is complete; `last` is the last part of its body.
    fn end_message(&mut self, last: &[u8]) -> Result<PostHandshake, TlsRecordError> {
        let header = std::mem::take(&mut self.header);
        match (header.first(), last) {
            (Some(&KEY_UPDATE), [request @ (0 | 1)]) => {
                self.key_changes += 1;
                if self.key_changes > MAX_KEY_CHANGES {
                    return Err(TlsRecordError::TooMany("changes of keys"));
                }
                Ok(PostHandshake::KeyUpdate { request: *request == 1 })
            }
            (Some(&KEY_UPDATE), _) => Err(TlsRecordError::Illegal("a change of keys")),
            (Some(&HELLO_REQUEST), _) => {
                self.renegotiations += 1;
                if self.renegotiations > MAX_RENEGOTIATIONS {
                    return Err(TlsRecordError::TooMany("requests to renegotiate"));
                }
                Ok(PostHandshake::RenegotiationRequest)
            }
            _ => Ok(PostHandshake::Nothing),
        }
    }
}
