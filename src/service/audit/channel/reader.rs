//! A conversation with an IRC network that only reads.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::bridge::Event;
use crate::config::NetworkSettings;
use crate::domain::{Endpoint, EndpointId};
use crate::protocol::irc::{HistoryPage, HistoryReply, IncomingMessage, IrcCommand, IrcEvent};
use crate::service::audit::session::AuditSession;
use crate::service::connector::Connector;
use crate::service::engine::EngineInput;
use crate::service::irc::IrcConnection;
use crate::service::sts::StsStore;

/// What stands behind the bridge's nick in that of who audits it.
const NICK_SUFFIX: &str = "-audit";

/// One who sits in the channels and asks for what was said in them.
pub(super) struct ChannelReader {
    session: AuditSession,
    commands: Option<mpsc::Sender<IrcCommand>>,
    /// How far the network's clock is ahead of ours, as told when we came in; or why we did not.
    clock_offsets: HashMap<EndpointId, Result<SignedDuration, String>>,
    channel_count: usize,
}

impl ChannelReader {
    /// Begins to connect, and to join `channels`, whose numbers are those of their order.
    pub(super) fn start(
        mut network: NetworkSettings,
        channels: &[Endpoint],
        sts: Arc<StsStore>,
    ) -> Self {
        let places: Vec<(EndpointId, Endpoint)> =
            (0..).map(EndpointId).zip(channels.iter().cloned()).collect();
        network.nick.push_str(NICK_SUFFIX);
        network.alt_nicks.clear();
        let peer = format!("irc {}", network.network);
        let door = Connector::new(&network, sts, None);
        let meet = |inbox, stop| IrcConnection::new(network, &places, door, inbox, stop);
        let conversation = AuditSession::start(&peer, meet);
        Self {
            session: conversation,
            commands: None,
            clock_offsets: HashMap::new(),
            channel_count: channels.len(),
        }
    }

    /// Waits until it is known of each channel whether we are in it.
    pub(super) async fn wait_joined(&mut self) -> Result<(), String> {
        while self.clock_offsets.len() < self.channel_count {
            self.next_event().await?;
        }
        Ok(())
    }

    /// How far the clock of the channel in this seat is ahead of ours.
    pub(super) fn clock_offset(&self, seat: EndpointId) -> Result<SignedDuration, String> {
        self.clock_offsets.get(&seat).cloned().unwrap_or_else(|| Err("not joined".to_owned()))
    }

    /// What was said in this seat after `since`, or after the line `msgid` where the server finds no
    /// line by its time, or `by_line`; and what else is known of that page.
    pub(super) async fn fetch_page(
        &mut self,
        place: EndpointId,
        since: Timestamp,
        (msgid, by_line): (Option<String>, bool),
    ) -> Result<(Vec<IncomingMessage>, HistoryPage), String> {
        self.clock_offset(place)?;
        if let Some(orders) = &self.commands {
            // When the conversation is over, the events tell why.
            let now = Timestamp::now();
            let _ = orders
                .send(IrcCommand::FetchHistory {
                    endpoint: place,
                    since,
                    now,
                    msgid,
                    by_msgid: by_line,
                })
                .await;
        }
        let mut page = Vec::new();
        loop {
            match self.next_event().await? {
                IrcEvent::Message { endpoint: of, message: talk }
                    if of == place && talk.is_playback =>
                {
                    page.push(talk);
                }
                IrcEvent::History { endpoint: of, reply: answer } if of == place => {
                    return match answer {
                        HistoryReply::RetriedByMsgid => continue,
                        HistoryReply::Page(told) => Ok((page, told)),
                        HistoryReply::All | HistoryReply::Unavailable => {
                            Err(HISTORY_NOT_OFFERED.to_owned())
                        }
                        HistoryReply::Failed(why) => {
                            Err(format!("cannot fetch its history: {why}"))
                        }
                    };
                }
                IrcEvent::NotJoined { endpoint: of, reason: why } if of == place => {
                    return Err(why);
                }
                _ => {}
            }
        }
    }

    /// Says goodbye. It parts from no channel: where one account may have several connections, the
    /// bridge would be out of it too.
    pub(super) async fn leave(self) {
        if let Some(orders) = self.commands {
            let _ = orders.send(IrcCommand::Quit("audit finished".to_owned())).await;
        }
        self.session.finish().await;
    }

    async fn next_event(&mut self) -> Result<IrcEvent, String> {
        let Self { session: conversation, commands: orders, clock_offsets: seats, .. } = self;
        let event = conversation.next_match(|item| match item {
            EngineInput::IrcConnected(_, up) => {
                *orders = Some(up);
                None
            }
            EngineInput::Event(Event::Irc(_, event)) => Some(event),
            _ => None,
        });
        let event = event.await?;
        match &event {
            IrcEvent::Joined { endpoint: place, server_time: time, .. } => {
                let now = Timestamp::now();
                let ahead = time.map_or(SignedDuration::ZERO, |time| time.duration_since(now));
                seats.insert(*place, Ok(ahead))
            }
            IrcEvent::NotJoined { endpoint: place, reason: why } => {
                seats.insert(*place, Err(why.clone()))
            }
            _ => None,
        };
        Ok(event)
    }
}

/// Why nothing can be compared with most servers.
const HISTORY_NOT_OFFERED: &str = "the server has no channel history (draft/chathistory)";
