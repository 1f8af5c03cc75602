//! The sessions that the bridge has with the servers.

use std::time::Instant;

use jiff::Timestamp;
use letsbridge::bridge::{Event, PuppetEnd};
use letsbridge::domain::{Endpoint, FloodControl, LetsChatUserId, Network};
use letsbridge::protocol::irc;
use letsbridge::protocol::letschat;

use super::World;
use super::wire::Wire;

/// Somebody's connection: where it is to sit.
pub(super) struct Puppet {
    pub(super) account: LetsChatUserId,
    pub(super) nick: String,
    pub(super) seats: Vec<irc::ChannelTarget>,
    pub(super) wire: Wire<irc::IrcSession>,
    /// The server has put it out.
    pub(super) turned_away: bool,
}

impl Puppet {
    pub(super) fn lost(&mut self, network: Network) -> Event {
        let away = std::mem::take(&mut self.turned_away);
        let end = if away { PuppetEnd::Rejected } else { PuppetEnd::ConnectionLost };
        Event::PuppetDisconnected(network, self.account.clone(), end)
    }

    pub(super) fn session(
        &self,
        (now, clock): (Instant, Timestamp),
        flood_control: FloodControl,
    ) -> irc::IrcSession {
        let name = &self.wire.name;
        let identity = irc::IrcIdentity {
            username: name.clone(),
            realname: name.clone(),
            ..irc::IrcIdentity::named(&self.nick)
        };
        let plan = irc::SessionConfig {
            identity,
            channels: self.seats.clone(),
            request_invite_from: None,
            send_only: true,
            webirc: None,
            flood_control,
            learned_pace: irc::LearnedPace::new(now),
            seed: 1,
            started_at: clock,
            is_tls: false,
            may_say_passwords: false,
            nonce: "nonce".to_owned(),
        };
        irc::IrcSession::new(now, plan)
    }
}

impl World {
    pub(super) fn irc_session(&self, network: &Network) -> irc::IrcSession {
        let mut seats: Vec<irc::ChannelTarget> = Vec::new();
        for (place, name) in self.bridge.endpoints() {
            if let Endpoint::Channel { network: on, name } = name
                && on == network
            {
                seats.push(irc::ChannelTarget {
                    endpoint: place,
                    name: name.to_string(),
                    key: None,
                });
            }
        }
        seats.sort_by_key(|seat| seat.endpoint);
        let lesson = self.lesson.unwrap_or_else(|| irc::LearnedPace::new(self.now));
        let (flood_control, clock, invited_by) =
            (self.flood_control, self.clock, self.invited_by.clone());
        irc::IrcSession::new(
            self.now,
            irc::SessionConfig {
                identity: self.identity.clone(),
                channels: seats,
                request_invite_from: invited_by,
                flood_control,
                learned_pace: lesson,
                seed: 1,
                started_at: clock,
                is_tls: self.secure,
                may_say_passwords: false,
                nonce: "nonce".to_owned(),
                send_only: false,
                webirc: None,
            },
        )
    }

    pub(super) fn letschat_session(&self) -> letschat::LetsChatSession {
        let mut seats: Vec<letschat::RoomTarget> = Vec::new();
        for (place, name) in self.bridge.endpoints() {
            if let Endpoint::Room(name) = name {
                seats.push(letschat::RoomTarget {
                    endpoint: place,
                    name: name.to_string(),
                    password: None,
                });
            }
        }
        seats.sort_by_key(|seat| seat.endpoint);
        let session = letschat::LetsChatSession::new(self.now, seats, 1)
            .with_direct_messages(self.whispering);
        if self.asks_people { session.with_user_lists() } else { session }
    }
}
