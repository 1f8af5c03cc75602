//! Reads the lines of a log whose format is known.

use super::log_format::LogFormat;
use super::pattern::LinePattern;
use super::quassel_copy::QuasselCopyParser;
use super::{eggdrop, hexchat, ii, irssi, mirc, pattern, starred, textual, weechat};
use crate::migrate::written::WrittenLine;

/// What the administrator says about logs of unusual form.
#[derive(Debug, Clone, Default)]
pub struct ParserSettings {
    /// How lines look in a log of [`LogFormat::Pattern`]; the first that fits counts.
    pub patterns: Vec<LinePattern>,
}

/// Reads the lines of one log, from its first to its last.
#[derive(Debug, Clone)]
pub struct LineParser {
    format: LogFormat,
    patterns: Vec<LinePattern>,
    quassel: QuasselCopyParser,
    doubtful: u64,
}

impl LineParser {
    /// A parser for a log of this format.
    #[must_use]
    pub fn new(format: LogFormat, settings: &ParserSettings) -> Self {
        let (patterns, quassel) = (settings.patterns.clone(), QuasselCopyParser::default());
        Self { format, patterns, quassel, doubtful: 0 }
    }

    /// Reads the next line, which has no line break in it.
    ///
    /// What somebody said stays what they said, whatever it looks like: the column of the author is read first.
    pub fn parse(&mut self, line: &str) -> WrittenLine {
        // Where UTF-8 was meant to be recognised by it, also within files that were joined.
        let line = line.strip_prefix('\u{feff}').unwrap_or(line);
        let (line, is_doubtful) = match self.format {
            LogFormat::Irssi => (irssi::parse(line), false),
            LogFormat::WeeChat => (weechat::parse(line), false),
            LogFormat::Znc => (starred::parse_znc(line), false),
            LogFormat::HexChat => hexchat::parse(line),
            LogFormat::Eggdrop => (eggdrop::parse(line), false),
            LogFormat::Limnoria => (starred::parse_limnoria(line), false),
            LogFormat::EnergyMech => (starred::parse_energymech(line), false),
            LogFormat::TheLounge => (starred::parse_lounge(line), false),
            LogFormat::Mirc => mirc::parse(line),
            LogFormat::Textual => (textual::parse(line), false),
            LogFormat::Ii => ii::parse(line),
            LogFormat::QuasselCopy => (self.quassel.parse(line), false),
            LogFormat::Pattern => (pattern::parse(&self.patterns, line), false),
        };
        self.doubtful += u64::from(is_doubtful);
        line
    }

    /// How many of the lines so far could mean something else, because their format writes two things alike: events
    /// that may be somebody's actions (HexChat, mIRC), and notices without an author (ii).
    #[must_use]
    pub fn doubtful_lines(&self) -> u64 {
        self.doubtful
    }
}
