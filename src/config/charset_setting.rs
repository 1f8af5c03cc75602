//! The charset of a network or a link, as one of two keys gives it.

use encoding_rs::Encoding;

/// The character set setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CharsetSetting {
    /// `fallback_charset`: to decode lines that are not UTF-8.
    Fallback(&'static Encoding),
    /// `charset`: to decode and encode all lines.
    Both(&'static Encoding),
}

impl CharsetSetting {
    /// The fallback charset of a network: the configured one, or otherwise Windows-1252.
    pub(super) fn fallback_or_default(setting: Option<Self>) -> &'static Encoding {
        setting.and_then(Self::fallback).unwrap_or(encoding_rs::WINDOWS_1252)
    }

    pub(super) fn fallback(self) -> Option<&'static Encoding> {
        match self {
            Self::Fallback(encoding) => Some(encoding),
            Self::Both(_) => None,
        }
    }

    pub(super) fn both(self) -> Option<&'static Encoding> {
        match self {
            Self::Both(encoding) => Some(encoding),
            Self::Fallback(_) => None,
        }
    }
}
