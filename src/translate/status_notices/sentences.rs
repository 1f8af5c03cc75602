//! Writes sentences about status events: "ann and bob joined".

use super::{MAX_LEN, StatusChange, StatusEvent, is_groupable};
use crate::translate::clean;

/// How many names are listed, and in how many bytes.
const MAX_NAMES: usize = 10;

const MAX_LEN_NAMES: usize = 160;

/// Maximum bytes of a user's reason.
const MAX_LEN_REASON: usize = 120;

/// Maximum bytes of a topic.
const MAX_LEN_TOPIC: usize = 240;

/// How to format names.
pub(super) struct StatusRenderer<F> {
    pub(super) display_name: F,
}

impl<F: Fn(&str) -> String> StatusRenderer<F> {
    /// Every event in order; `None` if too long.
    pub(super) fn each(&self, events: &[&StatusEvent]) -> Option<String> {
        let mut text = String::new();
        let mut rest = events;
        while let Some(first) = rest.first() {
            let group = rest.iter().take_while(|it| it.change == first.change && is_groupable(it));
            let count = group.count().max(1);
            append_sentence(&mut text, &self.sentence(&rest[..count]));
            if text.len() > MAX_LEN {
                return None;
            }
            rest = &rest[count..];
        }
        Some(text)
    }

    /// Grouped by kind, without reasons.
    pub(super) fn by_kind(&self, events: &[&StatusEvent]) -> String {
        let mut text = String::new();
        for (change, group) in group_by_kind(events) {
            let sentence = match group.as_slice() {
                [_] => self.sentence(&group),
                _ => format!("{} {change}", self.join_names(&group)),
            };
            append_sentence(&mut text, &sentence);
        }
        text
    }

    fn sentence(&self, group: &[&StatusEvent]) -> String {
        let who = self.join_names(group);
        let was = if group.len() == 1 { "was" } else { "were" };
        match &group[0].change {
            StatusChange::Joined => format!("{who} joined"),
            StatusChange::Left(reason) => format!("{who} left{}", reason_suffix(reason.as_deref())),
            StatusChange::Kicked { by, reason } => {
                format!(
                    "{who} {was} kicked by {}{}",
                    (self.display_name)(by),
                    reason_suffix(reason.as_deref())
                )
            }
            StatusChange::NickChanged(name) => {
                format!("{who} is now {}", (self.display_name)(name))
            }
            StatusChange::Netsplit(servers) => {
                format!("netsplit ({}): {who} quit", sanitize_excerpt(servers, MAX_LEN_REASON))
            }
            StatusChange::NetsplitRejoin => format!("netsplit over: {who} rejoined"),
            StatusChange::ModesChanged(change) => {
                format!("{who} set {}", sanitize_excerpt(change, MAX_LEN_REASON))
            }
            StatusChange::TopicChanged(topic) => {
                match topic.as_deref().map(|topic| sanitize_excerpt(topic, MAX_LEN_TOPIC)) {
                    Some(topic) if !topic.is_empty() => format!("{who} set the topic: {topic}"),
                    _ => format!("{who} removed the topic"),
                }
            }
        }
    }

    /// `ann`, `ann and bob`, `ann, bob and 3 more`.
    fn join_names(&self, group: &[&StatusEvent]) -> String {
        let mut bytes = 0;
        let named = group.iter().take(MAX_NAMES).map(|it| (self.display_name)(&it.who));
        let fits = |name: &String| {
            bytes += name.len() + ", ".len();
            bytes <= MAX_LEN_NAMES || bytes == name.len() + ", ".len()
        };
        let shown: Vec<String> = named.take_while(fits).collect();
        match (group.len().saturating_sub(shown.len()), shown.as_slice()) {
            (0, [one]) => one.clone(),
            (0, [most @ .., last]) => format!("{} and {last}", most.join(", ")),
            (more, _) => format!("{} and {more} more", shown.join(", ")),
        }
    }
}

/// Only the number of events of each kind.
pub(super) fn counts_only(events: &[&StatusEvent]) -> String {
    let mut text = String::new();
    for (change, group) in group_by_kind(events) {
        append_sentence(&mut text, &format!("{}\u{d7} {change}", group.len()));
    }
    text
}

/// Groups events by kind, with a verb for each.
fn group_by_kind<'c>(events: &[&'c StatusEvent]) -> Vec<(&'static str, Vec<&'c StatusEvent>)> {
    let mut kinds: Vec<(&'static str, Vec<&StatusEvent>)> = Vec::new();
    for event in events {
        let change = match event.change {
            StatusChange::Joined => "joined",
            StatusChange::Left(_) => "left",
            StatusChange::Kicked { .. } => "kicked",
            StatusChange::NickChanged(_) => "renamed",
            StatusChange::Netsplit(_) => "quit in a netsplit",
            StatusChange::NetsplitRejoin => "rejoined after a netsplit",
            StatusChange::ModesChanged(_) => "changed modes",
            StatusChange::TopicChanged(_) => "changed the topic",
        };
        match kinds.iter_mut().find(|(kind, _)| *kind == change) {
            Some((_, group)) => group.push(event),
            None => kinds.push((change, vec![event])),
        }
    }
    kinds
}

fn append_sentence(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(sentence);
}

fn reason_suffix(reason: Option<&str>) -> String {
    match reason.map(|reason| sanitize_excerpt(reason, MAX_LEN_REASON)) {
        None => String::new(),
        Some(reason) if reason.is_empty() => String::new(),
        Some(reason) => format!(" ({reason})"),
    }
}

/// The start of a user's text, sanitised to one line.
fn sanitize_excerpt(text: &str, bytes: usize) -> String {
    if clean::is_blank(text) {
        return String::new();
    }
    clean::truncate(&clean::sanitize_line(text), bytes).into_owned()
}
