//! Determines the recipient of a direct message without a name.
//!
//! It is the user that the sender wrote to last, unless somebody else has written to the sender since: then
//! it is ambiguous, and the sender is asked. That is better than sending a secret to the wrong person.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};

use crate::domain::EndpointId;

/// How long a conversation continues after its last message.
pub(super) const THREAD_TIMEOUT: SignedDuration = SignedDuration::from_hours(24);

/// After this long, a sender who gives no name is again told who the recipient is.
const CONFIRM_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// Maximum number of users with conversations. Beyond it, the older half is forgotten.
const MOST: usize = 4_000;

/// How many other senders are remembered per user: two are enough to be ambiguous.
const MOST_WRITERS: usize = 8;

/// The other user of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Correspondent {
    /// The user with this endpoint id.
    Known(EndpointId),
    /// A user formerly called so, who can no longer be identified; nobody else is meant.
    Gone(String),
}

/// The recipient that a sender means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum DmTarget {
    /// Nobody: there is no conversation.
    Nobody,
    /// This user.
    One(Correspondent),
    /// One of these users.
    Ambiguous(Vec<Correspondent>),
}

/// All conversations.
#[derive(Debug, Default)]
pub(super) struct Threads {
    talks: HashMap<EndpointId, UserThreads>,
    /// The users in whose conversations a user takes part.
    of: HashMap<EndpointId, BTreeSet<EndpointId>>,
}

/// The conversations of one user.
#[derive(Debug, Default)]
struct UserThreads {
    /// The user they wrote to last, and the time of the last message.
    current: Option<(Correspondent, Timestamp)>,
    /// Who has written to them since.
    received_since: Vec<(Correspondent, Timestamp)>,
    /// Who was last confirmed to them as the recipient, and when.
    last_confirmed: Option<(Correspondent, Timestamp)>,
}

impl UserThreads {
    fn last_activity(&self) -> Option<Timestamp> {
        let writers = self.received_since.iter().map(|(_, at)| *at);
        writers.chain(self.current.iter().map(|(_, at)| *at)).max()
    }

    fn correspondents(&mut self) -> impl Iterator<Item = &mut Correspondent> {
        let current = self
            .current
            .iter_mut()
            .chain(&mut self.last_confirmed)
            .map(|(correspondent, _)| correspondent);
        current.chain(self.received_since.iter_mut().map(|(correspondent, _)| correspondent))
    }

    /// The endpoint ids of all correspondents.
    fn numbers(&mut self) -> BTreeSet<EndpointId> {
        let number = |correspondent: &mut Correspondent| match correspondent {
            Correspondent::Known(endpoint) => Some(*endpoint),
            Correspondent::Gone(_) => None,
        };
        self.correspondents().filter_map(number).collect()
    }
}

impl Threads {
    /// `from` has written to `to`.
    pub(super) fn record_message(&mut self, from: EndpointId, to: EndpointId, now: Timestamp) {
        self.set_current(from, Correspondent::Known(to), now);
        self.record_received(to, Correspondent::Known(from), now);
    }

    /// `who` has written to this correspondent.
    pub(super) fn set_current(
        &mut self,
        who: EndpointId,
        correspondent: Correspondent,
        now: Timestamp,
    ) {
        self.edit(who, |talks| {
            talks.received_since.clear();
            talks.current = Some((correspondent, now));
        });
    }

    /// This correspondent has written to `who`.
    pub(super) fn record_received(
        &mut self,
        who: EndpointId,
        correspondent: Correspondent,
        now: Timestamp,
    ) {
        self.edit(who, |talks| {
            if let Some((current, at)) = &mut talks.current
                && *current == correspondent
            {
                *at = now;
                return;
            }
            talks.received_since.retain(|(sender, _)| *sender != correspondent);
            talks.received_since.push((correspondent, now));
            if talks.received_since.len() > MOST_WRITERS {
                talks.received_since.remove(0);
            }
        });
    }

