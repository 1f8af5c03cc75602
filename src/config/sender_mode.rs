//! How messages of Let's Chat users are sent to IRC.

use std::time::Duration;

use ipnet::Ipv6Net;
use secrecy::SecretString;
use serde::Deserialize;

/// How messages of Let's Chat users are sent to IRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SenderMode {
    /// The bridge sends them with the user's name.
    #[default]
    Bot,
    /// The bridge sends them with `RELAYMSG` under a nick for each user, if the server allows it.
    Relaymsg,
    /// Each user has their own connection.
    Puppets,
}

impl SenderMode {
    /// The default nick template.
    #[must_use]
    pub fn default_nick_template(self) -> &'static str {
        match self {
            Self::Bot | Self::Relaymsg => "{user}/lc",
            Self::Puppets => "{user}|lc",
        }
    }
}

/// Settings of puppets: connections of single Let's Chat users.
#[derive(Debug, Clone)]
pub struct PuppetSettings {
    /// The maximum number of connections. Never 0.
    pub max: usize,
    /// How long an idle puppet stays connected.
    pub idle_timeout: Duration,
    /// Whether the bot sends the messages of users whose puppet was kicked or banned. Otherwise
    /// they are rejected.
    pub ban_fallback: bool,
    /// Whether a puppet is marked as away after its user has left the rooms.
    pub show_away: bool,
    /// The network with an address for each puppet. Never set together with `webirc`.
    pub ipv6_prefix: Option<Ipv6Net>,
    /// How to pass each user's host to the server.
    pub webirc: Option<WebircSettings>,
}

impl Default for PuppetSettings {
    fn default() -> Self {
        let idle = Duration::from_secs(24 * 60 * 60);
        Self {
            max: 50,
            idle_timeout: idle,
            ban_fallback: false,
            show_away: true,
            ipv6_prefix: None,
            webirc: None,
        }
    }
}

/// Settings of `WEBIRC`, which passes a user's host to the server.
#[derive(Debug, Clone)]
pub struct WebircSettings {
    /// The gateway password.
    pub password: SecretString,
    /// The host that the server shows; `{user}` is replaced with the user name.
    pub host: String,
}
