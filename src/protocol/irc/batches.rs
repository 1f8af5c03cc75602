use std::collections::HashMap;

use irc::proto::message::Tag;

use super::Mark;
use super::heard;
use super::relaymsg;

/// The tags by which servers mark what programs say.
const BOT: [&str; 2] = ["bot", "draft/bot"];

/// More batches than any server has open at once.
const MOST: usize = 64;

/// Longer than any id of a line, and any name in a tag.
const LONGEST: usize = 512;

/// The batches that the server has begun and not ended (<https://ircv3.net/specs/extensions/batch>).
#[derive(Debug, Default)]
pub(super) struct Batches {
    open: HashMap<String, Batch>,
}

/// What holds for every line of a batch, and of those in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Batch {
    /// It answers what we said with this label.
    pub(super) label: Option<String>,
    /// Its lines were said before; it is played back to us.
    pub(super) played: bool,
    /// It is such a playback itself, not only part of one.
    pub(super) history: bool,
    /// Which channel it is about, as the server spells it.
    pub(super) about: Option<String>,
    /// Its lines tell of the network breaking in two, or of its halves joining again
    /// (<https://ircv3.net/specs/batches/netsplit>).
    pub(super) netsplit: bool,
    pub(super) netjoin: bool,
}

/// What a line says beside itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Context {
    pub(super) batch: Batch,
    /// The answer to the label is this line alone.
    pub(super) whole: bool,
    pub(super) mark: Mark,
    /// The account of whoever said it (<https://ircv3.net/specs/extensions/account-tag>).
    pub(super) account: Option<String>,
    /// Whoever said it is a program (<https://ircv3.net/specs/extensions/bot-mode>).
    pub(super) bot: bool,
    /// Who had the server say it under the nick of another.
    pub(super) relayed_by: Option<Box<str>>,
}

impl Batches {
    /// Begins one of the type `kind`, `about` a channel if any, by a line in `context`.
    pub(super) fn begin(
        &mut self,
        reference: &str,
        kind: &str,
        about: Option<&str>,
        context: &Context,
    ) {
        if self.open.len() >= MOST {
            // One that was never ended: what is unknown is taken for live.
            self.open.clear();
        }
        let history = ["chathistory", "draft/chathistory", "znc.in/playback"];
        let mut batch = context.batch.clone();
        batch.about = about.map(str::to_owned).or(batch.about);
        batch.history = history.iter().any(|name| name.eq_ignore_ascii_case(kind));
        batch.played |= batch.history;
        batch.netsplit |= kind.eq_ignore_ascii_case("netsplit");
        batch.netjoin |= kind.eq_ignore_ascii_case("netjoin");
        self.open.insert(reference.to_owned(), batch);
    }

    pub(super) fn end(&mut self, reference: &str) -> Option<Batch> {
        self.open.remove(reference)
    }

    /// What `tags` say about their line.
    pub(super) fn context(&self, tags: Option<&[Tag]>) -> Context {
        if tags.is_none_or(<[Tag]>::is_empty) {
            return Context::default();
        }
        let outer = heard::tag(tags, "batch").and_then(|reference| self.open.get(reference));
        let mut batch = outer.cloned().unwrap_or_default();
        let label = heard::tag(tags, "label").map(str::to_owned);
        let whole = label.is_some();
        batch.label = label.or(batch.label);
        let short = |text: &&str| text.len() <= LONGEST;
        let msgid = heard::tag(tags, "msgid").filter(short).map(str::to_owned);
        Context {
            batch,
            whole,
            mark: Mark { msgid, time: heard::time(tags) },
            relayed_by: relaymsg::NAMES
                .iter()
                .find_map(|name| heard::tag(tags, name).filter(short))
                .map(Into::into),
            account: heard::tag(tags, "account").filter(short).map(str::to_owned),
            bot: tags.is_some_and(|tags| tags.iter().any(|tag| BOT.contains(&tag.0.as_str()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
        pairs.iter().map(|(key, value)| Tag((*key).to_owned(), Some((*value).to_owned()))).collect()
    }

    #[test]
    fn what_holds_for_a_batch_holds_for_those_in_it() {
        let mut batches = Batches::default();
        let outer = batches.context(Some(&tags(&[("label", "7.1")])));
        assert!(outer.whole);
        batches.begin("a", "labeled-response", None, &outer);
        let inner = batches.context(Some(&tags(&[("batch", "a")])));
        batches.begin("b", "chathistory", Some("#tea"), &inner);
        let line = batches.context(Some(&tags(&[("batch", "b"), ("msgid", "m")])));
        assert_eq!(
            line.batch,
            Batch {
                label: Some("7.1".to_owned()),
                played: true,
                history: true,
                about: Some("#tea".to_owned()),
                ..Batch::default()
            }
        );
        assert_eq!((line.whole, line.mark.msgid.as_deref()), (false, Some("m")));
        assert_eq!(batches.end("b"), Some(line.batch));
        let after = batches.context(Some(&tags(&[("batch", "b")])));
        assert_eq!(after.batch, Batch::default());
    }

    #[test]
    fn batches_that_never_end_take_no_memory() {
        let mut batches = Batches::default();
        for number in 0..10 * MOST {
            batches.begin(&number.to_string(), "netsplit", None, &Context::default());
        }
        assert!(batches.open.len() <= MOST);
    }
}
