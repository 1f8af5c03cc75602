//! The ways to log in to an IRC account by SASL.

use std::str::FromStr;

use super::unknown_word::{UnknownWord, find};

/// A SASL mechanism (<https://ircv3.net/specs/extensions/sasl-3.1>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// `EXTERNAL`: the client certificate of the connection (RFC 4422, appendix A).
    External,
    /// `SCRAM-SHA-256`: proves that we know the password (RFC 7677).
    ScramSha256,
    /// `PLAIN`: sends the password (RFC 4616).
    Plain,
}

impl SaslMechanism {
    /// The name by which servers offer it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

impl FromStr for SaslMechanism {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        let words = [
            ("external", Self::External),
            ("scram-sha-256", Self::ScramSha256),
            ("plain", Self::Plain),
        ];
        find(&words, text)
    }
}
