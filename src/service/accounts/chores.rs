//! What is not urgent, one at a time: checking a session, which also prolongs it; changing a display name; ending
//! a session.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::{AccountPool, Done};
use crate::domain::{LetsChatUserId, Secret};
use crate::net::rest::{AccessError, Credential, RestServer};

/// The minimum time between two checks of sessions.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// The time between two checks of a token.
pub(super) const TOKEN_CHECK_INTERVAL: Duration = Duration::from_secs(3_600);

/// The time until a check is repeated that got no answer.
const RECHECK_INTERVAL: Duration = Duration::from_secs(300);

/// Something to be done.
#[derive(Debug)]
pub(super) enum Chore {
    /// Check the session of an account.
    Check(LetsChatUserId),
    /// Change the display name of an account.
    Rename(LetsChatUserId, String),
    /// End a session.
    SignOut(Secret),
}

/// What is to be done, in order.
#[derive(Default)]
pub(super) struct ChoreQueue {
    waiting: VecDeque<Chore>,
    is_busy: bool,
}

/// A chore that has ended.
pub(super) struct DoneChore {
    /// Whose session was used, and which.
    used: Option<(LetsChatUserId, Secret)>,
    outcome: Result<(), AccessError>,
    is_check: bool,
}

impl ChoreQueue {
    /// Adds a chore. Of the new names of an account, only the last counts.
    pub(super) fn push(&mut self, chore: Chore) {
        if let Chore::Rename(user, _) = &chore {
            self.remove(user);
        }
        self.waiting.push_back(chore);
    }

    /// Forgets the new name of an account.
    pub(super) fn remove(&mut self, user: &LetsChatUserId) {
        self.waiting.retain(|chore| !matches!(chore, Chore::Rename(whose, _) if whose == user));
    }
}

impl AccountPool {
    /// Starts the next chore, if none is under way.
    pub(super) fn start_chore(&mut self) {
        while !self.chores.is_busy {
            let Some(chore) = self.chores.waiting.pop_front() else { return };
            // Without a server, the next check or change of the name does it.
            let Ok(server) = self.server() else { continue };
            let session_of = |user: &LetsChatUserId| {
                let member = self.members.get(user)?;
                Some((user.clone(), member.secrets.session.clone()?))
            };
            let used = match &chore {
                Chore::Check(user) | Chore::Rename(user, _) => match session_of(user) {
                    Some(used) => Some(used),
                    None => continue,
                },
                Chore::SignOut(_) => None,
            };
            self.chores.is_busy = true;
            self.tasks.spawn(async move { Done::Chore(run(&server, chore, used).await) });
        }
    }

    /// Checks the account whose check is due for the longest time.
    pub(super) fn check_next(&mut self) {
        if self.chores.is_busy || !self.chores.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        let due = self.members.iter_mut().filter(|(_, member)| {
            let has_secret = member.secrets.session.is_some() || member.has_only_token();
            member.check_at <= now && !member.is_queued && has_secret
        });
        let Some((user, member)) = due.min_by_key(|(_, member)| member.check_at) else { return };
        if member.secrets.session.is_some() {
            member.check_at = after(self.settings.session_refresh);
            self.chores.push(Chore::Check(user.clone()));
        } else {
            member.check_at = after(TOKEN_CHECK_INTERVAL);
            member.is_queued = true;
            self.logins.push(super::LoginTask::CheckToken(user.clone()));
        }
    }

    pub(super) async fn on_chore_done(&mut self, done: DoneChore) {
        self.chores.is_busy = false;
        let DoneChore { used, outcome, is_check } = done;
        match (outcome, used) {
            (Ok(()), _) => {}
            (Err(AccessError::Refused), Some((user, session))) => {
                self.on_signed_out(&user, &session).await;
            }
            (Err(error), used) => {
                let user = used.map(|(user, _)| user);
                let name = user.as_ref().map(ToString::to_string).unwrap_or_default();
                tracing::debug!(user = name, %error, "request to Let's Chat failed");
                let member = user.and_then(|user| self.members.get_mut(&user));
                if let Some(member) = member.filter(|_| is_check) {
                    member.check_at = after(RECHECK_INTERVAL);
                }
            }
        }
    }
}

async fn run(
    server: &RestServer,
    chore: Chore,
    used: Option<(LetsChatUserId, Secret)>,
) -> DoneChore {
    let is_check = matches!(chore, Chore::Check(_));
    let outcome = match (&chore, &used) {
        (Chore::Check(_), Some((_, session))) => {
            server.account(Credential::Session(session)).await.map(drop)
        }
        (Chore::Rename(_, name), Some((_, session))) => {
            server.set_display_name(session, name).await
        }
        (Chore::SignOut(session), _) => server.sign_out(session).await,
        (Chore::Check(_) | Chore::Rename(..), None) => Ok(()),
    };
    DoneChore { used, outcome, is_check }
}

/// The time after `wait`; far in the future if there is none such.
pub(super) fn after(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now + Duration::from_secs(365 * 24 * 3_600))
}
