//! Stops bots that trigger each other through the bridge, before they flood a channel.
//!
//! An author that only repeats is a bot: it echoes others four turns in a row, or it sends the same text
//! again and again to somebody who does likewise. Of two bots in a loop, only one is muted, and only for a
//! while: the one that echoes, or else the one that came second. Its messages are still recorded and counted,
//! and their number is reported afterwards. An author with words of their own is no bot: they are unmuted at
//! once, and the suppressed messages are mirrored late.
//!
//! ```text
//!           fourth turn of repetition                the pause is over
//!  Allowed ───────────────────────────▶ Muted(pause) ───────────────────▶ Allowed
//!     ▲                                    │ words of their own: releases held messages
//!     └────────────────────────────────────┘    the next pause is twice as long, within an hour
//! ```

use std::collections::HashMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::repetition::{AuthorKey, RecentLine, RecentLines, author_key};
use crate::domain::{EndpointId, Message};
use crate::store::MessageId;

/// The first and the longest pause.
const INITIAL_PAUSE: SignedDuration = SignedDuration::from_secs(30);
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(1);

/// After this long without a mute, pauses start over.
const PAUSE_RESET_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Maximum number of groups watched, and of muted authors. Only direct-message conversations can be that
/// many.
const GUARD_CAPACITY: usize = 1_000;

/// Maximum number of held messages per muted author.
const MAX_HELD_MESSAGES: usize = 32;

/// Detects loops of bots.
#[derive(Debug, Default)]
pub(super) struct LoopGuard {
    /// By group, identified by the lowest id of its endpoints.
    recent_lines: HashMap<EndpointId, RecentLines>,
    muted: HashMap<AuthorKey, MutedAuthor>,
}

/// An author who only repeats.
#[derive(Debug)]
struct MutedAuthor {
    name: Arc<str>,
    /// The duration of the current mute.
    pause: SignedDuration,
    until: Timestamp,
    /// How many of their messages were suppressed.
    suppressed: u64,
    /// The first of them.
    held_messages: Vec<(MessageId, Message)>,
    /// The digest of what they repeat.
    digest: u64,
    /// The end of the mute was reported.
    reported: bool,
}

/// What to do with a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LoopVerdict {
    /// Mirror it.
    Allow,
    /// Suppress it: its author is muted.
    Suppress,
    /// Suppress it and mute its author.
    Mute {
        /// The other bot of the loop, and where it is.
        other: (Arc<str>, EndpointId),
        /// The duration.
        pause: SignedDuration,
    },
    /// Mirror it, after these held messages of its author.
    Release(Vec<(MessageId, Message)>),
}

/// A mute that has expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExpiredMute {
    /// The muted author.
    pub(super) name: Arc<str>,
    /// Where they are.
    pub(super) endpoint: EndpointId,
    /// How many of their messages were suppressed.
    pub(super) suppressed: u64,
}

impl LoopGuard {
    /// Checks `message`, just received from an endpoint of the group.
    pub(super) fn check(
        &mut self,
        conversation: EndpointId,
        message: &Message,
        now: Timestamp,
    ) -> LoopVerdict {
        if self.recent_lines.len() > GUARD_CAPACITY {
            self.recent_lines.clear();
        }
        let heard = self.recent_lines.entry(conversation).or_default();
        let line = heard.analyze(message, now);
        if let Some(muted) = self.muted.get_mut(&line.author).filter(|it| it.until > now) {
            if !line.is_own() || line.digest == muted.digest {
                muted.suppressed += 1;
                return LoopVerdict::Suppress;
            }
            (muted.until, muted.reported) = (now, true);
            let kept = std::mem::take(&mut muted.held_messages);
            heard.push(line);
            return LoopVerdict::Release(kept);
        }
        let Some(other) = heard.loop_partner(&line) else {
            heard.push(line);
            return LoopVerdict::Allow;
        };
        let other = (Arc::clone(&other.name), other.author.endpoint);
        LoopVerdict::Mute { other, pause: self.mute(&line, now) }
    }

