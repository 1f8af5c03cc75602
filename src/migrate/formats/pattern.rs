//! Lines that a pattern of the administrator describes.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use regex::{Regex, RegexBuilder};

use super::pattern_items::{Item, KINDS, parse_items};
use super::scan::{bare_nick, clock, date, iso_date, iso_date_time, month, number, time};
use super::stamp::in_zone;
use super::told::{action, notice, text};
use crate::domain::LogEvent;
use crate::migrate::written::{WrittenDate, WrittenLine, WrittenTime, ZoneName};

/// What a line of a message looks like.
///
/// Either the line itself, with `{nick}` and `{text}` where they stand and the time in the words of `strftime`, such as
/// `[%Y-%m-%d %H:%M] <{nick}> {text}`; or, beginning with `^`, a regular expression with the groups `time`, `nick` and
/// `text`. `action` or `notice` instead of `text` say what kind of message it is.
#[derive(Debug, Clone)]
pub struct LinePattern {
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Items(Vec<Item>),
    Regex(Regex),
}

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pattern {pattern:?} {problem}")]
pub struct PatternError {
    pattern: String,
    problem: String,
}

/// The groups of a regular expression that tell the time, besides `time`.
const PARTS: [&str; 6] = ["year", "month", "day", "hour", "minute", "second"];

/// How large a compiled regular expression may be, in bytes.
const MAX_REGEX: usize = 4 << 20;

impl FromStr for LinePattern {
    type Err = PatternError;

    fn from_str(pattern: &str) -> Result<Self, PatternError> {
        let form = match pattern.starts_with('^') {
            true => regex(pattern).map(Form::Regex),
            false => parse_items(pattern).map(Form::Items),
        };
        let error = |problem| PatternError { pattern: pattern.to_owned(), problem };
        form.map(|form| Self { form }).map_err(error)
    }
}

fn regex(pattern: &str) -> Result<Regex, String> {
    let regex = RegexBuilder::new(pattern).size_limit(MAX_REGEX).build();
    let regex = regex.map_err(|error| format!("is no regular expression: {error}"))?;
    let names: Vec<&str> = regex.capture_names().flatten().collect();
    let is_known = |name: &&str| {
        ["time", "nick"].contains(name) || KINDS.contains(name) || PARTS.contains(name)
    };
    if let Some(odd) = names.iter().find(|name| !is_known(name)) {
        let parts = PARTS.join(", ");
        return Err(format!(
            "has a group {odd:?}; use time (or {parts}), nick, and text, action or notice"
        ));
    }
    if !names.contains(&"nick") {
        return Err("has no group nick: put (?<nick>…) around the nick".to_owned());
    }
    if KINDS.iter().filter(|kind| names.contains(*kind)).count() != 1 {
        return Err("needs one group text, action or notice: (?<text>…)".to_owned());
    }
    let has_parts = names.contains(&"hour") && names.contains(&"minute");
    if !names.contains(&"time") && !has_parts {
        return Err("has no time: put (?<time>…) around it, or (?<hour>…) and (?<minute>…) \
                    around its parts"
            .to_owned());
    }
    Ok(regex)
}

/// Reads a line by the first pattern that fits.
pub(super) fn parse(patterns: &[LinePattern], line: &str) -> WrittenLine {
    if line.trim().is_empty() {
        return WrittenLine::Nothing;
    }
    let entry = patterns.iter().find_map(|pattern| pattern.read(line));
    entry.map_or(WrittenLine::Unknown, |(time, event)| WrittenLine::Entry { time, event })
}

impl LinePattern {
    fn read(&self, line: &str) -> Option<(WrittenTime, LogEvent)> {
        let mut found = FoundParts::default();
        match &self.form {
            Form::Items(items) => found.take_items(items, line)?,
            Form::Regex(regex) => found.take_groups(regex, line)?,
        }
        let nick = bare_nick(found.nick?)?;
        let said = found.said?;
        let event = match found.kind {
            Some("action") => action(nick, said),
            Some("notice") => notice(nick, said),
            _ => text(nick, said),
        };
        Some((found.parts.time()?, event))
    }
}

