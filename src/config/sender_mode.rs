//! By whom it is said on IRC what people of Let's Chat have said.

use std::time::Duration;

use ipnet::Ipv6Net;
use secrecy::SecretString;
use serde::Deserialize;

/// By whom it is said on IRC what people of Let's Chat have said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SenderMode {
    /// By the bridge, which names them.
    #[default]
    Bot,
    /// By the bridge under nicks that the server lends it (`RELAYMSG`), where it does.
    Relaymsg,
    /// By a connection of their own.
    Puppets,
}

impl SenderMode {
    /// How nicks are made, if nothing else was written.
    #[must_use]
    pub fn default_nick_template(self) -> &'static str {
        match self {
            Self::Bot | Self::Relaymsg => "{user}/lc",
            Self::Puppets => "{user}|lc",
        }
    }
}

/// Connections that people of Let's Chat have of their own.
#[derive(Debug, Clone)]
pub struct PuppetSettings {
    /// The most at a time. Never 0.
    pub max: usize,
    /// Who has been silent for so long loses it.
    pub idle_timeout: Duration,
    /// Whom an operator of a channel has put out of it is spoken for there by the bridge.
    pub ban_fallback: bool,
    /// People on IRC see who has left the rooms.
    pub show_away: bool,
    /// The network in which each has an address to come from. Never with `webirc`.
    pub ipv6_prefix: Option<Ipv6Net>,
    /// What the server is told of whose connection it is, where it trusts the bridge to tell.
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

/// What a server is told of whose connection it is (`WEBIRC`).
#[derive(Debug, Clone)]
pub struct WebircSettings {
    /// The gateway's password.
    pub password: SecretString,
    /// The host that others see; `{user}` in it is the user name.
    pub host: String,
}
