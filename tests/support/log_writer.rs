//! Writes histories as the clients write them: for tests of what reads logs.
//!
//! Included by path, from the tests beside the code and from those in `tests/`: name it `log_writer`.
#![allow(dead_code, clippy::unwrap_used)] // Each of the test binaries uses a part.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};
use letsbridge::domain::{LogEntry, LogEvent, LogSpeaker, MessageKind};
use letsbridge::migrate::formats::LogFormat;

/// The formats that [`LogWriter`] writes.
pub(crate) const WRITTEN: [LogFormat; 12] = [
    LogFormat::Irssi,
    LogFormat::WeeChat,
    LogFormat::Znc,
    LogFormat::HexChat,
    LogFormat::Eggdrop,
    LogFormat::Limnoria,
    LogFormat::EnergyMech,
    LogFormat::TheLounge,
    LogFormat::Mirc,
    LogFormat::Textual,
    LogFormat::Ii,
    LogFormat::Pattern,
];

/// The pattern of the lines that are written for [`LogFormat::Pattern`].
pub(crate) const PATTERN: &str = "%Y-%m-%d %H:%M:%S <{nick}> {text}";

/// A client that logs one channel.
pub(crate) struct LogWriter {
    format: LogFormat,
    zone: TimeZone,
    network: String,
    channel: String,
    /// WeeChat since 4.8: microseconds, in UTC.
    utc: bool,
    day: Option<Date>,
    files: Vec<(String, String)>,
}

impl LogWriter {
    /// `zone` is the one in which the client writes local times.
    pub(crate) fn new(format: LogFormat, zone: TimeZone, network: &str, channel: &str) -> Self {
        let (network, channel) = (network.to_owned(), channel.to_owned());
        Self { format, zone, network, channel, utc: false, day: None, files: Vec::new() }
    }

    /// Writes WeeChat's form since 4.8.
    pub(crate) fn in_utc(mut self) -> Self {
        self.utc = true;
        self
    }

