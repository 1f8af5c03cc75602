//! The identity and credentials of a connection.

use secrecy::SecretString;

use crate::domain::SaslMechanism;

/// The identity to register with.
#[derive(Debug, Clone)]
pub struct IrcIdentity {
    /// The preferred nick.
    pub nick: String,
    /// Alternatives if it is in use, before underscores are appended.
    pub alt_nicks: Vec<String>,
    /// The user name (ident).
    pub username: String,
    /// The real name (GECOS).
    pub realname: String,
    /// The server password, if any.
    pub password: Option<SecretString>,
    /// The account for SASL.
    pub sasl: Option<SaslLogin>,
    /// The services account, used if SASL did not log us in.
    pub services: Option<ServicesLogin>,
    /// Raw lines to send after registration, before joining channels. `{nick}` is replaced by our nick.
    pub connect_commands: Vec<SecretString>,
}

impl IrcIdentity {
    /// An identity with this nick and no account.
    #[must_use]
    pub fn named(nick: &str) -> Self {
        Self {
            nick: nick.to_owned(),
            alt_nicks: Vec::new(),
            username: nick.to_owned(),
            realname: nick.to_owned(),
            password: None,
            sasl: None,
            services: None,
            connect_commands: Vec::new(),
        }
    }
}

/// Credentials for SASL.
#[derive(Debug, Clone)]
pub struct SaslLogin {
    /// The account name.
    pub account: String,
    /// The password; not needed with a certificate.
    pub password: Option<SecretString>,
    /// The mechanisms to try, in order.
    pub mechanisms: Vec<SaslMechanism>,
    /// Whether to disconnect if the login fails.
    pub required: bool,
}

/// A login with services by PRIVMSG.
#[derive(Debug, Clone)]
pub struct ServicesLogin {
    /// The nick of services, such as `NickServ`, optionally with `@server`.
    pub nick: String,
    /// The host or server name that authenticates services, if the server does not mark them as services.
    pub host: Option<String>,
    /// The account name.
    pub account: String,
    /// The command to log in, if any; it contains the password.
    pub identify_command: Option<SecretString>,
    /// The command to release our nick; `{nick}` is replaced. Used only when logged in.
    pub regain_command: Option<String>,
}
