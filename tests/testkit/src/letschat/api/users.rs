use super::{LetsChat, account, room};
use crate::letschat::engineio;
use crate::letschat::outbox::Outbox;
use crate::letschat::page;
use crate::letschat::setup::NewUser;
use crate::letschat::state::account::Account;
use crate::letschat::state::json;
use crate::letschat::state::post::Post;
use crate::letschat::state::session::Broadcast;

/// Accounts.
impl LetsChat {
    /// The account's token, of the form `base64("<24 hex digits>:<48 hex digits>")`.
    ///
    /// # Panics
    /// When there is no such account, or its token has been revoked.
    #[must_use]
    pub fn token(&self, username: &str) -> String {
        account(&self.state(), username).token().expect("the token has not been revoked")
    }

    /// Whether the account has a token.
    #[must_use]
    pub fn has_token(&self, username: &str) -> bool {
        account(&self.state(), username).token().is_some()
    }

    /// The accounts that can be chosen on the page, with their tokens, as the page reads them.
    #[must_use]
    pub fn page_users(&self) -> String {
        page::users(&self.server.shared)
    }

    /// The account's id.
    #[must_use]
    pub fn user_id(&self, username: &str) -> String {
        account(&self.state(), username).id.to_string()
    }

    /// Makes an account.
    pub fn add_user(&self, person: NewUser) {
        self.state().add_account(person);
    }

    /// Revokes the account's token. Its websockets go on.
    pub fn revoke_token(&self, username: &str) {
        self.change_account(username, |account| account.secret = None);
    }

    /// Gives the account another token, which ends the one before.
    pub fn new_token(&self, username: &str) -> String {
        let mut state = self.state();
        let who = account(&state, username).id.clone();
        state.new_token(&who)
    }

    /// Changes the display name of the account, and broadcasts it.
    pub fn rename(&self, username: &str, display_name: &str) {
        self.change_account(username, |account| display_name.clone_into(&mut account.display_name));
        let state = self.state();
        let user = json::to_string(&account(&state, username).as_json());
        state.broadcast([Broadcast::Everyone(engineio::event("users:update", &user).into())]);
    }

    /// The private messages so far, each with the username of the one it was for.
    #[must_use]
    pub fn private_messages(&self) -> Vec<(String, Post)> {
        self.state().sent_private_messages.clone()
    }

    /// Waits until there are enough private messages, and returns them all.
    pub async fn wait_for_private_messages(
        &self,
        enough: impl Fn(&[(String, Post)]) -> bool,
    ) -> Vec<(String, Post)> {
        self.until(|state| enough(&state.sent_private_messages)).await;
        self.private_messages()
    }

    /// Sends a private message from one account to another.
    pub fn send_private_message(&self, from: &str, to: &str, text: &str) {
        let mut state = self.state();
        let [from, to] = [from, to].map(|name| account(&state, name).id.clone());
        let (_, broadcasts) = state.private_message(&from, &to, text);
        state.broadcast(broadcasts);
    }

    /// The account joins the room, and stays; nobody reads what is sent to it there.
    pub fn join_room(&self, slug: &str, username: &str) {
        let mut state = self.state();
        let who = account(&state, username).id.clone();
        let room = room(&state, slug).id.clone();
        let (outbox, _) = Outbox::new();
        let socket = state.add_session(who, outbox, true);
        let broadcasts = state.join(socket, &room);
        state.broadcast(broadcasts);
    }

    pub(super) fn change_account(&self, username: &str, change: impl FnOnce(&mut Account)) {
        let mut state = self.state();
        let found = state.accounts.iter_mut().find(|account| account.username == username);
        change(found.unwrap_or_else(|| panic!("there is no account {username:?}")));
        state.notify_changed();
    }
}
