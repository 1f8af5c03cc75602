//! Which IRCv3 capabilities there are, and sets of them.

use std::fmt;

/// A capability that the double knows (<https://ircv3.net/registry#capabilities>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the registry's.
pub enum Cap {
    AccountNotify,
    AccountTag,
    AwayNotify,
    Batch,
    CapNotify,
    ChatHistory,
    Chghost,
    EchoMessage,
    ExtendedJoin,
    InviteNotify,
    LabeledResponse,
    MessageTags,
    MultiPrefix,
    RelayMsg,
    Sasl,
    ServerTime,
    Setname,
    StandardReplies,
    UserhostInNames,
}

impl Cap {
    /// All of them, in the order in which they are offered.
    pub const ALL: [Self; 19] = [
        Self::AccountNotify,
        Self::AccountTag,
        Self::AwayNotify,
        Self::Batch,
        Self::CapNotify,
        Self::ChatHistory,
        Self::Chghost,
        Self::EchoMessage,
        Self::ExtendedJoin,
        Self::InviteNotify,
        Self::LabeledResponse,
        Self::MessageTags,
        Self::MultiPrefix,
        Self::RelayMsg,
        Self::Sasl,
        Self::ServerTime,
        Self::Setname,
        Self::StandardReplies,
        Self::UserhostInNames,
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccountNotify => "account-notify",
            Self::AccountTag => "account-tag",
            Self::AwayNotify => "away-notify",
            Self::Batch => "batch",
            Self::CapNotify => "cap-notify",
            Self::ChatHistory => "draft/chathistory",
            Self::Chghost => "chghost",
            Self::EchoMessage => "echo-message",
            Self::ExtendedJoin => "extended-join",
            Self::InviteNotify => "invite-notify",
            Self::LabeledResponse => "labeled-response",
            Self::MessageTags => "message-tags",
            Self::MultiPrefix => "multi-prefix",
            Self::RelayMsg => "draft/relaymsg",
            Self::Sasl => "sasl",
            Self::ServerTime => "server-time",
            Self::Setname => "setname",
            Self::StandardReplies => "standard-replies",
            Self::UserhostInNames => "userhost-in-names",
        }
    }

    /// What `CAP LS 302` says of it after `=`.
    #[must_use]
    pub(super) fn value(self) -> Option<&'static str> {
        match self {
            Self::Sasl => Some("PLAIN"),
            Self::RelayMsg => Some("/"),
            _ => None,
        }
    }

    /// The capability of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cap| cap.name() == name)
    }

    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps(u32);

impl Caps {
    /// Like ngIRCd, nearly: no capability at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Everything that the double knows, like Ergo.
    #[must_use]
    pub fn all() -> Self {
        Cap::ALL.into_iter().collect()
    }

    /// This set and `cap`.
    #[must_use]
    pub fn with(self, cap: Cap) -> Self {
        Self(self.0 | cap.bit())
    }

    /// This set less `cap`.
    #[must_use]
    pub fn without(self, cap: Cap) -> Self {
        Self(self.0 & !cap.bit())
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether `cap` is in it.
    #[must_use]
    pub fn has(self, cap: Cap) -> bool {
        self.0 & cap.bit() != 0
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// What is in it.
    pub fn iter(self) -> impl Iterator<Item = Cap> {
        Cap::ALL.into_iter().filter(move |&cap| self.has(cap))
    }
}

impl FromIterator<Cap> for Caps {
    fn from_iter<I: IntoIterator<Item = Cap>>(caps: I) -> Self {
        caps.into_iter().fold(Self::none(), Self::with)
    }
}

impl fmt::Debug for Caps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Cap::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let caps = Caps::none().with(Cap::Batch).with(Cap::ServerTime).without(Cap::Batch);
        assert!(caps.has(Cap::ServerTime));
        assert!(!caps.has(Cap::Batch));
        assert_eq!(caps.iter().collect::<Vec<_>>(), [Cap::ServerTime]);
        assert_eq!(caps.and(Caps::all()), caps);
        assert!(caps.and(Caps::none()).is_empty());
    }

    #[test]
    fn every_capability_is_found_by_its_name() {
        for cap in Cap::ALL {
            assert_eq!(Cap::named(cap.name()), Some(cap));
        }
        assert_eq!(Cap::named("klingon"), None);
    }
}
