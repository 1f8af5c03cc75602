use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls;

/// What a Let's Chat starts with. The default: loopback, any free port, no accounts.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where to listen. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// Which version of Mongoose to behave like.
    pub mongoose: MongooseVersion,
    /// The accounts.
    pub users: Vec<NewUser>,
    /// The rooms.
    pub rooms: Vec<NewRoom>,
    /// Speak TLS with this.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// A path before every path, as behind a reverse proxy: `/chat`. Empty for none.
    pub prefix: String,
    /// How often a client is told to ping. The real server: 25 s.
    pub ping_interval: Duration,
    /// How much later than that a silent client's connection is closed. The real server: 60 s.
    pub ping_timeout: Duration,
    /// How long a check of a token takes, once a connection and once a REST request, one check at a
    /// time; and as long a check or a change of a password. The real server: about 100 ms. Here nothing,
    /// unless told otherwise.
    pub token_check_time: Duration,
    /// Whether people may register (`auth.local.enableRegistration`).
    pub registration: bool,
    /// Whether people may make private rooms and rooms with a password (`rooms.private`).
    pub private_rooms: bool,
    /// Whether files may be uploaded (`files.enable`).
    pub files: bool,
    /// Whether private messages may be sent (`private.enable`).
    pub private_messages: bool,
    /// How many posts of each room are kept, and how many private messages; the oldest go first.
    pub max_posts: usize,
    /// How many files are kept; the oldest go first.
    pub max_files: usize,
    /// Serve the demo's page at `/`, and with it the users' tokens to anybody on this machine.
    pub page: bool,
    /// The usernames that cannot be chosen on the page, such as the bridge's own.
    pub page_excludes: Vec<String>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            bind: (Ipv4Addr::LOCALHOST, 0).into(),
            mongoose: MongooseVersion::V4_6,
            users: Vec::new(),
            rooms: Vec::new(),
            tls: None,
            prefix: String::new(),
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(60),
            token_check_time: Duration::ZERO,
            registration: true,
            private_rooms: true,
            files: true,
            private_messages: true,
            max_posts: usize::MAX,
            max_files: usize::MAX,
            page: false,
            page_excludes: Vec::new(),
        }
    }
}

/// Which Mongoose, the database layer, the server runs with; the two differ in what they answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MongooseVersion {
    /// As they were in 2016: `messages:new` names its owner.
    V4_6,
    /// As a fresh install resolves them: `owner` is null in `messages:new`, and an upload with
    /// `post=true` crashes the server.
    V4_13,
}

/// An account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What the account is called in `@mentions`: lower case, `\w[\w.-]*\w`.
    pub username: String,
    /// What is shown beside its messages.
    pub display_name: String,
    /// The first name, which only profiles show.
    pub first_name: String,
    /// The last name, which only profiles show.
    pub last_name: String,
    /// The address whose Gravatar is the avatar.
    pub email: String,
    /// What to sign in with on the login page; `None` for an account that nobody can sign in to.
    pub password: Option<String>,
}

impl NewUser {
    /// An account with all other fields filled in.
    #[must_use]
    pub fn new(username: &str, display_name: &str) -> Self {
        Self {
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            first_name: username.to_owned(),
            last_name: "Test".to_owned(),
            email: format!("{username}@example.com"),
            password: None,
        }
    }
}

/// A room to make.
#[derive(Debug, Clone)]
pub struct NewRoom {
    /// Its address: `[a-z0-9_-]+`.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// The username of the one who made it; the first of the people if not said.
    pub owner: Option<String>,
    /// Whether only its owner, its participants and those who know its password may enter.
    pub private: bool,
    /// The password.
    pub password: Option<String>,
    /// The usernames of those who may enter a private room.
    pub participants: Vec<String>,
}

impl NewRoom {
    /// An open room with its slug as its name.
    #[must_use]
    pub fn new(slug: &str) -> Self {
        Self {
            slug: slug.to_owned(),
            name: slug.to_owned(),
            description: None,
            owner: None,
            private: false,
            password: None,
            participants: Vec::new(),
        }
    }
}
