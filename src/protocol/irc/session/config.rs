//! What a session needs to know before it starts.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::FloodControl;
use crate::protocol::irc::login::RawCommand;
use crate::protocol::irc::send::pacing::LearnedPace;
use crate::protocol::irc::{ChannelTarget, IrcIdentity};

/// The configuration of a session.
#[derive(Debug, Clone)]
pub struct SessionConfig {
    /// Nick, account and passwords.
    pub identity: IrcIdentity,
    /// The channels to join.
    pub channels: Vec<ChannelTarget>,
    /// The nick to ask for invitations to invite-only channels.
    pub request_invite_from: Option<String>,
    /// Whether it only sends: messages and events of others are not reported.
    pub send_only: bool,
    /// What a gateway sends about its user (`WEBIRC`), before everything else.
    pub webirc: Option<Webirc>,
    /// The rate limit.
    pub flood_control: FloodControl,
    /// What was learned about the rate limit on earlier connections.
    pub learned_pace: LearnedPace,
    /// Seed for the jitter of delays.
    pub seed: u64,
    /// The current time, for CTCP replies.
    pub started_at: Timestamp,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
    /// Whether passwords may be sent without encryption.
    pub may_say_passwords: bool,
    /// Random and unique per session; needed for SCRAM.
    pub nonce: String,
}

/// What a gateway tells a server that trusts it about its user
/// (<https://ircv3.net/specs/extensions/webirc>).
#[derive(Debug, Clone)]
pub struct Webirc {
    /// The gateway's password.
    pub password: SecretString,
    /// The gateway's name.
    pub gateway: String,
    /// The user's host name.
    pub host: String,
    /// The user's IP address; must not start with a colon.
    pub ip: String,
}

impl Webirc {
    pub(super) fn to_command(&self) -> RawCommand {
        let Self { gateway, host, ip, .. } = self;
        let password = self.password.expose_secret().to_owned();
        ("WEBIRC", vec![password, gateway.clone(), host.clone(), ip.clone()])
    }
}
