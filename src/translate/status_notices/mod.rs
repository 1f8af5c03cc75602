//! Summarises joins, parts and similar events in short notices.

mod sentences;

use std::collections::HashMap;

use self::sentences::{StatusRenderer, counts_only};

/// Maximum bytes of the whole notice; longer ones are abbreviated.
const MAX_LEN: usize = 340;

/// Which events of a kind are reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Verbosity {
    /// None.
    Off,
    /// Those of users who have spoken recently.
    #[default]
    Smart,
    /// All.
    All,
}

/// Which events in a channel are reported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatusNotices {
    /// Joins, parts, quits and netsplits.
    pub joins: Verbosity,
    /// Nick changes.
    pub nick_changes: Verbosity,
    /// Kicks.
    pub kicks: Verbosity,
    /// Mode changes.
    pub modes: Verbosity,
    /// Topic changes; smart means all here.
    pub topics: Verbosity,
}

/// Which of topic and description follows the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TopicSync {
    /// Neither.
    #[default]
    Off,
    /// The room's description follows the channel's topic.
    ToRoom,
    /// The channel's topic follows the room's description.
    ToChannel,
    /// Each follows the other.
    Both,
}

impl TopicSync {
    /// Whether the room's description follows.
    #[must_use]
    pub fn syncs_room(self) -> bool {
        matches!(self, Self::ToRoom | Self::Both)
    }

    /// Whether the channel's topic follows.
    #[must_use]
    pub fn syncs_channel(self) -> bool {
        matches!(self, Self::ToChannel | Self::Both)
    }
}

/// An event in a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusEvent {
    /// The user it happened to, or who did it.
    pub who: String,
    /// Whether they have spoken recently.
    pub spoke_recently: bool,
    /// What happened.
    pub change: StatusChange,
}

impl StatusEvent {
    /// The bytes of its texts.
    #[must_use]
    pub fn text_len(&self) -> usize {
        let change = match &self.change {
            StatusChange::Joined | StatusChange::NetsplitRejoin => 0,
            StatusChange::Left(text) | StatusChange::TopicChanged(text) => {
                text.as_ref().map_or(0, String::len)
            }
            StatusChange::Kicked { by, reason } => {
                by.len() + reason.as_ref().map_or(0, String::len)
            }
            StatusChange::NickChanged(text)
            | StatusChange::Netsplit(text)
            | StatusChange::ModesChanged(text) => text.len(),
        };
        self.who.len() + change
    }
}

/// What happened to a user, or what they did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatusChange {
    /// They joined.
    Joined,
    /// They left, with this message.
    Left(Option<String>),
    /// They were kicked.
    Kicked {
        /// The user who kicked them.
        by: String,
        /// The reason.
        reason: Option<String>,
    },
    /// Their nick changed to this one.
    NickChanged(String),
    /// They were split off between these servers.
    Netsplit(String),
    /// They returned from a netsplit.
    NetsplitRejoin,
    /// They changed the channel modes.
    ModesChanged(String),
    /// They changed the topic.
    TopicChanged(Option<String>),
}

impl StatusNotices {
    fn shows(&self, event: &StatusEvent) -> bool {
        let show = match event.change {
            StatusChange::Joined
            | StatusChange::Left(_)
            | StatusChange::Netsplit(_)
            | StatusChange::NetsplitRejoin => self.joins,
            StatusChange::Kicked { .. } => self.kicks,
            StatusChange::NickChanged(_) => self.nick_changes,
            StatusChange::ModesChanged(_) => self.modes,
            StatusChange::TopicChanged(_) => return self.topics != Verbosity::Off,
        };
        match show {
            Verbosity::Off => false,
            Verbosity::Smart => event.spoke_recently,
            Verbosity::All => true,
        }
    }

    /// Summarises the events in one line of bounded length; `None` if nothing is to be reported. Events that
    /// cancel each other are dropped. `shown` formats names.
    #[must_use]
    pub fn summarize(
        &self,
        events: &[StatusEvent],
        shown: impl Fn(&str) -> String,
    ) -> Option<String> {
        let shown_events: Vec<&StatusEvent> =
            drop_reversals(events).into_iter().filter(|event| self.shows(event)).collect();
        let renderer = StatusRenderer { display_name: shown };
        let each = renderer.each(&shown_events);
        [each, Some(renderer.by_kind(&shown_events)), Some(counts_only(&shown_events))]
            .into_iter()
            .flatten()
            .find(|notice| notice.len() <= MAX_LEN)
            .filter(|notice| !notice.is_empty())
    }
}

