//! Hands an account to its person: changes its user name, mail address and password.

use super::member::letschat_user;
use super::{AccountPool, Done};
use crate::bridge::AccountEvent;
use crate::domain::{LetsChatUserId, Secret};
use crate::net::rest::{AccountChange, ChangeError, Credential, RestAccount, RestServer};

/// The maximum number of accounts that are handed over at once.
const MAX_HAND_OVERS: usize = 4;

/// An account that is to be handed over.
pub(super) struct HandOver {
    pub(super) request: u64,
    pub(super) user: LetsChatUserId,
    pub(super) username: String,
    pub(super) email: String,
    pub(super) password: Secret,
}

/// The outcome.
pub(super) struct DoneHandOver {
    request: u64,
    user: LetsChatUserId,
    session: Secret,
    outcome: Result<RestAccount, ChangeError>,
}

impl AccountPool {
    pub(super) async fn start_hand_over(&mut self, wanted: HandOver) {
        let request = wanted.request;
        if let Err(reason) = self.try_hand_over(wanted) {
            self.report(AccountEvent::NotHandedOver { request, reason }).await;
        }
    }

    fn try_hand_over(&mut self, wanted: HandOver) -> Result<(), String> {
        let server = self.server()?;
        let Some(member) = self.members.get(&wanted.user) else {
            return Err("the bridge has no access to this account".to_owned());
        };
        let Some(password) = member.secrets.password.clone() else {
            return Err("this account has been taken over already".to_owned());
        };
        let Some(session) = member.secrets.session.clone() else {
            return Err(ChangeError::SignedOut.to_string());
        };
        if self.handing_over.len() >= MAX_HAND_OVERS || self.handing_over.contains(&wanted.user) {
            return Err("the bridge is busy; try again in a minute".to_owned());
        }
        self.handing_over.insert(wanted.user.clone());
        let old_username = member.username.clone();
        self.tasks.spawn(async move {
            let outcome = change(&server, &session, &password, &wanted, &old_username).await;
            let HandOver { request, user, .. } = wanted;
            Done::HandOver(Box::new(DoneHandOver { request, user, session, outcome }))
        });
        Ok(())
    }

    pub(super) async fn on_handed_over(&mut self, done: DoneHandOver) {
        let DoneHandOver { request, user, session, outcome } = done;
        self.handing_over.remove(&user);
        match outcome {
            Ok(account) => {
                if let Some(member) = self.members.get_mut(&user) {
                    member.secrets.password = None;
                    member.username.clone_from(&account.username);
                }
                let account = letschat_user(account);
                self.report(AccountEvent::HandedOver { request, account }).await;
            }
            Err(error) => {
                if matches!(error, ChangeError::SignedOut) {
                    self.on_signed_out(&user, &session).await;
                }
                let reason = error.to_string();
                self.report(AccountEvent::NotHandedOver { request, reason }).await;
            }
        }
    }
}

/// Changes the account. If the answer is lost, the new user name says whether it was changed.
async fn change(
    server: &RestServer,
    session: &Secret,
    password: &Secret,
    wanted: &HandOver,
    old_username: &str,
) -> Result<RestAccount, ChangeError> {
    let HandOver { username, email, password: new_password, .. } = wanted;
    let change = AccountChange { username, email, password, new_password };
    let outcome = server.change_account(session, change).await;
    let Err(ChangeError::Rest(error)) = outcome else { return outcome };
    match server.account(Credential::Session(session)).await {
        Ok(account)
            if account.username.eq_ignore_ascii_case(username)
                && !account.username.eq_ignore_ascii_case(old_username) =>
        {
            Ok(account)
        }
        _ => Err(ChangeError::Rest(error)),
    }
}
