//! What we may do in a channel: its modes, and whether we are its operator.

use std::collections::HashMap;

use super::user_events::source_name;
use crate::domain::EndpointId;
use crate::protocol::Output;
use crate::protocol::irc::IrcEvent;
use crate::protocol::irc::session::IrcSession;
use crate::protocol::irc::wire::line::SafeText;

/// How many nicks one MODE can have on every server.
const MAX_MODE_NICKS: usize = 3;

/// Longer than any list of modes that the bridge asks for.
const MAX_LEN_MODES: usize = 8;

/// What we may do in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelRights {
    /// We are a channel operator, or more.
    pub is_operator: bool,
    /// Only operators can change the topic (`+t`).
    pub is_topic_locked: bool,
    /// Only those with voice can speak (`+m`).
    pub is_moderated: bool,
    /// The maximum bytes of a topic, if the server says so.
    pub max_topic_len: Option<usize>,
}

impl ChannelRights {
    /// Whether we may set the topic.
    #[must_use]
    pub fn may_set_topic(self) -> bool {
        self.is_operator || !self.is_topic_locked
    }
}

/// The modes of channels, as far as the server has told them.
#[derive(Debug, Default)]
pub(in crate::protocol::irc) struct ChannelModes {
    channels: HashMap<EndpointId, KnownModes>,
}

#[derive(Debug, Default)]
struct KnownModes {
    is_topic_locked: bool,
    is_moderated: bool,
    reported: Option<ChannelRights>,
}

impl KnownModes {
    /// Applies a change such as `+nt-m`.
    fn apply(&mut self, change: &str) {
        let mut is_given = true;
        for mode in change.chars() {
            match mode {
                '+' => is_given = true,
                '-' => is_given = false,
                't' => self.is_topic_locked = is_given,
                'm' => self.is_moderated = is_given,
                _ => {}
            }
        }
    }
}

/// Rights in channels.
impl IrcSession {
    /// RPL_CHANNELMODEIS: the channel has exactly these modes.
    pub(in crate::protocol::irc) fn set_channel_modes(
        &mut self,
        endpoint: EndpointId,
        modes: &str,
    ) {
        let reported = self.channel_modes.channels.remove(&endpoint).and_then(|it| it.reported);
        let mut known = KnownModes { reported, ..KnownModes::default() };
        known.apply(modes);
        self.channel_modes.channels.insert(endpoint, known);
        self.report_rights(endpoint);
    }

    /// Modes of the channel have changed, perhaps our own rank.
    pub(in crate::protocol::irc) fn change_channel_modes(
        &mut self,
        endpoint: EndpointId,
        change: &str,
    ) {
        if let Some(known) = self.channel_modes.channels.get_mut(&endpoint) {
            known.apply(change);
            self.report_rights(endpoint);
        }
    }

    /// We are not in the channel.
    pub(in crate::protocol::irc) fn forget_channel_modes(&mut self, endpoint: EndpointId) {
        self.channel_modes.channels.remove(&endpoint);
    }

    fn report_rights(&mut self, endpoint: EndpointId) {
        let is_operator = self.users.own_prefixes(endpoint).is_some_and(|own| {
            let all = self.isupport.prefixes();
            let operator = all.find('@').unwrap_or(0);
            own.chars().any(|mark| all.find(mark).is_some_and(|at| at <= operator))
        });
        let max_topic_len = self.isupport.topiclen;
        let Some(known) = self.channel_modes.channels.get_mut(&endpoint) else { return };
        let rights = ChannelRights {
            is_operator,
            is_topic_locked: known.is_topic_locked,
            is_moderated: known.is_moderated,
            max_topic_len,
        };
        if known.reported.replace(rights) != Some(rights) {
            self.output.push_back(Output::Event(IrcEvent::Rights { endpoint, rights }));
        }
    }

    /// Changes modes of the channel itself, such as `+m`.
    pub(in crate::protocol::irc) fn set_modes(&mut self, endpoint: EndpointId, modes: &str) {
        let is_plain = |c: char| c.is_ascii_alphabetic() || "+-".contains(c);
        if modes.len() > MAX_LEN_MODES || !modes.chars().all(is_plain) {
            return;
        }
        if let Some(name) = self.channels.name_of(endpoint) {
            self.enqueue_control(vec![("MODE", vec![name.to_owned(), modes.to_owned()])]);
        }
    }

    /// Gives voice to these members.
    pub(in crate::protocol::irc) fn give_voice(&mut self, endpoint: EndpointId, nicks: &[String]) {
        let Some(name) = self.channels.name_of(endpoint).map(str::to_owned) else { return };
        for some in nicks.chunks(MAX_MODE_NICKS) {
            let modes = format!("+{}", "v".repeat(some.len()));
            let nicks = some.iter().map(|nick| SafeText::sanitize(nick).0.replace(' ', "_"));
            let params = [name.clone(), modes].into_iter().chain(nicks).collect();
            self.enqueue_control(vec![("MODE", params)]);
        }
    }

    /// The channel modes were changed.
    pub(in crate::protocol::irc) fn report_modes_changed(
        &mut self,
        endpoint: EndpointId,
        source: Option<&irc::proto::Prefix>,
        change: &[String],
    ) {
        let by = source_name(source);
        let modes = change.first().map(String::as_str).unwrap_or_default();
        let (modes, change) = (modes.to_owned(), change.join(" "));
        self.output.push_back(Output::Event(IrcEvent::ModesChanged { endpoint, by, change }));
        self.change_channel_modes(endpoint, &modes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_follow_their_changes() {
        let mut known = KnownModes::default();
        for (change, locked, moderated) in [
            ("+nt", true, false),
            ("-t+m", false, true),
            ("+o", false, true),
            ("t-m", true, false),
            ("", true, false),
            ("mmm-mt", false, false),
        ] {
            known.apply(change);
            assert_eq!(
                (known.is_topic_locked, known.is_moderated),
                (locked, moderated),
                "{change}"
            );
        }
    }

    #[test]
    fn topic_is_for_operators_only_if_it_is_locked() {
        for (is_operator, is_topic_locked, may) in
            [(false, false, true), (false, true, false), (true, true, true), (true, false, true)]
        {
            let rights = ChannelRights {
                is_operator,
                is_topic_locked,
                is_moderated: false,
                max_topic_len: None,
            };
            assert_eq!(rights.may_set_topic(), may);
        }
    }
}
