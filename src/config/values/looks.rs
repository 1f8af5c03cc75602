//! What people see, as an administrator writes it.

use std::time::Duration;

use config::{Value, ValueKind};
use regex::Regex;

use super::Flaw;
use crate::config::keys::nearest;
use crate::config::kinds::{as_text, not_wanted};
use crate::domain::{Casemapping, Mask};
use crate::translate::{
    Emotes, ExtractNicksRule, Formatting, IgnoreRule, LongMessages, MergeLines, RewriteRule, Side,
    Template, TemplateError, TopicSync, UserMatcher, Verbosity,
};

/// Nobody wants to wait longer than this for the rest of a paste.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How most bridges tell who spoke.
const TOLD: &str = r"(?s)^<(?<nick>[^<>]+)> (?<text>.+)$";

/// The words before a text.
pub(in crate::config) fn template(text: &str) -> Result<Template, Flaw> {
    Template::parse(text).map_err(|error| {
        let remedy = match error {
            TemplateError::UnknownField(_) => format!("there are {}", Template::field_list()),
            TemplateError::UnmatchedBrace(_) => {
                "write a brace that is meant as one twice".to_owned()
            }
            TemplateError::ControlCharacter => "write it in one line of plain text".to_owned(),
        };
        Flaw::new(error.to_string(), remedy)
    })
}

/// What becomes of bold and the like.
pub(in crate::config) fn formatting(text: &str) -> Result<Formatting, Flaw> {
    one_of(text, &[("plain", Formatting::Strip), ("marks", Formatting::Markers)])
}

/// What becomes of emotes.
pub(in crate::config) fn emotes(text: &str) -> Result<Emotes, Flaw> {
    one_of(text, &[("names", Emotes::Shortcodes), ("unicode", Emotes::Unicode)])
}

/// Who of those that come and go is told of.
pub(in crate::config) fn show(text: &str) -> Result<Verbosity, Flaw> {
    one_of(text, &[("off", Verbosity::Off), ("smart", Verbosity::Smart), ("all", Verbosity::All)])
}

/// What of a channel's topic and a room's description follows the other.
pub(in crate::config) fn follow(text: &str) -> Result<TopicSync, Flaw> {
    let choices = [
        ("off", TopicSync::Off),
        ("room", TopicSync::ToRoom),
        ("channel", TopicSync::ToChannel),
        ("both", TopicSync::Both),
    ];
    one_of(text, &choices)
}

/// What is done with messages of many lines.
pub(in crate::config) fn long(text: &str) -> Result<LongMessages, Flaw> {
    one_of(
        text,
        &[("link", LongMessages::Link), ("all", LongMessages::All), ("cut", LongMessages::Cut)],
    )
}

/// When lines become one message.
pub(in crate::config) fn join(text: &str) -> Result<MergeLines, Flaw> {
    const REMEDY: &str =
        "write \"never\", \"waiting\", or how long to wait, like \"300ms\" or \"1s\"";
    match text {
        "never" => return Ok(MergeLines::Never),
        "waiting" => return Ok(MergeLines::Queued),
        _ => {}
    }
    let milliseconds = text.strip_suffix("ms").map(|digits| (digits, 1));
    let number = milliseconds.or_else(|| text.strip_suffix('s').map(|digits| (digits, 1_000)));
    let plain = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    let wait = number.filter(|(digits, _)| plain(digits)).and_then(|(digits, factor)| {
        Some(Duration::from_millis(digits.parse::<u64>().ok()?.checked_mul(factor)?))
    });
    match wait {
        Some(wait) if wait > LONGEST_WAIT => {
            Err(Flaw::of(text, "is too long", "nobody waits longer than \"10s\""))
        }
        Some(wait) => Ok(MergeLines::Within(wait)),
        None => Err(Flaw::of(text, "is not known here", REMEDY)),
    }
}

/// Somebody: a name, `account:NAME`, or a mask.
pub(in crate::config) fn who(text: &str) -> Result<UserMatcher, Flaw> {
    if let Some(account) = text.strip_prefix("account:") {
        return Ok(UserMatcher::Account(one_name(account)?));
    }
    if text.contains(['!', '*', '?']) || text.contains('@') {
        return mask(text).map(UserMatcher::Mask);
    }
    one_name(text).map(UserMatcher::Name)
}

/// What is not to be mirrored: `{ nick = "spam", text = "^!" }`.
pub(in crate::config) fn ignore(value: &Value) -> Result<IgnoreRule, Flaw> {
    let fields = Fields::of(value, &["text"], "{ nick = \"spam\" }")?;
    let ignore =
        IgnoreRule { side: fields.side()?, users: fields.who()?, pattern: fields.pattern("text")? };
    if ignore.users.is_empty() && ignore.pattern.is_none() {
        let remedy = "say of whom, by nick, user, account or mask, or which text";
        return Err(Flaw::new("this ignores everything", remedy));
    }
    Ok(ignore)
}

