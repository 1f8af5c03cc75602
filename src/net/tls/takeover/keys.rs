//! The keys of one direction: they encrypt and decrypt records, one number after the other.

use ring::aead::{self, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf;
use rustls::{CipherSuite, ConnectionTrafficSecrets};
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};

use super::error::{TakeoverError, TlsRecordError};
use super::secret::SecretBytes;

/// How often a server may have changed its keys before a hand-over. No server does it more than once a few million
/// records; each change must be followed from the first secret.
const MAX_KEY_CHANGES: usize = 4_096;

/// What encrypts the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RecordCipher {
    /// AES-128-GCM, with SHA-256.
    Aes128Gcm,
    /// AES-256-GCM, with SHA-384.
    Aes256Gcm,
    /// ChaCha20-Poly1305, with SHA-256.
    ChaCha20Poly1305,
}

impl RecordCipher {
    /// The cipher of a suite of TLS 1.2 or 1.3.
    pub(super) fn of(suite: CipherSuite) -> Option<Self> {
        use CipherSuite as Suite;
        match suite {
            Suite::TLS13_AES_128_GCM_SHA256
            | Suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
            | Suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => Some(Self::Aes128Gcm),
            Suite::TLS13_AES_256_GCM_SHA384
            | Suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
            | Suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => Some(Self::Aes256Gcm),
            Suite::TLS13_CHACHA20_POLY1305_SHA256
            | Suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
            | Suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => Some(Self::ChaCha20Poly1305),
            _ => None,
        }
    }

    fn algorithm(self) -> &'static aead::Algorithm {
        match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::Aes256Gcm => &aead::AES_256_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        }
    }

    fn hkdf(self) -> hkdf::Algorithm {
        match self {
            Self::Aes128Gcm | Self::ChaCha20Poly1305 => hkdf::HKDF_SHA256,
            Self::Aes256Gcm => hkdf::HKDF_SHA384,
        }
    }

    /// The length of its traffic secrets: that of the hash.
    fn secret_len(self) -> usize {
        self.hkdf().hmac_algorithm().digest_algorithm().output_len()
    }

    /// How many records one key may encrypt (RFC 8446, section 5.5).
    fn max_records(self) -> u64 {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 1 << 24,
            Self::ChaCha20Poly1305 => u64::MAX,
        }
    }
}

/// The secrets of one direction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DirectionSecret {
    /// The current traffic secret, from which the key, the nonces and the next secret come.
    Tls13(SecretBytes),
    /// The key, and the start of the nonces.
    Tls12 { key: SecretBytes, iv: SecretBytes },
}

impl DirectionSecret {
    /// The secret behind what rustls gave out. `first` is the first traffic secret of the direction; TLS 1.2 has
    /// none.
    pub(super) fn of(
        cipher: RecordCipher,
        given: &ConnectionTrafficSecrets,
        first: Option<SecretBytes>,
    ) -> Result<Self, TakeoverError> {
        let (key, iv) = match given {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv }
            | ConnectionTrafficSecrets::Aes256Gcm { key, iv }
            | ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (key, iv),
            _ => return Err(TakeoverError::UnknownCipher(format!("{cipher:?}"))),
        };
        let Some(mut secret) = first else {
            return Ok(Self::Tls12 {
                key: SecretBytes::new(key.as_ref()),
                iv: SecretBytes::new(iv.as_ref()),
            });
        };
        for _ in 0..MAX_KEY_CHANGES {
            let (its_key, its_iv) = traffic_keys(cipher, &secret)?;
            if its_key.as_slice() == key.as_ref() && its_iv == iv.as_ref() {
                return Ok(Self::Tls13(secret));
            }
            secret = next_secret(cipher, &secret)?;
        }
        Err(TakeoverError::UnknownSecrets)
    }

    fn key_and_iv(
        &self,
        cipher: RecordCipher,
    ) -> Result<(Zeroizing<Vec<u8>>, [u8; NONCE_LEN]), TakeoverError> {
        match self {
            Self::Tls13(secret) => traffic_keys(cipher, secret),
            Self::Tls12 { key, iv } => {
                let iv = iv.expose().try_into().map_err(|_| TakeoverError::Damaged("a nonce"))?;
                Ok((Zeroizing::new(key.expose().to_vec()), iv))
            }
        }
    }
}

/// The key and the nonces of a traffic secret (RFC 8446, section 7.3).
fn traffic_keys(
    cipher: RecordCipher,
    secret: &SecretBytes,
) -> Result<(Zeroizing<Vec<u8>>, [u8; NONCE_LEN]), TakeoverError> {
    let mut iv = [0; NONCE_LEN];
    iv.copy_from_slice(&expand_label(cipher, secret, b"iv", NONCE_LEN)?);
    Ok((expand_label(cipher, secret, b"key", cipher.algorithm().key_len())?, iv))
}

/// The traffic secret after this one (RFC 8446, section 7.2).
fn next_secret(cipher: RecordCipher, secret: &SecretBytes) -> Result<SecretBytes, TakeoverError> {
    let next = expand_label(cipher, secret, b"traffic upd", cipher.secret_len())?;
    Ok(SecretBytes::new(&next))
}

