use jiff::Timestamp;

use super::{LetsChat, account, room};
use crate::letschat::id;
use crate::letschat::state::post::{Draft, Post};

/// A message that has its id and its time, and that nobody can see yet.
#[derive(Debug)]
#[must_use = "it is seen only when it is finished"]
pub struct Begun(Draft);

impl Begun {
    /// The id that it has already.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.post.id
    }
}

/// What is said.
impl LetsChat {
    /// Says `text` in the room as this account, as if it had been typed. The message's id.
    ///
    /// # Panics
    /// When the server refuses it, as it does an empty text and one to an archived room.
    pub fn post(&self, slug: &str, username: &str, text: &str) -> String {
        self.finish_post(self.begin_post(slug, username, text))
    }

    /// The same, with the id and the time of `posted`, which may be long ago.
    ///
    /// # Panics
    /// As [`post`](Self::post) does.
    pub fn post_dated(&self, slug: &str, username: &str, text: &str, posted: Timestamp) -> String {
        self.finish_post(self.begin_post_dated(slug, username, text, posted))
    }

    /// Begins to say `text`: the message has its id and its time, and nobody can see it before it is
    /// [finished](Self::finish_post). Others may be posted meanwhile, with higher ids.
    ///
    /// # Panics
    /// As [`post`](Self::post) does.
    pub fn begin_post(&self, slug: &str, username: &str, text: &str) -> Begun {
        self.begin_post_dated(slug, username, text, id::now())
    }

    /// Makes a message visible, and tells the room. Its id.
    pub fn finish_post(&self, begun: Begun) -> String {
        let id = begun.id().to_owned();
        let mut world = self.world();
        let (_, news) = world.publish(begun.0);
        world.tell(news);
        id
    }

    /// What was said in the room, in the order of time.
    #[must_use]
    pub fn posts(&self, slug: &str) -> Vec<Post> {
        room(&self.world(), slug).posts.clone()
    }

    /// Waits until enough has been said in the room, and tells all of it.
    pub async fn posted(&self, slug: &str, enough: impl Fn(&[Post]) -> bool) -> Vec<Post> {
        self.until(|world| enough(&room(world, slug).posts)).await;
        self.posts(slug)
    }

    /// How much was said in the room.
    #[must_use]
    pub fn count(&self, slug: &str) -> usize {
        room(&self.world(), slug).posts.len()
    }

    /// Waits until so much has been said in the room.
    pub async fn counts(&self, slug: &str, count: usize) {
        self.until(|world| room(world, slug).posts.len() >= count).await;
    }

    fn begin_post_dated(&self, slug: &str, username: &str, text: &str, posted: Timestamp) -> Begun {
        let mut world = self.world();
        let (room, who) = (room(&world, slug).id.clone(), account(&world, username).id.clone());
        let draft = world.draft(&room, &who, text, id::milliseconds(posted));
        Begun(draft.unwrap_or_else(|_| panic!("{username} cannot say {text:?} in {slug}")))
    }
}
