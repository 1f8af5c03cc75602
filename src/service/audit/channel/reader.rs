//! A read-only session with an IRC network, for the audit.

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
use crate::service::irc::{IrcConnection, NetworkPlan};
use crate::service::messages::EngineInput;
use crate::service::sts::StsStore;

/// The suffix of the nick used for audits.
const NICK_SUFFIX: &str = "-audit";

/// Joins channels and reads their history.
pub(super) struct AuditReader {
    session: AuditSession,
    commands: Option<mpsc::Sender<IrcCommand>>,
    /// How far the network's clock is ahead of ours, measured when joining; or why joining failed.
    clock_offsets: HashMap<EndpointId, Result<SignedDuration, String>>,
    channel_count: usize,
}

impl AuditReader {
    /// Starts to connect and to join `channels`, whose endpoint ids are their indices.
    pub(super) fn start(
        mut network: NetworkSettings,
        channels: &[Endpoint],
        sts: Arc<StsStore>,
    ) -> Self {
        let endpoints: Vec<(EndpointId, Endpoint)> =
            (0..).map(EndpointId).zip(channels.iter().cloned()).collect();
        network.nick.push_str(NICK_SUFFIX);
        network.alt_nicks.clear();
        let peer = format!("irc {}", network.network);
        let connector = Connector::new(&network, sts, None);
        let plan = NetworkPlan::fixed(network, &endpoints);
        let meet = |inbox, stop| IrcConnection::new(plan, connector, inbox, stop);
        let session = AuditSession::start(&peer, meet);
        Self {
            session,
            commands: None,
            clock_offsets: HashMap::new(),
            channel_count: channels.len(),
        }
    }

    /// Waits until each channel is joined or rejected.
    pub(super) async fn wait_joined(&mut self) -> Result<(), String> {
        while self.clock_offsets.len() < self.channel_count {
            self.next_event().await?;
        }
        Ok(())
    }

    /// How far the network's clock is ahead of ours, for this channel.
    pub(super) fn clock_offset(&self, endpoint: EndpointId) -> Result<SignedDuration, String> {
        self.clock_offsets.get(&endpoint).cloned().unwrap_or_else(|| Err("not joined".to_owned()))
    }

    /// The page after `since`; on servers with lookup by msgid only, or with `by_line`, after the line
    /// `msgid`.
    pub(super) async fn fetch_page(
        &mut self,
        endpoint: EndpointId,
        since: Timestamp,
        (msgid, by_line): (Option<String>, bool),
    ) -> Result<(Vec<IncomingMessage>, HistoryPage), String> {
        self.clock_offset(endpoint)?;
        if let Some(commands) = &self.commands {
            // If the session has ended, its events say why.
            let now = Timestamp::now();
            let _ = commands
                .send(IrcCommand::FetchHistory { endpoint, since, now, msgid, by_msgid: by_line })
                .await;
        }
        let mut page = Vec::new();
        loop {
            match self.next_event().await? {
                IrcEvent::Message { endpoint: of, message }
                    if of == endpoint && message.is_playback =>
                {
                    page.push(message);
                }
                IrcEvent::History { endpoint: of, reply: answer } if of == endpoint => {
                    return match answer {
                        HistoryReply::RetriedByMsgid => continue,
                        HistoryReply::Page(history_page) => Ok((page, history_page)),
                        HistoryReply::All | HistoryReply::Unavailable => {
                            Err(HISTORY_NOT_OFFERED.to_owned())
                        }
                        HistoryReply::Failed(reason) => {
                            Err(format!("cannot fetch its history: {reason}"))
                        }
                    };
                }
                IrcEvent::NotJoined { endpoint: of, reason } if of == endpoint => {
                    return Err(reason);
                }
                _ => {}
            }
        }
    }

    /// Quits without PART: on networks where connections share an account, the bridge would leave the
    /// channels, too.
    pub(super) async fn leave(self) {
        if let Some(commands) = self.commands {
            let _ = commands.send(IrcCommand::Quit("audit finished".to_owned())).await;
        }
        self.session.finish().await;
    }

    async fn next_event(&mut self) -> Result<IrcEvent, String> {
        let Self { session, commands, clock_offsets, .. } = self;
        let event = session.next_match(|item| match item {
            EngineInput::IrcConnected(_, up) => {
                *commands = Some(up);
                None
            }
            EngineInput::Event(Event::Irc(_, event)) => Some(event),
            _ => None,
        });
        let event = event.await?;
        match &event {
            IrcEvent::Joined { endpoint, server_time: time, .. } => {
                let now = Timestamp::now();
                let ahead = time.map_or(SignedDuration::ZERO, |time| time.duration_since(now));
                clock_offsets.insert(*endpoint, Ok(ahead))
            }
            IrcEvent::NotJoined { endpoint, reason } => {
                clock_offsets.insert(*endpoint, Err(reason.clone()))
            }
            _ => None,
        };
        Ok(event)
    }
}

/// Why most servers cannot be audited.
const HISTORY_NOT_OFFERED: &str = "the server has no channel history (draft/chathistory)";
