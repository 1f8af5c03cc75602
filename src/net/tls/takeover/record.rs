//! The record layer of TLS 1.3 (RFC 8446, section 5) and TLS 1.2 (RFC 5246, section 6.2, with RFC 5288 and RFC 7905)
//! on a connection whose handshake is over. Bytes in, contents out, and back; no socket.

use bytes::{Buf, BytesMut};

use super::error::TlsRecordError;
use super::keys::DirectionKeys;
use super::messages::{Handshakes, PostHandshake};

/// The length of a record's header: type, version, length.
pub(super) const HEADER_LEN: usize = 5;

/// The longest content of a record.
pub(super) const MAX_LEN_CONTENT: usize = 1 << 14;

/// The longest encrypted content: that of TLS 1.2 (RFC 5246, section 6.2.3).
pub(super) const MAX_LEN_FRAGMENT: usize = MAX_LEN_CONTENT + 2_048;

/// The longest encrypted content with TLS 1.3 (RFC 8446, section 5.2).
const MAX_LEN_FRAGMENT_13: usize = MAX_LEN_CONTENT + 256;

/// How many warnings a server may send with TLS 1.2; as many as rustls allows.
const MAX_WARNINGS: u8 = 4;

/// The version in the header of each record, of TLS 1.3 as of TLS 1.2.
const WIRE_VERSION: [u8; 2] = [3, 3];

/// The length of the nonce that a record of TLS 1.2 with AES-GCM says.
const EXPLICIT_NONCE_LEN: usize = 8;

const CLOSE_NOTIFY: u8 = 0;
const USER_CANCELED: u8 = 90;
const WARNING: u8 = 1;

/// What a record contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordType {
    /// Part of the handshake of TLS 1.2. No open connection has any.
    ChangeCipherSpec,
    /// The end of the connection, or why it fails.
    Alert,
    /// Messages of the handshake, and those that come after it.
    Handshake,
    /// What the connection is for.
    ApplicationData,
}

impl RecordType {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            20 => Some(Self::ChangeCipherSpec),
            21 => Some(Self::Alert),
            22 => Some(Self::Handshake),
            23 => Some(Self::ApplicationData),
            _ => None,
        }
    }

    fn byte(self) -> u8 {
        match self {
            Self::ChangeCipherSpec => 20,
            Self::Alert => 21,
            Self::Handshake => 22,
            Self::ApplicationData => 23,
        }
    }
}

/// What a server sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RecordEvent {
    /// Data, perhaps none.
    Data(BytesMut),
    /// It wants us to change our keys, too.
    KeyChangeRequested,
    /// It wants to renegotiate (TLS 1.2).
    RenegotiationRequested,
    /// It sends no more.
    Closed,
}

/// Decrypts what a server sends.
pub(super) struct RecordReader {
    keys: DirectionKeys,
    /// What arrived and is not decrypted yet: records, the last of them perhaps only in part.
    incoming: BytesMut,
    handshakes: Handshakes,
    warnings: u8,
}

impl RecordReader {
    /// A reader that goes on with these bytes and, if a message of a handshake has partly been read, with its rest.
    pub(super) fn new(keys: DirectionKeys, incoming: &[u8], handshakes: Handshakes) -> Self {
        Self { keys, incoming: BytesMut::from(incoming), handshakes, warnings: 0 }
    }

