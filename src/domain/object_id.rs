//! The ids that Let's Chat gives: `ObjectId`s of MongoDB.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// An `ObjectId` of MongoDB: 12 bytes, written as 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 12]);

/// The text is not 24 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an object id (24 hexadecimal digits)")]
pub struct ObjectIdError(String);

impl FromStr for ObjectId {
    type Err = ObjectIdError;

    fn from_str(text: &str) -> Result<Self, ObjectIdError> {
        let mut bytes = [0; 12];
        let decoded =
            text.len() == 24 && HEXLOWER_PERMISSIVE.decode_mut(text.as_bytes(), &mut bytes).is_ok();
        decoded.then_some(Self(bytes)).ok_or_else(|| ObjectIdError(text.chars().take(40).collect()))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        HEXLOWER.encode_display(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_id_round_trips_as_text() {
        let text = "6b035f6d8d054a41e16a0570";
        let id: ObjectId = text.parse().expect("an id");
        assert_eq!(id.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn only_24_hex_digits_parse() {
        for text in [
            "",
            "zzz",
            "../../account",
            "6b035f6d8d054a41e16a057",
            "6b035f6d8d054a41e16a05701",
            "+b035f6d8d054a41e16a0570",
            "éééééééééééé",
        ] {
            assert!(text.parse::<ObjectId>().is_err(), "{text}");
        }
    }
}
