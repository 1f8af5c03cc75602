//! `letsbridge import plan`: reads logs, finds out who was who, and writes a plan to be edited.

mod arguments;
mod channels;
mod known;
mod partial;
mod read_channel;
mod reading;
mod summary;
mod survey;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;

pub(super) use self::arguments::ImportPlanArgs;
use self::arguments::PlanSettings;
use self::channels::PlanPeople;
use self::known::KnownThings;
use self::reading::PlanReading;
use self::survey::LogSurvey;
use super::progress::catch_interrupts;
use crate::cli::table::printable;
use crate::cli::{EXIT_CONFIG_ERROR, EXIT_FAILURE};
use crate::migrate::people::NickSightings;
use crate::migrate::plan::{OldPlan, PlanDraft, propose_people, revise, undecided_people};

/// The exit status after Ctrl-C: 128 plus SIGINT, as in shells.
const EXIT_INTERRUPTED: u8 = 130;

/// Why there is no plan.
enum NoPlan {
    /// Something in the arguments or files that must be corrected first.
    Argument(String),
    /// Something went wrong.
    Failure(String),
    /// Ctrl-C; how far it was, if the next run goes on from there.
    Interrupted(Option<String>),
}

/// Runs the command.
pub(super) fn plan(arguments: &ImportPlanArgs) -> ExitCode {
    match make(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(NoPlan::Argument(why)) => {
            eprintln!("{why}");
            EXIT_CONFIG_ERROR.into()
        }
        Err(NoPlan::Failure(why)) => {
            eprintln!("{why}");
            EXIT_FAILURE.into()
        }
        Err(NoPlan::Interrupted(progress)) => {
            let out = arguments.out.display();
            match arguments.out.exists() {
                true => eprintln!("interrupted: {out} is as it was"),
                false => eprintln!("interrupted: {out} was not written"),
            }
            progress.iter().for_each(|text| eprintln!("{text}"));
            EXIT_INTERRUPTED.into()
        }
    }
}

fn make(arguments: &ImportPlanArgs) -> Result<(), NoPlan> {
    let interrupted = catch_interrupts()
        .map_err(|error| NoPlan::Failure(format!("cannot listen to signals: {error}")))?;
    let old = read_old_plan(&arguments.out)?;
    let settings = PlanSettings::new(arguments, old.as_ref()).map_err(NoPlan::Argument)?;
    let known = KnownThings::find(arguments.config.as_deref()).map_err(NoPlan::Argument)?;
    known.warnings.iter().for_each(|warning| eprintln!("{warning}"));
    let survey = LogSurvey::find(arguments, &settings, old.as_ref(), &known)?;
    if survey.channels.is_empty() {
        survey.tell_left_out();
        return Err(NoPlan::Failure("nothing written: no log of a channel was found".to_owned()));
    }
    let mut sightings = NickSightings::default();
    let mut reading = PlanReading::begin(&survey, &settings, &arguments.out);
    let Some(read) = reading.read(&mut sightings, &interrupted) else {
        return Err(NoPlan::Interrupted(reading.progress_text()));
    };
    let given = old.as_ref().map(OldPlan::given).unwrap_or_default();
    let found = sightings.people(&given);
    let reserved = old.as_ref().map(|old| old.reserved_usernames(&found.people));
    let rules = settings.rules(&known, reserved.unwrap_or_default());
    let people = propose_people(found.people, &known.accounts, &rules);
    let named = PlanPeople { people: &people, old: old.as_ref() };
    let channels = channels::drafts(&survey, &read, &known, named, &arguments.out);
    let options = settings.options.clone();
    let mut draft = PlanDraft { options, channels, people, ..PlanDraft::default() };
    let undecided = undecided_people(old.as_ref(), &draft.people);
    let lines = summary::lines(&draft, &survey, &settings, (undecided, found.lines_of_others));
    draft.summary = summary::head(&lines);
    let revised = revise(old.as_ref(), &draft);
    // Nothing may be written that cannot be read.
    if let Err(error) = OldPlan::parse(&arguments.out.display().to_string(), &revised.text) {
        return Err(NoPlan::Failure(format!("this is a bug; nothing was written: {error}")));
    }
    if interrupted.load(Ordering::Relaxed) {
        return Err(NoPlan::Interrupted(reading.progress_text()));
    }
    write_whole(&arguments.out, &revised.text).map_err(|error| {
        NoPlan::Failure(format!(
            "cannot write {}: {error}. Name a file in a directory that you can write to with --out",
            arguments.out.display()
        ))
    })?;
    reading.finish();
    read.warnings.iter().for_each(|warning| eprintln!("{}", printable(warning)));
    survey.tell_left_out();
    summary::print(&arguments.out, &lines, &revised);
    Ok(())
}

/// The plan that is there already.
fn read_old_plan(path: &Path) -> Result<Option<OldPlan>, NoPlan> {
    if path.symlink_metadata().is_err() {
        return Ok(None);
    }
    let refuse = |error: &dyn std::fmt::Display| {
        NoPlan::Argument(format!(
            "{error}\nnothing written: correct {} first, or name another file with --out",
            path.display()
        ))
    };
    let text = OldPlan::read_file(path).map_err(|error| refuse(&error))?;
    let old = OldPlan::parse(&path.display().to_string(), &text);
    old.map(Some).map_err(|error| refuse(&error))
}

/// Writes a file under another name first, so that there is never half of it.
fn write_whole(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".letsbridge-plan-").tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    if let Ok(found) = fs::metadata(path) {
        file.as_file().set_permissions(found.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
