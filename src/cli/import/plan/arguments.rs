//! The arguments of `import plan`, and what they and an older plan say of how logs are read.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use encoding_rs::Encoding;
use jiff::tz::TimeZone;

use super::known::KnownThings;
use crate::domain::DatabaseFormat;
use crate::migrate::files::FindSettings;
use crate::migrate::formats::{LinePattern, LogFormat, ParserSettings};
use crate::migrate::plan::{AccountRules, OldPlan, PlanOptions};
use crate::migrate::reading::{KeptEvents, ReadingSettings};

/// The arguments of `import plan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Formats are recognised by what is in a log, and by its path. Nothing is written but FILE. Edit it, and \
                  run the same command again as often as you like: what you edited stays. docs/import.md tells the \
                  whole way. Exit status: 0 the plan is written; 1 it is not; 2 configuration or argument error, also \
                  in the plan that is there; 130 interrupted."
)]
pub(crate) struct ImportPlanArgs {
    /// Logs: files, databases, or directories with everything below them
    #[arg(required = true, value_name = "LOGS")]
    pub(super) logs: Vec<PathBuf>,
    /// File for the plan
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
    /// Configuration file: its links, accounts of its Let's Chat, people whom the bridge knows
    #[arg(long, short, env = "LETSBRIDGE_CONFIG")]
    pub(super) config: Option<PathBuf>,
    /// Format of all logs that are text, instead of what is recognised
    #[arg(long)]
    pub(super) format: Option<String>,
    /// Time zone of the writers' clocks, like Europe/Berlin, or DIRECTORY=ZONE for the logs below a directory; may be
    /// repeated [default: that of this machine]
    #[arg(long, value_name = "ZONE")]
    pub(super) timezone: Vec<String>,
    /// What bytes are that are not UTF-8 [default: windows-1252]
    #[arg(long)]
    pub(super) charset: Option<String>,
    /// How lines look, for --format pattern, like '[%Y-%m-%d %H:%M] <{nick}> {text}'; may be repeated
    #[arg(long)]
    pub(super) pattern: Vec<String>,
    /// Network of all logs that are text, whatever their paths say
    #[arg(long)]
    pub(super) network: Option<String>,
    /// Channel of logs that do not say it, such as '#tea'
    #[arg(long)]
    pub(super) channel: Option<String>,
    /// Read private logs, too; they go into no room
    #[arg(long)]
    pub(super) private: bool,
    /// How many lines somebody must have said to get an account; the bridge's speaks for others
    #[arg(long, value_name = "LINES", default_value_t = 10)]
    pub(super) accounts_from: u64,
}

/// How the logs are read.
#[derive(Debug)]
pub(super) struct PlanSettings {
    pub(super) find: FindSettings,
    pub(super) reading: ReadingSettings,
    /// The same, as the plan says it.
    pub(super) options: PlanOptions,
    /// The zones of the logs below some directories.
    zones: Vec<(PathBuf, TimeZone)>,
    /// Whether the zone is only that of this machine.
    pub(super) is_zone_guessed: bool,
    accounts_from: u64,
}

/// How user names of new accounts are made without a configuration.
const USERNAME: &str = "{nick}.irc";

