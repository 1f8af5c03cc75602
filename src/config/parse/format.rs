//! Parses the values of `[format]`: templates, keywords, user matchers and rules.

use std::time::Duration;

use config::{Value, ValueKind};
use regex::Regex;

use super::{ValueError, as_str, wrong_type};
use crate::config::keys::nearest;
use crate::domain::{Casemapping, Mask};
use crate::translate::{
    Announcement, Audience, Emotes, ExtractNicksRule, Formatting, IgnoreRule, LongMessages,
    MAX_LEN_NOTICE, MergeLines, RewriteRule, Side, Template, TemplateError, TopicSync, UserMatcher,
    Verbosity,
};

/// The maximum time to wait for more lines to merge.
const MAX_MERGE_WAIT: Duration = Duration::from_secs(10);

/// The format in which most bridges name the author.
const DEFAULT_EXTRACT_PATTERN: &str = r"(?s)^<(?<nick>[^<>]+)> (?<text>.+)$";

/// Parses the template of a message prefix.
pub(in crate::config) fn template(text: &str) -> Result<Template, ValueError> {
    Template::parse(text).map_err(|error| invalid_template(&error, &Template::field_list()))
}

fn invalid_template(error: &TemplateError, fields: &str) -> ValueError {
    let remedy = match error {
        TemplateError::UnknownField(_) => format!("valid fields: {fields}"),
        TemplateError::UnmatchedBrace(_) => "write {{ or }} for a literal brace".to_owned(),
        TemplateError::ControlCharacter => "write a single line of plain text".to_owned(),
    };
    ValueError::new(error.to_string(), remedy)
}

/// The maximum length of an announcement as it is written, in bytes: it is to be short.
const MAX_LEN_ANNOUNCEMENT: usize = 300;

/// What is wrong with an announcement that can have so many bytes with its fields; nothing if it fits into a line of IRC.
pub(in crate::config) fn filled_too_long(length: usize) -> Option<String> {
    (length > MAX_LEN_NOTICE).then(|| {
        format!("can have {length} bytes with its fields, and a line of IRC holds {MAX_LEN_NOTICE}")
    })
}

/// Parses what people are told about the phases of a link.
pub(in crate::config) fn announcement(
    text: &str,
    audience: Audience,
) -> Result<Announcement, ValueError> {
    if text.len() > MAX_LEN_ANNOUNCEMENT {
        let found = format!("is {} bytes long, and would not fit into a line of IRC", text.len());
        return Err(ValueError::quoting(text, &found, "write at most 300 bytes"));
    }
    let parsed = Announcement::parse(text.trim(), audience)
        .map_err(|error| invalid_template(&error, &Announcement::field_list(audience)))?;
    match filled_too_long(parsed.len_filled()) {
        Some(found) => Err(ValueError::quoting(text, &found, "shorten it")),
        None => Ok(parsed),
    }
}

/// Parses what to do with formatting.
pub(in crate::config) fn formatting(text: &str) -> Result<Formatting, ValueError> {
    keyword(text, &[("strip", Formatting::Strip), ("markers", Formatting::Markers)])
}

/// Parses how to show emotes.
pub(in crate::config) fn emotes(text: &str) -> Result<Emotes, ValueError> {
    keyword(text, &[("names", Emotes::Shortcodes), ("unicode", Emotes::Unicode)])
}

/// Parses which status changes to show.
pub(in crate::config) fn verbosity(text: &str) -> Result<Verbosity, ValueError> {
    keyword(text, &[("off", Verbosity::Off), ("smart", Verbosity::Smart), ("all", Verbosity::All)])
}

/// Parses which of topic and description to update.
pub(in crate::config) fn topic_sync(text: &str) -> Result<TopicSync, ValueError> {
    let choices = [
        ("off", TopicSync::Off),
        ("room", TopicSync::ToRoom),
        ("channel", TopicSync::ToChannel),
        ("both", TopicSync::Both),
    ];
    keyword(text, &choices)
}

/// Parses what to do with long messages.
pub(in crate::config) fn long_messages(text: &str) -> Result<LongMessages, ValueError> {
    keyword(
        text,
        &[("link", LongMessages::Link), ("all", LongMessages::All), ("cut", LongMessages::Cut)],
    )
}

