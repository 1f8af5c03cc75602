//! Logs in with SASL.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::scram::{Scram, ScramError};
use super::{RawCommand, SaslLogin};
use crate::domain::SaslMechanism;

/// A chunk of this length is followed by another one
/// (<https://ircv3.net/specs/extensions/sasl-3.1#the-authenticate-command>).
const CHUNK_LEN: usize = 400;

/// Longer than any valid challenge, in base64.
const MAX_LEN_CHALLENGE: usize = 16 * CHUNK_LEN;

/// Limit on SCRAM proofs per connection, since each takes CPU time.
const MOST_PROOFS: u32 = 64;

/// Why PLAIN was not tried.
const CLEAR: &str = "the plaintext password is not sent without TLS";

/// A login by SASL, trying one mechanism after another (<https://ircv3.net/specs/extensions/sasl-3.2>).
///
/// ```text
///        AUTHENTICATE PLAIN            +               AUTHENTICATE …       903, 907
///  Idle ──────────▶ MechanismSent ─────▶ Exchanging ────────────────▶ … ─────────▶ logged in
///   ▲                     │                  │  an invalid challenge: AUTHENTICATE *, 906
///   └── next mechanism ◀──┴─────── 904 ◀─────┴───────────────────────┘
///                                   └── none is left, 902, 905: failed
/// ```
#[derive(Debug)]
pub(super) struct Sasl {
    login: SaslLogin,
    /// Nobody can eavesdrop.
    secure: bool,
    /// PLAIN is allowed without TLS.
    may_say: bool,
    /// PLAIN was available but withheld.
    withheld: bool,
    nonce: String,
    /// Number of exchanges started; each has its own nonce.
    exchange_count: u32,
    remaining: VecDeque<SaslMechanism>,
    state: SaslState,
    challenge: String,
    /// Why the last exchange failed.
    last_error: Option<String>,
}

#[derive(Debug)]
enum SaslState {
    Idle,
    MechanismSent(SaslMechanism),
    Exchanging(Option<Scram>),
}

/// The next step.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SaslStep {
    /// Send these lines and wait for the answer.
    Send(Vec<RawCommand>),
    /// We are logged in.
    LoggedIn,
    /// The login failed for this reason, and no mechanism is left.
    Failed(String),
}

impl Sasl {
    /// `nonce` must be random and unique per connection. If the connection is not `secure`, PLAIN is used
    /// only if `may_say` is set.
    pub(super) fn new(login: SaslLogin, (secure, may_say): (bool, bool), nonce: String) -> Self {
        Self {
            login,
            secure,
            may_say: secure || may_say,
            withheld: false,
            nonce,
            exchange_count: 0,
            remaining: VecDeque::new(),
            state: SaslState::Idle,
            challenge: String::new(),
            last_error: None,
        }
    }

    /// Whether an exchange is in progress.
    pub(super) fn is_active(&self) -> bool {
        !matches!(self.state, SaslState::Idle)
    }

    /// Starts with the mechanisms that the server offers, if it lists them.
    pub(super) fn start(&mut self, offered: &str) -> SaslStep {
        let configured = self.login.mechanisms.iter().copied();
        self.remaining = configured
            .filter(|it| offered.is_empty() || includes_mechanism(offered, *it))
            .collect();
        self.last_error = None;
        self.withhold();
        if self.remaining.is_empty() && self.withheld {
            return SaslStep::Failed(CLEAR.to_owned());
        }
        if self.remaining.is_empty() {
            return SaslStep::Failed(format!(
                "no configured SASL mechanism is offered (the server offers {offered})"
            ));
        }
        self.try_next()
    }

