//! Templates for the prefix of a message, such as `<{nick}> `, written by the administrator.

use std::borrow::Cow;
use std::fmt;

/// Maximum length of a rendered prefix in bytes.
const MAX_LEN: usize = 120;

/// Maximum bytes per value to try if the prefix is too long.
const SHORTER: [usize; 4] = [48, 30, 18, 9];

/// The template of a prefix, with fields for data of the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<TemplatePart<TemplateField>>,
}

/// A part of a template whose fields are of this type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TemplatePart<F> {
    Literal(String),
    Field(F),
}

/// A field of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum TemplateField {
    Name,
    DisplayName,
    Account,
    Network,
    Channel,
    Time,
}

/// The names of the fields. Nick and user name are the same thing on two networks, so both names work on both
/// sides.
const FIELD_NAMES: [(&str, TemplateField); 8] = [
    ("nick", TemplateField::Name),
    ("user", TemplateField::Name),
    ("display_name", TemplateField::DisplayName),
    ("account", TemplateField::Account),
    ("network", TemplateField::Network),
    ("channel", TemplateField::Channel),
    ("room", TemplateField::Channel),
    ("time", TemplateField::Time),
];

/// Why a template is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// There is no field with this name.
    #[error("unknown field {{{0}}}")]
    UnknownField(String),
    /// A brace is unmatched.
    #[error("unmatched {0}")]
    UnmatchedBrace(char),
    /// It contains a control character.
    #[error("contains a line break or another control character")]
    ControlCharacter,
}

impl Template {
    /// Parses a template: text with `{fields}`; literal braces are doubled.
    ///
    /// # Errors
    /// When it is invalid.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { parts: parse_parts(text, &FIELD_NAMES)? })
    }

    /// The names of all fields, for error messages.
    #[must_use]
    pub fn field_list() -> String {
        FIELD_NAMES.map(|(name, _)| format!("{{{name}}}")).join(", ")
    }

    /// Whether it includes the time.
    pub(super) fn includes_time(&self) -> bool {
        self.parts.contains(&TemplatePart::Field(TemplateField::Time))
    }

    /// Renders the prefix in at most a third of an IRC line; if it is too long, with shortened values.
    pub(super) fn render_bounded<'v>(
        &self,
        value: impl Fn(TemplateField, usize) -> Cow<'v, str>,
    ) -> String {
        let mut filled = self.render(|field| value(field, usize::MAX));
        for longest in SHORTER {
            if filled.len() <= MAX_LEN {
                break;
            }
            filled = self.render(|field| value(field, longest));
        }
        filled
    }

    /// Renders the prefix. A value cannot contain the text that follows its field, since that would fake the
    /// prefix's end.
    pub(super) fn render<'v>(&self, value: impl Fn(TemplateField) -> Cow<'v, str>) -> String {
        let mut filled = String::new();
        for (index, part) in self.parts.iter().enumerate() {
            match part {
                TemplatePart::Literal(literal) => filled.push_str(literal),
                TemplatePart::Field(field) => {
                    let value = value(*field);
                    match self.parts.get(index + 1) {
                        Some(TemplatePart::Literal(literal)) if !literal.trim().is_empty() => {
                            filled.push_str(&value.replace(literal.as_str(), "·"));
                        }
                        _ => filled.push_str(&value),
                    }
                }
            }
        }
        filled
    }

    /// Whether `line` could start with this template, with any values. A template of only fields and spaces
    /// matches nothing.
    pub(super) fn could_match_start(&self, line: &str) -> bool {
        self.could_match_start_by(line, str::to_owned)
    }

    /// Like [`Self::could_match_start`], for a line that was `folded` like the template's text.
    pub(super) fn could_match_start_by(&self, line: &str, folded: impl Fn(&str) -> String) -> bool {
        let mut rest = line;
        let mut gap = false;
        let mut has_text = false;
        for part in &self.parts {
            let TemplatePart::Literal(literal) = part else {
                gap = true;
                continue;
            };
            has_text |= !literal.trim().is_empty();
            let literal = folded(literal);
            let behind = match (gap, rest.find(literal.as_str())) {
                (true, Some(at)) if at > 0 => at + literal.len(),
                (false, Some(0)) => literal.len(),
                _ => return false,
            };
            rest = &rest[behind..];
            gap = false;
        }
        has_text
    }
}

