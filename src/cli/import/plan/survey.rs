//! Which logs there are, and of which channels.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use super::NoPlan;
use super::arguments::{ImportPlanArgs, PlanSettings};
use super::known::KnownThings;
use super::partial::partial_path;
use crate::cli::table::printable;
use crate::domain::{Casemapping, DatabaseFormat};
use crate::migrate::files::{FoundKind, FoundLog, RefusedFile, find_as};
use crate::migrate::formats::{LogFormat, Recognised};
use crate::migrate::plan::{NetworkNames, OldPlan, PlannedFile, PlannedFormat};
use crate::migrate::reading::{SourceFile, SourceFormat};
use crate::store::ForeignLog;

/// How a network is called of which neither logs nor arguments say the name.
const NAMELESS_NETWORK: &str = "irc";

/// How many files are named that are left out.
const MAX_NAMED: usize = 10;

/// The logs that were found.
#[derive(Debug, Default)]
pub(super) struct LogSurvey {
    /// By folded network and channel.
    pub(super) channels: BTreeMap<(String, String), FoundChannel>,
    /// What is not read, and why.
    left_out: Vec<LeftOutFile>,
    /// How many private logs are not read.
    pub(super) private: usize,
    /// How many logs hold only what clients and servers told their users.
    server_windows: usize,
}

/// A channel with its logs.
#[derive(Debug)]
pub(super) struct FoundChannel {
    pub(super) network: String,
    pub(super) channel: String,
    pub(super) is_private: bool,
    /// The logs, and their sizes in bytes.
    pub(super) files: Vec<(SourceFile, u64)>,
    /// How the logs call the network.
    pub(super) network_names: Vec<String>,
    pub(super) doubts: Vec<String>,
    /// The folders and formats of the logs whose format is doubtful: each day's file has the same doubt.
    doubtful: Vec<(PathBuf, LogFormat)>,
}

/// A file that is not read.
#[derive(Debug)]
struct LeftOutFile {
    path: PathBuf,
    why: String,
    /// Whether it may be a log all the same.
    may_be_log: bool,
}

/// Where a log belongs.
struct SurveyedPlace {
    network: Option<String>,
    channel: String,
    is_private: bool,
}

impl LogSurvey {
    /// Looks for logs. Where the plan that is there has put a log, it stays.
    pub(super) fn find(
        arguments: &ImportPlanArgs,
        settings: &PlanSettings,
        old: Option<&OldPlan>,
        known: &KnownThings,
    ) -> Result<Self, NoPlan> {
        let logs = find_as(&arguments.logs, &settings.find)
            .map_err(|error| NoPlan::Argument(error.to_string()))?;
        let placed = old.map(placed_files).unwrap_or_default();
        let own = [arguments.out.clone(), partial_path(&arguments.out)].map(|it| canonical(&it));
        let mut survey = Self::default();
        let mut names = known.networks.clone();
        for log in logs {
            let path = match log.kind {
                // It is named itself, and not what it leads to.
                FoundKind::Refused(RefusedFile::Link) => log.path.clone(),
                _ => canonical(&log.path),
            };
            if own.contains(&path) {
                continue;
            }
            if let Some(places) = placed.get(&path)
                && !is_as_recognised(places, &log.kind, arguments, &names)
            {
                for (network, channel, is_private, file) in places {
                    if *is_private && !arguments.private {
                        survey.private += 1;
                        continue;
                    }
                    let place = SurveyedPlace {
                        network: Some(network.clone()),
                        channel: channel.clone(),
                        is_private: *is_private,
                    };
                    let file = SourceFile { path: path.clone(), ..file.source() };
                    survey.add(place, network.clone(), (file, log.size), None);
                }
                continue;
            }
            let log = FoundLog { path, ..log };
            survey.add_log(log, arguments, &mut names);
        }
        let files = survey.channels.values_mut().flat_map(|channel| &mut channel.files);
        for (file, _) in files.filter(|(file, _)| file.zone.is_none()) {
            file.zone = settings.zone_of(&file.path).cloned();
        }
        Ok(survey)
    }

