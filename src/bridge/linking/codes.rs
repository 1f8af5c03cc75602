//! The codes in the addresses of the pages on which people link their own accounts.

use std::collections::HashMap;

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};

use crate::domain::{LinkRefusal, PersonId};

/// How long a code is good for.
pub(super) const CODE_LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// How long it is known what became of a code.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

/// How many codes are known at most.
const MAX_CODES: usize = 1_000;

/// How many passwords or tokens may be tried with a code.
const MAX_TRIES: u32 = 10;

/// The length of a code in bytes, before it is written in base64: nobody guesses 128 bits.
const CODE_LEN: usize = 16;

/// The codes that people have asked for.
#[derive(Debug, Default)]
pub(super) struct LinkCodes {
    by_code: HashMap<String, IssuedCode>,
}

/// A code.
///
/// ```text
///  issued ──opened──▶ bound to a browser ──linked, taken over, ended──▶ used
///     └────────────────────┴──── 15 minutes ──▶ expired
/// ```
#[derive(Debug)]
struct IssuedCode {
    person: PersonId,
    issued_at: Timestamp,
    /// The browser that opened the page first.
    browser: Option<String>,
    tries: u32,
    is_used: bool,
}

/// A code that a browser may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenCode {
    pub(super) person: PersonId,
    pub(super) expires_at: Timestamp,
}

impl LinkCodes {
    /// A new code for a person, whose earlier ones are worthless from now on. `None` if there are too many codes,
    /// or no random numbers.
    pub(super) fn issue(&mut self, person: PersonId, now: Timestamp) -> Option<String> {
        self.by_code.retain(|_, code| now.duration_since(code.issued_at) < REMEMBERED);
        self.by_code.retain(|_, code| code.person != person || code.is_used);
        if self.by_code.len() >= MAX_CODES {
            return None;
        }
        let mut bytes = [0; CODE_LEN];
        getrandom::fill(&mut bytes).ok()?;
        let code = BASE64URL_NOPAD.encode(&bytes);
        let issued = IssuedCode { person, issued_at: now, browser: None, tries: 0, is_used: false };
        self.by_code.insert(code.clone(), issued);
        Some(code)
    }

    /// When the last code of a person was issued, if it was not used.
    pub(super) fn issued_at(&self, person: PersonId) -> Option<Timestamp> {
        let codes = self.by_code.values().filter(|code| code.person == person && !code.is_used);
        codes.map(|code| code.issued_at).max()
    }

    /// A browser uses a code; the first one keeps it. `is_try`: to try a password or a token.
    pub(super) fn open(
        &mut self,
        code: &str,
        browser: &str,
        is_try: bool,
        now: Timestamp,
    ) -> Result<OpenCode, LinkRefusal> {
        let issued = self.by_code.get_mut(code).ok_or(LinkRefusal::Unknown)?;
        let expires_at = issued.issued_at + CODE_LIFETIME;
        if issued.is_used {
            return Err(LinkRefusal::Used);
        }
        if now >= expires_at {
            return Err(LinkRefusal::Expired);
        }
        if issued.browser.get_or_insert_with(|| browser.to_owned()) != browser {
            return Err(LinkRefusal::OtherBrowser);
        }
        if issued.tries >= MAX_TRIES {
            return Err(LinkRefusal::TooManyTries);
        }
        issued.tries += u32::from(is_try);
        Ok(OpenCode { person: issued.person, expires_at })
    }

    /// The code has served its purpose.
    pub(super) fn set_used(&mut self, code: &str) {
        if let Some(issued) = self.by_code.get_mut(code) {
            issued.is_used = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: PersonId = PersonId(1);
    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn code_is_long_and_serves_the_first_browser_only() {
        let mut codes = LinkCodes::default();
        let code = codes.issue(ANN, NOW).expect("random numbers");
        assert_eq!(code.len(), 22);
        let open =
            |codes: &mut LinkCodes, code: &str, browser, at| codes.open(code, browser, false, at);
        let expires_at = NOW + CODE_LIFETIME;
        assert_eq!(open(&mut codes, "x", "b1", NOW), Err(LinkRefusal::Unknown));
        assert_eq!(open(&mut codes, &code, "b1", NOW), Ok(OpenCode { person: ANN, expires_at }));
        assert_eq!(open(&mut codes, &code, "b2", NOW), Err(LinkRefusal::OtherBrowser));
        assert_eq!(open(&mut codes, &code, "b1", expires_at), Err(LinkRefusal::Expired));
        codes.set_used(&code);
        assert_eq!(open(&mut codes, &code, "b1", NOW), Err(LinkRefusal::Used));
    }

    #[test]
    fn newer_code_replaces_the_earlier_one() {
        let mut codes = LinkCodes::default();
        let earlier = codes.issue(ANN, NOW).expect("random numbers");
        let later = codes.issue(ANN, NOW).expect("random numbers");
        assert_eq!(codes.open(&earlier, "b", false, NOW), Err(LinkRefusal::Unknown));
        assert!(codes.open(&later, "b", false, NOW).is_ok());
    }

    #[test]
    fn only_so_many_passwords_can_be_tried_and_so_many_codes_be_asked_for() {
        let mut codes = LinkCodes::default();
        let code = codes.issue(ANN, NOW).expect("random numbers");
        for _ in 0..MAX_TRIES {
            assert!(codes.open(&code, "b", true, NOW).is_ok());
        }
        assert_eq!(codes.open(&code, "b", false, NOW), Err(LinkRefusal::TooManyTries));
        for person in 2..=i64::try_from(MAX_CODES).expect("few") {
            assert!(codes.issue(PersonId(person), NOW).is_some());
        }
        assert_eq!(codes.issue(PersonId(-1), NOW), None);
        assert!(codes.issue(PersonId(-1), NOW + REMEMBERED).is_some());
    }
}