    /// Writes a history.
    pub(crate) fn write_all<'e>(&mut self, entries: impl IntoIterator<Item = &'e LogEntry>) {
        for entry in entries {
            self.write(entry);
        }
    }

    /// Writes an entry, if the format has it; and what the client writes at the begin of a log or of a day.
    pub(crate) fn write(&mut self, entry: &LogEntry) {
        let at = entry.at.to_zoned(self.zone.clone());
        self.begin(&at);
        if let Some(said) = line(self.format, &self.channel, &entry.event) {
            let time = self.time(&at);
            let text = &mut self.files.last_mut().unwrap().1;
            text.push_str(&time);
            text.push_str(&said);
            text.push('\n');
        }
    }

    /// The names of the files, below the folder in which the client keeps its logs, and their texts.
    pub(crate) fn files(self) -> Vec<(String, String)> {
        self.files
    }

    /// The text, for formats that write one file; those of days one after the other.
    pub(crate) fn text(self) -> String {
        self.files.into_iter().map(|(_, text)| text).collect()
    }

    fn begin(&mut self, at: &Zoned) {
        let name = self.file_name(at);
        if self.files.last().is_none_or(|(last, _)| *last != name) {
            self.files.push((name, self.opening(at)));
        } else if self.day.is_some_and(|day| day != at.date()) {
            let marker = match self.format {
                LogFormat::Irssi => at.strftime("--- Day changed %a %b %d %Y\n").to_string(),
                LogFormat::Mirc => at.strftime("Session Time: %a %b %d 00:00:00 %Y\n").to_string(),
                _ => String::new(),
            };
            self.files.last_mut().unwrap().1.push_str(&marker);
        }
        self.day = Some(at.date());
    }

    fn opening(&self, at: &Zoned) -> String {
        match self.format {
            LogFormat::Irssi => at.strftime("--- Log opened %a %b %d %H:%M:%S %Y\n").to_string(),
            LogFormat::HexChat => {
                at.strftime("**** BEGIN LOGGING AT %a %b %e %H:%M:%S %Y\n\n").to_string()
            }
            LogFormat::Mirc => {
                let start = at.strftime("\nSession Start: %a %b %d %H:%M:%S %Y\n");
                format!("{start}Session Ident: {}\n", self.channel)
            }
            _ => String::new(),
        }
    }

    fn file_name(&self, at: &Zoned) -> String {
        let (network, channel) = (&self.network, &self.channel);
        let bare = channel.trim_start_matches('#');
        match self.format {
            LogFormat::Irssi => format!("irclogs/{network}/{channel}.log"),
            LogFormat::WeeChat => format!("logs/irc.{network}.{channel}.weechatlog"),
            LogFormat::Znc => {
                let folder = format!("users/ann/networks/{network}/moddata/log/{channel}");
                format!("{folder}/{}.log", at.date())
            }
            LogFormat::HexChat => format!("hexchat/logs/{network}/{channel}.log"),
            // Switched at three in the night.
            LogFormat::Eggdrop => {
                let day = at.datetime().saturating_sub(3.hours());
                format!("eggdrop/logs/{bare}.log.{}", day.strftime("%d%b%Y"))
            }
            LogFormat::Limnoria => {
                format!("logs/ChannelLogger/{network}/{channel}/{channel}.log")
            }
            LogFormat::EnergyMech => {
                format!("energymech/{channel}_{}.log", at.strftime("%Y%m%d"))
            }
            LogFormat::TheLounge => {
                format!("logs/ann/{network}-4e5f-8a1b2c3d4e5f/{channel}.log")
            }
            LogFormat::Mirc => format!("mIRC/logs/{network}/{channel}.log"),
            LogFormat::Textual => {
                format!("Textual/{network} (2A4B6)/Channels/{channel}/{}.txt", at.date())
            }
            LogFormat::Ii => format!("irc/{network}/{channel}/out"),
            LogFormat::QuasselCopy | LogFormat::Pattern => format!("{channel}.txt"),
        }
    }

    fn time(&self, at: &Zoned) -> String {
        let utc = at.with_time_zone(TimeZone::UTC);
        let written = match self.format {
            LogFormat::Irssi => at.strftime("%H:%M "),
            LogFormat::WeeChat if self.utc => {
                return format!("{}\t", utc.strftime("%Y-%m-%d %H:%M:%S.%6fZ"));
            }
            LogFormat::WeeChat => at.strftime("%Y-%m-%d %H:%M:%S\t"),
            LogFormat::Znc | LogFormat::Eggdrop | LogFormat::EnergyMech => {
                at.strftime("[%H:%M:%S] ")
            }
            LogFormat::HexChat => at.strftime("%b %d %H:%M:%S "),
            LogFormat::Limnoria => at.strftime("%Y-%m-%dT%H:%M:%S  "),
            LogFormat::TheLounge => {
                return format!("[{}] ", utc.strftime("%Y-%m-%dT%H:%M:%S.%3fZ"));
            }
            LogFormat::Mirc => at.strftime("[%H:%M] "),
            LogFormat::Textual => at.strftime("[%Y-%m-%dT%H:%M:%S%z] "),
            LogFormat::Ii => return format!("{} ", at.timestamp().as_second()),
            LogFormat::QuasselCopy | LogFormat::Pattern => at.strftime("%Y-%m-%d %H:%M:%S "),
        };
        written.to_string()
    }
}

/// How exactly a format has times: a moment in it.
pub(crate) fn kept_time(format: LogFormat, at: Timestamp) -> Timestamp {
    let unit = match format {
        LogFormat::Irssi | LogFormat::Mirc => 60_000,
        LogFormat::TheLounge => 1,
        _ => 1_000,
    };
    let at = at.as_millisecond();
    Timestamp::from_millisecond(at - at.rem_euclid(unit)).unwrap()
}

/// What a format keeps of an event; none if it does not write such events.
pub(crate) fn kept(format: LogFormat, event: &LogEvent) -> Option<LogEvent> {
    let mut event = event.clone();
    let hides = |event: &LogEvent| match format {
        LogFormat::Ii => !matches!(event, LogEvent::Quit { .. } | LogEvent::Nick { .. }),
        LogFormat::Pattern => matches!(event, LogEvent::Message { kind: MessageKind::Text, .. }),
        _ => true,
    };
    if !hides(&event) || matches!(event, LogEvent::Client(_)) {
        return None;
    }
    match &mut event {
        LogEvent::Message { by, kind, .. } => {
            *by = LogSpeaker { nick: std::mem::take(&mut by.nick), ..LogSpeaker::default() };
            if format == LogFormat::Ii && *kind == MessageKind::Notice {
                return None;
            }
        }
        LogEvent::Join(who) => who.account = None,
        LogEvent::Part { who, reason } => {
            who.account = None;
            match format {
                LogFormat::Ii => reason.clear(),
                LogFormat::EnergyMech => reason.clear(),
                _ => {}
            }
        }
        LogEvent::Quit { who, .. } => {
            who.account = None;
            if matches!(format, LogFormat::HexChat | LogFormat::EnergyMech) {
                who.userhost = None;
            }
        }
        LogEvent::Nick { from, .. } => {
            (from.userhost, from.account) = (None, None);
        }
        LogEvent::Topic { by, .. } if by.is_none() => return None,
        LogEvent::Kick { .. } | LogEvent::Mode { .. } | LogEvent::Topic { .. } => {}
        LogEvent::Client(_) => return None,
    }
    Some(event)
}

