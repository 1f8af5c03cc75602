//! Joins and leaves channels.

use std::time::Instant;

use irc::proto::Prefix;
use jiff::Timestamp;

use super::user_events::source_name;
use crate::domain::{EndpointId, MessageKind};
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::errors::join::{JoinError, RejoinPolicy};
use crate::protocol::irc::session::{
    IrcSession, IrcSessionPhase, MAX_LEN_JOIN_PARAMS, last_argument,
};

/// More forwards than are pending at once.
const MAX_FORWARDS: usize = 64;

/// Longer than any channel name.
const MAX_LEN_CHANNEL: usize = 512;

/// Joining and leaving channels.
impl IrcSession {
    /// Joins the channels that we are out of, several per line.
    pub(in crate::protocol::irc) fn join_pending(&mut self, now: Instant) {
        if self.phase != IrcSessionPhase::Online {
            return;
        }
        let mut lines: Vec<(String, String)> = Vec::new();
        let most = self.isupport.max_join_targets.unwrap_or(usize::MAX);
        let mut named = 0;
        for (name, target) in self.channels.start_joins(now) {
            let key = target.key.as_ref().map_or("", secrecy::ExposeSecret::expose_secret);
            match lines.last_mut() {
                Some((names, keys))
                    if named < most
                        && names.len() + keys.len() + name.len() + key.len()
                            < MAX_LEN_JOIN_PARAMS =>
                {
                    named += 1;
                    names.extend([",", name]);
                    if !key.is_empty() {
                        keys.extend([",", key]);
                    }
                }
                _ => {
                    named = 1;
                    lines.push((name.to_owned(), key.to_owned()));
                }
            }
        }
        for (names, keys) in lines {
            let params = if keys.is_empty() { vec![names] } else { vec![names, keys] };
            self.enqueue_control(vec![("JOIN", params)]);
        }
    }

    pub(in crate::protocol::irc) fn on_own_join(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        name: &str,
        time: Option<Timestamp>,
    ) {
        if let Some(Prefix::Nickname(_, user, host)) = source
            && !host.is_empty()
        {
            self.userhost = Some(format!("{user}@{host}"));
        }
        self.channels.on_own_join(name, time, now);
        match self.channels.endpoint_of(name) {
            Some(endpoint) => self.users.remove_channel(endpoint),
            None => self.part_if_forwarded(name),
        }
    }

    /// NAMES is complete: if we have just joined, the channel is ready.
    pub(in crate::protocol::irc) fn on_end_of_names(&mut self, now: Instant, name: &str) {
        let past = self.has_history();
        let echoes = self.registration.has_cap("echo-message");
        self.report_relaymsg();
        let joined = self.channels.on_end_of_names(name);
        let fresh = joined.is_some();
        if let Some((endpoint, time)) = joined {
            let line = self.text_budget(name, MessageKind::Action).bytes;
            self.output.push_back(Output::Event(IrcEvent::Joined {
                endpoint,
                server_time: time,
                has_history: past,
                has_echoes: echoes,
                line,
            }));
            let early = self.early_messages.extract_if(.., |(source, _)| *source == endpoint);
            let messages = early
                .map(|(endpoint, message)| Output::Event(IrcEvent::Message { endpoint, message }));
            self.output.extend(messages);
        }
        if let Some((endpoint, _)) = joined {
            self.ask_modes(endpoint);
        }
        if let Some(endpoint) =
            self.channels.endpoint_of(name).filter(|_| self.channels.is_joined(name))
        {
            self.on_names_complete(now, endpoint, fresh);
            self.on_suspect_names(now, endpoint);
        }
    }

    /// The server rejected a join, or removed us.
    pub(in crate::protocol::irc) fn on_not_joined(
        &mut self,
        now: Instant,
        name: &str,
        error: JoinError,
    ) {
        let JoinError { reason, rejoin_policy: policy } = error;
        let Some(endpoint) = self.channels.on_not_joined(name, policy, now) else { return };
        self.users.remove_channel(endpoint);
        self.who_poll.remove(endpoint);
        self.forget_channel_modes(endpoint);
        self.early_messages.retain(|(source, _)| *source != endpoint);
        self.output.push_back(Output::Event(IrcEvent::NotJoined { endpoint, reason }));
        if policy == RejoinPolicy::AfterInvite {
            self.request_invite(endpoint);
        }
    }

    /// The server removed us from a channel.
    pub(in crate::protocol::irc) fn on_own_part(
        &mut self,
        now: Instant,
        name: &str,
        reason: Option<&str>,
    ) {
        let reason = reason.unwrap_or("no reason given");
        let error = JoinError::retry_soon(format!("removed by the server ({reason})"));
        self.on_not_joined(now, name, error);
    }

