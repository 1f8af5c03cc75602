//! The client side of SCRAM-SHA-256.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use stringprep::saslprep;
use thiserror::Error;

/// More than servers use (Ergo 4,096, Atheme 64,000), and few enough to take less than a tenth of a second,
/// during which the whole process waits.
const MAX_ITERATIONS: u32 = 100_000;

/// Maximum lengths of the server's nonce and salt, in bytes. 20 to 60 are usual.
const LONGEST_NONCE: usize = 512;
const LONGEST_SALT: usize = 512;

/// With fewer than RFC 7677 §4 allows, the password could be guessed.
const MIN_ITERATIONS: u32 = 4_096;

/// No channel binding, and no authorisation identity.
const GS2_HEADER: &str = "n,,";

/// Why an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum ScramError {
    /// The message is malformed.
    #[error("malformed SCRAM message from the server")]
    Malformed,
    /// The server's nonce does not extend ours.
    #[error("the server's nonce does not start with ours")]
    NonceMismatch,
    /// The iteration count is too low or too high.
    #[error("SCRAM iteration count {0} is out of range (4096 to 100000)")]
    IterationCount(u32),
    /// Too many proofs were requested.
    #[error("the server repeats the SCRAM exchange")]
    Often,
    /// The server does not know the password, so it is not what it claims to be.
    #[error(
        "wrong server signature: the server does not know the password, so it is not the \
         account's server"
    )]
    BadServerSignature,
    /// The server rejected the proof.
    #[error("the server rejected the password")]
    Rejected,
    /// SASLprep (RFC 4013) does not allow its characters.
    #[error("the account name or password has characters that SASLprep forbids")]
    UnsupportedCharacters,
}

/// The client side of SCRAM-SHA-256 (RFC 5802, RFC 7677): both sides prove that they know the password
/// without sending it.
///
/// ```text
/// client-first ──▶ server-first (salt, iterations) ──▶ proof ──▶ server-final (signature) ──▶ done
/// ```
#[derive(Debug)]
pub(super) struct Scram {
    password: SecretString,
    nonce: String,
    client_first_bare: String,
    /// The signature expected from the server, once known.
    server_signature: Option<[u8; 32]>,
}

impl Scram {
    /// For this account; `nonce` must be unique and unpredictable.
    pub(super) fn new(
        account: &str,
        password: &SecretString,
        nonce: &str,
    ) -> Result<Self, ScramError> {
        let unwritable = |_| ScramError::UnsupportedCharacters;
        let name = saslprep(account).map_err(unwritable)?;
        let name = name.replace('=', "=3D").replace(',', "=2C");
        let password = saslprep(password.expose_secret()).map_err(unwritable)?.into_owned();
        let bare = format!("n={name},r={nonce}");
        Ok(Self {
            password: password.into(),
            nonce: nonce.to_owned(),
            client_first_bare: bare,
            server_signature: None,
        })
    }

    /// The client-first message.
    pub(super) fn client_first(&self) -> String {
        format!("{GS2_HEADER}{}", self.client_first_bare)
    }

    /// Answers the server-first message with the proof, and the server-final message with nothing.
    pub(super) fn respond(&mut self, message: &[u8]) -> Result<String, ScramError> {
        let message = str::from_utf8(message).map_err(|_| ScramError::Malformed)?;
        match self.server_signature {
            None => self.client_final(message),
            Some(expected) => verify_server_final(message, &expected).map(|()| String::new()),
        }
    }

    fn client_final(&mut self, message: &str) -> Result<String, ScramError> {
        let mut parts = message.split(',');
        let mut part = |name: &str| {
            parts.next().and_then(|part| part.strip_prefix(name)).ok_or(ScramError::Malformed)
        };
        let (nonce, salt, rounds) = (part("r=")?, part("s=")?, part("i=")?);
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(ScramError::NonceMismatch);
        }
        let salt = STANDARD.decode(salt).map_err(|_| ScramError::Malformed)?;
        let printable = nonce.bytes().all(|byte| byte.is_ascii_graphic());
        let bounded = nonce.len() <= LONGEST_NONCE && (1..=LONGEST_SALT).contains(&salt.len());
        if !printable || !bounded || !rounds.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(ScramError::Malformed);
        }
        let rounds: u32 = rounds.parse().map_err(|_| ScramError::Malformed)?;
        if !(MIN_ITERATIONS..=MAX_ITERATIONS).contains(&rounds) {
            return Err(ScramError::IterationCount(rounds));
        }
        let mut salted = [0; 32];
        let password = self.password.expose_secret().as_bytes();
        pbkdf2::pbkdf2_hmac::<Sha256>(password, &salt, rounds, &mut salted);
        let client_key = hmac_sha256(&salted, b"Client Key");
        let unproven = format!("c={},r={nonce}", STANDARD.encode(GS2_HEADER));
        let all = format!("{},{message},{unproven}", self.client_first_bare);
        let signature = hmac_sha256(&Sha256::digest(client_key), all.as_bytes());
        let proof: Vec<u8> =
            client_key.iter().zip(signature).map(|(key, sign)| key ^ sign).collect();
        self.server_signature =
            Some(hmac_sha256(&hmac_sha256(&salted, b"Server Key"), all.as_bytes()));
        Ok(format!("{unproven},p={}", STANDARD.encode(proof)))
    }
}