/// Somebody's sign of rank; always the same for a nick.
fn rank(nick: &str) -> &'static str {
    ["", "@", "+"][nick.len() % 3]
}

fn userhost(who: &LogSpeaker) -> &str {
    who.userhost.as_deref().unwrap_or("~u@h")
}

fn line(format: LogFormat, channel: &str, event: &LogEvent) -> Option<String> {
    if let LogEvent::Message { by, kind, text } = event {
        return message(format, channel, &by.nick, *kind, text);
    }
    match format {
        LogFormat::Irssi => irssi(channel, event),
        LogFormat::WeeChat => weechat(channel, event),
        LogFormat::HexChat => hexchat(channel, event),
        LogFormat::Eggdrop => eggdrop(channel, event),
        LogFormat::TheLounge => the_lounge(event),
        LogFormat::Mirc => mirc(channel, event),
        LogFormat::Textual => textual(event),
        LogFormat::Ii => ii(channel, event),
        LogFormat::Znc | LogFormat::EnergyMech | LogFormat::Limnoria => {
            starred(format, channel, event)
        }
        LogFormat::QuasselCopy | LogFormat::Pattern => None,
    }
}

fn message(
    format: LogFormat,
    channel: &str,
    nick: &str,
    kind: MessageKind,
    text: &str,
) -> Option<String> {
    use LogFormat::{
        Eggdrop, EnergyMech, HexChat, Ii, Irssi, Limnoria, Mirc, Pattern, QuasselCopy, Textual,
        TheLounge, WeeChat, Znc,
    };
    use MessageKind::{Action, Notice, Text};
    let rank = rank(nick);
    Some(match (format, kind) {
        (Irssi, Text) if rank.is_empty() => format!("< {nick}> {text}"),
        (Irssi | TheLounge | Textual, Text) => format!("<{rank}{nick}> {text}"),
        (WeeChat, Text) => format!("{rank}{nick}\t{text}"),
        (HexChat, Text) => format!("<{nick}>\t{text}"),
        (Znc | Eggdrop | Limnoria | EnergyMech | Mirc | Ii | Pattern, Text) => {
            format!("<{nick}> {text}")
        }
        (Irssi, Action) => format!(" * {nick} {text}"),
        (WeeChat, Action) => format!(" *\t{nick} {text}"),
        (HexChat, Action) => format!("*\t{nick} {text}"),
        (Eggdrop, Action) => format!("Action: {nick} {text}"),
        (TheLounge, Action) => format!("* {rank}{nick} {text}"),
        (Textual, Action) => format!("• {nick}: {text}"),
        (Ii, Action) => format!("<{nick}> \u{1}ACTION {text}\u{1}"),
        (Znc | Limnoria | EnergyMech | Mirc, Action) => format!("* {nick} {text}"),
        (Irssi | Eggdrop | EnergyMech | Mirc, Notice) => format!("-{nick}:{channel}- {text}"),
        (WeeChat, Notice) => format!("--\tNotice({nick}): {text}"),
        (HexChat, Notice) => format!("-{nick}/{channel}-\t{text}"),
        (Znc | Limnoria | TheLounge | Textual, Notice) => format!("-{nick}- {text}"),
        (Ii, Notice) => format!("-!- \"{text}\")"),
        (QuasselCopy, _) | (Pattern, _) => return None,
    })
}

