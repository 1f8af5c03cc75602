//! Recognises the format of a log, from what is in it and from its path.

use std::path::Path;

use jiff::civil::Date;

use super::log_format::LogFormat;
use super::parser::{LineParser, ParserSettings};
use super::place::{Place, place_of};
use super::quassel_copy;
use super::scan::is_channel;
use super::stamp::seconds;
use crate::domain::LogEvent;
use crate::migrate::written::{WrittenLine, WrittenTime};

/// What a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognised {
    /// How its lines are to be read.
    pub format: LogFormat,
    /// Others that could have written the same lines; none if it can only be this one.
    pub rivals: Vec<LogFormat>,
    /// The network, as the client's user named it, if the path tells.
    pub network: Option<String>,
    /// The channel; the nick of the other person, if it is private.
    pub channel: Option<String>,
    /// The day that the name of the file tells; the file may also hold the begin of the next.
    pub date: Option<Date>,
    /// Whether it is a query: two people talked, and nobody else is to read it. Also where nothing says that it is of
    /// a channel.
    pub is_private: bool,
    /// Whether it holds what a client or a server told its user, and nothing that people said to each other.
    pub is_server_window: bool,
}

/// A log that none of the known programs wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.describe())]
pub struct UnknownFormat {
    /// The format that fits most lines, if any line fits one.
    pub nearest: Option<LogFormat>,
    /// The number of the first line that is not of it, from 1; 0 if there is no line.
    pub number: u64,
    /// That line, or its begin.
    pub line: String,
}

impl UnknownFormat {
    fn describe(&self) -> String {
        let Self { nearest, number, line } = self;
        match nearest {
            _ if *number == 0 => "there is nothing in it".to_owned(),
            Some(format) => format!("it looks like {format}, but line {number} does not: {line:?}"),
            None => format!("line {number} is of no known format: {line:?}"),
        }
    }
}

/// How much of a log is looked at, in bytes: more than the greeting of any server.
pub const HEAD: usize = 64 << 10;

/// How many lines of that.
const HEAD_LINES: usize = 500;

/// How much of an odd line is told, in characters.
const MAX_TOLD: usize = 120;

/// Those that are told apart by their lines, the more frequent ones first.
const CANDIDATES: [LogFormat; 12] = [
    LogFormat::Irssi,
    LogFormat::WeeChat,
    LogFormat::Znc,
    LogFormat::HexChat,
    LogFormat::Eggdrop,
    LogFormat::Limnoria,
    LogFormat::TheLounge,
    LogFormat::Textual,
    LogFormat::Ii,
    LogFormat::EnergyMech,
    LogFormat::Mirc,
    LogFormat::QuasselCopy,
];

impl Recognised {
    /// The same log, read as another format that fits it as well: what its path says may differ.
    #[must_use]
    pub fn read_as(self, format: LogFormat, path: &Path) -> Self {
        let place = place_of(format, path);
        let told = self.channel.filter(|channel| is_channel(channel));
        Self {
            is_private: told.is_none() && !place.has_channel() && keeps_queries(format),
            channel: told.or(place.name),
            network: place.network,
            date: place.date,
            format,
            ..self
        }
    }
}

/// Recognises a log by its first [`HEAD`] bytes, and by its path where several formats look alike.
///
/// # Errors
///
/// More than a fifth of the lines are not of any one format.
pub fn recognise(path: &Path, head: &[u8]) -> Result<Recognised, UnknownFormat> {
    let head = Head::new(head);
    let trials: Vec<Trial> =
        CANDIDATES.into_iter().map(|format| Trial::of(format, &head)).collect();
    // Where nothing in the lines is of a format but the time, the path must speak for it.
    let fits =
        |trial: &&Trial| trial.fits() && (trial.points > 0 || is_path_of(trial.format, path));
    let most = trials.iter().filter(fits).map(|trial| trial.points).max();
    let best: Vec<LogFormat> = trials
        .iter()
        .filter(|trial| fits(trial) && Some(trial.points) == most)
        .map(|trial| trial.format)
        .collect();
    let Some(format) = most_likely(&best, path) else { return Err(odd_line(&trials, &head)) };
    let mut recognised = describe(format, path, &head, &ParserSettings::default());
    let is_told = is_surely_path_of(format, path);
    let is_rival = |rival: &LogFormat| *rival != format && (!is_told || is_path_of(*rival, path));
    recognised.rivals = best.into_iter().filter(is_rival).collect();
    Ok(recognised)
}

/// Describes a log whose format the administrator named.
#[must_use]
pub fn recognise_as(
    format: LogFormat,
    path: &Path,
    head: &[u8],
    settings: &ParserSettings,
) -> Recognised {
    describe(format, path, &Head::new(head), settings)
}