/// Parses text with `{fields}` of these names; literal braces are doubled.
///
/// # Errors
/// When it is invalid.
pub(super) fn parse_parts<F: Copy>(
    text: &str,
    names: &[(&str, F)],
) -> Result<Vec<TemplatePart<F>>, TemplateError> {
    if text.contains(char::is_control) {
        return Err(TemplateError::ControlCharacter);
    }
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix(brace) {
            literal.push_str(brace);
            rest = behind;
            continue;
        }
        let Some((name, behind)) = rest.split_once('}').filter(|_| brace == "{") else {
            return Err(TemplateError::UnmatchedBrace(if brace == "{" { '{' } else { '}' }));
        };
        let field = names.iter().find(|(known, _)| *known == name.trim());
        let (_, field) = field.ok_or_else(|| TemplateError::UnknownField(name.to_owned()))?;
        if !literal.is_empty() {
            parts.push(TemplatePart::Literal(std::mem::take(&mut literal)));
        }
        parts.push(TemplatePart::Field(*field));
        rest = behind;
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(TemplatePart::Literal(literal));
    }
    Ok(parts)
}

impl fmt::Display for Template {
    /// In the syntax that [`Template::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                TemplatePart::Literal(literal) => {
                    f.write_str(&literal.replace('{', "{{").replace('}', "}}"))?;
                }
                TemplatePart::Field(field) => {
                    let name = FIELD_NAMES.iter().find(|(_, known)| known == field);
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
            TemplateField::Name => Cow::Owned(name.to_owned()),
            TemplateField::Network => Cow::Borrowed("office"),
            _ => Cow::Borrowed(""),
        };
        assert_eq!(template(text).render(value), filled, "{text:?}");
    }

    #[test]
    fn fields_are_filled() {
        fills("<{nick}> ", "ann", "<ann> ");
        fills("{user}@{network}: ", "ann", "ann@office: ");
        fills("{{{ nick }}} ", "ann", "{ann} ");
        fills("[{account}] ", "ann", "[] ");
        fills("", "ann", "");
        fills("-- ", "ann", "-- ");
    }

    #[test]
    fn value_cannot_contain_the_following_literal() {
        fills("<{nick}> ", "ann> hi <bob", "<ann·hi <bob> ");
        fills("{nick}: ", "ann: hi", "ann·hi: ");
        fills("* {nick} ", "Ann Lee", "* Ann Lee ");
    }

    #[test]
    fn invalid_templates_are_rejected() {
        for (text, reason) in [
            ("{nik}", TemplateError::UnknownField("nik".to_owned())),
            ("{nick", TemplateError::UnmatchedBrace('{')),
            ("nick}", TemplateError::UnmatchedBrace('}')),
            ("{nick}\n", TemplateError::ControlCharacter),
            ("{}", TemplateError::UnknownField(String::new())),
        ] {
            assert_eq!(Template::parse(text), Err(reason), "{text:?}");
        }
    }

    #[test]
    fn line_that_matches_the_template_is_detected() {
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
            assert_eq!(template(text).could_match_start(line), could, "{text:?} {line:?}");
        }
    }

    proptest! {
        #[test]
        fn template_display_round_trips(text in "[<>a-z{} :]{0,12}(\\{nick\\}|\\{time\\})?[> }]{0,3}") {
            if let Ok(template) = Template::parse(&text) {
                prop_assert_eq!(Template::parse(&template.to_string()), Ok(template));
            }
        }

        #[test]
        fn rendered_text_matches_its_template(name in "[a-z> ]{1,12}") {
            let template = template("<{nick}> ");
            let filled = template.render(|_| Cow::Borrowed(name.as_str()));
            prop_assert!(template.could_match_start(&filled));
            prop_assert_eq!(filled.matches("> ").count(), 1);
        }
    }
}
