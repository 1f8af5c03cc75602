//! Ids of posts.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::{ObjectId, ObjectIdError};

/// The id of a post: a MongoDB `ObjectId`, whose first four bytes are the time of creation in seconds.
///
/// Ids grow with time, but two posts created at once may become visible in reverse order
/// (docs/letschat-protocol.md, section 6.2). Reading on from an id must therefore overlap a little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId(ObjectId);

impl PostId {
    /// Below every id.
    pub const MIN: Self = Self(ObjectId([0; 12]));

    /// Below every id created at or after the second of `time`.
    #[must_use]
    pub fn from_time(time: Timestamp) -> Self {
        let second = time.as_second().clamp(0, i64::from(u32::MAX));
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&(second as u32).to_be_bytes());
        Self(ObjectId(bytes))
    }

    /// The second of its creation, by the server's clock.
    #[must_use]
    pub fn created_at(self) -> Timestamp {
        Timestamp::from_second(self.second().into()).expect("32 bits of seconds are a valid time")
    }

    fn second(self) -> u32 {
        let [a, b, c, d, ..] = self.0.0;
        u32::from_be_bytes([a, b, c, d])
    }

    /// The previous id: reading after it (`since_id` means `_id >`) starts with `self`.
    #[must_use]
    pub fn predecessor(self) -> Self {
        let mut bytes = self.0.0;
        for byte in bytes.iter_mut().rev() {
            let (less, borrow) = byte.overflowing_sub(1);
            *byte = less;
            if !borrow {
                return Self(ObjectId(bytes));
            }
        }
        Self::MIN
    }

    /// The lowest id created `seconds` before this one.
    #[must_use]
    pub fn minus_seconds(self, seconds: u32) -> Self {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.second().saturating_sub(seconds).to_be_bytes());
        Self(ObjectId(bytes))
    }
}

impl FromStr for PostId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, ObjectIdError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for PostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PostId {
        text.parse().expect("an id")
    }

    #[test]
    fn predecessor_is_one_below() {
        for (text, before) in [
            ("6b035f6d8d054a41e16a0570", "6b035f6d8d054a41e16a056f"),
            ("6b035f6d8d054a41e16a0000", "6b035f6d8d054a41e169ffff"),
            ("6b035f6d0000000000000000", "6b035f6cffffffffffffffff"),
            ("000000000000000000000000", "000000000000000000000000"),
        ] {
            assert_eq!(id(text).predecessor(), id(before));
        }
    }

    #[test]
    fn from_time_is_below_the_ids_of_its_second() {
        let time: Timestamp = "2026-11-22T10:00:00.5Z".parse().expect("a time");
        let second: Timestamp = "2026-11-22T10:00:00Z".parse().expect("a time");
        assert_eq!(PostId::from_time(time).created_at(), second);
        assert_eq!(PostId::from_time(time), PostId::from_time(second));
        assert_eq!(PostId::from_time(Timestamp::MIN), PostId::MIN);
        assert!(PostId::from_time(Timestamp::MAX).to_string().starts_with("ffffffff"));
        assert_eq!(PostId::from_time(time).minus_seconds(0), PostId::from_time(second));
    }

    #[test]
    fn minus_seconds_gives_the_first_id_of_its_second() {
        assert_eq!(id("0000003c8d054a41e16a0570").minus_seconds(60), PostId::MIN);
        assert_eq!(id("000000108d054a41e16a0570").minus_seconds(60), PostId::MIN);
        assert_eq!(id("6b035f6d8d054a41e16a0570").minus_seconds(1), id("6b035f6c0000000000000000"));
    }
}
