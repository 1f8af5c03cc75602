//! Changes to the history of a channel.

use super::Faults;
use crate::irc::history::StoredMessage;

impl Faults {
    /// Removes the line of `channel` that ends with `text`.
    ///
    /// # Panics
    /// If there is no such line; so below.
    pub fn forget(&self, channel: &str, text: &str) {
        self.rewrite(channel, |kept, _| {
            let at = position(kept, text);
            kept.remove(at);
        });
    }

    /// Removes everything before the line of `channel` that ends with `text`.
    pub fn forget_before(&self, channel: &str, text: &str) {
        self.rewrite(channel, |kept, _| {
            let at = position(kept, text);
            kept.drain(..at);
        });
    }

    /// Duplicates the line of `channel` that ends with `text`, under another id.
    pub fn duplicate(&self, channel: &str, text: &str) {
        self.rewrite(channel, |kept, msgid| {
            let at = position(kept, text);
            let mut twin = kept[at].clone();
            twin.metadata.msgid = twin.metadata.msgid.and(Some(msgid));
            kept.insert(at + 1, twin);
        });
    }

    /// Swaps the two lines of `channel` that end with `one` and `two`.
    pub fn swap(&self, channel: &str, one: &str, two: &str) {
        self.rewrite(channel, |kept, _| {
            let (one, two) = (position(kept, one), position(kept, two));
            let times = [kept[one].metadata.time, kept[two].metadata.time];
            kept.swap(one, two);
            [kept[one].metadata.time, kept[two].metadata.time] = times;
        });
    }

    /// Hands `change` the lines of `channel`, and an id that no line has.
    fn rewrite(
        &self,
        channel: &str,
        change: impl FnOnce(&mut Vec<StoredMessage>, std::sync::Arc<str>),
    ) {
        self.with(|state| {
            let msgid = state.next_msgid();
            let folded = state.fold(channel);
            let history = state.histories.get_mut(&folded).expect("something was said there");
            history.rewrite(|kept| change(kept, msgid));
        });
    }
}

fn position(kept: &[StoredMessage], text: &str) -> usize {
    let says = |kept: &StoredMessage| kept.words.ends_with(text.as_bytes());
    kept.iter().position(says).unwrap_or_else(|| panic!("nobody said {text:?}"))
}
