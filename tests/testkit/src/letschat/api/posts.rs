use jiff::Timestamp;
use tokio::sync::broadcast;

use super::{LetsChat, account, room};
use crate::letschat::id;
use crate::letschat::state::post::{Draft, Post, PublishedPost};

/// A message that has its id and its time, and that nobody can see yet.
#[derive(Debug)]
#[must_use = "it is seen only when it is finished"]
pub struct UnfinishedPost(Draft);

impl UnfinishedPost {
    /// The id that it has already.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.post.id
    }
}

/// Posts.
impl LetsChat {
    /// Posts `text` in the room as this account. Returns the message's id.
    ///
    /// # Panics
    /// When the server refuses it, as it does an empty text and one to an archived room.
    pub fn post(&self, slug: &str, username: &str, text: &str) -> String {
        self.finish_post(self.begin_post(slug, username, text))
    }

    /// As [`post`](Self::post), and `None` when the server refuses it, or there is no such room or account.
    pub fn try_post(&self, slug: &str, username: &str, text: &str) -> Option<String> {
        let draft = {
            let mut state = self.state();
            let room = state.room_by_slug(slug)?.id.clone();
            let who = state.account_named(username)?.id.clone();
            state.draft(&room, &who, text, id::now()).ok()?
        };
        Some(self.finish_post(UnfinishedPost(draft)))
    }

    /// As [`post`](Self::post), with the id and the time of `posted`, which may be long ago.
    ///
    /// # Panics
    /// As [`post`](Self::post) does.
    pub fn post_dated(&self, slug: &str, username: &str, text: &str, posted: Timestamp) -> String {
        self.finish_post(self.begin_post_dated(slug, username, text, posted))
    }

    /// Begins to post `text`: the message has its id and its time, and nobody can see it before it is
    /// [finished](Self::finish_post). Others may be posted meanwhile, with higher ids.
    ///
    /// # Panics
    /// As [`post`](Self::post) does.
    pub fn begin_post(&self, slug: &str, username: &str, text: &str) -> UnfinishedPost {
        self.begin_post_dated(slug, username, text, id::now())
    }

    /// Makes a message visible, and broadcasts it. Returns its id.
    pub fn finish_post(&self, begun: UnfinishedPost) -> String {
        let id = begun.id().to_owned();
        let mut state = self.state();
        let (_, broadcasts) = state.publish(begun.0);
        state.broadcast(broadcasts);
        id
    }

    /// Puts a post into the database, as tools of the database do: nobody is told of it, and the room was not active.
    ///
    /// # Panics
    /// When there is no such room or account.
    pub fn restore_post(&self, slug: &str, id: &str, owner: &str, text: &str, posted: Timestamp) {
        let mut state = self.state();
        let owner = account(&state, owner);
        let id = id::parse(id).unwrap_or_else(|| panic!("{id} is no id"));
        let post = Post::new(&id, text, id::milliseconds(posted), owner);
        let room = room(&state, slug).id.clone();
        state.restore(&room, post);
    }

    /// The posts of all rooms from now on, by anybody. Of a watcher that falls behind by more than a thousand
    /// posts, the oldest are lost.
    #[must_use]
    pub fn watch(&self) -> broadcast::Receiver<PublishedPost> {
        self.state().watch()
    }

    /// The posts of the room, in the order of time.
    #[must_use]
    pub fn posts(&self, slug: &str) -> Vec<Post> {
        room(&self.state(), slug).posts.clone()
    }

    /// Waits until there are enough posts in the room, and returns them all.
    pub async fn wait_for_posts(&self, slug: &str, enough: impl Fn(&[Post]) -> bool) -> Vec<Post> {
        self.until(|state| enough(&room(state, slug).posts)).await;
        self.posts(slug)
    }

    /// How many posts are in the room.
    #[must_use]
    pub fn post_count(&self, slug: &str) -> usize {
        room(&self.state(), slug).posts.len()
    }

    /// Waits until so many posts are in the room.
    pub async fn wait_for_post_count(&self, slug: &str, count: usize) {
        self.until(|state| room(state, slug).posts.len() >= count).await;
    }

    fn begin_post_dated(
        &self,
        slug: &str,
        username: &str,
        text: &str,
        posted: Timestamp,
    ) -> UnfinishedPost {
        let mut state = self.state();
        let (room, who) = (room(&state, slug).id.clone(), account(&state, username).id.clone());
        let draft = state.draft(&room, &who, text, id::milliseconds(posted));
        UnfinishedPost(draft.unwrap_or_else(|_| panic!("{username} cannot say {text:?} in {slug}")))
    }
}
