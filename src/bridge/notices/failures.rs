//! Notifies authors of rejected messages, once, where they wrote them.
//!
//! Rejections are stored as unreported, so that they are reported exactly once despite restarts and lost
//! connections. Several rejections are combined, and nobody is notified more often than every few minutes.
//! IRC users get a NOTICE; rooms get a post that is not mirrored.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};

use super::{notify, notify_nick};
use crate::bridge::context::Ctx;
use crate::bridge::endpoints::Endpoints;
use crate::domain::{Casemapping, Endpoint, EndpointId, Network};
use crate::store::{StoreError, UnreportedFailure};
use crate::translate::{NoticeText, name_or_fallback};

/// How long rejections are collected before the first notice.
const BATCH_DELAY: SignedDuration = SignedDuration::from_secs(5);

/// Minimum time between notices to the same recipient.
const NOTICE_INTERVAL: SignedDuration = SignedDuration::from_mins(5);

/// Maximum number of names, and of bytes of an excerpt or a reason.
const MAX_NAMES: usize = 5;
const MAX_LEN_EXCERPT: usize = 60;

/// Schedules the notices.
#[derive(Debug)]
pub(in crate::bridge) struct FailureNotices {
    /// When to look for unreported failures; `None` if there are none.
    due_at: Option<Timestamp>,
    /// Until when these recipients get no further notice.
    quiet_until: HashMap<FailureRecipient, Timestamp>,
}

/// The recipient of a notice.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum FailureRecipient {
    /// A user on a network, by lower-case nick.
    Nick(Network, String),
    /// The users in a room.
    Room(EndpointId),
}

impl Default for FailureNotices {
    /// The last run may have left some.
    fn default() -> Self {
        Self { due_at: Some(Timestamp::MIN), quiet_until: HashMap::new() }
    }
}

impl FailureNotices {
    /// There is a failure to report.
    pub(in crate::bridge) fn schedule(&mut self, now: Timestamp) {
        let due = self.due_at.filter(|due| *due != Timestamp::MIN);
        self.due_at = Some(due.unwrap_or(now + BATCH_DELAY));
    }

    /// Whether failures are to be reported now.
    fn take_due(&mut self, now: Timestamp) -> bool {
        let due = self.due_at.is_some_and(|due| due <= now);
        if due {
            self.due_at = None;
            self.quiet_until.retain(|_, until| *until > now);
        }
        due
    }

    /// Whether this recipient can be notified now; if not, reschedules.
    fn admit(&mut self, recipient: FailureRecipient, now: Timestamp) -> bool {
        if let Some(until) = self.quiet_until.get(&recipient) {
            self.due_at = Some(self.due_at.map_or(*until, |due| due.min(*until)));
            return false;
        }
        self.quiet_until.insert(recipient, now + NOTICE_INTERVAL);
        true
    }
}

impl FailureNotices {
    /// Reports the failures that are due. Those of direct messages are reported elsewhere, if that is enabled.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(in crate::bridge) fn notify_due(
        &mut self,
        reports_direct: bool,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if !self.take_due(ctx.now) {
            return Ok(());
        }
        let mut by_recipient: HashMap<FailureRecipient, Vec<UnreportedFailure>> = HashMap::new();
        for failure in ctx.store.unreported_failures()? {
            let recipient = match ctx.endpoints.endpoint(failure.source) {
                Some(Endpoint::Channel { network, .. }) => {
                    let nick = Casemapping::default().fold(&failure.author);
                    FailureRecipient::Nick(network.clone(), nick)
                }
                Some(Endpoint::Room(_)) => FailureRecipient::Room(failure.source),
                None if reports_direct && ctx.store.user_of_endpoint(failure.source)?.is_some() => {
                    continue;
                }
                None => {
                    // No longer linked, so there is nobody to notify.
                    ctx.store.mark_reported(&failure)?;
                    continue;
                }
            };
            by_recipient.entry(recipient).or_default().push(failure);
        }
        for (recipient, failures) in by_recipient {
            self.notify_recipient(recipient, &failures, ctx)?;
        }
        Ok(())
    }

    fn notify_recipient(
        &mut self,
        recipient: FailureRecipient,
        failures: &[UnreportedFailure],
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        if let FailureRecipient::Nick(network, _) = &recipient
            && !ctx.peers.is_connected(network)
        {
            self.schedule(ctx.now);
            return Ok(());
        }
        if !self.admit(recipient.clone(), ctx.now) {
            return Ok(());
        }
        for failure in failures {
            ctx.store.mark_reported(failure)?;
        }
        let Some(UnreportedFailure { author, to, .. }) = failures.first() else { return Ok(()) };
        match recipient {
            FailureRecipient::Nick(network, _) => {
                let text = nick_notice_text(failures, ctx.endpoints);
                notify_nick(&network, author, text, ctx);
                Ok(())
            }
            FailureRecipient::Room(room) => {
                let text = room_notice_text(failures, ctx.endpoints);
                notify(*to, &[room], text, ctx)
            }
        }
    }
}