/// What is replaced in a text: `{ text = "BUG-([0-9]+)", with = "https://bugs.example.org/$1" }`.
pub(in crate::config) fn rewrite(value: &Value) -> Result<RewriteRule, Flaw> {
    const EXAMPLE: &str = "{ text = \"colour\", with = \"color\" }";
    let fields = Fields::of(value, &["text", "with"], EXAMPLE)?;
    if !fields.who()?.is_empty() {
        return Err(Flaw::new("this replaces the words of everybody", "leave out whose they are"));
    }
    match (fields.pattern("text")?, fields.get("with")) {
        (Some(text), Some(with)) => {
            Ok(RewriteRule { side: fields.side()?, pattern: text, replacement: with.to_owned() })
        }
        _ => Err(Flaw::new("text or with is missing", format!("write it like {EXAMPLE}"))),
    }
}

/// Who speaks for others: `{ nick = "otherbridge" }`.
pub(in crate::config) fn unwrap(value: &Value) -> Result<ExtractNicksRule, Flaw> {
    let fields = Fields::of(value, &["text"], "{ nick = \"otherbridge\" }")?;
    let who = fields.who()?;
    if who.is_empty() {
        let remedy = "say who it is, by nick, user, account or mask";
        return Err(Flaw::new("anybody could speak for anybody", remedy));
    }
    let told = || Regex::new(TOLD).expect("ours is a pattern");
    let text = fields.pattern("text")?.unwrap_or_else(told);
    let has = |name| text.capture_names().flatten().any(|group| group == name);
    if !has("nick") || !has("text") {
        let remedy = format!("write it like '{TOLD}'");
        return Err(Flaw::new("text has no group called nick, or none called text", remedy));
    }
    Ok(ExtractNicksRule { side: fields.side()?, users: who, pattern: text })
}

/// The keys of a rule with what they say.
struct Fields<'v>(Vec<(&'v str, &'v str)>);

impl<'v> Fields<'v> {
    /// Those that say who, and on which side, and `more`.
    fn of(value: &'v Value, more: &[&'static str], example: &str) -> Result<Self, Flaw> {
        let ValueKind::Table(table) = &value.kind else {
            return Err(not_wanted(value, "a rule", &format!("write it like {example}")));
        };
        let known = || ["nick", "user", "account", "mask", "from"].iter().chain(more).copied();
        let mut fields = Vec::new();
        for (key, value) in table {
            if !known().any(|known| known == key) {
                let remedy = match nearest(key, known()) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("known here: {}", known().collect::<Vec<_>>().join(", ")),
                };
                return Err(Flaw::of(key, "is no key of a rule", remedy));
            }
            fields.push((key.as_str(), as_text(value)?));
        }
        fields.sort_unstable();
        Ok(Self(fields))
    }

    fn get(&self, key: &str) -> Option<&'v str> {
        self.0.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
    }

    fn who(&self) -> Result<Vec<UserMatcher>, Flaw> {
        let mut who = Vec::new();
        for (key, text) in &self.0 {
            match *key {
                "nick" | "user" => who.push(UserMatcher::Name(one_name(text)?)),
                "account" => who.push(UserMatcher::Account(one_name(text)?)),
                "mask" => who.push(UserMatcher::Mask(mask(text)?)),
                _ => {}
            }
        }
        Ok(who)
    }

    fn side(&self) -> Result<Option<Side>, Flaw> {
        let sides = [("irc", Side::Irc), ("letschat", Side::LetsChat)];
        let from = self.get("from").map(|text| one_of(text, &sides)).transpose()?;
        // A nick is on IRC and a user on Let's Chat, whoever is called so on the other side.
        let by_key = |key, side| self.get(key).map(|_| side);
        Ok(from.or(by_key("nick", Side::Irc)).or(by_key("user", Side::LetsChat)))
    }

    fn pattern(&self, key: &str) -> Result<Option<Regex>, Flaw> {
        self.get(key).map(pattern).transpose()
    }
}

/// A regular expression for what is said to programs, or `none`.
pub(in crate::config) fn passthrough(text: &str) -> Result<Option<Regex>, Flaw> {
    match text {
        "none" => Ok(None),
        // It would strip everybody of their names.
        _ if pattern(text)?.is_match("") => {
            let remedy = "write what such words begin with, like \"^(!|hubot )\"";
            Err(Flaw::of(text, "fits everything", remedy))
        }
        _ => pattern(text).map(Some),
    }
}

/// A regular expression.
fn pattern(text: &str) -> Result<Regex, Flaw> {
    Regex::new(text).map_err(|error| {
        // It draws where the mistake is, in several lines.
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
        Flaw::of(text, &format!("is no pattern: {why}"), "see https://docs.rs/regex/#syntax")
    })
}