/// The first lines of a log.
struct Head {
    text: String,
}

impl Head {
    fn new(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(HEAD)];
        // What is behind the last line break may be a part of a line.
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        Self { text: String::from_utf8_lossy(&bytes[..end]).replace('\0', "") }
    }

    /// The lines and their numbers.
    fn lines(&self) -> impl Iterator<Item = (u64, &str)> {
        let lines = self.text.lines().take(HEAD_LINES);
        (1..).zip(lines.map(|line| line.trim_end_matches('\r')))
    }
}

/// How well a format fits.
struct Trial {
    format: LogFormat,
    known: u64,
    points: u64,
    first_odd: Option<u64>,
    odd: u64,
}

impl Trial {
    fn of(format: LogFormat, head: &Head) -> Self {
        let mut trial = Self { format, known: 0, points: 0, first_odd: None, odd: 0 };
        let mut parser = LineParser::new(format, &ParserSettings::default());
        let mut has_session = false;
        for (number, line) in head.lines() {
            let read = parser.parse(line);
            has_session |= matches!(read, WrittenLine::Day { .. });
            let is_known = match &read {
                WrittenLine::Unknown => false,
                // irssi and HexChat write what others always write only if they are told to; their sessions begin in
                // their own way.
                _ if format == LogFormat::Irssi && line.starts_with('[') => has_session,
                _ if [LogFormat::Irssi, LogFormat::HexChat].contains(&format)
                    && seconds(line).is_some() =>
                {
                    has_session
                }
                // Without times, only sessions tell that it is a log.
                WrittenLine::Entry { time: WrittenTime::None, .. } => has_session,
                _ => true,
            };
            if is_known {
                trial.known += u64::from(!line.trim().is_empty());
                trial.points += points(&read);
            } else {
                trial.odd += 1;
                trial.first_odd.get_or_insert(number);
            }
        }
        trial
    }

    fn fits(&self) -> bool {
        self.known > 0 && self.odd * 4 <= self.known
    }
}

/// How much a line tells for the format that understood it: what several write alike less than what only one does.
fn points(line: &WrittenLine) -> u64 {
    match line {
        WrittenLine::Day { .. } => 3,
        WrittenLine::Entry { event: LogEvent::Client(_), .. }
        | WrittenLine::Nothing
        | WrittenLine::Unknown => 0,
        WrittenLine::Entry { event: LogEvent::Message { .. }, .. } => 2,
        WrittenLine::Entry { .. } | WrittenLine::Several { .. } => 3,
        WrittenLine::Continuation(_) => 1,
    }
}

/// The one that the path speaks for, of those that fit equally.
fn most_likely(best: &[LogFormat], path: &Path) -> Option<LogFormat> {
    let by_path = best.iter().find(|format| is_path_of(**format, path));
    // ZNC keeps the date in the name of the file, and nowhere else; bots do not.
    let bots = [LogFormat::Eggdrop, LogFormat::EnergyMech];
    let is_likely = |format: &LogFormat| {
        bots.contains(format)
            && best.first() == Some(&LogFormat::Znc)
            && place_of(LogFormat::Znc, path).date.is_none()
    };
    by_path.or_else(|| best.iter().find(|format| is_likely(format))).or(best.first()).copied()
}

/// Whether the path names the client of this format. A day is the name of a file for others, too.
fn is_surely_path_of(format: LogFormat, path: &Path) -> bool {
    let folder = match format {
        LogFormat::Znc | LogFormat::Eggdrop => path.parent().map(|it| it.join("x")),
        _ => None,
    };
    is_path_of(format, folder.as_deref().unwrap_or(path))
}

/// Whether the client of this format names its files so.
fn is_path_of(format: LogFormat, path: &Path) -> bool {
    let below = |names: &[&str]| {
        path.iter().filter_map(|part| part.to_str()).any(|part| {
            names.iter().any(|name| part.trim_start_matches('.').eq_ignore_ascii_case(name))
        })
    };
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    match format {
        LogFormat::Irssi => below(&["irclogs", "irssi"]),
        LogFormat::WeeChat => file.ends_with(".weechatlog") || below(&["weechat"]),
        LogFormat::Znc => {
            below(&["moddata", "znc", "soju"])
                || (file.len() == "2026-11-29.log".len()
                    && file.ends_with(".log")
                    && place_of(format, path).date.is_some())
        }
        LogFormat::HexChat => below(&["hexchat", "xchat", "xchat2", "xchatlogs"]),
        LogFormat::Eggdrop => below(&["eggdrop"]) || file.contains(".log."),
        LogFormat::Limnoria => below(&["ChannelLogger", "limnoria", "supybot"]),
        LogFormat::EnergyMech => below(&["energymech", "emech"]),
        LogFormat::TheLounge => below(&["thelounge", "lounge"]),
        LogFormat::Mirc => below(&["mirc"]),
        LogFormat::Textual => below(&["textual"]),
        LogFormat::Ii => file == "out",
        LogFormat::QuasselCopy | LogFormat::Pattern => false,
    }
}

