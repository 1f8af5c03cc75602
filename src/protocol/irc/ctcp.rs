//! Answers to those who ask what we are (<https://modern.ircdocs.horse/ctcp>).
//!
//! Only to a person who asks us alone, only a few, and only in short: who asks in a channel, or
//! again and again, would have us talk for them.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::line::{Line, Text};

/// How often we answer: so many at once, and then one in this time.
const BURST: u32 = 3;
const EVERY: Duration = Duration::from_secs(10);

/// The longest token that a PING may have returned to it. What programs send is a time.
const LONGEST_PING: usize = 64;

const NAME: &str = "letsbridge, a bridge between IRC and Let's Chat";
const SOURCE: &str = "free software under the MIT licence: ask whoever runs this bridge for it";
const KNOWN: &str = "ACTION CLIENTINFO PING SOURCE TIME VERSION";

/// What we answer, and how often.
#[derive(Debug)]
pub(super) struct Courtesy {
    /// When all of [`BURST`] may be answered again.
    rested_at: Instant,
    /// What the time was when the session began.
    clock: (Instant, Timestamp),
}

impl Courtesy {
    pub(super) fn new(now: Instant, clock: Timestamp) -> Self {
        Self { rested_at: now, clock: (now, clock) }
    }

    /// The answer to what `nick` has asked us by the message `text`, at `time` where the server says
    /// so; none to what is no question, or one too many.
    pub(super) fn answer(
        &mut self,
        now: Instant,
        nick: &str,
        text: &str,
        time: Option<Timestamp>,
    ) -> Option<Line> {
        let question = text.strip_prefix('\x01')?;
        let question = question.strip_suffix('\x01').unwrap_or(question);
        let (query, argument) = question.split_once(' ').unwrap_or((question, ""));
        let query = query.to_ascii_uppercase();
        let answer = match query.as_str() {
            "VERSION" => NAME.to_owned(),
            "SOURCE" => SOURCE.to_owned(),
            "CLIENTINFO" => KNOWN.to_owned(),
            "TIME" => self.time(now, time).strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "PING" if argument.len() <= LONGEST_PING => argument.to_owned(),
            _ => return None,
        };
        if !self.may(now) {
            return None;
        }
        let space = if answer.is_empty() { "" } else { " " };
        // What a text could hold that ends the answer early, it came with: one line, one mark.
        let Text(answer) = Text::clean(&answer.replace('\x01', ""));
        Line::new("NOTICE", &[nick, &format!("\x01{query}{space}{answer}\x01")]).ok()
    }

    fn time(&self, now: Instant, told: Option<Timestamp>) -> Timestamp {
        let (since, began) = self.clock;
        told.unwrap_or_else(|| began.checked_add(now - since).unwrap_or(began))
    }

    fn may(&mut self, now: Instant) -> bool {
        let tired = self.rested_at.max(now) + EVERY;
        let may = tired <= now + EVERY * BURST;
        if may {
            self.rested_at = tired;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courtesy() -> (Courtesy, Instant) {
        let now = Instant::now();
        (Courtesy::new(now, "2026-11-22T12:00:00Z".parse().expect("a time")), now)
    }

    #[track_caller]
    fn check(question: &str, answer: Option<&str>) {
        let (mut courtesy, now) = courtesy();
        let said = courtesy.answer(now + Duration::from_secs(5), "ann", question, None);
        let line = answer.map(|answer| format!("NOTICE ann :\x01{answer}\x01"));
        assert_eq!(said.as_ref().map(Line::as_str), line.as_deref(), "{question:?}");
    }

    #[test]
    fn who_asks_is_told_in_short() {
        check("\x01VERSION\x01", Some("VERSION letsbridge, a bridge between IRC and Let's Chat"));
        check("\x01version", Some("VERSION letsbridge, a bridge between IRC and Let's Chat"));
        check("\x01PING 123 456\x01", Some("PING 123 456"));
        check("\x01PING a\x01b\x01", Some("PING ab"));
        check("\x01TIME\x01", Some("TIME 2026-11-22T12:00:05Z"));
        check(
            "\x01SOURCE\x01",
            Some("SOURCE free software under the MIT licence: ask whoever runs this bridge for it"),
        );
        check("\x01CLIENTINFO\x01", Some("CLIENTINFO ACTION CLIENTINFO PING SOURCE TIME VERSION"));
    }

    #[test]
    fn what_is_none_of_their_business_is_left_unanswered() {
        for question in ["hello", "\x01ACTION waves\x01", "\x01USERINFO\x01", "\x01DCC SEND x\x01"]
        {
            check(question, None);
        }
        check(&format!("\x01PING {}\x01", "x".repeat(65)), None);
    }

    #[test]
    fn the_time_is_the_servers_where_it_says_so() {
        let (mut courtesy, now) = courtesy();
        let told = "2026-11-22T12:07:00.5Z".parse().ok();
        let said = courtesy.answer(now, "ann", "\x01TIME\x01", told).expect("an answer");
        assert_eq!(said.as_str(), "NOTICE ann :\x01TIME 2026-11-22T12:07:00Z\x01");
    }

    #[test]
    fn who_asks_too_often_is_not_answered() {
        let (mut courtesy, mut now) = courtesy();
        let mut answered = |now| courtesy.answer(now, "ann", "\x01VERSION\x01", None).is_some();
        assert_eq!([0; 5].map(|_| answered(now)), [true, true, true, false, false]);
        now += EVERY;
        assert_eq!([0; 2].map(|_| answered(now)), [true, false]);
    }
}
