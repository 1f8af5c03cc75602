//! Reads `[progress]`: whom the counting of a move takes for programs, and for people.

use crate::config::ProgressSettings;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::as_str;

/// Reads `[progress]`.
pub(super) fn read(mut section: Section<'_>) -> ProgressSettings {
    let mut names = |key, example: &str| {
        let entry = section.entry(key);
        let items =
            entry.and_then(|entry| entry.items(example, |value| name(as_str(value)?, example)));
        items.unwrap_or_default()
    };
    let bots = names("bots", "bots = [\"ci\", \"deploy-*\"]");
    let people = names("people", "people = [\"jacobot\"]");
    section.deny_unknown_keys();
    ProgressSettings { bots, people }
}

/// A name, perhaps with `*` and `?`.
fn name(text: &str, example: &str) -> Result<String, ValueError> {
    if text.is_empty() || text.contains(char::is_whitespace) {
        let help = format!("write names without spaces, like {example}");
        return Err(ValueError::quoting(text, "is not a name", help));
    }
    Ok(text.to_owned())
}