    /// Takes bytes that arrived.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
    }

    /// What [`RecordReader::new`] needs.
    pub(super) fn into_parts(self) -> (DirectionKeys, BytesMut, Handshakes) {
        (self.keys, self.incoming, self.handshakes)
    }

    /// The next event of what arrived. `None` if more must arrive.
    ///
    /// # Errors
    /// What the server did wrong. Then the connection cannot go on.
    pub(super) fn read(&mut self) -> Result<Option<RecordEvent>, TlsRecordError> {
        loop {
            let Some((header, mut sealed)) = self.take_record()? else { return Ok(None) };
            let (kind, at, len) = self.open(header, &mut sealed)?;
            sealed.truncate(at + len);
            sealed.advance(at);
            if let Some(event) = self.understand(kind, sealed)? {
                return Ok(Some(event));
            }
        }
    }

    /// The header and the encrypted content of the next record, if it has arrived.
    fn take_record(&mut self) -> Result<Option<([u8; HEADER_LEN], BytesMut)>, TlsRecordError> {
        let Some(header) = self.incoming.first_chunk::<HEADER_LEN>().copied() else {
            return Ok(None);
        };
        let len = usize::from(u16::from_be_bytes([header[3], header[4]]));
        let max = if self.keys.is_tls13() { MAX_LEN_FRAGMENT_13 } else { MAX_LEN_FRAGMENT };
        if len > max {
            return Err(TlsRecordError::Overflow);
        }
        if !self.keys.is_tls13() && header[1..3] != WIRE_VERSION {
            return Err(TlsRecordError::OtherVersion);
        }
        if self.incoming.len() < HEADER_LEN + len {
            return Ok(None);
        }
        let mut record = self.incoming.split_to(HEADER_LEN + len);
        if self.incoming.is_empty() {
            // Gives the memory back once the record has been read.
            self.incoming = BytesMut::new();
        }
        record.advance(HEADER_LEN);
        Ok(Some((header, record)))
    }

    /// Decrypts a record. Returns its type, and where in it the content is.
    fn open(
        &mut self,
        header: [u8; HEADER_LEN],
        sealed: &mut [u8],
    ) -> Result<(RecordType, usize, usize), TlsRecordError> {
        let outer = RecordType::of(header[0])
            .ok_or(TlsRecordError::Unexpected("a record of an unknown type"))?;
        if self.keys.is_tls13() {
            return self.open_tls13(outer, header, sealed);
        }
        let at = if self.keys.has_explicit_nonces() { EXPLICIT_NONCE_LEN } else { 0 };
        let Some(len) = sealed.len().checked_sub(at + self.keys.tag_len()) else {
            return Err(TlsRecordError::BadRecordMac);
        };
        if len > MAX_LEN_CONTENT {
            return Err(TlsRecordError::Overflow);
        }
        let (explicit, sealed) = sealed.split_at_mut(at);
        let mut nonce = self.keys.nonce();
        if !explicit.is_empty() {
            nonce[..4].copy_from_slice(&self.keys.salt());
            nonce[4..].copy_from_slice(explicit);
        }
        let aad = tls12_aad(self.keys.sequence(), outer, len);
        let len = self.keys.open(nonce, &aad, sealed)?;
        Ok((outer, at, len))
    }

    /// Behind the content of TLS 1.3 come its type and zeros (RFC 8446, section 5.4).
    fn open_tls13(
        &mut self,
        outer: RecordType,
        header: [u8; HEADER_LEN],
        sealed: &mut [u8],
    ) -> Result<(RecordType, usize, usize), TlsRecordError> {
        if outer != RecordType::ApplicationData {
            return Err(TlsRecordError::Unexpected("a record without encryption"));
        }
        let len = self.keys.open(self.keys.nonce(), &header, sealed)?;
        if len > MAX_LEN_CONTENT + 1 {
            return Err(TlsRecordError::Overflow);
        }
        let end = sealed[..len].iter().rposition(|byte| *byte != 0);
        let end = end.ok_or(TlsRecordError::Unexpected("a record without a type"))?;
        let kind = RecordType::of(sealed[end]);
        Ok((kind.ok_or(TlsRecordError::Unexpected("a record of an unknown type"))?, 0, end))
    }

    /// The event that is this content. `None` if nobody needs to know of it.
    fn understand(
        &mut self,
        kind: RecordType,
        content: BytesMut,
    ) -> Result<Option<RecordEvent>, TlsRecordError> {
        // Nothing may come between the parts of a message (RFC 8446, section 5.1).
        if kind != RecordType::Handshake && self.handshakes.is_amid_message() {
            return Err(TlsRecordError::Unexpected("a record amid a message of the handshake"));
        }
        match kind {
            RecordType::ApplicationData => {
                if !content.is_empty() {
                    self.handshakes.forgive();
                }
                Ok(Some(RecordEvent::Data(content)))
            }
            RecordType::Alert => self.on_alert(&content),
            RecordType::Handshake => self.on_handshake(&content),
            RecordType::ChangeCipherSpec => {
                Err(TlsRecordError::Unexpected("ChangeCipherSpec after the handshake"))
            }
        }
    }

    fn on_alert(&mut self, content: &[u8]) -> Result<Option<RecordEvent>, TlsRecordError> {
        let [level, description] = *content else {
            return Err(TlsRecordError::Malformed("an alert"));
        };
        // All others are fatal with TLS 1.3, whatever level they say (RFC 8446, section 6).
        let is_warning = match self.keys.is_tls13() {
            true => description == USER_CANCELED,
            false => level == WARNING,
        };
        if description == CLOSE_NOTIFY {
            return Ok(Some(RecordEvent::Closed));
        }
        if !is_warning {
            let alert = rustls::AlertDescription::from(description);
            return Err(TlsRecordError::AlertReceived(format!("{alert:?}")));
        }
        self.warnings += 1;
        if self.warnings > MAX_WARNINGS {
            return Err(TlsRecordError::TooMany("warnings"));
        }
        Ok(None)
    }

    fn on_handshake(&mut self, content: &[u8]) -> Result<Option<RecordEvent>, TlsRecordError> {
        let is_tls13 = self.keys.is_tls13();
        match self.handshakes.read(is_tls13, content)? {
            PostHandshake::Nothing => Ok(None),
            PostHandshake::RenegotiationRequest => Ok(Some(RecordEvent::RenegotiationRequested)),
            PostHandshake::KeyUpdate { request } => {
                self.keys.change()?;
                Ok(request.then_some(RecordEvent::KeyChangeRequested))
            }
        }
    }
}

