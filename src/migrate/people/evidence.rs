//! Why nicks are taken to be one person, how sure that is, and what an administrator should decide.

use std::fmt;

use jiff::Timestamp;

/// Why a nick belongs to a person. In order, the strongest first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// It is their main nick.
    Itself,
    /// The administrator says so.
    Given,
    /// One connection had both nicks.
    NickChange,
    /// Both nicks were logged in to one account at services.
    SameAccount(Box<str>),
    /// Both nicks came from one address, which is nobody else's.
    SameHost(Box<str>),
    /// The nick, and this, are the same on two networks.
    BothNetworks(Box<str>),
    /// It is the same nick, from another place.
    SameNick,
    /// The nicks differ by decoration.
    SameStem,
}

/// How sure it is who somebody was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sureness {
    /// The network itself shows it.
    Certain,
    /// It is usually so.
    Likely,
    /// An administrator should decide.
    Doubtful,
}

/// What an administrator should decide about a person.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// Others had the nick at other times.
    SharedNick {
        /// The nick.
        nick: String,
        /// The main nicks of the others; a few.
        others: Vec<String>,
    },
    /// Everybody may have this nick.
    GenericNick(String),
    /// Something says that they are one, but both were there at the same time.
    BothPresent {
        /// The main nick of the other.
        other: String,
        /// Why they could be one.
        evidence: Evidence,
        /// When both were there first.
        at: Timestamp,
    },
    /// Something says that they are one, but they had different accounts at services.
    OtherAccount {
        /// The main nick of the other.
        other: String,
        /// Why they could be one.
        evidence: Evidence,
    },
    /// By its stem, it could be several people's.
    SeveralAlike(Vec<String>),
    /// After a long pause, the nick came back from another place.
    LongPause {
        /// The nick.
        nick: String,
        /// How long, in days.
        days: i64,
    },
    /// Somebody on another network has this nick.
    OtherNetwork {
        /// The network.
        network: String,
        /// The nick.
        nick: String,
    },
}

impl Evidence {
    /// How sure it makes.
    #[must_use]
    pub fn sureness(&self) -> Sureness {
        match self {
            Self::Itself | Self::Given | Self::NickChange | Self::SameAccount(_) => {
                Sureness::Certain
            }
            Self::SameHost(_) | Self::BothNetworks(_) | Self::SameNick | Self::SameStem => {
                Sureness::Likely
            }
        }
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => f.write_str("main nick"),
            Self::Given => f.write_str("as you wrote"),
            Self::NickChange => f.write_str("nick change"),
            Self::SameAccount(account) => write!(f, "same account {account}"),
            Self::SameHost(host) => write!(f, "same host {host}"),
            Self::BothNetworks(what) => write!(f, "same nick and {what} on two networks"),
            Self::SameNick => f.write_str("same nick"),
            Self::SameStem => f.write_str("same stem"),
        }
    }
}

impl fmt::Display for Sureness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Doubtful => "doubtful",
        })
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SharedNick { nick, others } => write!(
                f,
                "{nick} was also the nick of {}: each has it for the times that the logs show",
                others.join(", ")
            ),
            Self::GenericNick(nick) => {
                write!(f, "{nick} is a nick of everybody: these may be several people")
            }
            Self::BothPresent { other, evidence, at } => write!(
                f,
                "perhaps the same as {other} ({evidence}), but both were there at {}: move the nicks \
                 together if it is one person with two clients",
                at.strftime("%Y-%m-%d %H:%M")
            ),
            Self::OtherAccount { other, evidence } => write!(
                f,
                "perhaps the same as {other} ({evidence}), but they had different accounts at services"
            ),
            Self::SeveralAlike(others) => {
                write!(
                    f,
                    "could belong to {}: move its nicks there if it does",
                    others.join(" or to ")
                )
            }
            Self::LongPause { nick, days } => {
                write!(
                    f,
                    "{nick} came back from another place after {days} days: is it the same person?"
                )
            }
            Self::OtherNetwork { network, nick } => {
                write!(f, "perhaps the same as {nick} on {network}: move the nicks together if so")
            }
        }
    }
}