    /// Reports that a channel operator removed us.
    fn report_removed(&mut self, name: &str) {
        let endpoint = self.channels.endpoint_of(name);
        self.output.extend(endpoint.map(|endpoint| Output::Event(IrcEvent::Removed { endpoint })));
    }

    /// A channel operator removed us.
    pub(in crate::protocol::irc) fn on_own_kick(
        &mut self,
        now: Instant,
        source: Option<&Prefix>,
        name: &str,
        reason: Option<&str>,
    ) {
        self.report_removed(name);
        let by = source_name(source);
        let reason = reason.unwrap_or("no reason given");
        let error = JoinError::retry_soon(format!("kicked by {by} ({reason})"));
        self.on_not_joined(now, name, error);
    }

    /// A JOIN was answered with the numeric `code`.
    pub(in crate::protocol::irc) fn on_join_error(
        &mut self,
        now: Instant,
        code: &str,
        arguments: &[String],
    ) {
        let name = arguments.get(1).map_or("", String::as_str);
        if let Some(error) = JoinError::parse(code, last_argument(arguments)) {
            // The channel's name on the server has changed.
            if code == "403" && self.channels.forget_server_name(name) {
                return self.join_pending(now);
            }
            if code == "474" {
                self.report_removed(name);
            }
            self.on_not_joined(now, name, error);
        }
    }

    /// ERR_LINKCHANNEL: the server forwards us to another channel.
    pub(in crate::protocol::irc) fn on_forwarded(&mut self, now: Instant, name: &str, to: &str) {
        if self.channels.endpoint_of(name).is_none() {
            return;
        }
        // A forward to one of our own channels is welcome.
        if self.channels.endpoint_of(to).is_none()
            && self.forwards.len() < MAX_FORWARDS
            && to.len() <= MAX_LEN_CHANNEL
        {
            self.forwards.push(to.to_owned());
        }
        let reason = format!("forwarded to {to}");
        self.on_not_joined(now, name, JoinError { reason, rejoin_policy: RejoinPolicy::Later });
    }

    /// We are in a channel that is not ours. If we were forwarded there, we leave. Otherwise we stay, since a
    /// bouncer's other client or an operator may want it.
    pub(in crate::protocol::irc) fn part_if_forwarded(&mut self, name: &str) {
        let same = |to: &String| self.isupport.casemapping.same(to, name);
        if let Some(at) = self.forwards.iter().position(same) {
            self.forwards.swap_remove(at);
            tracing::info!(channel = name, "forwarded to a channel that is not linked; left it");
            self.enqueue_control(vec![("PART", vec![name.to_owned()])]);
        }
    }

    /// The channel is no longer linked: leaves it, and forgets what was known of it.
    pub(in crate::protocol::irc) fn leave_channel(&mut self, endpoint: EndpointId, reason: String) {
        let name = self.channels.remove(endpoint);
        self.users.remove_channel(endpoint);
        self.who_poll.remove(endpoint);
        self.forget_channel_modes(endpoint);
        self.early_messages.retain(|(source, _)| *source != endpoint);
        if let Some(name) = name {
            self.enqueue_control(vec![("PART", vec![name, reason])]);
        }
    }

    /// We were invited.
    pub(in crate::protocol::irc) fn on_invite(&mut self, now: Instant, name: &str) {
        if self.channels.on_invite(name, now) {
            tracing::info!(channel = name, "invited");
            self.join_pending(now);
        }
    }

    /// ERR_TOOMANYTARGETS: the server wants one channel per JOIN.
    pub(in crate::protocol::irc) fn join_one_by_one(&mut self, now: Instant) {
        self.isupport.max_join_targets = Some(1);
        self.isupport_tokens.note("TARGMAX=JOIN:1");
        self.channels.cancel_joins();
        self.join_pending(now);
    }

    /// We are logged in: joins channels that require it.
    pub(in crate::protocol::irc) fn retry_joins_after_login(&mut self, now: Instant) {
        self.channels.on_logged_in(now);
        self.join_pending(now);
    }

    fn request_invite(&mut self, endpoint: EndpointId) {
        let (Some(services), Some(name)) =
            (&self.request_invite_from, self.channels.name_of(endpoint))
        else {
            return;
        };
        let params = vec![services.clone(), format!("INVITE {name}")];
        self.enqueue_control(vec![("PRIVMSG", params)]);
    }
}