    /// Mutes the author of `line`. Returns the duration.
    fn mute(&mut self, line: &RecentLine, now: Timestamp) -> SignedDuration {
        let before = self.muted.get(&line.author).map(|it| it.pause * 2);
        let pause = before.map_or(INITIAL_PAUSE, |pause| pause.min(MAX_PAUSE));
        if self.muted.len() > GUARD_CAPACITY {
            self.muted.retain(|_, it| it.until > now);
        }
        let muted = MutedAuthor {
            name: Arc::clone(&line.name),
            pause,
            until: now + pause,
            suppressed: 1,
            held_messages: Vec::new(),
            digest: line.digest,
            reported: false,
        };
        self.muted.insert(line.author, muted);
        pause
    }

    /// Holds a suppressed `message`, in case its author turns out to be a person.
    pub(super) fn hold(&mut self, id: MessageId, message: &Message) {
        let muted = self.muted.get_mut(&author_key(message));
        if let Some(muted) = muted.filter(|it| it.held_messages.len() < MAX_HELD_MESSAGES) {
            muted.held_messages.push((id, message.clone()));
        }
    }

    /// The mutes that have expired by `now` and were not reported.
    pub(super) fn take_expired(&mut self, now: Timestamp) -> Vec<ExpiredMute> {
        self.muted.retain(|_, it| now.duration_since(it.until) < PAUSE_RESET_AFTER);
        let over = self.muted.iter_mut().filter(|(_, it)| it.until <= now && !it.reported);
        over.map(|(who, it)| {
            it.reported = true;
            it.held_messages.clear();
            ExpiredMute {
                name: Arc::clone(&it.name),
                endpoint: who.endpoint,
                suppressed: it.suppressed,
            }
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Author, MessageKind};

    const CHANNEL: EndpointId = EndpointId(1);
    const ROOM: EndpointId = EndpointId(2);
    const OTHER_ROOM: EndpointId = EndpointId(3);

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn said(source: EndpointId, name: &str, body: &str, milliseconds: i64) -> Message {
        let (author, body) = (Author::named(name), body.to_owned());
        Message { source, author, kind: MessageKind::Text, body, sent_at: at(milliseconds) }
    }

    /// How a bot replies to a line.
    #[derive(Debug, Clone, Copy)]
    enum BotReply {
        Echo,
        /// An echo with text before and after it, optionally in other case.
        Edited(&'static str, &'static str, bool),
        Fixed(&'static str),
        Numbered(&'static str),
    }

    impl BotReply {
        fn reply_to(self, line: &str, turn: usize) -> String {
            match self {
                Self::Echo => line.to_owned(),
                Self::Edited(before, behind, upper) => {
                    let line = if upper { line.to_uppercase() } else { line.to_owned() };
                    format!("{before}{line}{behind}")
                }
                Self::Fixed(words) => words.to_owned(),
                Self::Numbered(words) => format!("{words} {turn}"),
            }
        }
    }

    /// A participant: name, endpoint, and how they reply to other endpoints; `None` for people.
    type Participant = (&'static str, EndpointId, Option<BotReply>);

    /// Plays `lines`, each sent at its time by one of `all`, and the bots' replies `delays` later. Returns
    /// how many lines each has sent, and which were mirrored, late or not.
    fn play(
        all: &[Participant],
        lines: &[(i64, usize, String)],
        delays: &[i64],
    ) -> Vec<(usize, Vec<String>)> {
        let mut guard = LoopGuard::default();
        let mut queue: BTreeMap<(i64, usize), (usize, String)> = BTreeMap::new();
        let (mut count, mut answers) = (0, 200);
        for (time, who, line) in lines {
            queue.insert((*time, count), (*who, line.clone()));
            count += 1;
        }
        let mut heard = vec![(0, Vec::new()); all.len()];
        let mut turns = vec![0; all.len()];
        while let Some(((time, number), (who, line))) = queue.pop_first() {
            let (name, endpoint, _) = all[who];
            heard[who].0 += 1;
            guard.take_expired(at(time));
            let message = said(endpoint, name, &line, time);
            let mirrored = match guard.check(CHANNEL, &message, at(time)) {
                LoopVerdict::Allow => vec![line],
                LoopVerdict::Release(kept) => {
                    kept.into_iter().map(|(_, it)| it.body).chain([line]).collect()
                }
                LoopVerdict::Suppress | LoopVerdict::Mute { .. } => {
                    guard.hold(MessageId::number(number as i64), &message);
                    vec![]
                }
            };
            for line in mirrored {
                for (other, (_, there, answer)) in all.iter().enumerate() {
                    if let Some(answer) = answer.filter(|_| *there != endpoint && answers > 0) {
                        answers -= 1;
                        turns[other] += 1;
                        let delay = delays[count % delays.len()];
                        let answer = answer.reply_to(&line, turns[other]);
                        queue.insert((time + delay, count), (other, answer));
                        count += 1;
                    }
                }
                heard[who].1.push(line);
            }
        }
        heard
    }

    /// Includes replies that differ each time.
    fn any_answer() -> impl Strategy<Value = BotReply> {
        prop_oneof![answer(), Just(BotReply::Numbered("pong")), Just(BotReply::Numbered("it is")),]
    }

    fn answer() -> impl Strategy<Value = BotReply> {
        prop_oneof![
            Just(BotReply::Echo),
            Just(BotReply::Edited("you said: ", "", false)),
            Just(BotReply::Edited("", "!", true)),
            Just(BotReply::Edited("<parrot> ", ", said the parrot", false)),
            Just(BotReply::Fixed("I am a bot")),
            Just(BotReply::Fixed("pong")),
        ]
    }

    fn echo() -> impl Strategy<Value = BotReply> {
        prop_oneof![
            Just(BotReply::Echo),
            Just(BotReply::Edited("you said: ", "", false)),
            Just(BotReply::Edited("", "!", true)),
            Just(BotReply::Edited("", "zz", false)),
            Just(BotReply::Edited("<parrot> ", ", said the parrot", false)),
        ]
    }

    /// What people write: their own words, repetitions, numbers.
    fn words() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-e]{1,3}( [a-e]{1,4}){0,3}",
            "[a-z]{2,8}( [a-z]{2,8}){0,6}",
            Just("ok".to_owned()),
            Just("hello".to_owned()),
            "line [0-9]{1,2}",
            "[0-9]{1,2}",
            Just("!!!".to_owned()),
            Just("😀".to_owned()),
        ]
    }

    /// Bursts of lines, with the delay before each.
    fn schedule() -> impl Strategy<Value = Vec<(i64, Vec<String>)>> {
        let burst = prop::collection::vec(words(), 1..6);
        prop::collection::vec((0_i64..15_000, burst), 1..30)
    }

    fn lines(bursts: &[(i64, Vec<String>)], apart: i64, who: usize) -> Vec<(i64, usize, String)> {
        let mut now = 0;
        let mut lines = Vec::new();
        for (pause, burst) in bursts {
            now += pause;
            for line in burst {
                now += apart;
                lines.push((now, who, line.clone()));
            }
        }
        lines
    }

    /// The author's `mirrored` lines in their original order.
    fn all_said(lines: &[(i64, usize, String)], who: usize) -> Vec<String> {
        lines.iter().filter(|it| it.1 == who).map(|it| it.2.clone()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn lines_of_an_echoed_author_are_all_mirrored(
            bursts in schedule(),
            apart in 0_i64..4_000,
            delays in prop::collection::vec(0_i64..10_000, 1..8),
            echo in echo(),
            turned in any::<bool>(),
            second in any::<bool>(),
        ) {
            let (here, there) = if turned { (ROOM, CHANNEL) } else { (CHANNEL, ROOM) };
            let mut all = vec![("ann", here, None), ("parrot", there, Some(echo))];
            if second {
                all.push(("parrot", OTHER_ROOM, Some(BotReply::Edited("again: ", "", false))));
            }
            let lines = lines(&bursts, apart, 0);
            prop_assert_eq!(&play(&all, &lines, &delays)[0].1, &all_said(&lines, 0));
        }

        #[test]
        fn lines_of_an_author_answered_by_a_bot_are_all_mirrored(
            bursts in schedule(),
            apart in 0_i64..4_000,
            delays in prop::collection::vec(0_i64..10_000, 1..8),
            answer in any_answer(),
        ) {
            let all = [("ann", CHANNEL, None), ("bot", ROOM, Some(answer))];
            let lines = lines(&bursts, apart, 0);
            prop_assert_eq!(&play(&all, &lines, &delays)[0].1, &all_said(&lines, 0));
        }

        #[test]
        fn two_bots_in_a_loop_get_at_most_four_turns_each(
            one in answer(),
            other in answer(),
            delays in prop::collection::vec(0_i64..10_000, 1..8),
            first in "[a-z]{4,8}( [a-z]{2,8}){0,3}",
        ) {
            let all = [("bot", CHANNEL, Some(one)), ("toy", ROOM, Some(other)), ("ann", ROOM, None)];
            let heard = play(&all, &[(0, 2, first)], &delays);
            prop_assert!(heard[..2].iter().all(|(_, it)| it.len() <= 4), "{heard:?}");
        }

        #[test]
        fn three_bots_in_a_ring_get_at_most_four_turns_each(
            answers in [answer(), answer(), answer()],
            delay in 0_i64..10_000,
        ) {
            // Each replies only to the one before it.
            let mut guard = LoopGuard::default();
            let ring = [("bot", CHANNEL), ("toy", ROOM), ("imp", OTHER_ROOM)];
            let (mut line, mut turns) = ("good morning".to_owned(), [0; 3]);
            for turn in 0..200 {
                let (who, now) = (turn % 3, turn as i64 * delay);
                line = answers[who].reply_to(&line, turn / 3);
                let message = said(ring[who].1, ring[who].0, &line, now);
                if guard.check(CHANNEL, &message, at(now)) != LoopVerdict::Allow {
                    break;
                }
                turns[who] += 1;
            }
            prop_assert!(turns.iter().all(|turns| *turns <= 4), "{turns:?}");
        }

        #[test]
        fn fast_human_conversation_is_never_muted(
            said_by in prop::collection::vec((0_i64..3_000, 0_usize..3, "[a-z]{2,8}( [a-z]{2,8}){1,6}"), 1..200),
        ) {
            let all = [("ann", CHANNEL, None), ("bob", ROOM, None), ("carl", OTHER_ROOM, None)];
            let mut now = 0;
            let lines: Vec<_> = said_by.into_iter().map(|(pause, who, line)| {
                now += pause;
                (now, who, line)
            }).collect();
            let heard = play(&all, &lines, &[0]);
            for (who, (_, mirrored)) in heard.iter().enumerate().take(3) {
                prop_assert_eq!(mirrored, &all_said(&lines, who));
            }
        }
    }

    #[test]
    fn people_who_count_beside_each_other_are_heard() {
        let mut guard = LoopGuard::default();
        for turn in 0..100 {
            for (endpoint, name) in [(CHANNEL, "ann"), (ROOM, "bob")] {
                let message = said(endpoint, name, &format!("from {name} {turn}"), turn);
                assert_eq!(guard.check(CHANNEL, &message, at(turn)), LoopVerdict::Allow, "{turn}");
            }
        }
    }

    #[track_caller]
    fn assert_nobody_is_muted(lines: &[(i64, EndpointId, &str, &str)]) {
        let mut guard = LoopGuard::default();
        for (time, endpoint, name, body) in lines {
            let verdicts = guard.check(CHANNEL, &said(*endpoint, name, body, *time), at(*time));
            assert_eq!(verdicts, LoopVerdict::Allow, "{time}: {name} says {body}");
        }
    }

    #[test]
    fn short_replies_pastes_and_monologues_are_not_muted() {
        assert_nobody_is_muted(&[
            (0, CHANNEL, "ann", "ok"),
            (500, ROOM, "bob", "ok"),
            (1_000, CHANNEL, "ann", "ok"),
            (1_500, ROOM, "bob", "ok"),
        ]);
        let slowly: Vec<_> = (0..200)
            .map(|n| if n % 2 == 0 { (n, CHANNEL, "ann") } else { (n, ROOM, "bob") })
            .map(|(n, endpoint, name)| (n * 5_000, endpoint, name, "ok"))
            .collect();
        assert_nobody_is_muted(&slowly);
        let paste =
            ["fn main() {", "    let it = 1;", "    println!(it);", "}", "// end", "it fails"];
        let ann = paste.iter().map(|line| (0, CHANNEL, "ann", *line));
        let bob = paste.iter().map(|line| (3_000, ROOM, "bob", *line));
        assert_nobody_is_muted(&ann.chain(bob).collect::<Vec<_>>());
        let questions = ["is it red?", "is it blue?", "a fish?", "a bird?", "am I near?", "a cat?"];
        let game = questions.iter().enumerate().flat_map(|(n, question)| {
            let now = n as i64 * 4_000;
            [(now, CHANNEL, "ann", *question), (now + 1_000, ROOM, "bob", "nope!")]
        });
        assert_nobody_is_muted(&game.collect::<Vec<_>>());
        let alone: Vec<_> = (0..200).map(|n| (n * 100, CHANNEL, "ann", "anybody?")).collect();
        assert_nobody_is_muted(&alone);
    }

    #[test]
    fn authors_in_one_endpoint_are_not_muted() {
        let turns: Vec<_> = (0..200)
            .map(|n| (n * 100, CHANNEL, if n % 2 == 0 { "ann" } else { "bob" }, "polly"))
            .collect();
        assert_nobody_is_muted(&turns);
    }

    /// Two bots that send `polly` to each other every half second, for this many lines.
    fn check_two_repeaters(guard: &mut LoopGuard, begin: i64, lines: i64) -> Vec<LoopVerdict> {
        let turn = |n: i64| {
            let (endpoint, name) = if n % 2 == 0 { (CHANNEL, "parrot") } else { (ROOM, "echo") };
            let now = begin + n * 500;
            guard.check(CHANNEL, &said(endpoint, name, "polly", now), at(now))
        };
        (0..lines).map(turn).collect()
    }

    #[test]
    fn repeater_is_muted_in_the_fourth_turn_and_the_repeated_author_is_not() {
        let verdicts = check_two_repeaters(&mut LoopGuard::default(), 0, 20);
        let other = ("parrot".into(), CHANNEL);
        assert_eq!(verdicts[7], LoopVerdict::Mute { other, pause: INITIAL_PAUSE });
        let (parrot, echo): (Vec<_>, Vec<_>) = (0..20).partition(|n| n % 2 == 0);
        assert!(parrot.iter().all(|n: &usize| verdicts[*n] == LoopVerdict::Allow));
        assert!(echo[4..].iter().all(|n| verdicts[*n] == LoopVerdict::Suppress));
    }

    #[test]
    fn third_author_does_not_hide_a_loop() {
        let mut guard = LoopGuard::default();
        let muted = (0..60).any(|n| {
            let (endpoint, name, body) = match n % 3 {
                0 => (CHANNEL, "parrot", "polly".to_owned()),
                1 => (ROOM, "echo", "polly".to_owned()),
                _ => (ROOM, "ann", "stop it!".repeat(n)),
            };
            let now = n as i64 * 1_000;
            let verdicts = guard.check(CHANNEL, &said(endpoint, name, &body, now), at(now));
            matches!(verdicts, LoopVerdict::Mute { .. })
        });
        assert!(muted);
    }

    #[test]
    fn own_words_unmute_the_author_and_release_held_messages() {
        let mut guard = LoopGuard::default();
        check_two_repeaters(&mut guard, 0, 8);
        let late = said(ROOM, "echo", "polly", 3_500);
        guard.hold(MessageId::number(1), &late);
        let own = said(ROOM, "echo", "polly is a nice name for a bird", 5_000);
        let released = vec![(MessageId::number(1), late)];
        assert_eq!(guard.check(CHANNEL, &own, at(5_000)), LoopVerdict::Release(released));
        assert_eq!(guard.take_expired(at(60_000)), []);
    }

    #[test]
    fn pauses_double_expire_with_a_count_and_reset() {
        let mut guard = LoopGuard::default();
        let (mut pauses, mut begin) = (Vec::new(), 0);
        for _ in 0..10 {
            for judgement in check_two_repeaters(&mut guard, begin, 9) {
                if let LoopVerdict::Mute { pause, .. } = judgement {
                    pauses.push(pause.as_secs());
                    begin += pause.as_millis() as i64 + 60_000;
                }
            }
            let over = guard.take_expired(at(begin));
            assert_eq!(over.iter().map(|it| it.suppressed).collect::<Vec<_>>(), [1]);
        }
        assert_eq!(pauses[..8], [30, 60, 120, 240, 480, 960, 1_920, 3_600]);
        assert_eq!(guard.take_expired(at(begin + 8_000_000)), []);
        assert!(guard.muted.is_empty());
    }
}
