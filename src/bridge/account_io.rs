//! What the bridge asks of the pool that speaks as people's accounts on Let's Chat, and what the pool reports.

use crate::domain::{AccountSecrets, DeliveryId, EndpointId, LetsChatUserId, PersonId, Secret};
use crate::protocol::letschat::{LetsChatUser, PostId};

/// A command for the pool of accounts. The pool answers each `Post` exactly once, unless the program ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCommand {
    /// Register an account and sign in; if the answer to an earlier attempt may have been lost, sign in first.
    /// Answered by `Ready`, `NameTaken`, `RegistrationClosed` or `NotMade`.
    Register(AccountRegistration),
    /// Speak as this account from now on, with these secrets. Answered by `Ready` only for the first session
    /// (or the first check of a token); by `AccessLost` if Let's Chat refuses the secrets.
    Add {
        /// Whose it is.
        person: PersonId,
        /// The account.
        user: LetsChatUserId,
        /// Its user name, for signing in.
        username: String,
        /// What gives access to it.
        secrets: AccountSecrets,
    },
    /// Post to a room.
    Post {
        /// The account that posts.
        user: LetsChatUserId,
        /// The delivery, for the answer.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// The room's id on Let's Chat.
        room: Box<str>,
        /// The text.
        text: String,
    },
    /// Change the display name. Not answered.
    Rename {
        /// Whose.
        user: LetsChatUserId,
        /// The new name.
        display_name: String,
    },
    /// Hand an account that the bridge made to its person: change its user name, mail and password. Answered by
    /// `HandedOver` or `NotHandedOver`.
    HandOver {
        /// The request of the page, for the answer.
        request: u64,
        /// The account.
        user: LetsChatUserId,
        /// The new user name.
        username: String,
        /// The new mail address.
        email: String,
        /// The new password.
        password: Secret,
    },
    /// The person has left IRC: they are no longer shown as present. Not answered.
    Leave(LetsChatUserId),
    /// End the session, and forget the account. Not answered.
    Remove(LetsChatUserId),
}

/// An account to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRegistration {
    /// The person who gets it.
    pub person: PersonId,
    /// The user name.
    pub username: String,
    /// The display name.
    pub display_name: String,
    /// The mail address.
    pub email: String,
    /// The password.
    pub password: Secret,
    /// The answer to an earlier attempt may have been lost: the account may exist.
    pub may_exist: bool,
}

/// What the pool of accounts reports.
#[derive(Debug)]
pub enum AccountEvent {
    /// The account exists, and the bridge is signed in.
    Ready {
        /// Whose it is.
        person: PersonId,
        /// The account as Let's Chat describes it.
        account: LetsChatUser,
        /// The cookie of the session; `None` for an account that is used by its token.
        session: Option<Secret>,
    },
    /// The user name or the mail address belongs to somebody else: another one is needed.
    NameTaken(PersonId),
    /// The server registers nobody.
    RegistrationClosed(PersonId),
    /// The server does not accept the registration.
    NotMade {
        /// The person who would have got it.
        person: PersonId,
        /// The server's reason.
        reason: String,
    },
    /// The session was made anew.
    SignedIn {
        /// The account.
        user: LetsChatUserId,
        /// The cookie of the session.
        session: Secret,
    },
    /// Let's Chat refuses the session, and a new one is being made, slowly.
    SignedOut(LetsChatUserId),
    /// Let's Chat no longer accepts what the bridge knows: the account's owner revoked it, or changed it.
    AccessLost {
        /// The account.
        user: LetsChatUserId,
        /// The server's reason.
        reason: String,
    },
    /// The post is in the room.
    Posted {
        /// The delivery.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// The id of the post.
        id: PostId,
    },
    /// The post is not in the room, for certain.
    NotPosted {
        /// The account.
        user: LetsChatUserId,
        /// The delivery.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// Why.
        failure: PostFailure,
    },
    /// Nobody knows whether the post is in the room.
    PostUnknown {
        /// The account.
        user: LetsChatUserId,
        /// The delivery.
        delivery: DeliveryId,
        /// The room.
        endpoint: EndpointId,
        /// What happened.
        reason: String,
        /// The server answered with an error: it will most likely do so again.
        is_refused: bool,
    },
    /// The account belongs to its person now.
    HandedOver {
        /// The request of the page.
        request: u64,
        /// The account as it is now.
        account: LetsChatUser,
    },
    /// The account could not be handed over.
    NotHandedOver {
        /// The request of the page.
        request: u64,
        /// Why, in words for its person.
        reason: String,
    },
}

/// Why a post is certainly not in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostFailure {
    /// There is no session at the moment.
    SignedOut,
    /// The server could not be reached, so nothing was sent.
    Unreachable(String),
    /// The account may not post to this room.
    Forbidden(String),
}