    /// The recipient that `who` means without a name.
    pub(super) fn target(&self, who: EndpointId, now: Timestamp) -> DmTarget {
        let Some(talks) = self.talks.get(&who) else { return DmTarget::Nobody };
        let is_recent =
            |(_, at): &&(Correspondent, Timestamp)| now.duration_since(*at) < THREAD_TIMEOUT;
        let all = talks.current.iter().chain(&talks.received_since).filter(is_recent);
        let mut all: Vec<Correspondent> =
            all.map(|(correspondent, _)| correspondent.clone()).collect();
        match all.len() {
            0 => DmTarget::Nobody,
            1 => DmTarget::One(all.remove(0)),
            _ => DmTarget::Ambiguous(all),
        }
    }

    /// `who` writes to this correspondent without a name. Returns whether to confirm the recipient.
    pub(super) fn confirm_target(
        &mut self,
        who: EndpointId,
        correspondent: EndpointId,
        now: Timestamp,
    ) -> bool {
        let mut known = false;
        self.edit(who, |talks| {
            known = talks.last_confirmed.as_ref().is_some_and(|(known, at)| {
                *known == Correspondent::Known(correspondent)
                    && now.duration_since(*at) < CONFIRM_INTERVAL
            });
            talks.last_confirmed = Some((Correspondent::Known(correspondent), now));
        });
        !known
    }

    /// The user `who` has a new endpoint id.
    pub(super) fn move_user(&mut self, who: EndpointId, now: EndpointId) {
        if let Some(talks) = self.drop_talks(who) {
            self.edit(now, |theirs| *theirs = talks);
        }
        self.replace(who, &Correspondent::Known(now));
    }

    /// The user `who`, called `name`, can no longer be identified: their conversations end, and their
    /// correspondents do not mean anybody else.
    pub(super) fn remove_user(&mut self, who: EndpointId, name: &str) {
        self.drop_talks(who);
        self.replace(who, &Correspondent::Gone(name.to_owned()));
    }

    fn replace(&mut self, who: EndpointId, by: &Correspondent) {
        for other in self.of.get(&who).cloned().unwrap_or_default() {
            self.edit(other, |talks| {
                let theirs = talks.correspondents().filter(|it| **it == Correspondent::Known(who));
                theirs.for_each(|it| *it = by.clone());
            });
        }
    }

    /// Changes the conversations of `who`, and updates the reverse index.
    fn edit(&mut self, who: EndpointId, change: impl FnOnce(&mut UserThreads)) {
        if self.talks.len() >= MOST && !self.talks.contains_key(&who) {
            self.prune();
        }
        let talks = self.talks.entry(who).or_default();
        let before = talks.numbers();
        change(talks);
        let now = talks.numbers();
        before
            .difference(&now)
            .for_each(|correspondent| self.remove_from_thread(who, *correspondent));
        for correspondent in now.difference(&before) {
            self.of.entry(*correspondent).or_default().insert(who);
        }
    }

    fn drop_talks(&mut self, who: EndpointId) -> Option<UserThreads> {
        let mut talks = self.talks.remove(&who)?;
        talks
            .numbers()
            .into_iter()
            .for_each(|correspondent| self.remove_from_thread(who, correspondent));
        Some(talks)
    }

    /// This correspondent is no longer in the conversations of `who`.
    fn remove_from_thread(&mut self, who: EndpointId, correspondent: EndpointId) {
        if let Some(of) = self.of.get_mut(&correspondent) {
            of.remove(&who);
            if of.is_empty() {
                self.of.remove(&correspondent);
            }
        }
    }