/// Verifies the server's signature.
fn verify_server_final(message: &str, expected: &[u8; 32]) -> Result<(), ScramError> {
    if message.starts_with("e=") {
        return Err(ScramError::Rejected);
    }
    let signature = message.split(',').next().and_then(|part| part.strip_prefix("v="));
    let signature = signature.ok_or(ScramError::Malformed)?;
    let signature = STANDARD.decode(signature).map_err(|_| ScramError::Malformed)?;
    // Not constant-time: an attacker has only one attempt.
    if signature == expected { Ok(()) } else { Err(ScramError::BadServerSignature) }
}

fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC accepts keys of any length");
    mac.update(text);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    // The example of RFC 7677 §3.
    const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const SERVER_LAST: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn scram() -> Scram {
        Scram::new("user", &"pencil".into(), NONCE).unwrap()
    }

    #[test]
    fn rfc_7677_example_succeeds() {
        let mut scram = scram();
        assert_eq!(scram.client_first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            scram.respond(SERVER_FIRST.as_bytes()).unwrap(),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert_eq!(scram.respond(SERVER_LAST.as_bytes()), Ok(String::new()));
    }

    #[test]
    fn wrong_server_signature_is_rejected() {
        let mut scram = scram();
        scram.respond(SERVER_FIRST.as_bytes()).unwrap();
        let forged = format!("v={}", STANDARD.encode([7; 32]));
        assert_eq!(scram.respond(forged.as_bytes()), Err(ScramError::BadServerSignature));
        assert_eq!(scram.respond(b"e=invalid-proof"), Err(ScramError::Rejected));
        assert_eq!(scram.respond(b"hello"), Err(ScramError::Malformed));
    }

    #[track_caller]
    fn assert_rejects(server_first: &str, error: ScramError) {
        assert_eq!(scram().respond(server_first.as_bytes()), Err(error), "{server_first}");
    }

    #[test]
    fn malformed_server_messages_are_rejected() {
        assert_rejects("", ScramError::Malformed);
        assert_rejects("r=x", ScramError::Malformed);
        assert_rejects("r=other,s=W22Z,i=4096", ScramError::NonceMismatch);
        assert_rejects(&format!("r={NONCE},s=W22Z,i=4096"), ScramError::NonceMismatch);
        assert_rejects(&format!("r={NONCE}x,s=!,i=4096"), ScramError::Malformed);
        assert_rejects(&format!("r={NONCE}x,s=W22Z,i=many"), ScramError::Malformed);
        for nonsense in [
            format!("r={NONCE}x,s=,i=4096"),
            format!("r={NONCE}x,s=W22Z,i=+4096"),
            format!("r={NONCE}x,s=W22Z,i=99999999999"),
            format!("r={NONCE}\u{7f},s=W22Z,i=4096"),
            format!("r={NONCE}{},s=W22Z,i=4096", "x".repeat(LONGEST_NONCE)),
            format!("r={NONCE}x,s={},i=4096", STANDARD.encode([7; LONGEST_SALT + 1])),
            format!("m=x,r={NONCE}x,s=W22Z,i=4096"),
        ] {
            assert_rejects(&nonsense, ScramError::Malformed);
        }
        assert_rejects(&format!("r={NONCE}x,s=W22Z,i=100001"), ScramError::IterationCount(100_001));
        assert_rejects(&format!("r={NONCE}x,s=W22Z,i=1"), ScramError::IterationCount(1));
        assert_rejects(
            &format!("r={NONCE}x,s=W22Z,i=4000000000"),
            ScramError::IterationCount(4_000_000_000),
        );
    }

    #[test]
    fn names_are_escaped() {
        let scram = Scram::new("a=b,c", &"pencil".into(), "x").unwrap();
        assert_eq!(scram.client_first(), "n,,n=a=3Db=2Cc,r=x");
        assert_eq!(
            Scram::new("tea\u{7}", &"pencil".into(), "x").unwrap_err(),
            ScramError::UnsupportedCharacters
        );
    }
}