/// Parses when to merge lines into one message.
pub(in crate::config) fn merge_lines(text: &str) -> Result<MergeLines, ValueError> {
    const HELP: &str = "write \"never\", \"queued\", or a duration like \"300ms\" or \"1s\"";
    match text {
        "never" => return Ok(MergeLines::Never),
        "queued" => return Ok(MergeLines::Queued),
        _ => {}
    }
    let milliseconds = text.strip_suffix("ms").map(|digits| (digits, 1));
    let number = milliseconds.or_else(|| text.strip_suffix('s').map(|digits| (digits, 1_000)));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let wait = number.filter(|(digits, _)| plain(digits)).and_then(|(digits, factor)| {
        Some(Duration::from_millis(digits.parse::<u64>().ok()?.checked_mul(factor)?))
    });
    match wait {
        Some(wait) if wait > MAX_MERGE_WAIT => {
            Err(ValueError::quoting(text, "is too long", "use at most \"10s\""))
        }
        Some(wait) => Ok(MergeLines::Within(wait)),
        None => Err(ValueError::quoting(text, "is not a valid value", HELP)),
    }
}

/// Parses a user: a name, `account:NAME`, or a mask.
pub(in crate::config) fn user_matcher(text: &str) -> Result<UserMatcher, ValueError> {
    if let Some(account) = text.strip_prefix("account:") {
        return Ok(UserMatcher::Account(user_name(account)?));
    }
    if text.contains(['!', '*', '?']) || text.contains('@') {
        return mask(text).map(UserMatcher::Mask);
    }
    user_name(text).map(UserMatcher::Name)
}

/// Parses a rule for messages to ignore: `{ nick = "spam", text = "^!" }`.
pub(in crate::config) fn ignore_rule(value: &Value) -> Result<IgnoreRule, ValueError> {
    let fields = RuleFields::parse(value, &["text"], "{ nick = \"spam\" }")?;
    let ignore = IgnoreRule {
        side: fields.side()?,
        users: fields.user_matcher()?,
        pattern: fields.parse_regex("text")?,
    };
    if ignore.users.is_empty() && ignore.pattern.is_none() {
        let remedy = "add nick, user, account, mask or text";
        return Err(ValueError::new("this rule ignores everything", remedy));
    }
    Ok(ignore)
}

/// Parses a replacement: `{ text = "BUG-([0-9]+)", with = "https://bugs.example.org/$1" }`.
pub(in crate::config) fn rewrite_rule(value: &Value) -> Result<RewriteRule, ValueError> {
    const EXAMPLE: &str = "{ text = \"colour\", with = \"color\" }";
    let fields = RuleFields::parse(value, &["text", "with"], EXAMPLE)?;
    if !fields.user_matcher()?.is_empty() {
        return Err(ValueError::new(
            "rewrite rules apply to all authors",
            "remove nick, user, account and mask",
        ));
    }
    match (fields.parse_regex("text")?, fields.get("with")) {
        (Some(text), Some(with)) => {
            Ok(RewriteRule { side: fields.side()?, pattern: text, replacement: with.to_owned() })
        }
        _ => Err(ValueError::new("text or with is missing", format!("write it like {EXAMPLE}"))),
    }
}

/// Parses a rule for another bridge: `{ nick = "otherbridge" }`.
pub(in crate::config) fn extract_nicks_rule(value: &Value) -> Result<ExtractNicksRule, ValueError> {
    let fields = RuleFields::parse(value, &["text"], "{ nick = \"otherbridge\" }")?;
    let who = fields.user_matcher()?;
    if who.is_empty() {
        let remedy = "add nick, user, account or mask";
        return Err(ValueError::new("this rule would let anyone impersonate anyone", remedy));
    }
    let default_pattern =
        || Regex::new(DEFAULT_EXTRACT_PATTERN).expect("the default pattern is valid");
    let text = fields.parse_regex("text")?.unwrap_or_else(default_pattern);
    let has = |name| text.capture_names().flatten().any(|group| group == name);
    if !has("nick") || !has("text") {
        let remedy = format!("write it like '{DEFAULT_EXTRACT_PATTERN}'");
        return Err(ValueError::new("the pattern needs the groups nick and text", remedy));
    }
    Ok(ExtractNicksRule { side: fields.side()?, users: who, pattern: text })
}

