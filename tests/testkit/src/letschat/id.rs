//! Ids and times as MongoDB makes and JavaScript writes them.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use jiff::{Timestamp, Unit};

/// A MongoDB ObjectId: 24 lower-case hex digits, of which the first 8 are the second it was made in.
pub(super) type Id = Arc<str>;

/// What the server reads as an id: 24 hex digits, or any 12 bytes. `None` is a `CastError` there.
pub(super) fn parse(text: &str) -> Option<Id> {
    match text.len() {
        24 if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Some(text.to_ascii_lowercase().into())
        }
        12 => Some(hex(text.as_bytes()).into()),
        _ => None,
    }
}

/// Hex digits, lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    HEXLOWER.encode(bytes)
}

/// Makes ids: the time, five random bytes of the process, a counter.
#[derive(Debug)]
pub(super) struct IdGenerator {
    process: u64,
    counter: u32,
}

impl IdGenerator {
    pub(super) fn new() -> Self {
        Self { process: fastrand::u64(..1 << 40), counter: fastrand::u32(..1 << 24) }
    }

    /// The next id, as if it were made at `at`.
    pub(super) fn next(&mut self, at: Timestamp) -> Id {
        self.counter = (self.counter + 1) % (1 << 24);
        // Wraps in 2106, as MongoDB's does.
        let second = u32::try_from(at.as_second()).unwrap_or(u32::MAX);
        format!("{second:08x}{:010x}{:06x}", self.process, self.counter).into()
    }
}

/// The time now, in whole milliseconds, which is all that JavaScript keeps.
pub(super) fn now() -> Timestamp {
    milliseconds(Timestamp::now())
}

/// `at` without what is finer than a millisecond.
pub(super) fn milliseconds(at: Timestamp) -> Timestamp {
    at.round(jiff::TimestampRound::new().smallest(Unit::Millisecond).mode(jiff::RoundMode::Trunc))
        .unwrap_or(at)
}

/// A time as `JSON.stringify` writes a `Date`: `2026-11-22T21:32:26.933Z`.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_tell_their_second_and_keep_their_order() {
        let mut maker = IdGenerator { process: 7, counter: 41 };
        let at: Timestamp = "2026-11-22T21:32:26.933Z".parse().unwrap();
        let first = maker.next(at);
        assert_eq!(*first, format!("{:08x}000000000700002a", at.as_second()));
        assert!(maker.next(at) > first);
    }

    #[test]
    fn an_id_is_24_hex_digits_or_12_bytes() {
        assert_eq!(parse("6B035B5E8DE4D91F5A1B857F").as_deref(), Some("6b035b5e8de4d91f5a1b857f"));
        assert_eq!(parse("general-chat").as_deref(), Some("67656e6572616c2d63686174"));
        for not in ["", "general", "6b035b5e8de4d91f5a1b857", "zb035b5e8de4d91f5a1b857f"] {
            assert_eq!(parse(not), None, "{not:?}");
        }
    }

    #[test]
    fn times_have_three_digits_of_milliseconds() {
        let at: Timestamp = "2026-11-22T21:32:26.0309Z".parse().unwrap();
        assert_eq!(iso(milliseconds(at)), "2026-11-22T21:32:26.030Z");
    }
}
