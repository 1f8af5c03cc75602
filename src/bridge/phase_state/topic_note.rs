//! What the bridge adds to a channel's topic, decided from what the server shows.
//!
//! ```text
//!                  the phase is not `together`              the server shows it
//!  nothing added ──────────────────────────────▶ asked for ─────────────────────▶ shown
//!     ▲ ▲                                                                          │ │
//!     │ └── somebody took it out: not in this phase again ◀────────────────────────┘ │
//!     └──── the phase is `together`, and it is taken out ◀───────────────────────────┘
//! ```

use crate::domain::LinkPhase;
use crate::store::PhasePlace;

/// Stands between the topic and what is added to it.
const SEPARATOR: &str = " | ";

/// What is to be done about the topic.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) struct TopicPlan {
    /// What is known of the channel from now on.
    pub(in crate::bridge) place: PhasePlace,
    /// The topic to be set.
    pub(in crate::bridge) topic: Option<String>,
}

/// Decides about a channel whose topic is `shown`, in the phase for which this note is wanted, if any. The topic can be
/// set with up to `max_len` bytes; `None`: not at all.
pub(in crate::bridge) fn plan(
    place: &PhasePlace,
    wanted: Option<(&str, LinkPhase)>,
    shown: &str,
    max_len: Option<usize>,
) -> TopicPlan {
    let mut next = place.clone();
    let Some((wanted, phase)) = wanted else {
        next.topic_removed = None;
        let note = place.topic_note.as_deref();
        let rest = note.and_then(|note| without(shown, note));
        if rest.is_none() && place.is_topic_shown {
            (next.topic_note, next.is_topic_shown) = (None, false);
        }
        return TopicPlan { place: next, topic: rest.filter(|_| max_len.is_some()) };
    };
    next.topic_removed = place.topic_removed.filter(|removed| *removed == phase);
    if next.topic_removed.is_some() {
        return TopicPlan { place: next, topic: None };
    }
    let known = place.topic_note.as_deref().unwrap_or(wanted);
    let topic = match without(shown, known) {
        Some(_) if known == wanted => {
            (next.topic_note, next.is_topic_shown) = (Some(wanted.to_owned()), true);
            None
        }
        // It says something else now.
        Some(rest) => with(&rest, wanted, max_len),
        None if place.is_topic_shown => {
            (next.topic_note, next.is_topic_shown) = (None, false);
            next.topic_removed = Some(phase);
            None
        }
        None => with(shown, wanted, max_len),
    };
    if topic.is_some() {
        (next.topic_note, next.is_topic_shown) = (Some(wanted.to_owned()), false);
    }
    TopicPlan { place: next, topic }
}

/// The topic with the note, if it can be set.
pub(in crate::bridge) fn with(topic: &str, note: &str, max_len: Option<usize>) -> Option<String> {
    let topic = match topic.is_empty() {
        true => note.to_owned(),
        false => format!("{topic}{SEPARATOR}{note}"),
    };
    Some(topic).filter(|topic| max_len.is_some_and(|most| topic.len() <= most))
}

/// The topic without the note, if it ends with it.
pub(in crate::bridge) fn without(topic: &str, note: &str) -> Option<String> {
    let rest = topic.strip_suffix(note).filter(|_| !note.is_empty())?;
    if rest.is_empty() {
        Some(String::new())
    } else {
        rest.strip_suffix(SEPARATOR).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EndpointId;

    const NOTE: &str = "Let's Chat: https://chat";

    /// A channel with this note, which the server has shown or not, and the phase in which one was removed.
    fn place(note: &str, is_topic_shown: bool, topic_removed: Option<LinkPhase>) -> PhasePlace {
        PhasePlace {
            topic_note: (!note.is_empty()).then(|| note.to_owned()),
            is_topic_shown,
            topic_removed,
            ..PhasePlace::new(EndpointId(1))
        }
    }

    #[test]
    fn note_is_added_once_and_removed_again() {
        let moving = LinkPhase::Moving;
        let read_only = LinkPhase::IrcReadOnly;
        let own = format!("Tea | {NOTE}");
        let wanted = |phase| Some((NOTE, phase));
        let none = place("", false, None);
        let (asked, shown) = (place(NOTE, false, None), place(NOTE, true, None));
        let gone = place("", false, Some(moving));
        for (before, wanted, topic, may, after, set) in [
            (&none, None, "Tea", true, &none, None),
            (&none, wanted(moving), "Tea", true, &asked, Some(own.as_str())),
            (&none, wanted(moving), "", true, &asked, Some(NOTE)),
            (&none, wanted(moving), "Tea", false, &none, None),
            // It is there already, after a restored backup for example.
            (&none, wanted(moving), &own, false, &shown, None),
            (&asked, wanted(moving), &own, true, &shown, None),
            (&asked, wanted(moving), NOTE, true, &shown, None),
            // The process was killed before it was sent.
            (&asked, wanted(moving), "Tea", true, &asked, Some(&own)),
            (&shown, wanted(moving), &own, true, &shown, None),
            (&shown, wanted(read_only), &own, true, &shown, None),
            // Somebody has taken it out.
            (&shown, wanted(moving), "Tea", true, &gone, None),
            (&gone, wanted(moving), "Coffee", true, &gone, None),
            (&gone, wanted(read_only), "Tea", true, &asked, Some(&own)),
            (&gone, None, "Tea", true, &none, None),
            // Back to the first phase.
            (&shown, None, &own, true, &shown, Some("Tea")),
            (&shown, None, NOTE, true, &shown, Some("")),
            (&shown, None, &own, false, &shown, None),
            (&shown, None, "Tea", true, &none, None),
            (&asked, None, "Tea", true, &asked, None),
            (&asked, None, &own, true, &asked, Some("Tea")),
        ] {
            let plan = plan(before, wanted, topic, may.then_some(100));
            let expected = TopicPlan { place: after.clone(), topic: set.map(str::to_owned) };
            assert_eq!(plan, expected, "{before:?} {wanted:?} {topic}");
        }
    }

    #[test]
    fn changed_note_replaces_the_one_before() {
        let before = place("old", true, None);
        let wanted = Some((NOTE, LinkPhase::Moving));
        let plan = plan(&before, wanted, "Tea | old", Some(100));
        assert_eq!(plan.place, place(NOTE, false, None));
        assert_eq!(plan.topic, Some(format!("Tea | {NOTE}")));
    }

    #[test]
    fn note_that_does_not_fit_is_not_added() {
        let len = "Tea | ".len() + NOTE.len();
        assert_eq!(with("Tea", NOTE, Some(len)).map(|it| it.len()), Some(len));
        assert_eq!(with("Tea", NOTE, Some(len - 1)), None);
        assert_eq!(without("Tea. Let's Chat: https://chat", NOTE), None, "somebody's own words");
    }
}