/// The keys and values of a rule.
struct RuleFields<'v>(Vec<(&'v str, &'v str)>);

impl<'v> RuleFields<'v> {
    /// Reads a rule. Allows the keys for users and the side, and those in `more`.
    fn parse(value: &'v Value, more: &[&'static str], example: &str) -> Result<Self, ValueError> {
        let ValueKind::Table(table) = &value.kind else {
            return Err(wrong_type(value, "a rule", &format!("write it like {example}")));
        };
        let known = || ["nick", "user", "account", "mask", "from"].iter().chain(more).copied();
        let mut fields = Vec::new();
        for (key, value) in table {
            if !known().any(|known| known == key) {
                let remedy = match nearest(key, known()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("valid keys: {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(ValueError::quoting(key, "is not a rule key", remedy));
            }
            fields.push((key.as_str(), as_str(value)?));
        }
        fields.sort_unstable();
        Ok(Self(fields))
    }

    fn get(&self, key: &str) -> Option<&'v str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
    }

    fn user_matcher(&self) -> Result<Vec<UserMatcher>, ValueError> {
        let mut who = Vec::new();
        for (key, text) in &self.0 {
            match *key {
                "nick" | "user" => who.push(UserMatcher::Name(user_name(text)?)),
                "account" => who.push(UserMatcher::Account(user_name(text)?)),
                "mask" => who.push(UserMatcher::Mask(mask(text)?)),
                _ => {}
            }
        }
        Ok(who)
    }

    fn side(&self) -> Result<Option<Side>, ValueError> {
        let sides = [("irc", Side::Irc), ("letschat", Side::LetsChat)];
        let from = self.get("from").map(|text| keyword(text, &sides)).transpose()?;
        // `nick` implies IRC and `user` implies Let's Chat.
        let by_key = |key, side| self.get(key).map(|_| side);
        Ok(from.or(by_key("nick", Side::Irc)).or(by_key("user", Side::LetsChat)))
    }

    fn parse_regex(&self, key: &str) -> Result<Option<Regex>, ValueError> {
        self.get(key).map(parse_regex).transpose()
    }
}

/// Parses the pattern for messages to bots, or `none`.
pub(in crate::config) fn passthrough(text: &str) -> Result<Option<Regex>, ValueError> {
    match text {
        "none" => Ok(None),
        // A pattern that matches everything would remove all names.
        _ if parse_regex(text)?.is_match("") => {
            let remedy = "write how such messages start, like \"^(!|hubot )\"";
            Err(ValueError::quoting(text, "matches everything", remedy))
        }
        _ => parse_regex(text).map(Some),
    }
}

/// Parses a regular expression.
fn parse_regex(text: &str) -> Result<Regex, ValueError> {
    Regex::new(text).map_err(|error| {
        // The error draws the position in several lines; we use the last one.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        ValueError::quoting(
            text,
            &format!("is not a valid regular expression: {why}"),
            "see https://docs.rs/regex/#syntax",
        )
    })
}

fn mask(text: &str) -> Result<Mask, ValueError> {
    if !text.contains('!') || !text.contains('@') || text.contains(char::is_whitespace) {
        return Err(ValueError::quoting(
            text,
            "is not a mask",
            "write it like \"*!*@*.example.org\"",
        ));
    }
    Ok(Mask::new(Casemapping::Rfc1459, text))
}

/// Parses a nick, an account or a user name.
pub(in crate::config) fn user_name(text: &str) -> Result<String, ValueError> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(ValueError::quoting(
            text,
            "is not a name",
            "write a single name without spaces",
        ));
    }
    Ok(text.to_owned())
}

