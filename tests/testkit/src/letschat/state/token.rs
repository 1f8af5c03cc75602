//! Whose a token is, as the real server finds out.

use base64::Engine;

use super::ServerState;
use crate::letschat::id::{self, Id};

/// What a token turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum TokenCheck {
    /// This account's.
    Valid(Id),
    /// Not of the form of a token. The server notices, goes on regardless, and answers twice.
    Malformed,
    /// Nobody's.
    Wrong,
    /// The account has no token any more, or the token has no secret: the check itself fails.
    Broken,
}

impl ServerState {
    /// Whose `token` is. It is read as the server reads it: base64 of any alphabet, with or without its end.
    pub(in super::super) fn check_token(&self, token: &str) -> TokenCheck {
        let read = decode_like_node(token);
        let mut parts = read.split(':');
        let (who, secret) = (parts.next().unwrap_or_default(), parts.next());
        let Some(who) = id::parse(who).filter(|_| who.len() == 24) else {
            return TokenCheck::Malformed;
        };
        let Some(account) = self.account(&who) else { return TokenCheck::Wrong };
        match (&account.secret, secret) {
            (Some(right), Some(given)) if right == given => TokenCheck::Valid(who),
            (Some(_), Some(_)) => TokenCheck::Wrong,
            _ => TokenCheck::Broken,
        }
    }
}

/// Base64 as Node reads it: both alphabets, and what is not base64 is passed over.
fn decode_like_node(text: &str) -> String {
    let mut kept: String = text
        .chars()
        .take_while(|char| *char != '=')
        .filter_map(|char| match char {
            '-' => Some('+'),
            '_' => Some('/'),
            '+' | '/' => Some(char),
            _ => char.is_ascii_alphanumeric().then_some(char),
        })
        .collect();
    if kept.len() % 4 == 1 {
        kept.pop();
    }
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
    );
    let bytes = engine.decode(kept).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_as_node_reads_it() {
        for (text, read) in
            [("Zm9v", "foo"), ("Zm8=", "fo"), ("Zm8", "fo"), ("Z m\n9v", "foo"), ("Zm9vZ", "foo")]
        {
            assert_eq!(decode_like_node(text), read, "{text:?}");
        }
    }
}