fn odd_line(trials: &[Trial], head: &Head) -> UnknownFormat {
    let is_near = |trial: &&Trial| trial.points > 0 && trial.first_odd.is_some();
    let nearest = trials.iter().rev().filter(is_near).max_by_key(|trial| trial.known);
    let first = head.lines().find(|(_, line)| !line.trim().is_empty()).map(|(number, _)| number);
    let number = nearest.and_then(|trial| trial.first_odd).or(first).unwrap_or(0);
    let line = head.lines().find(|(at, _)| *at == number).map_or("", |(_, line)| line);
    UnknownFormat {
        nearest: nearest.map(|trial| trial.format),
        number,
        line: line.chars().take(MAX_TOLD).collect(),
    }
}

fn describe(format: LogFormat, path: &Path, head: &Head, settings: &ParserSettings) -> Recognised {
    if format == LogFormat::QuasselCopy {
        return describe_copy(head);
    }
    let place = place_of(format, path);
    let told = channel_in(format, head, settings);
    let is_server_window = place.is_server_window && told.is_none();
    let channel = match told {
        // The path has the whole name; some of what the log tells may be of another channel.
        _ if place.has_channel() => place.name.clone(),
        Some(told) => Some(told),
        None => place.name.clone(),
    };
    let has_channel = channel.as_deref().is_some_and(is_channel);
    let Place { network, date, .. } = place;
    Recognised {
        format,
        rivals: Vec::new(),
        network,
        channel,
        date,
        is_private: !has_channel && !is_server_window && keeps_queries(format),
        is_server_window,
    }
}

/// The lines tell all; where none does, nobody else is to read the log.
fn describe_copy(head: &Head) -> Recognised {
    let place = head.lines().find_map(|(_, line)| quassel_copy::place(line));
    Recognised {
        format: LogFormat::QuasselCopy,
        rivals: Vec::new(),
        is_private: place.as_ref().is_none_or(|place| place.is_private),
        network: place.as_ref().map(|place| place.network.clone()),
        channel: place.map(|place| place.channel),
        date: None,
        is_server_window: false,
    }
}

/// Whether the client writes its user's queries into such logs, too.
fn keeps_queries(format: LogFormat) -> bool {
    match format {
        LogFormat::Irssi
        | LogFormat::WeeChat
        | LogFormat::Znc
        | LogFormat::HexChat
        | LogFormat::TheLounge
        | LogFormat::Mirc
        | LogFormat::Textual
        | LogFormat::Ii => true,
        LogFormat::Eggdrop
        | LogFormat::Limnoria
        | LogFormat::EnergyMech
        | LogFormat::QuasselCopy
        | LogFormat::Pattern => false,
    }
}

/// The channel that the lines of a log tell.
fn channel_in(format: LogFormat, head: &Head, settings: &ParserSettings) -> Option<String> {
    let mut parser = LineParser::new(format, settings);
    head.lines().find_map(|(_, line)| {
        if format == LogFormat::Mirc
            && let Some(ident) = line.strip_prefix("Session Ident: ")
        {
            return Some(ident.trim().to_owned());
        }
        let tells = match parser.parse(line) {
            WrittenLine::Entry { event, .. } => match event {
                LogEvent::Join(_)
                | LogEvent::Part { .. }
                | LogEvent::Kick { .. }
                | LogEvent::Mode { .. }
                | LogEvent::Topic { .. } => true,
                LogEvent::Client(text) => text.starts_with("Now talking "),
                _ => false,
            },
            _ => false,
        };
        tells.then(|| channel_of_event(line)).flatten()
    })
}

/// The channel in a line that tells an event: behind one of the words that stand before it.
fn channel_of_event(line: &str) -> Option<String> {
    let mut before = "";
    for word in line.split_ascii_whitespace() {
        let name = word.strip_prefix("mode/").or_else(|| word.strip_prefix("ServerMode/"));
        let is_announced = name.is_some()
            || matches!(before, "joined" | "left" | "from" | "on" | "in" | "of" | "for" | "Mode")
            || word.ends_with(':') && line.contains(": mode change '");
        let name = name.unwrap_or(word).trim_end_matches([':', '.']);
        if is_announced && name.starts_with(['#', '&']) && is_channel(name) {
            return Some(name.to_owned());
        }
        before = word;
    }
    None
}