/// What was found in a line.
#[derive(Default)]
struct FoundParts<'l> {
    nick: Option<&'l str>,
    kind: Option<&'static str>,
    said: Option<&'l str>,
    parts: TimeParts,
}

impl<'l> FoundParts<'l> {
    fn take_items(&mut self, items: &[Item], line: &'l str) -> Option<()> {
        let mut rest = line;
        for (at, item) in items.iter().enumerate() {
            rest = match item {
                Item::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Item::Time(directive) => self.parts.take(*directive, rest)?,
                Item::Nick => {
                    let end = match items.get(at + 1) {
                        Some(Item::Literal(literal)) => rest.find(literal.as_str())?,
                        _ => return None,
                    };
                    self.nick = Some(&rest[..end]);
                    &rest[end..]
                }
                Item::Said(kind) => {
                    (self.kind, self.said) = (Some(*kind), Some(rest));
                    ""
                }
            };
        }
        Some(())
    }

    fn take_groups(&mut self, regex: &Regex, line: &'l str) -> Option<()> {
        let groups = regex.captures(line)?;
        self.nick = groups.name("nick").map(|group| group.as_str());
        for kind in KINDS {
            if let Some(group) = groups.name(kind) {
                (self.kind, self.said) = (Some(kind), Some(group.as_str()));
            }
        }
        if let Some(group) = groups.name("time") {
            self.parts.take_any(group.as_str())?;
        }
        let whole = |name: &str| groups.name(name).map(|group| number(group.as_str(), 1..=4));
        for (name, part) in [
            ("year", &mut self.parts.year),
            ("day", &mut self.parts.day),
            ("hour", &mut self.parts.hour),
            ("minute", &mut self.parts.minute),
            ("second", &mut self.parts.second),
        ] {
            if let Some(number) = whole(name) {
                *part = Some(number?.0);
            }
        }
        if let Some(group) = groups.name("month") {
            let number = number(group.as_str(), 1..=2).map(|(number, _)| number);
            self.parts.month = Some(number.or_else(|| month(group.as_str()).map(i32::from))?);
        }
        Some(())
    }
}

/// The parts of a time.
#[derive(Default)]
struct TimeParts {
    moment: Option<Timestamp>,
    year: Option<i32>,
    month: Option<i32>,
    day: Option<i32>,
    hour: Option<i32>,
    minute: Option<i32>,
    second: Option<i32>,
    nanos: i32,
    is_afternoon: Option<bool>,
    offset: Option<Offset>,
    zone: Option<ZoneName>,
}

