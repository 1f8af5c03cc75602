//! What people ask on the page where they link their own account on Let's Chat, and what the bridge answers.

use std::fmt;

use jiff::Timestamp;

use super::{AccountSecrets, LetsChatUserId, Secret};

/// A request of the page, by the browser that opened it.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkRequest {
    /// The code in the address of the page, which the bridge sent to one person on IRC.
    pub code: String,
    /// The random key of the browser, from its cookie. The first one that opens the page keeps it.
    pub browser: String,
    /// What is asked.
    pub action: LinkAction,
}

impl fmt::Debug for LinkRequest {
    /// Without the code and the key, which give access.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkRequest").field("action", &self.action).finish_non_exhaustive()
    }
}

/// What is asked on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkAction {
    /// Shows whom the page is for. Answered by [`LinkReply::Offer`].
    View,
    /// Somebody is about to try a password or a token: only so many are permitted. Answered by
    /// [`LinkReply::Offer`].
    Try,
    /// Speak as this account, to which the browser has proven to have access.
    Attach {
        /// Its id.
        user: LetsChatUserId,
        /// Its user name.
        username: String,
        /// Its display name.
        display_name: String,
        /// The session or the token.
        secrets: AccountSecrets,
    },
    /// Give the account that the bridge made to its person.
    TakeOver {
        /// The user name that they choose.
        username: String,
        /// Their mail address.
        email: String,
        /// The password that they choose.
        password: Secret,
    },
    /// Stop speaking as the person's own account.
    Unlink,
}

/// The answer to a request of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkReply {
    /// Whom the page is for, and what they can do.
    Offer(LinkOffer),
    /// The bridge speaks as the account with this user name from now on. The page has served its purpose.
    Linked {
        /// The user name.
        username: String,
    },
    /// The bridge no longer speaks as an account of theirs. The page has served its purpose.
    Unlinked,
    /// The page is of no use to this browser.
    Refused(LinkRefusal),
    /// It did not work, for this reason, in words for the person. The page can be used again.
    Failed(String),
}

/// Whom a page is for, and what they can do on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOffer {
    /// Their nick on IRC.
    pub nick: String,
    /// The name of their network in the configuration.
    pub network: String,
    /// The user name of the account that the bridge made for them, if they can take it over.
    pub made: Option<String>,
    /// The user name of their own account, if one is linked.
    pub own: Option<String>,
    /// Until when the page can be used.
    pub expires_at: Timestamp,
}

/// Why a page is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRefusal {
    /// The bridge made no such code, or has forgotten it.
    Unknown,
    /// It is too old.
    Expired,
    /// It has served its purpose.
    Used,
    /// Another browser opened it first.
    OtherBrowser,
    /// Too many passwords or tokens were tried.
    TooManyTries,
}