    /// Forgets the older half.
    fn prune(&mut self) {
        let mut all: Vec<_> =
            self.talks.iter().map(|(who, talks)| (talks.last_activity(), *who)).collect();
        all.sort_unstable();
        for (_, who) in all.into_iter().take(MOST / 2) {
            self.drop_talks(who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: EndpointId = EndpointId(1);
    const BOB: EndpointId = EndpointId(2);
    const CARL: EndpointId = EndpointId(3);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn threads(written: &[(EndpointId, EndpointId)]) -> Threads {
        let mut correspondents = Threads::default();
        for (from, to) in written {
            correspondents.record_message(*from, *to, at(0));
        }
        correspondents
    }

    #[track_caller]
    fn check(written: &[(EndpointId, EndpointId)], meant: &[EndpointId]) {
        let here = |endpoint: &EndpointId| Correspondent::Known(*endpoint);
        let meant = match meant {
            [] => DmTarget::Nobody,
            [one] => DmTarget::One(here(one)),
            several => DmTarget::Ambiguous(several.iter().map(here).collect()),
        };
        assert_eq!(threads(written).target(ANN, at(1)), meant, "{written:?}");
    }

    #[test]
    fn target_is_the_last_correspondent_unless_another_wrote_since() {
        check(&[], &[]);
        check(&[(BOB, ANN)], &[BOB]);
        check(&[(BOB, ANN), (BOB, ANN)], &[BOB]);
        check(&[(ANN, BOB)], &[BOB]);
        check(&[(ANN, BOB), (BOB, ANN)], &[BOB]);
        check(&[(BOB, ANN), (CARL, ANN)], &[BOB, CARL]);
        check(&[(ANN, BOB), (CARL, ANN)], &[BOB, CARL]);
        check(&[(BOB, ANN), (CARL, ANN), (ANN, CARL)], &[CARL]);
        check(&[(ANN, BOB), (CARL, ANN), (ANN, CARL), (CARL, ANN)], &[CARL]);
    }

    #[test]
    fn gone_correspondent_is_never_replaced() {
        let mut correspondents = threads(&[(ANN, BOB), (BOB, ANN)]);
        correspondents.remove_user(BOB, "bob");
        assert_eq!(
            correspondents.target(ANN, at(1)),
            DmTarget::One(Correspondent::Gone("bob".to_owned()))
        );
        assert_eq!(correspondents.target(BOB, at(1)), DmTarget::Nobody);
        correspondents.record_message(CARL, ANN, at(2));
        let both = vec![Correspondent::Gone("bob".to_owned()), Correspondent::Known(CARL)];
        assert_eq!(correspondents.target(ANN, at(3)), DmTarget::Ambiguous(both));
    }

    #[test]
    fn moved_user_keeps_the_threads() {
        let mut correspondents = threads(&[(ANN, BOB), (BOB, ANN)]);
        correspondents.move_user(BOB, CARL);
        assert_eq!(correspondents.target(ANN, at(1)), DmTarget::One(Correspondent::Known(CARL)));
        assert_eq!(correspondents.target(CARL, at(1)), DmTarget::One(Correspondent::Known(ANN)));
    }

    #[test]
    fn it_is_bounded_however_many_write_and_whatever_they_are_called() {
        let mut correspondents = Threads::default();
        for n in 0..i64::try_from(3 * MOST).expect("small") {
            correspondents.record_message(EndpointId(10 + n), ANN, at(n));
            correspondents.move_user(EndpointId(10 + n), EndpointId(1_000_000 + n));
        }
        assert!(correspondents.talks.len() <= MOST, "{}", correspondents.talks.len());
        assert!(correspondents.of.len() <= MOST + MOST_WRITERS, "{}", correspondents.of.len());
        assert!(correspondents.of.values().map(BTreeSet::len).sum::<usize>() <= 3 * MOST);
        assert!(
            correspondents.talks.values().all(|talks| talks.received_since.len() <= MOST_WRITERS)
        );
        (1_000_000..1_100_000).for_each(|n| correspondents.remove_user(EndpointId(n), "somebody"));
        correspondents.drop_talks(ANN);
        assert_eq!((correspondents.talks.len(), correspondents.of.len()), (0, 0));
    }

    #[test]
    fn thread_expires_after_a_day() {
        let correspondents = threads(&[(BOB, ANN)]);
        assert_eq!(correspondents.target(ANN, at(86_400)), DmTarget::Nobody);
    }

    #[test]
    fn target_is_confirmed_once_per_interval() {
        let mut correspondents = threads(&[(BOB, ANN)]);
        let mut is_news = |who, second| correspondents.confirm_target(ANN, who, at(second));
        assert!(is_news(BOB, 0) && !is_news(BOB, 500) && !is_news(BOB, 1_000));
        assert!(is_news(BOB, 1_600) && is_news(CARL, 1_601));
    }
}
