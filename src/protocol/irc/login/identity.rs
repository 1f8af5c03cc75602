use secrecy::SecretString;

/// As whom we come.
#[derive(Debug, Clone)]
pub struct IrcIdentity {
    /// The wished nick.
    pub nick: String,
    /// Those to try where somebody has the wished one, before it is given a tail.
    pub alt_nicks: Vec<String>,
    /// The user name, which servers show before the `@`.
    pub username: String,
    /// The real name.
    pub realname: String,
    /// The server's password, where it wants one.
    pub password: Option<SecretString>,
    /// The account to log in to by SASL.
    pub sasl: Option<SaslLogin>,
    /// The services to log in to, where SASL has not done it.
    pub services: Option<ServicesLogin>,
    /// Lines to send once we are let in, before the channels are joined. `{nick}` is our nick then.
    pub connect_commands: Vec<SecretString>,
}

impl IrcIdentity {
    /// Somebody of this name, without an account.
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

/// A login by SASL.
#[derive(Debug, Clone)]
pub struct SaslLogin {
    /// The account's name.
    pub account: String,
    /// Its password; a certificate may do without.
    pub password: Option<SecretString>,
    /// How to log in, what is tried first coming first.
    pub mechanisms: Vec<Mechanism>,
    /// Whether to leave rather than to go on without.
    pub required: bool,
}

/// A way to log in (<https://ircv3.net/specs/extensions/sasl-3.1>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// By the certificate that TLS has shown (RFC 4422, appendix A).
    External,
    /// By proof that we know the password (RFC 7677).
    ScramSha256,
    /// By the password (RFC 4616).
    Plain,
}

impl Mechanism {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
        }
    }
}

/// Services that know accounts, to whom one speaks by PRIVMSG.
#[derive(Debug, Clone)]
pub struct ServicesLogin {
    /// Whom to speak to, such as `NickServ`; a server may stand behind an `@`.
    pub nick: String,
    /// The host or the server by which they are known, where the server does not say that they are services.
    pub host: Option<String>,
    /// The account that they know us by.
    pub account: String,
    /// What to say to be logged in, where there is something to say: with the password in it.
    pub identify_command: Option<SecretString>,
    /// What to say to get our nick back from who has it; `{nick}` is the nick. Said only when we
    /// are logged in.
    pub regain_command: Option<String>,
}