/// `your message "tea?" did not reach room tea: Bad Request`.
fn nick_notice_text(failures: &[UnreportedFailure], endpoints: &Endpoints) -> String {
    let each = failures.iter().map(|failure| {
        let to = endpoints.display_name(failure.to);
        match failure.count {
            1 => format!("your message \"{}\" did not reach {to}", excerpt(&failure.excerpt)),
            count => {
                let from = endpoints.display_name(failure.source);
                format!("{count} of your messages in {from} did not reach {to}")
            }
        }
    });
    format!("{}: {}", each.collect::<Vec<_>>().join(", "), join_reasons(failures))
}

/// `@bob: 3 messages were not delivered to #tea on office: Cannot send to channel`.
fn room_notice_text(failures: &[UnreportedFailure], endpoints: &Endpoints) -> String {
    let mut names: Vec<&str> = failures.iter().map(|failure| failure.author.as_str()).collect();
    names.dedup();
    let more = if names.len() > MAX_NAMES { " and others" } else { "" };
    names.truncate(MAX_NAMES);
    let names = names.into_iter().map(mention).collect::<Vec<_>>().join(", ");
    let messages = match failures.iter().map(|failure| failure.count).sum() {
        1_u64 => format!("the message \"{}\" was", excerpt(&failures[0].excerpt)),
        count => format!("{count} messages were"),
    };
    let mut destinations: Vec<String> =
        failures.iter().map(|failure| endpoints.display_name(failure.to)).collect();
    destinations.sort();
    destinations.dedup();
    let destinations = destinations.join(", ");
    let reasons = join_reasons(failures);
    format!("{names}{more}: {messages} not delivered to {destinations}: {reasons}")
}

/// A mention of `name`. `@all` would notify the whole room (docs/letschat-protocol.md, section 10),
/// so a user of that name is not mentioned.
fn mention(name: &str) -> String {
    let name = name_or_fallback(name);
    if name.eq_ignore_ascii_case("all") { name.into_owned() } else { format!("@{name}") }
}

fn join_reasons(failures: &[UnreportedFailure]) -> String {
    let mut seen = HashSet::new();
    let reasons = failures.iter().map(|failure| failure.reason.as_str());
    let reasons: Vec<String> = reasons.filter(|it| seen.insert(*it)).take(2).map(excerpt).collect();
    reasons.join("; ")
}

/// The start of `text`, in one line.
pub(in crate::bridge) fn excerpt(text: &str) -> String {
    let line = NoticeText::from(text).into_string();
    match line.char_indices().nth(MAX_LEN_EXCERPT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpt_is_one_truncated_line() {
        assert_eq!(excerpt("a\r\n b"), "a b");
        assert_eq!(excerpt(&"é".repeat(61)), format!("{}…", "é".repeat(60)));
    }

    #[test]
    fn recipient_is_notified_once_per_interval() {
        let mut refusals = FailureNotices { due_at: None, ..FailureNotices::default() };
        let at = |second| Timestamp::from_second(second).expect("a time");
        let ann = || FailureRecipient::Nick(Network::new("office"), "ann".to_owned());
        refusals.schedule(at(100));
        refusals.schedule(at(104));
        assert!(!refusals.take_due(at(104)));
        assert!(refusals.take_due(at(105)) && !refusals.take_due(at(106)));
        assert!(refusals.admit(ann(), at(105)));
        assert!(!refusals.admit(ann(), at(110)));
        assert!(!refusals.take_due(at(404)) && refusals.take_due(at(405)));
        assert!(refusals.admit(ann(), at(405)));
    }
}
