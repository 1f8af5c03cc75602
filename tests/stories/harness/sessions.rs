//! The sessions that the bridge has with the servers.

use std::time::Instant;

use jiff::Timestamp;
use letsbridge::bridge::{Event, PuppetEnd};
use letsbridge::domain::{
    Endpoint, FloodControl, LetsChatUserId, Network, PuppetLogin, SaslMechanism,
};
use letsbridge::protocol::irc;
use letsbridge::protocol::letschat;

use super::World;
use super::wire::Wire;

/// The connection of a Let's Chat user to IRC.
pub(super) struct Puppet {
    pub(super) account: LetsChatUserId,
    pub(super) nick: String,
    pub(super) channels: Vec<irc::ChannelTarget>,
    pub(super) wire: Wire<irc::IrcSession>,
    pub(super) login: Option<PuppetLogin>,
    /// The server has rejected it.
    pub(super) is_rejected: bool,
}

impl Puppet {
    pub(super) fn lost(&mut self, network: Network) -> Event {
        let is_rejected = std::mem::take(&mut self.is_rejected);
        let end = if is_rejected { PuppetEnd::Rejected } else { PuppetEnd::ConnectionLost };
        Event::PuppetDisconnected(network, self.account.clone(), end)
    }

    pub(super) fn session(
        &self,
        (now, clock): (Instant, Timestamp),
        flood_control: FloodControl,
    ) -> irc::IrcSession {
        irc::IrcSession::new(now, self.session_config((now, clock), flood_control))
    }

    pub(super) fn session_config(
        &self,
        (now, clock): (Instant, Timestamp),
        flood_control: FloodControl,
    ) -> irc::SessionConfig {
        let name = &self.wire.name;
        let identity = irc::IrcIdentity {
            username: name.clone(),
            realname: name.clone(),
            sasl: self.login.as_ref().map(|login| irc::SaslLogin {
                account: login.account.clone().unwrap_or_default(),
                password: login.password.as_ref().map(Into::into),
                mechanisms: vec![SaslMechanism::Plain],
                required: false,
            }),
            ..irc::IrcIdentity::named(&self.nick)
        };
        irc::SessionConfig {
            identity,
            channels: self.channels.clone(),
            request_invite_from: None,
            send_only: true,
            webirc: None,
            flood_control,
            learned_pace: irc::LearnedPace::new(now),
            seed: 1,
            started_at: clock,
            is_tls: self.login.is_some(),
            may_say_passwords: false,
            nonce: "nonce".to_owned(),
        }
    }
}

impl World {
    pub(super) fn irc_session(&self, network: &Network) -> irc::IrcSession {
        irc::IrcSession::new(self.now, self.irc_session_config(network))
    }

    pub(super) fn irc_session_config(&self, network: &Network) -> irc::SessionConfig {
        let mut channels: Vec<irc::ChannelTarget> = Vec::new();
        for (endpoint, name) in self.bridge.endpoints() {
            if let Endpoint::Channel { network: on, name } = name
                && on == network
            {
                channels.push(irc::ChannelTarget { endpoint, name: name.to_string(), key: None });
            }
        }
        channels.sort_by_key(|channel| channel.endpoint);
        let learned_pace = self.learned_pace.unwrap_or_else(|| irc::LearnedPace::new(self.now));
        let (flood_control, clock, request_invite_from) =
            (self.flood_control, self.clock, self.request_invite_from.clone());
        irc::SessionConfig {
            identity: self.identity.clone(),
            channels,
            request_invite_from,
            flood_control,
            learned_pace,
            seed: 1,
            started_at: clock,
            is_tls: self.is_tls,
            may_say_passwords: false,
            nonce: "nonce".to_owned(),
            send_only: false,
            webirc: None,
        }
    }

    pub(super) fn letschat_session(&self) -> letschat::LetsChatSession {
        let mut channels: Vec<letschat::RoomTarget> = Vec::new();
        for (endpoint, name) in self.bridge.endpoints() {
            if let Endpoint::Room(name) = name {
                channels.push(letschat::RoomTarget {
                    endpoint,
                    name: name.to_string(),
                    password: None,
                });
            }
        }
        channels.sort_by_key(|channel| channel.endpoint);
        let session = letschat::LetsChatSession::new(self.now, channels, 1)
            .with_direct_messages(self.direct_messages);
        if self.user_lists { session.with_user_lists() } else { session }
    }
}
