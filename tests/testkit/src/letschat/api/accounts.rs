//! What a test knows and changes of accounts: registration, passwords, and the sessions of browsers.

use super::{LetsChat, account};
use crate::letschat::state::ServerState;

/// An account as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// Its id: 24 hex digits.
    pub id: String,
    /// What it is called in `@mentions`.
    pub username: String,
    /// What is shown beside its messages.
    pub display_name: String,
    /// Its mail address.
    pub email: String,
}

/// Registration, passwords, and the sessions of browsers.
impl LetsChat {
    /// The accounts, in the order in which they were made.
    #[must_use]
    pub fn accounts(&self) -> Vec<AccountView> {
        accounts(&self.state())
    }

    /// Waits until the accounts are right, and returns them all.
    pub async fn wait_for_accounts(
        &self,
        enough: impl Fn(&[AccountView]) -> bool,
    ) -> Vec<AccountView> {
        self.until(|state| enough(&accounts(state))).await;
        self.accounts()
    }

    /// How many accounts have been registered since it was started.
    #[must_use]
    pub fn registrations(&self) -> usize {
        self.state().registrations
    }

    /// Opens or closes registration.
    pub fn set_registration(&self, open: bool) {
        self.state().registration = open;
    }

    /// How often somebody has signed in with a password since it was started.
    #[must_use]
    pub fn logins(&self) -> usize {
        self.state().logins.begun
    }

    /// Waits until so many have signed in since it was started.
    pub async fn wait_for_logins(&self, count: usize) {
        self.until(|state| state.logins.begun >= count).await;
    }

    /// Whether the password is the account's.
    #[must_use]
    pub fn is_password(&self, username: &str, password: &str) -> bool {
        account(&self.state(), username).password.as_deref() == Some(password)
    }

    /// Gives the account another password, or takes it away; its sessions go on.
    pub fn set_account_password(&self, username: &str, password: Option<&str>) {
        self.change_account(username, |account| account.password = password.map(str::to_owned));
    }

    /// Forgets the wrong passwords that were tried so far: no account is locked any more.
    pub fn unlock_accounts(&self) {
        self.state().logins.forget_attempts();
    }

    /// Begins a session of this account, without a password. The value of its cookie, `connect.sid`.
    pub fn new_session(&self, username: &str) -> String {
        let mut state = self.state();
        let who = account(&state, username).id.clone();
        state.logins.begin(who)
    }

    /// How many sessions the account has.
    #[must_use]
    pub fn sessions(&self, username: &str) -> usize {
        let state = self.state();
        state.logins.count_of(&account(&state, username).id)
    }

    /// Ends all sessions. Websockets that were let in by one go on.
    pub fn end_sessions(&self) {
        self.state().logins.end_all(None);
        self.state().notify_changed();
    }

    /// Ends the sessions of this account.
    pub fn end_sessions_of(&self, username: &str) {
        let mut state = self.state();
        let who = account(&state, username).id.clone();
        state.logins.end_all(Some(&who));
        state.notify_changed();
    }
}

fn accounts(state: &ServerState) -> Vec<AccountView> {
    let view = |account: &super::Account| AccountView {
        id: account.id.to_string(),
        username: account.username.clone(),
        display_name: account.display_name.clone(),
        email: account.email.clone(),
    };
    state.accounts.iter().map(view).collect()
}
