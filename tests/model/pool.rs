//! The pool of accounts in the model: it posts as ann, whose account the bridge makes, and as kate, who also types in
//! the room. Its answers come over a road of their own, before or after what the room is told.

use std::collections::VecDeque;

use letsbridge::bridge::{
    AccountCommand, AccountEvent, AccountPolicy, ConfiguredAccount, PersonPolicy, PostFailure,
};
use letsbridge::domain::{DeliveryId, EndpointId, LetsChatUserId, Secret};
use letsbridge::protocol::letschat::{LetsChatUser, PostId};
use letsbridge::translate::UserMatcher;
use proptest::prelude::*;

/// The user id of the account that the bridge makes for ann.
pub(crate) const ANN: &str = "u-ann";

/// The user id of kate's own account.
pub(crate) const KATE: &str = "u-kate";

/// What happens to the oldest post that waits in the pool, or to a session.
#[derive(Debug, Clone)]
pub(crate) enum PoolStep {
    /// The server takes it, and answers when it has stored it.
    Serve { stall: bool },
    /// One answer reaches the bridge.
    Hear,
    /// It is not in the room, for certain.
    NotPosted(PostFailure),
    /// Nobody knows; the server may have been given it.
    Unknown { taken: bool, is_refused: bool },
    /// The answer that would come next is waited for in vain.
    LoseAnswer,
    /// Ann's session ends, or is made anew.
    Session { ends: bool },
}

/// Mostly what works.
pub(crate) fn step() -> impl Strategy<Value = PoolStep> {
    let failure = prop_oneof![
        4 => Just(PostFailure::SignedOut),
        2 => Just(PostFailure::Unreachable("no".to_owned())),
        1 => Just(PostFailure::Forbidden("no".to_owned())),
    ];
    prop_oneof![
        10 => prop::bool::weighted(0.2).prop_map(|stall| PoolStep::Serve { stall }),
        10 => Just(PoolStep::Hear),
        1 => failure.prop_map(PoolStep::NotPosted),
        1 => (any::<bool>(), prop::bool::weighted(0.2))
            .prop_map(|(taken, is_refused)| PoolStep::Unknown { taken, is_refused }),
        1 => Just(PoolStep::LoseAnswer),
        3 => prop::bool::weighted(0.3).prop_map(|ends| PoolStep::Session { ends }),
    ]
}

/// Everybody speaks by an account.
pub(crate) fn policy() -> AccountPolicy {
    let own = ConfiguredAccount {
        user: LetsChatUserId(KATE.into()),
        username: "kate".to_owned(),
        token: Secret::new("t"),
    };
    let kate = PersonPolicy {
        matchers: vec![UserMatcher::Name("kate".to_owned())],
        network: None,
        email: None,
        uses_account: None,
        own: Some(own),
    };
    AccountPolicy {
        by_default: true,
        for_unregistered: true,
        username: "{nick}.irc".to_owned(),
        email: "{user}@irc.invalid".to_owned(),
        max: 10,
        after_lines: 1,
        people: vec![kate],
        ..AccountPolicy::default()
    }
}

/// A post that the pool was told to make.
pub(crate) struct PoolPost {
    pub(crate) user: LetsChatUserId,
    pub(crate) delivery: DeliveryId,
    pub(crate) endpoint: EndpointId,
    pub(crate) text: String,
}

/// The pool.
#[derive(Default)]
pub(crate) struct Pool {
    pub(crate) posts: VecDeque<PoolPost>,
    pub(crate) events: VecDeque<AccountEvent>,
}

impl Pool {
    /// The bridge asks for this. What is asked of accounts works.
    pub(crate) fn on_command(&mut self, command: AccountCommand) {
        match command {
            AccountCommand::Post { user, delivery, endpoint, text, .. } => {
                self.posts.push_back(PoolPost { user, delivery, endpoint, text });
            }
            AccountCommand::Register(it) => {
                let account = LetsChatUser {
                    id: ANN.to_owned(),
                    username: it.username,
                    display_name: Some(it.display_name),
                };
                let (person, session) = (it.person, Some(Secret::new("sid")));
                self.events.push_back(AccountEvent::Ready { person, account, session });
            }
            AccountCommand::Add { .. }
            | AccountCommand::Rename { .. }
            | AccountCommand::HandOver { .. }
            | AccountCommand::Leave(_)
            | AccountCommand::Remove(_) => {}
        }
    }

    pub(crate) fn answer(&mut self, delivery: DeliveryId, endpoint: EndpointId, id: PostId) {
        self.events.push_back(AccountEvent::Posted { delivery, endpoint, id });
    }

    pub(crate) fn fail(&mut self, post: PoolPost, failure: PostFailure) {
        let PoolPost { user, delivery, endpoint, .. } = post;
        self.events.push_back(AccountEvent::NotPosted { user, delivery, endpoint, failure });
    }

    pub(crate) fn doubt(&mut self, post: &PoolPost, is_refused: bool) {
        let PoolPost { user, delivery, endpoint, .. } = post;
        self.events.push_back(unknown(user.clone(), *delivery, *endpoint, is_refused));
    }

    /// The next answer is lost.
    pub(crate) fn lose_answer(&mut self) {
        if let Some(AccountEvent::Posted { delivery, endpoint, .. }) = self.events.front() {
            let user = LetsChatUserId(KATE.into());
            self.events[0] = unknown(user, *delivery, *endpoint, false);
        }
    }

    pub(crate) fn change_session(&mut self, ends: bool) {
        let user = LetsChatUserId(ANN.into());
        self.events.push_back(match ends {
            true => AccountEvent::SignedOut(user),
            false => AccountEvent::SignedIn { user, session: Secret::new("sid") },
        });
    }
}

fn unknown(
    user: LetsChatUserId,
    delivery: DeliveryId,
    endpoint: EndpointId,
    is_refused: bool,
) -> AccountEvent {
    let reason = "no answer".to_owned();
    AccountEvent::PostUnknown { user, delivery, endpoint, reason, is_refused }
}