fn irssi(channel: &str, event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => {
            format!("-!- {} [{}] has joined {channel}", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("-!- {} [{}] has left {channel} [{reason}]", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => {
            format!("-!- {} [{}] has quit [{reason}]", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => {
            format!("-!- {nick} was kicked from {channel} by {by} [{reason}]")
        }
        LogEvent::Nick { from, to } => format!("-!- {} is now known as {to}", from.nick),
        LogEvent::Mode { by, change } => format!("-!- mode/{channel} [{change}] by {by}"),
        LogEvent::Topic { by: Some(by), text } if text.is_empty() => {
            format!("-!- Topic unset by {by} on {channel}")
        }
        LogEvent::Topic { by: Some(by), text } => {
            format!("-!- {by} changed the topic of {channel} to: {text}")
        }
        _ => return None,
    })
}

fn weechat(channel: &str, event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => {
            format!("-->\t{} ({}) has joined {channel}", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } if reason.is_empty() => {
            format!("<--\t{} ({}) has left {channel}", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("<--\t{} ({}) has left {channel} ({reason})", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } if reason.is_empty() => {
            format!("<--\t{} ({}) has quit", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => {
            format!("<--\t{} ({}) has quit ({reason})", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } if reason.is_empty() => {
            format!("<--\t{by} has kicked {nick}")
        }
        LogEvent::Kick { nick, by, reason } => format!("<--\t{by} has kicked {nick} ({reason})"),
        LogEvent::Nick { from, to } => format!("--\t{} is now known as {to}", from.nick),
        LogEvent::Mode { by, change } => format!("--\tMode {channel} [{change}] by {by}"),
        LogEvent::Topic { by: Some(by), text } if text.is_empty() => {
            format!("--\t{by} has unset topic for {channel} (old topic: \"Tea (at \"four\")\")")
        }
        LogEvent::Topic { by: Some(by), text } => {
            format!("--\t{by} has changed topic for {channel} to \"{text}\"")
        }
        _ => return None,
    })
}

fn hexchat(channel: &str, event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => format!("*\t{} ({}) has joined", who.nick, userhost(who)),
        LogEvent::Part { who, reason } if reason.is_empty() => {
            format!("*\t{} ({}) has left", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("*\t{} ({}) has left ({reason})", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => format!("*\t{} has quit ({reason})", who.nick),
        LogEvent::Kick { nick, by, reason } => {
            format!("*\t{by} has kicked {nick} from {channel} ({reason})")
        }
        LogEvent::Nick { from, to } => format!("*\t{} is now known as {to}", from.nick),
        LogEvent::Mode { by, change } => {
            let (modes, rest) = change.split_once(' ').unwrap_or((change, ""));
            match modes {
                "+o" => format!("*\t{by} gives channel operator status to {rest}"),
                "-o" => format!("*\t{by} removes channel operator status from {rest}"),
                "+v" => format!("*\t{by} gives voice to {rest}"),
                "-v" => format!("*\t{by} removes voice from {rest}"),
                "+b" => format!("*\t{by} sets ban on {rest}"),
                "-b" => format!("*\t{by} removes ban on {rest}"),
                _ => format!("*\t{by} sets mode {modes} {channel} {rest}"),
            }
        }
        LogEvent::Topic { by: Some(by), text } => {
            format!("*\t{by} has changed the topic to: {text}")
        }
        _ => return None,
    })
}

fn eggdrop(channel: &str, event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => format!("{} ({}) joined {channel}.", who.nick, userhost(who)),
        LogEvent::Part { who, reason } if reason.is_empty() => {
            format!("{} ({}) left {channel}.", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("{} ({}) left {channel} ({reason}).", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => {
            format!("{} ({}) left irc: {reason}", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => {
            format!("{nick} kicked from {channel} by {by}: {reason}")
        }
        LogEvent::Nick { from, to } => format!("Nick change: {} -> {to}", from.nick),
        LogEvent::Mode { by, change } => {
            format!("{channel}: mode change '{change}' by {by}!~{by}@host.example")
        }
        LogEvent::Topic { by: Some(by), text } => {
            format!("Topic changed on {channel} by {by}!~{by}@host.example: {text}")
        }
        _ => return None,
    })
}

/// What ZNC, energymech and Limnoria write behind three stars.
fn starred(format: LogFormat, channel: &str, event: &LogEvent) -> Option<String> {
    let is_limnoria = format == LogFormat::Limnoria;
    Some(match event {
        LogEvent::Join(LogSpeaker { nick, .. }) if is_limnoria => {
            let LogEvent::Join(who) = event else { return None };
            format!("*** {nick} <{nick}!{}> has joined {channel}", userhost(who))
        }
        LogEvent::Part { who, reason } if is_limnoria => {
            let nick = &who.nick;
            format!("*** {nick} <{nick}!{}> has left {channel} ({reason})", userhost(who))
        }
        LogEvent::Quit { who, reason } if is_limnoria => {
            let nick = &who.nick;
            format!("*** {nick} <{nick}!{}> has quit IRC ({reason})", userhost(who))
        }
        LogEvent::Join(who) => format!("*** Joins: {} ({})", who.nick, userhost(who)),
        LogEvent::Part { who, .. } if format == LogFormat::EnergyMech => {
            format!("*** Parts: {} ({})", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("*** Parts: {} ({}) ({reason})", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } if format == LogFormat::EnergyMech => {
            format!("*** Quits: {} ({reason})", who.nick)
        }
        LogEvent::Quit { who, reason } => {
            format!("*** Quits: {} ({}) ({reason})", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => format!("*** {nick} was kicked by {by} ({reason})"),
        LogEvent::Nick { from, to } => format!("*** {} is now known as {to}", from.nick),
        LogEvent::Mode { by, change } => format!("*** {by} sets mode: {change}"),
        LogEvent::Topic { by: Some(by), text } if format == LogFormat::Znc => {
            format!("*** {by} changes topic to '{text}'")
        }
        LogEvent::Topic { by: Some(by), text } => format!("*** {by} changes topic to \"{text}\""),
        _ => return None,
    })
}

fn the_lounge(event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => format!("*** {} ({}) joined", who.nick, userhost(who)),
        LogEvent::Part { who, reason } => {
            format!("*** {} ({}) left ({reason})", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => {
            format!("*** {} ({}) quit ({reason})", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => format!("*** {nick} was kicked by {by} ({reason})"),
        LogEvent::Nick { from, to } => format!("*** {} changed nick to {to}", from.nick),
        LogEvent::Mode { by, change } => format!("*** {by} set mode {change}"),
        LogEvent::Topic { by: Some(by), text } => format!("*** {by} changed topic to '{text}'"),
        _ => return None,
    })
}

fn mirc(channel: &str, event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => format!("* {} ({}) has joined {channel}", who.nick, userhost(who)),
        LogEvent::Part { who, reason } if reason.is_empty() => {
            format!("* {} ({}) has left {channel}", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("* {} ({}) has left {channel} ({reason})", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => {
            format!("* {} ({}) Quit ({reason})", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => format!("* {nick} was kicked by {by} ({reason})"),
        LogEvent::Nick { from, to } => format!("* {} is now known as {to}", from.nick),
        LogEvent::Mode { by, change } => format!("* {by} sets mode: {change}"),
        LogEvent::Topic { by: Some(by), text } => format!("* {by} changes topic to '{text}'"),
        _ => return None,
    })
}

fn textual(event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => format!("{} ({}) joined the channel", who.nick, userhost(who)),
        LogEvent::Part { who, reason } if reason.is_empty() => {
            format!("{} ({}) left the channel", who.nick, userhost(who))
        }
        LogEvent::Part { who, reason } => {
            format!("{} ({}) left the channel ({reason})", who.nick, userhost(who))
        }
        LogEvent::Quit { who, reason } => {
            format!("{} ({}) left IRC ({reason})", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => {
            format!("{by} kicked {nick} from the channel ({reason})")
        }
        LogEvent::Nick { from, to } => format!("{} is now known as {to}", from.nick),
        LogEvent::Mode { by, change } => format!("{by} sets mode {change}"),
        LogEvent::Topic { by: Some(by), text } => format!("{by} changed the topic to {text}"),
        _ => return None,
    })
}

fn ii(channel: &str, event: &LogEvent) -> Option<String> {
    Some(match event {
        LogEvent::Join(who) => format!("-!- {}({}) has joined {channel}", who.nick, userhost(who)),
        LogEvent::Part { who, .. } => {
            format!("-!- {}({}) has left {channel}", who.nick, userhost(who))
        }
        LogEvent::Kick { nick, by, reason } => format!("-!- {by} kicked {nick}  (\"{reason}\")"),
        LogEvent::Mode { by, change } => format!("-!- {by} changed mode/{channel} -> {change} "),
        LogEvent::Topic { by: Some(by), text } => format!("-!- {by} changed topic to \"{text}\""),
        _ => return None,
    })
}