/// Looks up `text` in `words`.
fn keyword<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, ValueError> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
    found.ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        ValueError::quoting(text, "is not a valid value", format!("use {}", words.join(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn keywords_map_to_their_variants() {
        assert_parses(formatting, "markers", Formatting::Markers);
        assert_parses(emotes, "unicode", Emotes::Unicode);
        assert_parses(long_messages, "cut", LongMessages::Cut);
        assert_rejects(long_messages, "short", "\"short\" is not a valid value");
    }

    #[test]
    fn merge_lines_accepts_a_bounded_duration() {
        assert_parses(merge_lines, "never", MergeLines::Never);
        assert_parses(merge_lines, "queued", MergeLines::Queued);
        assert_parses(merge_lines, "300ms", MergeLines::Within(Duration::from_millis(300)));
        assert_parses(merge_lines, "1s", MergeLines::Within(Duration::from_secs(1)));
        assert_rejects(merge_lines, "300", "\"300\" is not a valid value");
        assert_rejects(merge_lines, "-1s", "\"-1s\" is not a valid value");
        assert_rejects(merge_lines, "ms", "\"ms\" is not a valid value");
        assert_rejects(merge_lines, "11s", "\"11s\" is too long");
    }

    #[test]
    fn user_matcher_is_a_name_account_or_mask() {
        assert_parses(user_matcher, "ann", UserMatcher::Name("ann".to_owned()));
        assert_parses(user_matcher, "account:ann", UserMatcher::Account("ann".to_owned()));
        assert_parses(
            user_matcher,
            "*!*@*.example",
            UserMatcher::Mask(Mask::new(Casemapping::Rfc1459, "*!*@*.example")),
        );
        assert_rejects(user_matcher, "", "\"\" is not a name");
        assert_rejects(user_matcher, "ann lee", "\"ann lee\" is not a name");
        assert_rejects(user_matcher, "*@host", "\"*@host\" is not a mask");
    }

    #[test]
    fn invalid_template_is_rejected_with_help() {
        assert_eq!(template("<{nick}> ").expect("a template").to_string(), "<{nick}> ");
        assert_rejects(template, "{nik}", "unknown field {nik}");
        assert_rejects(template, "{nick", "unmatched {");
    }

    fn table(fields: &[(&str, &str)]) -> Value {
        let field = |(key, text): &(&str, &str)| ((*key).to_owned(), Value::new(None, *text));
        Value::new(None, fields.iter().map(field).collect::<config::Map<String, Value>>())
    }

    #[test]
    fn ignore_rule_needs_a_user_or_a_text() {
        let rule = ignore_rule(&table(&[("nick", "spam"), ("text", "^!")])).expect("a rule");
        assert_eq!((rule.side, rule.users.len()), (Some(Side::Irc), 1));
        let rule = ignore_rule(&table(&[("text", "^!"), ("from", "letschat")])).expect("a rule");
        assert_eq!(rule.side, Some(Side::LetsChat));
        let found =
            |fields: &[(&str, &str)]| ignore_rule(&table(fields)).expect_err("no rule").problem;
        assert_eq!(found(&[]), "this rule ignores everything");
        assert_eq!(found(&[("nik", "x")]), "\"nik\" is not a rule key");
        assert!(passthrough("^(!|hubot )").is_ok_and(|it| it.is_some()));
        assert!(passthrough("none").is_ok_and(|it| it.is_none()));
        let found_in = |text| passthrough(text).expect_err(text).problem;
        assert_eq!(found_in("!*"), "\"!*\" matches everything");
        assert_eq!(found_in("("), "\"(\" is not a valid regular expression: unclosed group");
        assert_eq!(
            found(&[("text", "(")]),
            "\"(\" is not a valid regular expression: unclosed group"
        );
        assert_eq!(found(&[("from", "xmpp"), ("nick", "x")]), "\"xmpp\" is not a valid value");
    }

    #[test]
    fn extract_and_rewrite_rules_reject_incomplete_rules() {
        assert!(extract_nicks_rule(&table(&[("nick", "relay")])).is_ok());
        let found = |fields: &[(&str, &str)]| {
            extract_nicks_rule(&table(fields)).expect_err("no rule").problem
        };
        assert_eq!(found(&[]), "this rule would let anyone impersonate anyone");
        assert_eq!(
            found(&[("nick", "relay"), ("text", "^(.*)$")]),
            "the pattern needs the groups nick and text"
        );
        let found =
            |fields: &[(&str, &str)]| rewrite_rule(&table(fields)).expect_err("no rule").problem;
        assert_eq!(found(&[("text", "x")]), "text or with is missing");
    }
}
