use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::scram::{Scram, ScramError};
use super::{Login, Mechanism, Words};

/// A part of this many bytes is followed by another
/// (<https://ircv3.net/specs/extensions/sasl-3.1#the-authenticate-command>).
const CHUNK: usize = 400;

/// No challenge that makes sense is longer, in base64.
const LONGEST_CHALLENGE: usize = 16 * CHUNK;

/// So many proofs on one connection are enough: each takes its time.
const MOST_PROOFS: u32 = 64;

/// Why the password itself was not said.
const CLEAR: &str = "the password itself is not said without TLS";

/// A login by SASL, one mechanism after another
/// (<https://ircv3.net/specs/extensions/sasl-3.2>).
///
/// ```text
///         AUTHENTICATE PLAIN       +            AUTHENTICATE …        903, 907
///  begin ──────────────────▶ Named ──▶ Talking ────────────────▶ … ──────────▶ in
///    ▲                         │          │  what makes no sense: AUTHENTICATE *, 906
///    └── the next mechanism ◀──┴── 904 ◀──┴─────────────────────────┘
///                                   └── none is left, 902, 905: failed
/// ```
#[derive(Debug)]
pub(super) struct Sasl {
    login: Login,
    /// Nobody can listen in.
    secure: bool,
    /// The password itself may be said.
    may_say: bool,
    /// The server could be told the password itself, and must not.
    withheld: bool,
    nonce: String,
    /// How many exchanges have begun: each has a nonce of its own.
    begun: u32,
    left: VecDeque<Mechanism>,
    stage: Stage,
    challenge: String,
    /// Why the last exchange did not go on.
    trouble: Option<String>,
}

#[derive(Debug)]
enum Stage {
    Idle,
    Named(Mechanism),
    Talking(Option<Scram>),
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// These lines, and then the server's answer.
    Say(Vec<Words>),
    /// We are logged in.
    In,
    /// We are not, for this reason, and there is nothing left to try.
    Failed(String),
}

impl Sasl {
    /// `nonce` is random, and new for each connection. Where it is not `secure`, the password itself is said
    /// only where we `may_say` it.
    pub(super) fn new(login: Login, (secure, may_say): (bool, bool), nonce: String) -> Self {
        Self {
            login,
            secure,
            may_say: secure || may_say,
            withheld: false,
            nonce,
            begun: 0,
            left: VecDeque::new(),
            stage: Stage::Idle,
            challenge: String::new(),
            trouble: None,
        }
    }

