//! The words around a text, such as `<{nick}> `: written by the administrator, filled in for each
//! message.

use std::borrow::Cow;
use std::fmt;

/// How long the words before a text may be in bytes.
const LONGEST: usize = 120;

/// How many bytes of each value are tried where all are too long together.
const SHORTER: [usize; 4] = [48, 30, 18, 9];

/// The words before a text, with gaps for what is known of whoever said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Words(String),
    Gap(Field),
}

/// What a gap is filled with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Field {
    Name,
    DisplayName,
    Account,
    Network,
    Channel,
    Time,
}

/// The fields by the names that a template calls them. A nick and a user name are the same thing on
/// two networks, and whoever writes a template should not have to think about which it is.
const FIELDS: [(&str, Field); 8] = [
    ("nick", Field::Name),
    ("user", Field::Name),
    ("display_name", Field::DisplayName),
    ("account", Field::Account),
    ("network", Field::Network),
    ("channel", Field::Channel),
    ("room", Field::Channel),
    ("time", Field::Time),
];

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotATemplate {
    /// There is nothing of this name to fill in.
    #[error("there is no {{{0}}}")]
    Unknown(String),
    /// A brace has no other.
    #[error("a {0} stands alone")]
    Alone(char),
    /// It would break the line.
    #[error("it has a line break or another control character in it")]
    Control,
}

impl Template {
    /// Reads a template: text with `{gaps}`; a brace is written twice.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, NotATemplate> {
        if text.contains(char::is_control) {
            return Err(NotATemplate::Control);
        }
        let mut parts = Vec::new();
        let mut words = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            words.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix(brace) {
                words.push_str(brace);
                rest = behind;
                continue;
            }
            let Some((name, behind)) = rest.split_once('}').filter(|_| brace == "{") else {
                return Err(NotATemplate::Alone(if brace == "{" { '{' } else { '}' }));
            };
            let field = FIELDS.iter().find(|(known, _)| *known == name.trim());
            let (_, field) = field.ok_or_else(|| NotATemplate::Unknown(name.to_owned()))?;
            if !words.is_empty() {
                parts.push(Part::Words(std::mem::take(&mut words)));
            }
            parts.push(Part::Gap(*field));
            rest = behind;
        }
        words.push_str(rest);
        if !words.is_empty() {
            parts.push(Part::Words(words));
        }
        Ok(Self { parts })
    }

    /// What can be filled in, for whoever asked for something else.
    #[must_use]
    pub fn fields() -> String {
        FIELDS.map(|(name, _)| format!("{{{name}}}")).join(", ")
    }

    /// Whether the time is said anyhow.
    pub(super) fn tells_time(&self) -> bool {
        self.parts.contains(&Part::Gap(Field::Time))
    }

    /// The words, filled in, in no more bytes than a third of a line of IRC; where that is too long,
    /// with less of each value than `value` would give.
    pub(super) fn fill_short<'v>(&self, value: impl Fn(Field, usize) -> Cow<'v, str>) -> String {
        let mut filled = self.fill(|field| value(field, usize::MAX));
        for longest in SHORTER {
            if filled.len() <= LONGEST {
                break;
            }
            filled = self.fill(|field| value(field, longest));
        }
        filled
    }

    /// The words, filled in. A value cannot bring the words behind its gap with it: it would seem to
    /// end where it does not.
    pub(super) fn fill<'v>(&self, value: impl Fn(Field) -> Cow<'v, str>) -> String {
        let mut filled = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                Part::Words(words) => filled.push_str(words),
                Part::Gap(field) => {
                    let value = value(*field);
                    match self.parts.get(index + 1) {
                        Some(Part::Words(words)) if !words.trim().is_empty() => {
                            filled.push_str(&value.replace(words.as_str(), "·"));
                        }
                        _ => filled.push_str(&value),
                    }
                }
            }
        }
        filled
    }

    /// Whether `line` could begin with this template, filled in with whatever. Where nothing but gaps
    /// and spaces is in it, no line can be told from any other.
    pub(super) fn could_begin(&self, line: &str) -> bool {
        self.could_begin_by(line, str::to_owned)
    }

    /// The same of a `line` that was `folded`, as the words of the template are for it.
    pub(super) fn could_begin_by(&self, line: &str, folded: impl Fn(&str) -> String) -> bool {
        let mut rest = line;
        let mut gap = false;
        let mut told = false;
        for part in &self.parts {
            let Part::Words(words) = part else {
                gap = true;
                continue;
            };
            told |= !words.trim().is_empty();
            let words = folded(words);
            let behind = match (gap, rest.find(words.as_str())) {
                (true, Some(at)) if at > 0 => at + words.len(),
                (false, Some(0)) => words.len(),
                _ => return false,
            };
            rest = &rest[behind..];
            gap = false;
        }
        told
    }
}