    /// Whether the login failed because PLAIN was withheld.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld && self.exchange_count == 0
    }

    /// Removes PLAIN if the connection is not secure.
    fn withhold(&mut self) {
        if !self.may_say && self.login.password.is_some() {
            let count = self.remaining.len();
            self.remaining.retain(|it| *it != SaslMechanism::Plain);
            self.withheld = self.remaining.len() < count;
        }
    }

    /// Handles AUTHENTICATE.
    pub(super) fn on_challenge(&mut self, chunk: &str) -> SaslStep {
        if chunk != "+" {
            self.challenge.push_str(chunk);
        }
        if self.challenge.len() > MAX_LEN_CHALLENGE {
            return self.abort("SASL challenge too long");
        }
        if chunk.len() == CHUNK_LEN {
            return SaslStep::Send(Vec::new());
        }
        let Ok(challenge) = STANDARD.decode(std::mem::take(&mut self.challenge)) else {
            return self.abort("SASL challenge is not base64");
        };
        match self.respond(&challenge) {
            Ok(response) => SaslStep::Send(authenticate_commands(&response)),
            Err(error) => self.abort(&error.to_string()),
        }
    }

    /// Handles a SASL numeric.
    pub(super) fn on_numeric(&mut self, code: u16, arguments: &[String]) -> SaslStep {
        let words = arguments.last().map_or("", String::as_str);
        match code {
            903 | 907 => {
                self.state = SaslState::Idle;
                SaslStep::LoggedIn
            }
            // The available mechanisms; 904 follows.
            908 => {
                let offered = arguments.get(1).map_or("", String::as_str);
                self.remaining.retain(|it| includes_mechanism(offered, *it));
                SaslStep::Send(Vec::new())
            }
            // The nick belongs to another account, or a line was too long: other mechanisms would fail, too.
            902 | 905 => self.fail(words),
            _ if !self.is_active() => SaslStep::Send(Vec::new()),
            _ => {
                if self.last_error.is_none() {
                    self.last_error = Some(words.to_owned());
                }
                self.try_next()
            }
        }
    }

    /// The server did not answer in time.
    pub(super) fn on_timeout(&mut self) -> SaslStep {
        self.fail("SASL login timed out")
    }

    /// Tries the next mechanism.
    fn try_next(&mut self) -> SaslStep {
        let tried_scram = matches!(
            self.state,
            SaslState::MechanismSent(SaslMechanism::ScramSha256) | SaslState::Exchanging(Some(_))
        );
        if tried_scram && !self.secure {
            // A man in the middle may have made SCRAM fail, in order to get the password by PLAIN.
            self.remaining.retain(|it| *it != SaslMechanism::Plain);
        }
        self.challenge.clear();
        let Some(mechanism) = self.remaining.pop_front() else { return self.fail("") };
        self.state = SaslState::MechanismSent(mechanism);
        SaslStep::Send(vec![("AUTHENTICATE", vec![mechanism.name().to_owned()])])
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ScramError> {
        let mechanism = match &mut self.state {
            SaslState::Idle | SaslState::Exchanging(None) => return Err(ScramError::Malformed),
            SaslState::Exchanging(Some(scram)) => {
                return scram.respond(challenge).map(String::into_bytes);
            }
            SaslState::MechanismSent(mechanism) => *mechanism,
        };
        let SaslLogin { account, password, .. } = &self.login;
        let (response, scram) = match (mechanism, password) {
            // The certificate identifies us.
            (SaslMechanism::External, _) | (_, None) => (Vec::new(), None),
            (SaslMechanism::Plain, Some(password)) => {
                let parts = [account, account, password.expose_secret()];
                (parts.join("\0").into_bytes(), None)
            }
            (SaslMechanism::ScramSha256, Some(_)) if self.exchange_count >= MOST_PROOFS => {
                return Err(ScramError::Often);
            }
            (SaslMechanism::ScramSha256, Some(password)) => {
                self.exchange_count += 1;
                let scram = Scram::new(
                    account,
                    password,
                    &format!("{}{}", self.nonce, self.exchange_count),
                )?;
                (scram.client_first().into_bytes(), Some(scram))
            }
        };
        self.state = SaslState::Exchanging(scram);
        Ok(response)
    }

    fn abort(&mut self, reason: &str) -> SaslStep {
        self.last_error = Some(reason.to_owned());
        self.challenge.clear();
        // A server that fails to prove its identity gets no further attempts.
        self.remaining.clear();
        SaslStep::Send(vec![("AUTHENTICATE", vec!["*".to_owned()])])
    }

    fn fail(&mut self, words: &str) -> SaslStep {
        self.state = SaslState::Idle;
        let reason = self.last_error.take().unwrap_or_else(|| words.to_owned());
        SaslStep::Failed(if reason.is_empty() {
            "no SASL mechanism left to try".to_owned()
        } else {
            reason
        })
    }
}

