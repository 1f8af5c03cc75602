use super::{LetsChat, account, room};
use crate::letschat::engineio;
use crate::letschat::outbox::Outbox;
use crate::letschat::setup::Person;
use crate::letschat::state::account::Account;
use crate::letschat::state::json;
use crate::letschat::state::post::Post;
use crate::letschat::state::session::News;

/// The people.
impl LetsChat {
    /// The account's token, of the form `base64("<24 hex digits>:<48 hex digits>")`.
    ///
    /// # Panics
    /// When there is no such account, or its token has been revoked.
    #[must_use]
    pub fn token(&self, username: &str) -> String {
        account(&self.world(), username).token().expect("the token has not been revoked")
    }

    /// The account's id.
    #[must_use]
    pub fn user_id(&self, username: &str) -> String {
        account(&self.world(), username).id.to_string()
    }

    /// Makes an account.
    pub fn add_person(&self, person: Person) {
        self.world().add_person(person);
    }

    /// Takes the account's token away. Its websockets go on.
    pub fn revoke_token(&self, username: &str) {
        self.change_account(username, |account| account.secret = None);
    }

    /// Gives the account another token, which ends the one before.
    pub fn new_token(&self, username: &str) -> String {
        let mut world = self.world();
        let who = account(&world, username).id.clone();
        world.new_token(&who)
    }

    /// Changes what is shown beside the account's messages, and tells everyone.
    pub fn rename(&self, username: &str, display_name: &str) {
        self.change_account(username, |account| display_name.clone_into(&mut account.display_name));
        let world = self.world();
        let user = json::to_string(&account(&world, username).shape());
        world.tell([News::Everyone(engineio::event("users:update", &user).into())]);
    }

    /// The private messages so far, each with the username of the one it was for.
    #[must_use]
    pub fn whispers(&self) -> Vec<(String, Post)> {
        self.world().whispers.clone()
    }

    /// Waits until enough was said in private, and tells all of it.
    pub async fn whispered(
        &self,
        enough: impl Fn(&[(String, Post)]) -> bool,
    ) -> Vec<(String, Post)> {
        self.until(|world| enough(&world.whispers)).await;
        self.whispers()
    }

    /// The account tells another something in private.
    pub fn whisper(&self, from: &str, to: &str, text: &str) {
        let mut world = self.world();
        let [from, to] = [from, to].map(|name| account(&world, name).id.clone());
        let (_, news) = world.whisper(&from, &to, text);
        world.tell(news);
    }

    /// The account comes into the room, and stays; what it is told there nobody reads.
    pub fn enter(&self, slug: &str, username: &str) {
        let mut world = self.world();
        let who = account(&world, username).id.clone();
        let room = room(&world, slug).id.clone();
        let (outbox, _) = Outbox::new();
        let seat = world.sit(who, outbox);
        let news = world.join(seat, &room);
        world.tell(news);
    }

    fn change_account(&self, username: &str, change: impl FnOnce(&mut Account)) {
        let mut world = self.world();
        let found = world.people.iter_mut().find(|account| account.username == username);
        change(found.unwrap_or_else(|| panic!("there is no account {username:?}")));
        world.touch();
    }
}
