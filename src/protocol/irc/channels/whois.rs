//! Verifies with WHOIS and NAMES that we are still in our channels.

use std::time::Instant;

use crate::domain::EndpointId;
use crate::protocol::irc::errors::join::JoinError;
use crate::protocol::irc::session::{IrcSession, IrcSessionPhase};

/// Verifying our channels.
impl IrcSession {
    /// Queries our channels periodically with WHOIS.
    pub(in crate::protocol::irc) fn check_joins(&mut self, now: Instant) {
        if self.phase == IrcSessionPhase::Online && self.join_check.start_if_due(now) {
            self.enqueue_control(vec![("WHOIS", vec![self.nick.clone()])]);
        }
    }

    /// RPL_WHOISCHANNELS: the channels of `nick`, with status prefixes.
    pub(in crate::protocol::irc) fn on_whois_channels(&mut self, nick: &str, names: &str) {
        if !self.is_me(nick) {
            return;
        }
        for name in names.split_ascii_whitespace() {
            // A prefix character can also start a channel name: choose the longest that is one of ours.
            let ends = name.char_indices().map(|(at, _)| &name[at..]);
            let endpoint = ends.into_iter().find_map(|name| self.channels.endpoint_of(name));
            endpoint.into_iter().for_each(|endpoint| self.join_check.mark_listed(endpoint));
        }
    }

    /// RPL_ENDOFWHOIS. Channels not listed are checked individually, since WHOIS may hide some.
    pub(in crate::protocol::irc) fn on_end_of_whois(&mut self, now: Instant, nick: &str) {
        if !self.is_me(nick) {
            return;
        }
        let Some(seen) = self.join_check.take_listed() else { return };
        let missing: Vec<EndpointId> =
            self.channels.joined_endpoints().filter(|endpoint| !seen.contains(endpoint)).collect();
        for endpoint in missing {
            self.request_names(now, endpoint);
        }
    }

    /// The server sent something that contradicts our being in `name`.
    pub(in crate::protocol::irc) fn suspect_not_joined(&mut self, now: Instant, name: &str) {
        let endpoint = self.channels.endpoint_of(name).filter(|_| self.channels.is_joined(name));
        endpoint.into_iter().for_each(|endpoint| self.request_names(now, endpoint));
    }

    fn request_names(&mut self, now: Instant, endpoint: EndpointId) {
        let Some(name) = self.channels.name_of(endpoint).map(str::to_owned) else { return };
        if self.join_check.suspect(endpoint, now) {
            self.enqueue_control(vec![("NAMES", vec![name])]);
        }
    }

    /// NAMES of a channel is complete: if it was being checked, we are listed or not in it.
    pub(in crate::protocol::irc) fn on_suspect_names(
        &mut self,
        now: Instant,
        endpoint: EndpointId,
    ) {
        if !self.join_check.clear(endpoint) || self.users.is_own_nick_listed(endpoint) {
            return;
        }
        if let Some(name_of) = self.channels.name_of(endpoint).map(str::to_owned) {
            let reason = "the server no longer lists the bridge in the channel".to_owned();
            self.on_not_joined(now, &name_of, JoinError::retry_soon(reason));
        }
    }
}