/// Whether the comma-separated list `offered` contains the mechanism.
fn includes_mechanism(offered: &str, mechanism: SaslMechanism) -> bool {
    offered.split(',').any(|name| name.trim().eq_ignore_ascii_case(mechanism.name()))
}

fn authenticate_commands(response: &[u8]) -> Vec<RawCommand> {
    let encoded = STANDARD.encode(response);
    let mut words: Vec<RawCommand> = encoded
        .as_bytes()
        .chunks(CHUNK_LEN)
        .map(|chunk| ("AUTHENTICATE", vec![String::from_utf8_lossy(chunk).into_owned()]))
        .collect();
    if encoded.len().is_multiple_of(CHUNK_LEN) {
        words.push(("AUTHENTICATE", vec!["+".to_owned()]));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [SaslMechanism; 3] =
        [SaslMechanism::External, SaslMechanism::ScramSha256, SaslMechanism::Plain];

    fn sasl(mechanisms: &[SaslMechanism], secure: bool) -> Sasl {
        let login = SaslLogin {
            account: "bridge".to_owned(),
            password: Some("pencil".into()),
            mechanisms: mechanisms.to_vec(),
            required: true,
        };
        Sasl::new(login, (secure, false), "nonce".to_owned())
    }

    fn sent(step: SaslStep) -> Vec<String> {
        match step {
            SaslStep::Send(words) => {
                words.into_iter().map(|(_, params)| params.join(" ")).collect()
            }
            SaslStep::LoggedIn => vec!["in".to_owned()],
            SaslStep::Failed(reason) => vec![format!("failed: {reason}")],
        }
    }

    fn told(sasl: &mut Sasl, code: u16, words: &str) -> Vec<String> {
        let arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
        sent(sasl.on_numeric(code, &arguments))
    }

    #[test]
    fn first_offered_mechanism_is_used() {
        assert_eq!(sent(sasl(&ALL, true).start("PLAIN,EXTERNAL")), ["EXTERNAL"]);
        assert_eq!(sent(sasl(&ALL, true).start("PLAIN,SCRAM-SHA-256")), ["SCRAM-SHA-256"]);
        assert_eq!(sent(sasl(&ALL, true).start("")), ["EXTERNAL"]);
        assert_eq!(
            sent(sasl(&ALL, true).start("ECDSA-NIST256P-CHALLENGE")),
            [
                "failed: no configured SASL mechanism is offered (the server offers ECDSA-NIST256P-CHALLENGE)"
            ]
        );
    }

    #[test]
    fn plain_sends_name_and_password() {
        let mut sasl = sasl(&[SaslMechanism::Plain], true);
        assert_eq!(sent(sasl.start("PLAIN")), ["PLAIN"]);
        let response = STANDARD.encode("bridge\0bridge\0pencil");
        assert_eq!(sent(sasl.on_challenge("+")), [response]);
        assert_eq!(told(&mut sasl, 903, "bridge :successful"), ["in"]);
        assert!(!sasl.is_active());
    }

    #[test]
    fn external_sends_an_empty_response() {
        let mut sasl = sasl(&[SaslMechanism::External], true);
        sasl.start("EXTERNAL");
        assert_eq!(sent(sasl.on_challenge("+")), ["+"]);
    }

    #[test]
    fn rejected_mechanism_is_followed_by_the_next() {
        let mut sasl = sasl(&ALL, true);
        assert_eq!(sent(sasl.start("")), ["EXTERNAL"]);
        assert_eq!(told(&mut sasl, 908, "bridge PLAIN,SCRAM-SHA-256 mechs"), [""; 0]);
        assert_eq!(told(&mut sasl, 904, "bridge no"), ["SCRAM-SHA-256"]);
        assert_eq!(told(&mut sasl, 904, "bridge No"), ["PLAIN"]);
        assert_eq!(told(&mut sasl, 904, "bridge NO"), ["failed: no"]);
        assert_eq!(told(&mut sasl, 904, "bridge late"), [""; 0], "it is over");
    }

    #[test]
    fn failed_scram_does_not_fall_back_to_plain_without_tls() {
        let mut sasl = sasl(&[SaslMechanism::ScramSha256, SaslMechanism::Plain], false);
        assert_eq!(sent(sasl.start("")), ["SCRAM-SHA-256"]);
        assert_eq!(told(&mut sasl, 904, "bridge no"), ["failed: no"]);
    }

    #[test]
    fn password_is_not_sent_in_plain_text_by_default() {
        for (offered, words) in [
            ("PLAIN", "failed: the plaintext password is not sent without TLS"),
            ("PLAIN,EXTERNAL", "EXTERNAL"),
            ("PLAIN,SCRAM-SHA-256", "SCRAM-SHA-256"),
        ] {
            let ours: &[SaslMechanism] =
                if offered == "PLAIN" { &[SaslMechanism::Plain] } else { &ALL };
            assert_eq!(sent(sasl(ours, false).start(offered)), [words]);
        }
        let mut all = sasl(&ALL, false);
        assert_eq!(sent(all.start("")), ["EXTERNAL"]);
        assert_eq!(told(&mut all, 908, "bridge PLAIN mechs"), [""; 0]);
        assert_eq!(told(&mut all, 904, "bridge no"), ["failed: no"]);
        assert!(all.is_withheld());
    }

    #[test]
    fn scram_exchanges_are_limited() {
        let mut sasl = sasl(&[SaslMechanism::ScramSha256], true);
        for _ in 0..MOST_PROOFS {
            sasl.start("");
            assert_ne!(sent(sasl.on_challenge("+")), ["*"]);
        }
        sasl.start("");
        assert_eq!(sent(sasl.on_challenge("+")), ["*"]);
    }

    #[test]
    fn malformed_exchange_is_aborted() {
        for challenge in ["+", "!", &STANDARD.encode("r=other,s=W22Z,i=4096")] {
            let mut sasl = sasl(&[SaslMechanism::ScramSha256, SaslMechanism::Plain], true);
            sasl.start("");
            assert_eq!(sent(sasl.on_challenge("+")), [STANDARD.encode("n,,n=bridge,r=nonce1")]);
            assert_eq!(sent(sasl.on_challenge(challenge)), ["*"], "{challenge}");
            let end = told(&mut sasl, 906, "bridge aborted");
            assert!(end[0].starts_with("failed: ") && !end[0].contains("aborted"), "{end:?}");
        }
    }

    #[test]
    fn locked_nick_and_long_line_end_the_login() {
        for code in [902, 905] {
            let mut sasl = sasl(&ALL, true);
            sasl.start("");
            assert_eq!(told(&mut sasl, code, "bridge no"), ["failed: no"]);
        }
    }

    #[test]
    fn long_response_is_sent_in_chunks() {
        let parts = |bytes: usize| -> Vec<usize> {
            authenticate_commands(&vec![b'x'; bytes])
                .iter()
                .map(|(_, params)| params[0].len())
                .collect()
        };
        assert_eq!(parts(0), [1], "a plus says that there is nothing");
        assert_eq!(parts(3), [4]);
        assert_eq!(parts(300), [400, 1], "a full part is followed by another");
        assert_eq!(parts(301), [400, 4]);
        assert_eq!(parts(600), [400, 400, 1]);

        let mut sasl = sasl(&[SaslMechanism::ScramSha256], true);
        sasl.start("");
        sasl.on_challenge("+");
        assert_eq!(sent(sasl.on_challenge(&"A".repeat(400))), [""; 0], "more follows");
        for _ in 0..15 {
            assert_eq!(sent(sasl.on_challenge(&"A".repeat(400))), [""; 0]);
        }
        assert_eq!(sent(sasl.on_challenge("AAAA")), ["*"], "but not for ever");
    }
}