/// HKDF-Expand-Label without a context (RFC 8446, section 7.1).
fn expand_label(
    cipher: RecordCipher,
    secret: &SecretBytes,
    label: &[u8],
    len: usize,
) -> Result<Zeroizing<Vec<u8>>, TakeoverError> {
    const PREFIX: &[u8] = b"tls13 ";
    if secret.expose().len() != cipher.secret_len() {
        return Err(TakeoverError::Damaged("a traffic secret"));
    }
    let wrong = |_| TakeoverError::Damaged("a key");
    let wanted = u16::try_from(len).map_err(|_| TakeoverError::Damaged("a key"))?.to_be_bytes();
    let label_len = [u8::try_from(PREFIX.len() + label.len()).unwrap_or(u8::MAX)];
    let info = [&wanted[..], &label_len, PREFIX, label, &[0]];
    let mut derived = Zeroizing::new(vec![0; len]);
    let prk = hkdf::Prk::new_less_safe(cipher.hkdf(), secret.expose());
    let okm = prk.expand(&info, DerivedLen(len)).map_err(wrong)?;
    okm.fill(&mut derived).map_err(wrong)?;
    Ok(derived)
}

/// How many bytes are derived.
struct DerivedLen(usize);

impl hkdf::KeyType for DerivedLen {
    fn len(&self) -> usize {
        self.0
    }
}

/// The keys of one direction, and the number of its next record.
pub(super) struct DirectionKeys {
    cipher: RecordCipher,
    secret: DirectionSecret,
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    sequence: u64,
}

impl DirectionKeys {
    /// # Errors
    /// When the secret does not fit the cipher.
    pub(super) fn new(
        cipher: RecordCipher,
        secret: DirectionSecret,
        sequence: u64,
    ) -> Result<Self, TakeoverError> {
        let (key, iv) = secret.key_and_iv(cipher)?;
        let key = UnboundKey::new(cipher.algorithm(), &key);
        let key = LessSafeKey::new(key.map_err(|_| TakeoverError::Damaged("a key"))?);
        Ok(Self { cipher, secret, key, iv, sequence })
    }

    pub(super) fn is_tls13(&self) -> bool {
        matches!(self.secret, DirectionSecret::Tls13(_))
    }

    /// Whether each record of TLS 1.2 says the second half of its nonce (RFC 5288, section 3).
    pub(super) fn has_explicit_nonces(&self) -> bool {
        !self.is_tls13() && self.cipher != RecordCipher::ChaCha20Poly1305
    }

    /// The number of the next record.
    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(super) fn tag_len(&self) -> usize {
        self.cipher.algorithm().tag_len()
    }

    /// Whether the key may encrypt no further record.
    pub(super) fn is_used_up(&self) -> bool {
        self.sequence >= self.cipher.max_records()
    }

    pub(super) fn into_secret(self) -> (DirectionSecret, u64) {
        (self.secret, self.sequence)
    }

    /// Goes on with the next traffic secret. TLS 1.2 has none.
    pub(super) fn change(&mut self) -> Result<(), TlsRecordError> {
        let DirectionSecret::Tls13(secret) = &self.secret else {
            return Err(TlsRecordError::KeysUsedUp);
        };
        let next = next_secret(self.cipher, secret).map_err(|_| TlsRecordError::Cipher)?;
        *self = Self::new(self.cipher, DirectionSecret::Tls13(next), 0)
            .map_err(|_| TlsRecordError::Cipher)?;
        Ok(())
    }

    /// The nonce of the next record (RFC 8446, section 5.3; so does rustls with TLS 1.2).
    pub(super) fn nonce(&self) -> [u8; NONCE_LEN] {
        let mut nonce = self.iv;
        for (byte, number) in nonce[4..].iter_mut().zip(self.sequence.to_be_bytes()) {
            *byte ^= number;
        }
        nonce
    }

    /// The first half of each nonce.
    pub(super) fn salt(&self) -> [u8; 4] {
        [self.iv[0], self.iv[1], self.iv[2], self.iv[3]]
    }

    /// Encrypts `content` as the next record. Returns its tag.
    pub(super) fn seal(
        &mut self,
        aad: &[u8],
        content: &mut [u8],
    ) -> Result<aead::Tag, TlsRecordError> {
        let nonce = Nonce::assume_unique_for_key(self.nonce());
        let next = self.sequence.checked_add(1).ok_or(TlsRecordError::KeysUsedUp)?;
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), content);
        self.sequence = next;
        tag.map_err(|_| TlsRecordError::Cipher)
    }

    /// Decrypts the next record, its tag included. Returns the length of its content, which is at the beginning.
    pub(super) fn open(
        &mut self,
        nonce: [u8; NONCE_LEN],
        aad: &[u8],
        sealed: &mut [u8],
    ) -> Result<usize, TlsRecordError> {
        let next = self.sequence.checked_add(1).ok_or(TlsRecordError::KeysUsedUp)?;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.key.open_in_place(nonce, Aad::from(aad), sealed);
        let len = opened.map_err(|_| TlsRecordError::BadRecordMac)?.len();
        self.sequence = next;
        Ok(len)
    }
}