/// Encrypts what we send.
pub(super) struct RecordWriter {
    keys: DirectionKeys,
}

impl RecordWriter {
    pub(super) fn new(keys: DirectionKeys) -> Self {
        Self { keys }
    }

    pub(super) fn into_keys(self) -> DirectionKeys {
        self.keys
    }

    /// Encrypts data, as many records as it needs. Changes the keys before they are used up.
    ///
    /// # Errors
    /// When the keys of TLS 1.2 are used up.
    pub(super) fn write_data(
        &mut self,
        data: &[u8],
        wire: &mut BytesMut,
    ) -> Result<(), TlsRecordError> {
        for content in data.chunks(MAX_LEN_CONTENT) {
            if self.keys.is_used_up() {
                self.change_keys(wire)?;
            }
            self.write_record(RecordType::ApplicationData, content, wire)?;
        }
        Ok(())
    }

    /// Tells the server that our keys change, and changes them. Does not ask the server to change its own.
    ///
    /// # Errors
    /// With TLS 1.2, which cannot.
    pub(super) fn change_keys(&mut self, wire: &mut BytesMut) -> Result<(), TlsRecordError> {
        const KEY_UPDATE: [u8; 5] = [24, 0, 0, 1, 0];
        if !self.keys.is_tls13() {
            return Err(TlsRecordError::KeysUsedUp);
        }
        self.write_record(RecordType::Handshake, &KEY_UPDATE, wire)?;
        self.keys.change()
    }

    /// Encrypts one record, of at most [`MAX_LEN_CONTENT`] bytes.
    ///
    /// # Errors
    /// When there is no number for it any more.
    pub(super) fn write_record(
        &mut self,
        kind: RecordType,
        content: &[u8],
        wire: &mut BytesMut,
    ) -> Result<(), TlsRecordError> {
        let is_tls13 = self.keys.is_tls13();
        let nonce = self.keys.nonce();
        let explicit: &[u8] = if self.keys.has_explicit_nonces() { &nonce[4..] } else { &[] };
        let inner: &[u8] = if is_tls13 { &[kind.byte()] } else { &[] };
        let sealed = explicit.len() + content.len() + inner.len() + self.keys.tag_len();
        let len = u16::try_from(sealed).map_err(|_| TlsRecordError::Overflow)?.to_be_bytes();
        let outer = if is_tls13 { RecordType::ApplicationData } else { kind };
        let header = [outer.byte(), WIRE_VERSION[0], WIRE_VERSION[1], len[0], len[1]];
        wire.reserve(HEADER_LEN + sealed);
        wire.extend_from_slice(&header);
        wire.extend_from_slice(explicit);
        let at = wire.len();
        wire.extend_from_slice(content);
        wire.extend_from_slice(inner);
        let tag = match is_tls13 {
            true => self.keys.seal(&header, &mut wire[at..])?,
            false => {
                let aad = tls12_aad(self.keys.sequence(), kind, content.len());
                self.keys.seal(&aad, &mut wire[at..])?
            }
        };
        wire.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

/// What TLS 1.2 authenticates beside the content (RFC 5246, section 6.2.3.3).
fn tls12_aad(sequence: u64, kind: RecordType, len: usize) -> [u8; 13] {
    let mut aad = [0; 13];
    aad[..8].copy_from_slice(&sequence.to_be_bytes());
    aad[8] = kind.byte();
    aad[9..11].copy_from_slice(&WIRE_VERSION);
    // A content has at most 2^14 bytes.
    aad[11..].copy_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes());
    aad
}
