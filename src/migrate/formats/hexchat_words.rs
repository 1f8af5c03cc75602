//! What HexChat and XChat write behind their star, in the languages into which they are translated most.

use std::sync::LazyLock;

use super::scan::is_nick;
use super::told::{kick, known, mode, part, quit, renamed, speaker, topic};
use crate::domain::LogEvent;

/// One form a line: its kind, a tab, its words, with `$1` and so on for what varies. `-` is what HexChat tells its user; the
/// letters are those of a mode.
const FORMS: &str = include_str!("hexchat_words.txt");

/// A form in parts: words, and between them the numbers of what varies.
struct HexChatForm {
    kind: &'static str,
    begin: &'static str,
    /// A number, and the words behind it.
    parts: Vec<(usize, &'static str)>,
}

/// How many numbers there are, and one more.
const VALUES: usize = 5;

/// What such a line says.
pub(super) enum ToldByHexChat {
    /// Something happened; what a person did, or what they typed in the same words.
    Event(LogEvent),
    /// It is for the user alone.
    Chatter,
}

/// Reads a line behind the star.
pub(super) fn told_by_hexchat(message: &str) -> Option<ToldByHexChat> {
    static FORMS_IN_PARTS: LazyLock<Vec<HexChatForm>> = LazyLock::new(|| {
        let lines = FORMS.lines().filter(|line| !line.starts_with('#'));
        lines.filter_map(|line| line.split_once('\t')).map(HexChatForm::new).collect()
    });
    FORMS_IN_PARTS.iter().find_map(|form| form.read(message))
}

impl HexChatForm {
    fn new((kind, words): (&'static str, &'static str)) -> Self {
        let mut parts = words.split('$');
        let begin = parts.next().unwrap_or_default();
        let part = |part: &'static str| {
            let number = part.bytes().next().map_or(0, |digit| usize::from(digit - b'0'));
            (number.min(VALUES - 1), part.get(1..).unwrap_or_default())
        };
        Self { kind, begin, parts: parts.map(part).collect() }
    }

    fn read(&self, message: &str) -> Option<ToldByHexChat> {
        let values = self.values(message)?;
        if self.kind == "-" {
            return Some(ToldByHexChat::Chatter);
        }
        let [_, first, second, third, fourth] = values;
        if !is_nick(first) {
            return None;
        }
        let is_userhost = |word: &str| word.contains('@') && !word.contains(' ');
        let event = match self.kind {
            "join" if is_userhost(third) => LogEvent::Join(known(first, Some(third))),
            "part" if is_userhost(second) => part(known(first, Some(second)), fourth),
            "quit" => quit(speaker(first), second),
            "nick" if is_nick(second) => renamed(first, second),
            "kick" if is_nick(second) => kick(second, first, fourth),
            "topic" => topic(first, second),
            "mode" if second.starts_with(['+', '-']) => mode(first, second),
            letters if letters.starts_with(['+', '-']) && !second.contains(' ') => {
                mode(first, &format!("{letters} {second}"))
            }
            _ => return None,
        };
        Some(ToldByHexChat::Event(event))
    }

    /// What stands in a line of this form for each number. The last value may hold the words behind it.
    fn values<'m>(&self, message: &'m str) -> Option<[&'m str; VALUES]> {
        let mut values = [""; VALUES];
        let mut rest = message.strip_prefix(self.begin)?;
        for (at, (number, behind)) in self.parts.iter().enumerate() {
            let is_last = at + 1 == self.parts.len();
            let end = match is_last {
                true => rest.len().checked_sub(behind.len()).filter(|_| rest.ends_with(behind))?,
                false => rest.find(behind)?,
            };
            values[*number] = &rest[..end];
            rest = &rest[end + behind.len()..];
        }
        rest.is_empty().then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_values_of_its_own() {
        for line in FORMS.lines().filter(|line| !line.starts_with('#')) {
            let (kind, words) = line.split_once('\t').expect("has a kind");
            let kinds = ["-", "join", "part", "quit", "nick", "kick", "topic", "mode"];
            assert!(kinds.contains(&kind) || kind.len() == 2, "{line}");
            assert!(words.chars().filter(|c| c.is_alphabetic()).count() > 2, "{line}");
            let form = HexChatForm::new((kind, words));
            let numbers: std::collections::BTreeSet<_> =
                form.parts.iter().map(|part| part.0).collect();
            assert_eq!(numbers.len(), form.parts.len(), "{line}");
            let is_apart = |(at, part): (usize, &(usize, &str))| {
                at + 1 == form.parts.len() || !part.1.is_empty()
            };
            assert!(form.parts.iter().enumerate().all(is_apart), "{line}");
        }
    }
}
