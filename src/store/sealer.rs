//! Encrypts secrets for the database, which backups copy and administrators read.

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::ExposeSecret;

use super::key_file::StoreKey;
use crate::domain::Secret;

/// Encrypts and decrypts secrets with ChaCha20-Poly1305 (RFC 8439). A sealed secret is a random nonce, and the
/// encrypted text with its tag.
pub(super) struct Sealer {
    key: LessSafeKey,
}

impl Sealer {
    /// A sealer with this key.
    pub(super) fn new(key: &StoreKey) -> Self {
        Self::with(key.expose_secret())
    }

    /// A sealer whose key nobody else will ever have.
    pub(super) fn ephemeral() -> Self {
        let mut bytes = [0; 32];
        // With no random numbers there is no key to protect either: nothing is sealed then.
        let _ = getrandom::fill(&mut bytes);
        Self::with(&bytes)
    }

    fn with(bytes: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).expect("32 bytes are a key");
        Self { key: LessSafeKey::new(key) }
    }

    /// Encrypts `secret`; `None` if the system has no random numbers.
    pub(super) fn seal(&self, secret: &Secret) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut text = secret.expose().as_bytes().to_vec();
        let key = &self.key;
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
            .ok()?;
        Some([&nonce[..], &text].concat())
    }

    /// Decrypts what [`Self::seal`] made; `None` if it was made with another key.
    pub(super) fn open(&self, sealed: &[u8]) -> Option<Secret> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut text = text.to_vec();
        let key = &self.key;
        let opened =
            key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut text);
        Some(Secret::new(str::from_utf8(opened.ok()?).ok()?))
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_opens_with_its_key_only_and_unaltered_only() {
        let sealer = Sealer::ephemeral();
        let secret = Secret::new("s%3Aabc.def");
        let mut sealed = sealer.seal(&secret).expect("random numbers");
        assert_ne!(sealed, sealer.seal(&secret).expect("random numbers"));
        assert!(!sealed.windows(6).any(|part| part == b"abc.de"));
        assert_eq!(sealer.open(&sealed), Some(secret));
        assert_eq!(Sealer::ephemeral().open(&sealed), None);
        assert_eq!(sealer.open(&sealed[..9]), None);
        *sealed.last_mut().expect("has a tag") ^= 1;
        assert_eq!(sealer.open(&sealed), None);
    }
}