    fn add_log(&mut self, log: FoundLog, arguments: &ImportPlanArgs, names: &mut NetworkNames) {
        let FoundLog { path, size, kind } = log;
        if path.to_str().is_none_or(|path| path.contains(char::is_control)) {
            let why = "its path is not UTF-8, or has control characters: rename it";
            self.leave_out(path, why, true);
            return;
        }
        match kind {
            FoundKind::Refused(why) => {
                let may_be_log = why.may_be_log();
                self.leave_out(path, why, may_be_log);
            }
            FoundKind::Database(format) => {
                self.add_database(path, (format, size), arguments, names);
            }
            FoundKind::Text(recognised) if recognised.is_server_window => self.server_windows += 1,
            FoundKind::Text(recognised) => {
                self.add_text(path, (&recognised, size), arguments, names);
            }
        }
    }

    fn add_text(
        &mut self,
        path: PathBuf,
        (recognised, size): (&Recognised, u64),
        arguments: &ImportPlanArgs,
        names: &mut NetworkNames,
    ) {
        let is_named = arguments.channel.is_some() && recognised.channel.is_none();
        if recognised.is_private && !is_named && !arguments.private {
            self.private += 1;
            return;
        }
        let channel = recognised.channel.clone().or_else(|| arguments.channel.clone());
        let Some(channel) = channel.filter(|name| is_name(name)) else {
            let why =
                "neither its path nor its lines say of which channel it is: name it with --channel";
            self.leave_out(path, why, true);
            return;
        };
        let doubt = (!recognised.rivals.is_empty()).then(|| {
            let rivals: Vec<&str> = recognised.rivals.iter().map(|it| it.name()).collect();
            let doubt = format!(
                "{} looks like {}, but could also be {}: if so, write that as its format, and as that of those beside it",
                path.display(),
                recognised.format,
                rivals.join(" or ")
            );
            let folder = path.parent().map_or_else(PathBuf::new, PathBuf::from);
            (doubt, (folder, recognised.format))
        });
        let place = SurveyedPlace {
            network: network_of(recognised, arguments),
            channel,
            is_private: recognised.is_private && !is_named,
        };
        let network = name_network(&place, names);
        let file = SourceFile::text(path, recognised.format);
        self.add(place, network, (file, size), doubt);
    }

    fn add_database(
        &mut self,
        path: PathBuf,
        (format, size): (DatabaseFormat, u64),
        arguments: &ImportPlanArgs,
        names: &mut NetworkNames,
    ) {
        let channels = match ForeignLog::open(&path).and_then(|log| log.channels()) {
            Ok(channels) => channels,
            Err(error) => {
                self.leave_out(path, error, true);
                return;
            }
        };
        let rows: u64 = channels.iter().map(|it| it.count).sum();
        let mut seen = Vec::new();
        for channel in channels.into_iter().filter(|it| is_name(&it.name)) {
            if channel.is_private && !arguments.private {
                self.private += 1;
                continue;
            }
            // One of each name: the reader takes those of all users.
            let name = (channel.network.clone(), channel.name.clone());
            if seen.contains(&name) {
                continue;
            }
            seen.push(name);
            let place = SurveyedPlace {
                network: Some(channel.network.clone()),
                channel: channel.name.clone(),
                is_private: channel.is_private,
            };
            let network = name_network(&place, names);
            let (in_network, in_channel) = (channel.network, channel.name);
            let format =
                SourceFormat::Database { format, network: in_network, channel: in_channel };
            let file =
                SourceFile { path: path.clone(), format, zone: None, first_day: None, owner: None };
            // Its share of the file.
            let share = u128::from(size) * u128::from(channel.count) / u128::from(rows.max(1));
            self.add(place, network, (file, u64::try_from(share).unwrap_or(size)), None);
        }
    }

    fn leave_out(&mut self, path: PathBuf, why: impl ToString, may_be_log: bool) {
        self.left_out.push(LeftOutFile { path, why: why.to_string(), may_be_log });
    }

    fn add(
        &mut self,
        place: SurveyedPlace,
        network: String,
        file: (SourceFile, u64),
        doubt: Option<(String, (PathBuf, LogFormat))>,
    ) {
        let key = (Casemapping::Ascii.fold(&network), Casemapping::Rfc1459.fold(&place.channel));
        let channel = self.channels.entry(key).or_insert_with(|| FoundChannel {
            network,
            channel: place.channel,
            is_private: place.is_private,
            files: Vec::new(),
            network_names: Vec::new(),
            doubts: Vec::new(),
            doubtful: Vec::new(),
        });
        channel.is_private |= place.is_private;
        channel.files.push(file);
        if let Some((doubt, beside)) = doubt.filter(|it| !channel.doubtful.contains(&it.1)) {
            channel.doubts.push(doubt);
            channel.doubtful.push(beside);
        }
        match place.network {
            Some(name) if !channel.network_names.contains(&name) => {
                channel.network_names.push(name);
            }
            Some(_) => {}
            None => {
                let doubt = format!(
                    "no log says of which network it is: name it with --network, if it is not {}",
                    channel.network
                );
                if !channel.doubts.contains(&doubt) {
                    channel.doubts.push(doubt);
                }
            }
        }
    }

