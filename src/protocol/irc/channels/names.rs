//! The names that a server gives channels, and those that it cannot have.

use std::time::Instant;

use unicode_normalization::UnicodeNormalization;

use super::Channels;
use super::entry::JoinState;
use crate::domain::EndpointId;
use crate::protocol::irc::errors::join::RejoinPolicy;

/// Longer than any channel name.
const MAX_LEN_NAME: usize = 512;

/// Length of the id that a server puts before the short name of a safe channel.
const SAFE_CHANNEL_ID_LEN: usize = 5;

/// Names of channels.
impl Channels {
    /// Finds the target for a channel that the server reports under an unknown name: a safe channel requested
    /// by its short name (RFC 2811, section 3), or a name that the server normalises.
    pub(super) fn match_server_name(&mut self, name: &str) {
        if let Some(at) = self.index_of(name) {
            let channel = &mut self.channels[at];
            channel.server_name = Some(name.to_owned()).filter(|name| *name != channel.target.name);
            return;
        }
        let mut asked = (0..self.channels.len()).filter(|at| {
            let channel = &self.channels[*at];
            channel.state == JoinState::Joining && is_server_name_of(&channel.target.name, name)
        });
        // Ambiguous: do not match any.
        let (Some(at), None) = (asked.next(), asked.next()) else { return };
        if name.len() <= MAX_LEN_NAME {
            self.channels[at].server_name = Some(name.to_owned());
            self.by_name.insert(self.casemapping.fold(name), at);
        }
    }

    /// The server has no channel of the name it used before. Returns whether to join by our own name for it
    /// now.
    pub(in crate::protocol::irc) fn forget_server_name(&mut self, name: &str) -> bool {
        let Some(at) = self.index_of(name) else { return false };
        let channel = &mut self.channels[at];
        if channel.state != JoinState::Joining || channel.server_name.take().is_none() {
            return false;
        }
        self.set_casemapping(self.casemapping);
        self.set_state(at, JoinState::NotJoined, None);
        true
    }

    /// Marks channels impossible on this server, whose channel names start with one of `types` and have at
    /// most `longest` characters. Returns them with reasons. They are not joined unless the server changes
    /// its limits.
    pub(in crate::protocol::irc) fn reject_impossible(
        &mut self,
        types: &str,
        longest: Option<usize>,
        now: Instant,
    ) -> Vec<(EndpointId, String)> {
        let longest = longest.unwrap_or(usize::MAX);
        let why = |name: &str| {
            if types.is_empty() {
                return Some("the server supports no channels (CHANTYPES is empty)".to_owned());
            }
            if !name.starts_with(|first| types.contains(first)) {
                return Some(format!("channel names on this server begin with one of \"{types}\""));
            }
            let length = name.chars().count();
            (length > longest)
                .then(|| format!("the name has {length} characters; this server allows {longest}"))
        };
        let mut impossible = Vec::new();
        for at in 0..self.channels.len() {
            let channel = &mut self.channels[at];
            if channel.state == JoinState::Removed {
                continue;
            }
            match why(&channel.target.name) {
                Some(why) if !channel.is_given_up() => {
                    channel.is_impossible = true;
                    impossible.push((channel.target.endpoint, why));
                    self.schedule_retry(at, RejoinPolicy::Never, now);
                }
                None if std::mem::take(&mut channel.is_impossible) => {
                    self.set_state(at, JoinState::NotJoined, None);
                }
                _ => {}
            }
        }
        impossible
    }
}

/// Whether the server may report a channel that we join as `asked` under `name`.
fn is_server_name_of(asked: &str, name: &str) -> bool {
    if let (Some(short), Some(long)) = (asked.strip_prefix('!'), name.strip_prefix('!')) {
        // A second `!` requests a new channel.
        let short = short.strip_prefix('!').unwrap_or(short);
        let id = long.len().checked_sub(short.len()).and_then(|id| long.get(..id));
        let is_id = |id: &str| {
            id.len() == SAFE_CHANNEL_ID_LEN && id.bytes().all(|it| it.is_ascii_alphanumeric())
        };
        if id.is_some_and(is_id) && is_same_text(short, &long[SAFE_CHANNEL_ID_LEN..]) {
            return true;
        }
    }
    is_same_text(asked, name)
}

/// Whether two names look the same to readers, regardless of case and Unicode normalisation.
fn is_same_text(one: &str, other: &str) -> bool {
    let fold = |name: &str| name.nfkc().flat_map(char::to_lowercase).nfkc().collect::<String>();
    fold(one) == fold(other)
}