impl fmt::Display for Template {
    /// As it can be read again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Words(words) => {
                    f.write_str(&words.replace('{', "{{").replace('}', "}}"))?;
                }
                Part::Gap(field) => {
                    let name = FIELDS.iter().find(|(_, known)| known == field);
                    let (name, _) = name.expect("every field has a name");
                    write!(f, "{{{name}}}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn template(text: &str) -> Template {
        Template::parse(text).expect(text)
    }

    #[track_caller]
    fn fills(text: &str, name: &str, filled: &str) {
        let value = |field| match field {
            Field::Name => Cow::Owned(name.to_owned()),
            Field::Network => Cow::Borrowed("office"),
            _ => Cow::Borrowed(""),
        };
        assert_eq!(template(text).fill(value), filled, "{text:?}");
    }

    #[test]
    fn gaps_are_filled() {
        fills("<{nick}> ", "ann", "<ann> ");
        fills("{user}@{network}: ", "ann", "ann@office: ");
        fills("{{{ nick }}} ", "ann", "{ann} ");
        fills("[{account}] ", "ann", "[] ");
        fills("", "ann", "");
        fills("-- ", "ann", "-- ");
    }

    #[test]
    fn a_name_cannot_end_before_its_end() {
        fills("<{nick}> ", "ann> hi <bob", "<ann·hi <bob> ");
        fills("{nick}: ", "ann: hi", "ann·hi: ");
        fills("* {nick} ", "Ann Lee", "* Ann Lee ");
    }

    #[test]
    fn what_is_no_template_is_told() {
        for (text, why) in [
            ("{nik}", NotATemplate::Unknown("nik".to_owned())),
            ("{nick", NotATemplate::Alone('{')),
            ("nick}", NotATemplate::Alone('}')),
            ("{nick}\n", NotATemplate::Control),
            ("{}", NotATemplate::Unknown(String::new())),
        ] {
            assert_eq!(Template::parse(text), Err(why), "{text:?}");
        }
    }

    #[test]
    fn a_line_that_could_be_somebody_elses_is_known() {
        for (text, line, could) in [
            ("<{nick}> ", "<bob> hi", true),
            ("<{nick}> ", "<bob Lee> hi", true),
            ("<{nick}> ", "<> hi", false),
            ("<{nick}> ", " <bob> hi", false),
            ("<{nick}> ", "<div>", false),
            ("* {nick} ", "* bob waves", true),
            ("{nick}: ", "bob: hi", true),
            ("{nick}: ", "hi", false),
            ("{nick} ", "any line", false),
            ("", "any line", false),
        ] {
            assert_eq!(template(text).could_begin(line), could, "{text:?} {line:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_can_be_written_and_read_again(text in "[<>a-z{} :]{0,12}(\\{nick\\}|\\{time\\})?[> }]{0,3}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
            }
        }

        #[test]
        fn what_it_has_filled_could_be_its_own(name in "[a-z> ]{1,12}") {
            let template = template("<{nick}> ");
            let filled = template.fill(|_| Cow::Borrowed(name.as_str()));
            prop_assert!(template.could_begin(&filled));
            prop_assert_eq!(filled.matches("> ").count(), 1);
        }
    }
}