impl TimeParts {
    /// Takes what a directive of `strftime` describes from the begin of `text`. Returns what follows.
    fn take<'t>(&mut self, directive: char, text: &'t str) -> Option<&'t str> {
        let (part, digits) = match directive {
            'Y' => (&mut self.year, 4..=4),
            'm' => (&mut self.month, 1..=2),
            'd' | 'e' => (&mut self.day, 1..=2),
            'H' | 'I' => (&mut self.hour, 1..=2),
            'M' => (&mut self.minute, 2..=2),
            'S' => (&mut self.second, 2..=2),
            _ => return self.take_other(directive, text),
        };
        let text = if directive == 'e' { text.trim_start_matches(' ') } else { text };
        let (number, rest) = number(text, digits)?;
        *part = Some(number);
        Some(rest)
    }

    fn take_other<'t>(&mut self, directive: char, text: &'t str) -> Option<&'t str> {
        let letters = text.find(|c: char| !c.is_alphabetic() && c != '.').unwrap_or(text.len());
        match directive {
            'y' => {
                let (year, rest) = number(text, 2..=2)?;
                self.year = Some(if year < 70 { 2000 + year } else { 1900 + year });
                Some(rest)
            }
            'b' | 'B' => {
                self.month = Some(i32::from(month(&text[..letters])?));
                Some(&text[letters..])
            }
            'a' | 'A' => (letters > 0).then(|| &text[letters..]),
            'p' => {
                let half = text.get(..2)?;
                self.is_afternoon = Some(half.eq_ignore_ascii_case("pm"));
                let is_half = half.eq_ignore_ascii_case("pm") || half.eq_ignore_ascii_case("am");
                is_half.then(|| &text[2..])
            }
            'f' => {
                let digits = text.bytes().take_while(u8::is_ascii_digit).count().min(9);
                let fraction: i32 = text[..digits].parse().ok()?;
                self.nanos = fraction * 10_i32.pow(9 - u32::try_from(digits).ok()?);
                Some(&text[digits..])
            }
            's' => {
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                self.moment = Timestamp::from_second(text[..digits].parse().ok()?).ok();
                Some(&text[digits..])
            }
            'z' => self.take_offset(text),
            'Z' => {
                let is_of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-');
                let end = text.find(|c| !is_of_names(c)).unwrap_or(text.len());
                self.zone = Some(ZoneName::new(&text[..end])?);
                Some(&text[end..])
            }
            _ => None,
        }
    }

    /// `Z`, `+0100` or `+01:00`.
    fn take_offset<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix('Z') {
            self.offset = Some(Offset::UTC);
            return Some(rest);
        }
        let sign = if text.starts_with('-') { -1 } else { 1 };
        let digits = text.strip_prefix(['+', '-'])?;
        let (hours, rest) = digits.split_at_checked(2)?;
        let (minutes, rest) = rest.strip_prefix(':').unwrap_or(rest).split_at_checked(2)?;
        let (hours, minutes) = (number(hours, 2..=2)?.0, number(minutes, 2..=2)?.0);
        self.offset = Some(Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?);
        Some(rest)
    }

    /// Takes a time in one of the usual forms: a date and a time, a time of day, or seconds since 1970.
    fn take_any(&mut self, text: &str) -> Option<()> {
        let text = text.trim();
        if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.moment = Some(Timestamp::from_second(text.parse().ok()?).ok()?);
            return Some(());
        }
        let (date, time, has_seconds, rest) = match iso_date_time(text) {
            Some((date, time, rest)) => (Some(date), time, true, rest),
            None => {
                let dated = iso_date(text).and_then(|(date, rest)| {
                    let rest = rest.strip_prefix(['T', ' '])?;
                    Some((date, rest))
                });
                let (clock, rest) = clock(dated.map_or(text, |(_, rest)| rest))?;
                (dated.map(|(date, _)| date), clock.time, clock.has_seconds, rest)
            }
        };
        if let Some(date) = date {
            self.year = Some(i32::from(date.year()));
            self.month = Some(i32::from(date.month()));
            self.day = Some(i32::from(date.day()));
        }
        self.hour = Some(i32::from(time.hour()));
        self.minute = Some(i32::from(time.minute()));
        self.second = has_seconds.then(|| i32::from(time.second()));
        self.nanos = time.subsec_nanosecond();
        let rest = if rest.is_empty() { "" } else { self.take_offset(rest.trim_start())? };
        rest.is_empty().then_some(())
    }

    fn time(&self) -> Option<WrittenTime> {
        if let Some(moment) = self.moment {
            let at = moment.checked_add(SignedDuration::from_nanos(self.nanos.into())).ok()?;
            return Some(WrittenTime::Moment(at));
        }
        let time = self.time_of_day()?;
        let date = match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => WrittenDate::Full(date(year, month, day)?),
            (None, Some(month), Some(day)) => {
                date(2000, month, day)?;
                let (month, day) = (i8::try_from(month).ok()?, i8::try_from(day).ok()?);
                WrittenDate::WithoutYear { month, day }
            }
            _ => WrittenDate::None,
        };
        if let (WrittenDate::Full(date), Some(offset)) = (date, self.offset) {
            let zone = TimeZone::fixed(offset);
            return zone
                .to_timestamp(DateTime::from_parts(date, time))
                .ok()
                .map(WrittenTime::Moment);
        }
        let has_seconds = self.second.is_some();
        let local = WrittenTime::Local { date, time, has_seconds, zone: None };
        Some(self.zone.map_or(local, |zone| in_zone(local, zone)))
    }

    fn time_of_day(&self) -> Option<Time> {
        let hour = match (self.hour?, self.is_afternoon) {
            (hour, None) => hour,
            (hour @ 1..=12, Some(is_afternoon)) => hour % 12 + if is_afternoon { 12 } else { 0 },
            _ => return None,
        };
        time(hour, self.minute?, self.second.unwrap_or(0).min(59), self.nanos)
    }
}