    /// Whether an exchange is under way.
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self.stage, Stage::Idle)
    }

    /// Begins, with the mechanisms that the server offers, where it says.
    pub(super) fn begin(&mut self, offered: &str) -> Step {
        let ours = self.login.mechanisms.iter().copied();
        self.left = ours.filter(|it| offered.is_empty() || lists(offered, *it)).collect();
        self.trouble = None;
        self.withhold();
        if self.left.is_empty() && self.withheld {
            return Step::Failed(CLEAR.to_owned());
        }
        if self.left.is_empty() {
            return Step::Failed(format!("the server offers only {offered}"));
        }
        self.next()
    }

    /// Whether the login came to nothing because the password itself must not be said.
    pub(super) fn is_withheld(&self) -> bool {
        self.withheld && self.begun == 0
    }

    /// Leaves out what says the password where somebody may listen in.
    fn withhold(&mut self) {
        if !self.may_say && self.login.password.is_some() {
            let count = self.left.len();
            self.left.retain(|it| *it != Mechanism::Plain);
            self.withheld = self.left.len() < count;
        }
    }

    /// A line `AUTHENTICATE` of the server's.
    pub(super) fn challenged(&mut self, chunk: &str) -> Step {
        if chunk != "+" {
            self.challenge.push_str(chunk);
        }
        if self.challenge.len() > LONGEST_CHALLENGE {
            return self.abort("the server's challenge has no end");
        }
        if chunk.len() == CHUNK {
            return Step::Say(Vec::new());
        }
        let Ok(challenge) = STANDARD.decode(std::mem::take(&mut self.challenge)) else {
            return self.abort("the server's challenge is not base64");
        };
        match self.respond(&challenge) {
            Ok(response) => Step::Say(chunks(&response)),
            Err(error) => self.abort(&error.to_string()),
        }
    }

    /// A numeric of SASL, with what it says.
    pub(super) fn told(&mut self, code: u16, arguments: &[String]) -> Step {
        let words = arguments.last().map_or("", String::as_str);
        match code {
            903 | 907 => {
                self.stage = Stage::Idle;
                Step::In
            }
            // These are the mechanisms there are; 904 follows.
            908 => {
                let offered = arguments.get(1).map_or("", String::as_str);
                self.left.retain(|it| lists(offered, *it));
                Step::Say(Vec::new())
            }
            // Our nick is not ours, or a line was too long: another mechanism would not help.
            902 | 905 => self.failed(words),
            _ if !self.is_under_way() => Step::Say(Vec::new()),
            _ => {
                if self.trouble.is_none() {
                    self.trouble = Some(words.to_owned());
                }
                self.next()
            }
        }
    }

    /// The server has not answered in time.
    pub(super) fn timed_out(&mut self) -> Step {
        self.failed("the server does not answer our login")
    }

    /// Names the next mechanism.
    fn next(&mut self) -> Step {
        let tried_scram =
            matches!(self.stage, Stage::Named(Mechanism::ScramSha256) | Stage::Talking(Some(_)));
        if tried_scram && !self.secure {
            // Whoever listens in may have made it fail, to be told the password.
            self.left.retain(|it| *it != Mechanism::Plain);
        }
        self.challenge.clear();
        let Some(mechanism) = self.left.pop_front() else { return self.failed("") };
        self.stage = Stage::Named(mechanism);
        Step::Say(vec![("AUTHENTICATE", vec![mechanism.name().to_owned()])])
    }

    fn respond(&mut self, challenge: &[u8]) -> Result<Vec<u8>, ScramError> {
        let mechanism = match &mut self.stage {
            Stage::Idle | Stage::Talking(None) => return Err(ScramError::Nonsense),
            Stage::Talking(Some(scram)) => return scram.answer(challenge).map(String::into_bytes),
            Stage::Named(mechanism) => *mechanism,
        };
        let Login { account, password, .. } = &self.login;
        let (response, scram) = match (mechanism, password) {
            // The certificate says who we are.
            (Mechanism::External, _) | (_, None) => (Vec::new(), None),
            (Mechanism::Plain, Some(password)) => {
                let parts = [account, account, password.expose_secret()];
                (parts.join("\0").into_bytes(), None)
            }
            (Mechanism::ScramSha256, Some(_)) if self.begun >= MOST_PROOFS => {
                return Err(ScramError::Often);
            }
            (Mechanism::ScramSha256, Some(password)) => {
                self.begun += 1;
                let scram =
                    Scram::new(account, password, &format!("{}{}", self.nonce, self.begun))?;
                (scram.first().into_bytes(), Some(scram))
            }
        };
        self.stage = Stage::Talking(scram);
        Ok(response)
    }

    fn abort(&mut self, why: &str) -> Step {
        self.trouble = Some(why.to_owned());
        self.challenge.clear();
        // A server that cheats at one mechanism is not told more by another.
        self.left.clear();
        Step::Say(vec![("AUTHENTICATE", vec!["*".to_owned()])])
    }

    fn failed(&mut self, words: &str) -> Step {
        self.stage = Stage::Idle;
        let why = self.trouble.take().unwrap_or_else(|| words.to_owned());
        Step::Failed(if why.is_empty() { "no mechanism is left to try".to_owned() } else { why })
    }
}

/// Whether `offered`, names with commas between them, has the mechanism.
fn lists(offered: &str, mechanism: Mechanism) -> bool {
    offered.split(',').any(|name| name.trim().eq_ignore_ascii_case(mechanism.name()))
}

