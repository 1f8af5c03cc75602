//! Let's Chat with the accounts of the team: the tests' own, or a real one.

use std::time::{Duration, Instant};

use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};
use serde_json::json;

use crate::support::letschat_client::Member;

/// The account of the bridge.
pub(super) const BRIDGE: &str = "bridge";

/// The server closes a connection that has not sent a ping for 85 seconds, and these send none.
const CONNECTION_AGE: Duration = Duration::from_secs(40);

/// The rooms, and the team in them.
pub(super) enum Rooms {
    Ours(LetsChat),
    Real(Box<RealRooms>),
}

/// A real Let's Chat.
pub(super) struct RealRooms {
    url: String,
    token: String,
    users: Vec<RealUser>,
    /// The slug of each room, and its id.
    ids: Vec<(String, String)>,
}

/// Somebody there.
pub(super) struct RealUser {
    name: String,
    token: String,
    /// With the time when it was opened.
    connection: Option<(Instant, Member)>,
}

impl Rooms {
    /// Ours, with these users and rooms.
    pub(super) async fn ours(users: &[String], slugs: &[String]) -> Self {
        let users = users.iter().map(String::as_str).chain([BRIDGE]);
        let users = users.map(|name| NewUser::new(name, name)).collect();
        let rooms = slugs.iter().map(|slug| NewRoom::new(slug)).collect();
        Self::Ours(LetsChat::start(Setup { users, rooms, ..Setup::default() }).await.unwrap())
    }

    /// The one that the environment names, in which these rooms are made.
    pub(super) async fn of_environment(slugs: &[String]) -> Self {
        let named =
            |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let url = named("LETSCHAT_URL");
        let team =
            std::fs::read_to_string(named("LETSCHAT_TEAM")).expect("LETSCHAT_TEAM is a file");
        let mut users = Vec::new();
        for line in team.lines() {
            let (name, token) = line.split_once(' ').expect("a name and a token");
            let (name, token) = (name.to_owned(), token.to_owned());
            users.push(RealUser { name, token, connection: None });
        }
        let mut ids = Vec::new();
        for slug in slugs {
            ids.push((slug.clone(), users[0].member(&url).await.create_room(slug).await));
        }
        Self::Real(Box::new(RealRooms { url, token: named("LETSCHAT_TOKEN"), users, ids }))
    }

    /// Its URL, and the token of the bridge.
    pub(super) fn address(&self) -> (String, String) {
        match self {
            Self::Ours(server) => (server.url(), server.token(BRIDGE)),
            Self::Real(real) => (real.url.clone(), real.token.clone()),
        }
    }

    /// The token of a user.
    pub(super) fn token(&self, user: &str) -> String {
        match self {
            Self::Ours(server) => server.token(user),
            Self::Real(real) => {
                let found = real.users.iter().find(|it| it.name == user);
                found.unwrap_or_else(|| panic!("LETSCHAT_TEAM has no {user}")).token.clone()
            }
        }
    }

    /// A user says something, and the server has it.
    pub(super) async fn say(&mut self, slug: &str, user: &str, text: &str) {
        match self {
            Self::Ours(server) => drop(server.post(slug, user, text)),
            Self::Real(real) => {
                let post = json!({"room": real.id(slug), "text": text});
                let user =
                    real.users.iter_mut().find(|it| it.name == user).expect("is in the team");
                let posted = user.member(&real.url).await.call("messages:create", post).await;
                assert!(posted["id"].is_string(), "{posted}");
            }
        }
    }

    /// All lines in the room, those of the team, too: each with the user who has posted it.
    pub(super) async fn lines(&mut self, slug: &str) -> Vec<(String, String)> {
        let posts: Vec<(String, String)> = match self {
            Self::Ours(server) => {
                server.posts(slug).into_iter().map(|post| (post.owner, post.text)).collect()
            }
            Self::Real(real) => {
                let id = real.id(slug);
                real.users[0].member(&real.url).await.posts(&id).await
            }
        };
        let lines = posts
            .iter()
            .flat_map(|(owner, text)| text.lines().map(|line| (owner.clone(), line.to_owned())));
        lines.collect()
    }
}

impl RealUser {
    /// A connection that is still open.
    async fn member(&mut self, url: &str) -> &mut Member {
        let connection = match self.connection.take() {
            Some((since, member)) if since.elapsed() < CONNECTION_AGE => (since, member),
            _ => (Instant::now(), Member::connect(url, &self.token).await),
        };
        &mut self.connection.insert(connection).1
    }
}

impl RealRooms {
    fn id(&self, slug: &str) -> String {
        let found = self.ids.iter().find(|(known, _)| known == slug);
        found.unwrap_or_else(|| panic!("there is no room {slug}")).1.clone()
    }
}