impl PlanSettings {
    /// What the arguments say, or else the plan that is there.
    pub(super) fn new(arguments: &ImportPlanArgs, old: Option<&OldPlan>) -> Result<Self, String> {
        let before = old.map(|old| &old.plan.reading);
        let old_zone = before.and_then(|it| it.timezone.as_ref()?.iana_name());
        let (of_folders, of_all): (Vec<&String>, Vec<&String>) =
            arguments.timezone.iter().partition(|it| it.contains('='));
        let zones: Result<_, String> =
            of_folders.into_iter().map(|it| parse_folder_zone(it)).collect();
        let zone_name = of_all.last().map(|it| it.as_str()).or(old_zone);
        let (zone, zone_name, is_zone_guessed) = match zone_name {
            Some(name) => {
                let is_guessed = of_all.is_empty() && machine_zone().1 == name;
                (parse_zone(name)?, name.to_owned(), is_guessed)
            }
            None => {
                let (zone, name) = machine_zone();
                (zone, name, true)
            }
        };
        let charset = arguments.charset.as_deref();
        let charset = charset.or_else(|| before.and_then(|it| it.charset.as_deref()));
        let encoding = charset.map(parse_charset).transpose()?;
        let written = match &arguments.pattern[..] {
            [] => before.map(|it| it.patterns.clone()).unwrap_or_default(),
            patterns => patterns.to_vec(),
        };
        let patterns: Result<Vec<LinePattern>, _> = written.iter().map(|it| it.parse()).collect();
        let parser =
            ParserSettings { patterns: patterns.map_err(|error| format!("--pattern: {error}"))? };
        let format = arguments.format.as_deref().map(parse_format).transpose()?;
        if format == Some(LogFormat::Pattern) && parser.patterns.is_empty() {
            return Err("--format pattern: say with --pattern how lines look, such as --pattern \
                        '[%Y-%m-%d %H:%M] <{nick}> {text}'"
                .to_owned());
        }
        if let Some(name) = arguments.channel.as_deref()
            && !name.starts_with(['#', '&', '+', '!'])
        {
            return Err(format!("--channel: {name:?} is the name of no channel: write #{name}"));
        }
        Ok(Self {
            find: FindSettings { format, parser: parser.clone() },
            reading: ReadingSettings {
                zone,
                charset: encoding,
                parser,
                kept: KeptEvents::ALL,
                may_be_private: arguments.private,
            },
            options: PlanOptions {
                timezone: Some(zone_name),
                charset: charset.map(str::to_owned),
                patterns: arguments.pattern.clone(),
            },
            zones: zones?,
            is_zone_guessed,
            accounts_from: arguments.accounts_from,
        })
    }

    /// The zone that the arguments name for a log, if they do.
    pub(super) fn zone_of(&self, path: &Path) -> Option<&TimeZone> {
        let above = self.zones.iter().filter(|(folder, _)| path.starts_with(folder));
        above.max_by_key(|(folder, _)| folder.components().count()).map(|(_, zone)| zone)
    }

    /// By what accounts are proposed.
    pub(super) fn rules(&self, known: &KnownThings, reserved: HashSet<String>) -> AccountRules {
        AccountRules {
            username: known.username.clone().unwrap_or_else(|| USERNAME.to_owned()),
            min_lines: self.accounts_from,
            reserved,
        }
    }
}

/// `DIRECTORY=ZONE`
fn parse_folder_zone(text: &str) -> Result<(PathBuf, TimeZone), String> {
    let (folder, zone) = text.rsplit_once('=').unwrap_or_default();
    let found = fs::canonicalize(folder).map_err(|error| {
        format!("--timezone {text}: {folder}: {error}: name a directory of logs")
    })?;
    Ok((found, parse_zone(zone)?))
}

fn parse_zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!("--timezone: there is no time zone {name:?}: use a name like Europe/Berlin or UTC")
    })
}

/// The zone of this machine, so that the plan says which one it was.
fn machine_zone() -> (TimeZone, String) {
    let zone = TimeZone::system();
    match zone.iana_name().map(str::to_owned) {
        Some(name) => (zone, name),
        None => (TimeZone::UTC, "UTC".to_owned()),
    }
}

fn parse_charset(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label(label.as_bytes()).ok_or_else(|| {
        format!(
            "--charset: there is no charset {label:?}: use a name like windows-1252 or shift_jis"
        )
    })
}

fn parse_format(name: &str) -> Result<LogFormat, String> {
    if name.parse::<DatabaseFormat>().is_ok() && name.parse::<LogFormat>().is_err() {
        return Err(format!(
            "--format: databases like those of {name} are always recognised: remove it"
        ));
    }
    name.parse::<LogFormat>().map_err(|error| format!("--format: {error}"))
}
