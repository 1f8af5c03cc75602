//! Interprets errors in answer to JOIN.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Why we could not join a channel or were removed from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::protocol::irc) struct JoinError {
    /// The reason, for people.
    pub(in crate::protocol::irc) reason: String,
    pub(in crate::protocol::irc) rejoin_policy: RejoinPolicy,
}

/// When joining may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::protocol::irc) enum RejoinPolicy {
    /// After a short time.
    Soon,
    /// After somebody has acted.
    Later,
    /// After logging in to an account.
    AfterLogin,
    /// After an invitation.
    AfterInvite,
    /// Never on this server.
    Never,
}

impl RejoinPolicy {
    /// The first and the longest retry delay.
    pub(in crate::protocol::irc) fn delays(self) -> (Duration, Duration) {
        match self {
            Self::Soon => (Duration::from_secs(5), Duration::from_secs(600)),
            _ => (Duration::from_secs(60), Duration::from_secs(3_600)),
        }
    }
}

impl JoinError {
    /// A temporary error.
    pub(in crate::protocol::irc) fn retry_soon(reason: String) -> Self {
        Self { reason, rejoin_policy: RejoinPolicy::Soon }
    }

    /// Parses the numeric `code` that answers a JOIN, with its text; `None` for other numerics.
    pub(in crate::protocol::irc) fn parse(code: &str, text: &str) -> Option<Self> {
        let (words, policy) = match code {
            // ERR_NOSUCHCHANNEL, also for impossible names.
            "403" => ("no such channel", RejoinPolicy::Later),
            // ERR_TOOMANYCHANNELS.
            "405" => ("too many channels joined", RejoinPolicy::Later),
            // ERR_UNAVAILRESOURCE, after a netsplit or a flood of joins; ERR_THROTTLE;
            // ERR_DELAYREJOIN after a kick; ERR_TOOMANYJOINS.
            "437" | "480" | "495" | "500" => ("temporarily unavailable", RejoinPolicy::Soon),
            // ERR_FORBIDDENCHANNEL; ERR_CHANBANNED or ERR_UNIQOPRIVSNEEDED; ERR_BADCHANNEL.
            "448" | "485" | "926" => ("forbidden by the network", RejoinPolicy::Later),
            "471" => ("channel is full", RejoinPolicy::Soon),
            "473" => ("invite only", RejoinPolicy::AfterInvite),
            "474" => ("banned from the channel", RejoinPolicy::Later),
            "475" => ("wrong channel key", RejoinPolicy::Later),
            // ERR_BADCHANMASK, ERR_BADCHANNAME.
            "476" | "479" => ("invalid channel name", RejoinPolicy::Later),
            // ERR_NEEDREGGEDNICK.
            "477" => ("only for users logged in to an account", RejoinPolicy::AfterLogin),
            // ERR_SECUREONLYCHAN.
            "489" => ("only for TLS connections", RejoinPolicy::Later),
            // ERR_ADMONLY, ERR_OPERONLY.
            "519" | "520" => ("only for network operators", RejoinPolicy::Later),
            _ => return None,
        };
        Some(Self { reason: format!("{words} ({text})"), rejoin_policy: policy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_join_error_has_its_text_and_policy() {
        for (code, policy) in [
            ("403", RejoinPolicy::Later),
            ("405", RejoinPolicy::Later),
            ("437", RejoinPolicy::Soon),
            ("471", RejoinPolicy::Soon),
            ("473", RejoinPolicy::AfterInvite),
            ("474", RejoinPolicy::Later),
            ("475", RejoinPolicy::Later),
            ("476", RejoinPolicy::Later),
            ("477", RejoinPolicy::AfterLogin),
            ("489", RejoinPolicy::Later),
            ("520", RejoinPolicy::Later),
            ("926", RejoinPolicy::Later),
        ] {
            let error = JoinError::parse(code, "says the server").expect(code);
            assert_eq!(error.rejoin_policy, policy, "{code}");
            assert!(error.reason.ends_with(" (says the server)"), "{}", error.reason);
        }
        assert_eq!(JoinError::parse("404", "Cannot send to channel"), None);
    }
}
