//! What was said is kept otherwise than it was said.

use super::Mischief;
use crate::irc::history::Kept;

impl Mischief {
    /// The line of `channel` that ends with `text` is kept no longer.
    ///
    /// # Panics
    /// When no line does; so below.
    pub fn forget(&self, channel: &str, text: &str) {
        self.rewrite(channel, |kept, _| {
            let at = position(kept, text);
            kept.remove(at);
        });
    }

    /// Everything that was said in `channel` before the line that ends with `text` is kept no longer.
    pub fn forget_before(&self, channel: &str, text: &str) {
        self.rewrite(channel, |kept, _| {
            let at = position(kept, text);
            kept.drain(..at);
        });
    }

    /// The line of `channel` that ends with `text` is kept twice, the second time under another id.
    pub fn keep_twice(&self, channel: &str, text: &str) {
        self.rewrite(channel, |kept, msgid| {
            let at = position(kept, text);
            let mut twin = kept[at].clone();
            twin.known.msgid = twin.known.msgid.and(Some(msgid));
            kept.insert(at + 1, twin);
        });
    }

    /// Each of the two lines of `channel` that end with `one` and `two` is kept in the place of the other.
    pub fn swap(&self, channel: &str, one: &str, two: &str) {
        self.rewrite(channel, |kept, _| {
            let (one, two) = (position(kept, one), position(kept, two));
            let times = [kept[one].known.time, kept[two].known.time];
            kept.swap(one, two);
            [kept[one].known.time, kept[two].known.time] = times;
        });
    }

    /// `change` is given what is kept of `channel`, and an id that no line has.
    fn rewrite(&self, channel: &str, change: impl FnOnce(&mut Vec<Kept>, std::sync::Arc<str>)) {
        self.with(|world| {
            let msgid = world.next_msgid();
            let folded = world.fold(channel);
            let history = world.histories.get_mut(&folded).expect("something was said there");
            history.rewrite(|kept| change(kept, msgid));
        });
    }
}

fn position(kept: &[Kept], text: &str) -> usize {
    let says = |kept: &Kept| kept.words.ends_with(text.as_bytes());
    kept.iter().position(says).unwrap_or_else(|| panic!("nobody said {text:?}"))
}