fn chunks(response: &[u8]) -> Vec<Words> {
    let encoded = STANDARD.encode(response);
    let mut words: Vec<Words> = encoded
        .as_bytes()
        .chunks(CHUNK)
        .map(|chunk| ("AUTHENTICATE", vec![String::from_utf8_lossy(chunk).into_owned()]))
        .collect();
    if encoded.len().is_multiple_of(CHUNK) {
        words.push(("AUTHENTICATE", vec!["+".to_owned()]));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Mechanism; 3] = [Mechanism::External, Mechanism::ScramSha256, Mechanism::Plain];

    fn sasl(mechanisms: &[Mechanism], secure: bool) -> Sasl {
        let login = Login {
            account: "bridge".to_owned(),
            password: Some("pencil".into()),
            mechanisms: mechanisms.to_vec(),
            required: true,
        };
        Sasl::new(login, (secure, false), "nonce".to_owned())
    }

    fn said(step: Step) -> Vec<String> {
        match step {
            Step::Say(words) => words.into_iter().map(|(_, params)| params.join(" ")).collect(),
            Step::In => vec!["in".to_owned()],
            Step::Failed(why) => vec![format!("failed: {why}")],
        }
    }

    fn told(sasl: &mut Sasl, code: u16, words: &str) -> Vec<String> {
        let arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
        said(sasl.told(code, &arguments))
    }

    #[test]
    fn the_first_of_ours_that_the_server_offers_is_used() {
        assert_eq!(said(sasl(&ALL, true).begin("PLAIN,EXTERNAL")), ["EXTERNAL"]);
        assert_eq!(said(sasl(&ALL, true).begin("PLAIN,SCRAM-SHA-256")), ["SCRAM-SHA-256"]);
        assert_eq!(said(sasl(&ALL, true).begin("")), ["EXTERNAL"]);
        assert_eq!(
            said(sasl(&ALL, true).begin("ECDSA-NIST256P-CHALLENGE")),
            ["failed: the server offers only ECDSA-NIST256P-CHALLENGE"]
        );
    }

    #[test]
    fn plain_says_name_and_password() {
        let mut sasl = sasl(&[Mechanism::Plain], true);
        assert_eq!(said(sasl.begin("PLAIN")), ["PLAIN"]);
        let response = STANDARD.encode("bridge\0bridge\0pencil");
        assert_eq!(said(sasl.challenged("+")), [response]);
        assert_eq!(told(&mut sasl, 903, "bridge :successful"), ["in"]);
        assert!(!sasl.is_under_way());
    }

    #[test]
    fn external_says_nothing_more() {
        let mut sasl = sasl(&[Mechanism::External], true);
        sasl.begin("EXTERNAL");
        assert_eq!(said(sasl.challenged("+")), ["+"]);
    }

    #[test]
    fn what_is_refused_is_followed_by_the_next_and_then_by_none() {
        let mut sasl = sasl(&ALL, true);
        assert_eq!(said(sasl.begin("")), ["EXTERNAL"]);
        assert_eq!(told(&mut sasl, 908, "bridge PLAIN,SCRAM-SHA-256 mechs"), [""; 0]);
        assert_eq!(told(&mut sasl, 904, "bridge no"), ["SCRAM-SHA-256"]);
        assert_eq!(told(&mut sasl, 904, "bridge No"), ["PLAIN"]);
        assert_eq!(told(&mut sasl, 904, "bridge NO"), ["failed: no"]);
        assert_eq!(told(&mut sasl, 904, "bridge late"), [""; 0], "it is over");
    }

    #[test]
    fn a_password_is_not_said_in_the_clear_because_scram_failed() {
        let mut sasl = sasl(&[Mechanism::ScramSha256, Mechanism::Plain], false);
        assert_eq!(said(sasl.begin("")), ["SCRAM-SHA-256"]);
        assert_eq!(told(&mut sasl, 904, "bridge no"), ["failed: no"]);
    }

    #[test]
    fn a_password_is_never_said_in_the_clear_by_default() {
        for (offered, words) in [
            ("PLAIN", "failed: the password itself is not said without TLS"),
            ("PLAIN,EXTERNAL", "EXTERNAL"),
            ("PLAIN,SCRAM-SHA-256", "SCRAM-SHA-256"),
        ] {
            let ours: &[Mechanism] = if offered == "PLAIN" { &[Mechanism::Plain] } else { &ALL };
            assert_eq!(said(sasl(ours, false).begin(offered)), [words]);
        }
        let mut all = sasl(&ALL, false);
        assert_eq!(said(all.begin("")), ["EXTERNAL"]);
        assert_eq!(told(&mut all, 908, "bridge PLAIN mechs"), [""; 0]);
        assert_eq!(told(&mut all, 904, "bridge no"), ["failed: no"]);
        assert!(all.is_withheld());
    }

    #[test]
    fn a_server_has_the_password_proven_only_so_often() {
        let mut sasl = sasl(&[Mechanism::ScramSha256], true);
        for _ in 0..MOST_PROOFS {
            sasl.begin("");
            assert_ne!(said(sasl.challenged("+")), ["*"]);
        }
        sasl.begin("");
        assert_eq!(said(sasl.challenged("+")), ["*"]);
    }

    #[test]
    fn an_exchange_that_makes_no_sense_is_broken_off() {
        for challenge in ["+", "!", &STANDARD.encode("r=other,s=W22Z,i=4096")] {
            let mut sasl = sasl(&[Mechanism::ScramSha256, Mechanism::Plain], true);
            sasl.begin("");
            assert_eq!(said(sasl.challenged("+")), [STANDARD.encode("n,,n=bridge,r=nonce1")]);
            assert_eq!(said(sasl.challenged(challenge)), ["*"], "{challenge}");
            let end = told(&mut sasl, 906, "bridge aborted");
            assert!(end[0].starts_with("failed: ") && !end[0].contains("aborted"), "{end:?}");
        }
    }

    #[test]
    fn a_nick_that_is_locked_and_a_line_too_long_end_it() {
        for code in [902, 905] {
            let mut sasl = sasl(&ALL, true);
            sasl.begin("");
            assert_eq!(told(&mut sasl, code, "bridge no"), ["failed: no"]);
        }
    }

    #[test]
    fn long_words_go_in_parts() {
        let parts = |bytes: usize| -> Vec<usize> {
            chunks(&vec![b'x'; bytes]).iter().map(|(_, params)| params[0].len()).collect()
        };
        assert_eq!(parts(0), [1], "a plus says that there is nothing");
        assert_eq!(parts(3), [4]);
        assert_eq!(parts(300), [400, 1], "a full part is followed by another");
        assert_eq!(parts(301), [400, 4]);
        assert_eq!(parts(600), [400, 400, 1]);

        let mut sasl = sasl(&[Mechanism::ScramSha256], true);
        sasl.begin("");
        sasl.challenged("+");
        assert_eq!(said(sasl.challenged(&"A".repeat(400))), [""; 0], "more follows");
        for _ in 0..15 {
            assert_eq!(said(sasl.challenged(&"A".repeat(400))), [""; 0]);
        }
        assert_eq!(said(sasl.challenged("AAAA")), ["*"], "but not for ever");
    }
}
