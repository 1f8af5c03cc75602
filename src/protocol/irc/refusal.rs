use std::time::Duration;

/// Why a server does not let us into a channel, or has put us out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// In words for people.
    pub(super) why: String,
    pub(super) outlook: Outlook,
}

/// What may change its mind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// A little time.
    Soon,
    /// Somebody who does something about it.
    Late,
    /// Our logging in to an account.
    Account,
    /// An invitation.
    Invitation,
    /// Nothing, on this server.
    Never,
}

impl Outlook {
    /// The first wait, and the longest.
    pub(super) fn waits(self) -> (Duration, Duration) {
        match self {
            Self::Soon => (Duration::from_secs(5), Duration::from_secs(600)),
            _ => (Duration::from_secs(60), Duration::from_secs(3_600)),
        }
    }
}

impl Refusal {
    /// What `why` says will be over soon.
    pub(super) fn soon(why: String) -> Self {
        Self { why, outlook: Outlook::Soon }
    }

    /// Reads the numeric `code` that answers a JOIN, and its text; `None` for one that does not.
    pub(super) fn read(code: &str, text: &str) -> Option<Self> {
        let (words, outlook) = match code {
            // ERR_NOSUCHCHANNEL, also where the name is impossible.
            "403" => ("there is no such channel", Outlook::Late),
            // ERR_TOOMANYCHANNELS.
            "405" => ("we are in as many channels as we may be", Outlook::Late),
            // ERR_UNAVAILRESOURCE, after a netsplit or a flood of joins; ERR_THROTTLE;
            // ERR_DELAYREJOIN after a kick; ERR_TOOMANYJOINS.
            "437" | "480" | "495" | "500" => ("it is closed for a while", Outlook::Soon),
            // ERR_FORBIDDENCHANNEL; ERR_CHANBANNED or ERR_UNIQOPRIVSNEEDED; ERR_BADCHANNEL.
            "448" | "485" | "926" => ("the network forbids it", Outlook::Late),
            "471" => ("it is full", Outlook::Soon),
            "473" => ("it is open to invited people only", Outlook::Invitation),
            "474" => ("we are banned from it", Outlook::Late),
            "475" => ("it has a key, and ours is not that", Outlook::Late),
            // ERR_BADCHANMASK, ERR_BADCHANNAME.
            "476" | "479" => ("the network allows no such name", Outlook::Late),
            // ERR_NEEDREGGEDNICK.
            "477" => ("it is open only to those who are logged in to an account", Outlook::Account),
            // ERR_SECUREONLYCHAN.
            "489" => ("it is open only to those who come by TLS", Outlook::Late),
            // ERR_ADMONLY, ERR_OPERONLY.
            "519" | "520" => ("it is open only to those who run the network", Outlook::Late),
            _ => return None,
        };
        Some(Self { why: format!("{words} ({text})"), outlook })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_told_in_words_and_waited_for_as_it_should_be() {
        for (code, outlook) in [
            ("403", Outlook::Late),
            ("405", Outlook::Late),
            ("437", Outlook::Soon),
            ("471", Outlook::Soon),
            ("473", Outlook::Invitation),
            ("474", Outlook::Late),
            ("475", Outlook::Late),
            ("476", Outlook::Late),
            ("477", Outlook::Account),
            ("489", Outlook::Late),
            ("520", Outlook::Late),
            ("926", Outlook::Late),
        ] {
            let refusal = Refusal::read(code, "says the server").expect(code);
            assert_eq!(refusal.outlook, outlook, "{code}");
            assert!(refusal.why.ends_with(" (says the server)"), "{}", refusal.why);
        }
        assert_eq!(Refusal::read("404", "Cannot send to channel"), None);
    }
}