/// The events without those that cancel each other.
fn drop_reversals(events: &[StatusEvent]) -> Vec<&StatusEvent> {
    let mut left: Vec<Option<&StatusEvent>> = Vec::with_capacity(events.len());
    // The position of each user's last join or part.
    let mut last: HashMap<&str, usize> = HashMap::new();
    for event in events {
        let before = last.get(event.who.as_str()).and_then(|at| Some((*at, left[*at]?)));
        let undoes = before.is_some_and(|(_, before)| {
            matches!(
                (&before.change, &event.change),
                (
                    StatusChange::Joined | StatusChange::NetsplitRejoin,
                    StatusChange::Left(_) | StatusChange::Netsplit(_)
                ) | (
                    StatusChange::Left(_) | StatusChange::Netsplit(_),
                    StatusChange::Joined | StatusChange::NetsplitRejoin
                )
            )
        });
        match before {
            Some((at, _)) if undoes => {
                left[at] = None;
                last.remove(event.who.as_str());
            }
            _ => {
                last.insert(&event.who, left.len());
                left.push(Some(event));
            }
        }
    }
    left.into_iter().flatten().collect()
}

/// Whether several events of this kind can be reported together.
fn is_groupable(event: &StatusEvent) -> bool {
    matches!(
        event.change,
        StatusChange::Joined
            | StatusChange::Left(None)
            | StatusChange::Netsplit(_)
            | StatusChange::NetsplitRejoin
            | StatusChange::Kicked { .. }
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::translate::display_names;

    fn event(who: &str, what: StatusChange) -> StatusEvent {
        StatusEvent {
            who: who.to_owned(),
            spoke_recently: who.starts_with(char::is_lowercase),
            change: what,
        }
    }

    fn left_with_reason(reason: &str) -> StatusChange {
        StatusChange::Left(Some(reason.to_owned()))
    }

    #[track_caller]
    fn check(show: Verbosity, events: &[StatusEvent], told: Option<&str>) {
        let all = StatusNotices {
            joins: show,
            nick_changes: show,
            kicks: show,
            modes: show,
            topics: show,
        };
        let shown = |name: &str| display_names::name_or_fallback(name).into_owned();
        assert_eq!(all.summarize(events, shown).as_deref(), told);
    }

    #[test]
    fn each_change_has_its_sentence() {
        let kicked =
            |by: &str| StatusChange::Kicked { by: by.to_owned(), reason: Some("spam".to_owned()) };
        for (what, told) in [
            (StatusChange::Joined, "ann joined"),
            (left_with_reason("bye"), "ann left (bye)"),
            (left_with_reason(" "), "ann left"),
            (StatusChange::Left(None), "ann left"),
            (kicked("op"), "ann was kicked by op (spam)"),
            (StatusChange::NickChanged("anna".to_owned()), "ann is now anna"),
            (StatusChange::Netsplit("a.x b.x".to_owned()), "netsplit (a.x b.x): ann quit"),
            (StatusChange::NetsplitRejoin, "netsplit over: ann rejoined"),
            (StatusChange::ModesChanged("+o bob".to_owned()), "ann set +o bob"),
            (StatusChange::TopicChanged(Some("tea".to_owned())), "ann set the topic: tea"),
            (StatusChange::TopicChanged(None), "ann removed the topic"),
        ] {
            check(Verbosity::All, &[event("ann", what)], Some(told));
        }
    }

    #[test]
    fn equal_changes_share_one_sentence() {
        let joined = |who| event(who, StatusChange::Joined);
        check(Verbosity::All, &[joined("ann"), joined("bob")], Some("ann and bob joined"));
        check(
            Verbosity::All,
            &[
                joined("ann"),
                event("bob", left_with_reason("bye")),
                event("carl", left_with_reason("bye")),
            ],
            Some("ann joined; bob left (bye); carl left (bye)"),
        );
        let names: Vec<String> = (0..13).map(|it| format!("p{it}")).collect();
        let many: Vec<StatusEvent> =
            names.iter().map(|it| event(it, StatusChange::Netsplit("a b".to_owned()))).collect();
        check(
            Verbosity::All,
            &many,
            Some("netsplit (a b): p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 3 more quit"),
        );
    }

    #[test]
    fn smart_shows_only_recent_speakers() {
        let both = [event("ann", StatusChange::Joined), event("Lurker", StatusChange::Joined)];
        check(Verbosity::Smart, &both, Some("ann joined"));
        check(Verbosity::All, &both, Some("ann and Lurker joined"));
        check(Verbosity::Off, &both, None);
        check(Verbosity::Smart, &both[1..], None);
    }

    #[test]
    fn leave_and_rejoin_cancel_out() {
        check(
            Verbosity::All,
            &[event("ann", left_with_reason("reset")), event("ann", StatusChange::Joined)],
            None,
        );
        let back = [
            event("ann", StatusChange::Netsplit("a b".to_owned())),
            event("bob", StatusChange::Joined),
            event("ann", StatusChange::NetsplitRejoin),
        ];
        check(Verbosity::All, &back, Some("bob joined"));
        let thrice = [
            event("ann", left_with_reason("x")),
            event("ann", StatusChange::Joined),
            event("ann", left_with_reason("y")),
        ];
        check(Verbosity::All, &thrice, Some("ann left (y)"));
    }

    #[test]
    fn any_events_make_one_bounded_line() {
        let leave = |count: usize, why: &dyn Fn(usize) -> String| -> Vec<StatusEvent> {
            (0..count).map(|it| event(&format!("p{it}"), left_with_reason(&why(it)))).collect()
        };
        let all = "p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 590 more left";
        check(Verbosity::All, &leave(600, &|_| "Quit: shutting down".to_owned()), Some(all));
        check(Verbosity::All, &leave(600, &|it| format!("Quit: bye {it}")), Some(all));
        let mut mixed = leave(40, &|it| "x".repeat(it + 1));
        mixed.insert(20, event("ann", StatusChange::NickChanged("anna".to_owned())));
        check(
            Verbosity::All,
            &mixed,
            Some("p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 30 more left; ann is now anna"),
        );
    }

    #[test]
    fn user_text_is_sanitized_and_truncated() {
        for (what, told) in [
            (left_with_reason("\u{2}Quit:\u{2} @all"), "ann left (Quit: @all)"),
            (left_with_reason("\u{3}04\u{200b}"), "ann left"),
            (
                StatusChange::TopicChanged(Some("\u{3}04,01 Rules\r\n @all".to_owned())),
                "ann set the topic: Rules @all",
            ),
            (StatusChange::TopicChanged(Some("\u{3}04".to_owned())), "ann removed the topic"),
            (StatusChange::NickChanged("\u{202e}\u{200b}".to_owned()), "ann is now somebody"),
            (left_with_reason(&"é".repeat(400)), &format!("ann left ({}…)", "é".repeat(58))),
        ] {
            check(Verbosity::All, &[event("ann", what)], Some(told));
        }
    }

    proptest! {
        #[test]
        fn summary_length_is_bounded(happened in prop::collection::vec((".{0,200}", 0_usize..8, ".{0,500}"), 0..60)) {
            let what = |kind, text: String| match kind {
                0 => StatusChange::Joined,
                1 => StatusChange::Left(Some(text)),
                2 => StatusChange::Kicked { by: text.clone(), reason: Some(text) },
                3 => StatusChange::NickChanged(text),
                4 => StatusChange::Netsplit(text),
                5 => StatusChange::NetsplitRejoin,
                6 => StatusChange::ModesChanged(text),
                _ => StatusChange::TopicChanged(Some(text)),
            };
            let events: Vec<StatusEvent> =
                happened.into_iter().map(|(who, kind, text)| event(&who, what(kind, text))).collect();
            let show = Verbosity::All;
            let all = StatusNotices { joins: show, nick_changes: show, kicks: show, modes: show, topics: show };
            let told = all.summarize(&events, |name| display_names::name_or_fallback(name).into_owned()).unwrap_or_default();
            prop_assert!(told.len() <= MAX_LEN, "{told}");
        }
    }
}