    /// How many bytes there are to read.
    pub(super) fn bytes(&self) -> u64 {
        self.channels.values().flat_map(|channel| &channel.files).map(|(_, size)| size).sum()
    }

    /// How many logs are read.
    pub(super) fn logs(&self) -> usize {
        self.channels.values().map(|channel| channel.files.len()).sum()
    }

    /// Prints which files are not read, and why.
    pub(super) fn tell_left_out(&self) {
        // Those about which something can be done come first.
        let (first, last): (Vec<_>, Vec<_>) = self.left_out.iter().partition(|it| it.may_be_log);
        for LeftOutFile { path, why, .. } in first.into_iter().chain(last).take(MAX_NAMED) {
            eprintln!("{}", printable(&format!("{}: not read: {why}", path.display())));
        }
        let more = self.left_out.len().saturating_sub(MAX_NAMED);
        if more > 0 {
            eprintln!("further files that are not read: {more}");
        }
        if self.private > 0 {
            eprintln!(
                "private logs that are not read: {}. What is imported is read by others; if you want \
                 them in your plan all the same, add --private",
                self.private
            );
        }
        if self.server_windows > 0 {
            eprintln!("logs of what servers say that are not read: {}", self.server_windows);
        }
    }

    /// How many files are not read: those that may be logs, packed or without rights, and those that are none.
    pub(super) fn left_out(&self) -> (usize, usize) {
        let logs = self.left_out.iter().filter(|it| it.may_be_log).count();
        (logs, self.left_out.len() - logs)
    }
}

/// The network of a log of text, if anything says which one it is: the administrator knows better than its path.
fn network_of(log: &Recognised, arguments: &ImportPlanArgs) -> Option<String> {
    arguments.network.clone().or_else(|| log.network.clone())
}

/// Whether it can be the name of a channel or nick.
fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && !name.contains(char::is_control)
}

/// Whether the plan that is there says of a log what would be said of it anew, so that the doubts about it stay.
fn is_as_recognised(
    places: &[(String, String, bool, PlannedFile)],
    kind: &FoundKind,
    arguments: &ImportPlanArgs,
    names: &NetworkNames,
) -> bool {
    let ([(network, channel, is_private, file)], FoundKind::Text(found)) = (places, kind) else {
        return matches!(kind, FoundKind::Refused(_));
    };
    let place = SurveyedPlace {
        network: network_of(found, arguments),
        channel: found.channel.clone().or_else(|| arguments.channel.clone()).unwrap_or_default(),
        is_private: found.is_private,
    };
    file.kind == PlannedFormat::Text(found.format)
        && (file.timezone.is_none() && file.first_day.is_none() && file.owner.is_none())
        && *is_private == place.is_private
        && *channel == place.channel
        && *network == name_network(&place, &mut names.clone())
}

fn name_network(place: &SurveyedPlace, names: &mut NetworkNames) -> String {
    match &place.network {
        Some(name) => names.name(name),
        None => names.only_configured().unwrap_or(NAMELESS_NETWORK).to_owned(),
    }
}

/// Where the plan that is there has put each log: network, channel, whether it is private, the log.
type PlacedFiles = HashMap<PathBuf, Vec<(String, String, bool, PlannedFile)>>;

fn placed_files(old: &OldPlan) -> PlacedFiles {
    let mut placed: PlacedFiles = HashMap::new();
    for channel in &old.plan.channels {
        for file in &channel.files {
            let path = canonical(&file.path);
            let place = (
                channel.network.clone(),
                channel.channel.clone(),
                channel.is_private,
                file.clone(),
            );
            placed.entry(path).or_default().push(place);
        }
    }
    // New channels of a database are found anew.
    placed.retain(|_, files| {
        !files.iter().any(|it| matches!(it.3.kind, PlannedFormat::Database { .. }))
    });
    placed
}

/// A path without links and detours, if something is there.
pub(super) fn canonical(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
