//! Secrets that the bridge keeps or makes: they can be compared and copied, and are never shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// The length of the passwords that the bridge makes: the longest that Let's Chat accepts.
const PASSWORD_LEN: usize = 64;

/// The characters of the passwords that the bridge makes. Their number divides 256, so that each is as likely as
/// any other.
const PASSWORD_CHARACTERS: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A password, a token or a session. Its text is never shown.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// A secret with this text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// A password that nobody can guess: 64 random characters, 384 bits.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn random_password() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; PASSWORD_LEN];
        getrandom::fill(&mut bytes)?;
        let character = |byte: &u8| char::from(PASSWORD_CHARACTERS[usize::from(byte % 64)]);
        Ok(Self::new(bytes.iter().map(character).collect::<String>()))
    }

    /// The text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&Secret> for SecretString {
    fn from(secret: &Secret) -> Self {
        secret.0.clone()
    }
}

/// Whether both are the same secret, or both are none.
#[must_use]
pub fn is_same_secret(one: Option<&SecretString>, other: Option<&SecretString>) -> bool {
    one.map(ExposeSecret::expose_secret) == other.map(ExposeSecret::expose_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_password_has_full_length_and_is_not_shown() {
        let one = Secret::random_password().expect("random numbers");
        let other = Secret::random_password().expect("random numbers");
        assert_eq!(one.expose().len(), 64);
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "Secret(…)");
    }
}