fn mask(text: &str) -> Result<Mask, Flaw> {
    if !text.contains('!') || !text.contains('@') || text.contains(char::is_whitespace) {
        return Err(Flaw::of(text, "is no mask", "write it like \"*!*@*.example.org\""));
    }
    Ok(Mask::new(Casemapping::Rfc1459, text))
}

fn one_name(text: &str) -> Result<String, Flaw> {
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(Flaw::of(text, "is no name", "write one name, without spaces"));
    }
    Ok(text.to_owned())
}

/// What `text` stands for among `words`.
fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, Flaw> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant);
    found.ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("{word:?}")).collect();
        Flaw::of(text, "is not known here", format!("it can be {}", words.join(" or ")))
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::{reads, refuses};
    use super::*;

    #[test]
    fn words_mean_something() {
        reads(formatting, "marks", Formatting::Markers);
        reads(emotes, "unicode", Emotes::Unicode);
        reads(long, "cut", LongMessages::Cut);
        refuses(long, "short", "\"short\" is not known here");
    }

    #[test]
    fn lines_are_joined_within_a_time() {
        reads(join, "never", MergeLines::Never);
        reads(join, "waiting", MergeLines::Queued);
        reads(join, "300ms", MergeLines::Within(Duration::from_millis(300)));
        reads(join, "1s", MergeLines::Within(Duration::from_secs(1)));
        refuses(join, "300", "\"300\" is not known here");
        refuses(join, "-1s", "\"-1s\" is not known here");
        refuses(join, "ms", "\"ms\" is not known here");
        refuses(join, "11s", "\"11s\" is too long");
    }

    #[test]
    fn people_are_written_by_name_account_or_mask() {
        reads(who, "ann", UserMatcher::Name("ann".to_owned()));
        reads(who, "account:ann", UserMatcher::Account("ann".to_owned()));
        reads(
            who,
            "*!*@*.example",
            UserMatcher::Mask(Mask::new(Casemapping::Rfc1459, "*!*@*.example")),
        );
        refuses(who, "", "\"\" is no name");
        refuses(who, "ann lee", "\"ann lee\" is no name");
        refuses(who, "*@host", "\"*@host\" is no mask");
    }

    #[test]
    fn a_template_that_is_none_is_told_with_what_would_do() {
        assert_eq!(template("<{nick}> ").expect("a template").to_string(), "<{nick}> ");
        refuses(template, "{nik}", "there is no {nik}");
        refuses(template, "{nick", "a { stands alone");
    }

    fn table(fields: &[(&str, &str)]) -> Value {
        let field = |(key, text): &(&str, &str)| ((*key).to_owned(), Value::new(None, *text));
        Value::new(None, fields.iter().map(field).collect::<config::Map<String, Value>>())
    }

    #[test]
    fn a_rule_says_whom_it_is_for() {
        let rule = ignore(&table(&[("nick", "spam"), ("text", "^!")])).expect("a rule");
        assert_eq!((rule.side, rule.users.len()), (Some(Side::Irc), 1));
        let rule = ignore(&table(&[("text", "^!"), ("from", "letschat")])).expect("a rule");
        assert_eq!(rule.side, Some(Side::LetsChat));
        let found = |fields: &[(&str, &str)]| ignore(&table(fields)).expect_err("no rule").found;
        assert_eq!(found(&[]), "this ignores everything");
        assert_eq!(found(&[("nik", "x")]), "\"nik\" is no key of a rule");
        assert!(passthrough("^(!|hubot )").is_ok_and(|it| it.is_some()));
        assert!(passthrough("none").is_ok_and(|it| it.is_none()));
        let found_in = |text| passthrough(text).expect_err(text).found;
        assert_eq!(found_in("!*"), "\"!*\" fits everything");
        assert_eq!(found_in("("), "\"(\" is no pattern: unclosed group");
        assert_eq!(found(&[("text", "(")]), "\"(\" is no pattern: unclosed group");
        assert_eq!(found(&[("from", "xmpp"), ("nick", "x")]), "\"xmpp\" is not known here");
    }

    #[test]
    fn nobody_speaks_for_others_by_accident() {
        assert!(unwrap(&table(&[("nick", "relay")])).is_ok());
        let found = |fields: &[(&str, &str)]| unwrap(&table(fields)).expect_err("no rule").found;
        assert_eq!(found(&[]), "anybody could speak for anybody");
        assert_eq!(
            found(&[("nick", "relay"), ("text", "^(.*)$")]),
            "text has no group called nick, or none called text"
        );
        let found = |fields: &[(&str, &str)]| rewrite(&table(fields)).expect_err("no rule").found;
        assert_eq!(found(&[("text", "x")]), "text or with is missing");
    }
}
