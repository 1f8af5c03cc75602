//! What a plan is about: at its top, and on the terminal.

use std::path::Path;

use super::arguments::PlanSettings;
use super::survey::LogSurvey;
use crate::migrate::plan::{
    ChannelDraft, PersonDraft, PlanDraft, PlannedAccount, RevisedPlan, said, with_commas,
};

/// How to go on with a plan.
const HEAD: &[&str] = &[
    "A plan of `letsbridge import plan`: what of the logs goes where, and who was who. Edit it; then `letsbridge import \
     write` or `letsbridge import archive` does what it says. docs/import.md tells the whole way.",
    "Lines that begin with #: are written anew each time the plan is made. All else that you change stays.",
];

/// What the plan is about.
pub(super) fn lines(
    draft: &PlanDraft,
    survey: &LogSurvey,
    settings: &PlanSettings,
    (undecided_people, lines_of_others): (usize, u64),
) -> Vec<String> {
    let mut lines = vec![channels_line(&draft.channels, survey.logs())];
    lines.push(people_line(&draft.people));
    lines.extend(accounts_line(&draft.people));
    let channels = draft.channels.iter().filter(|channel| !channel.doubts.is_empty()).count();
    if undecided_people + channels > 0 {
        lines.push(format!(
            "to be decided: {}, {}. They come first, and lines with ? say why",
            counted(channels, "channel"),
            counted(undecided_people, "person")
        ));
    }
    if settings.is_zone_guessed {
        lines.push(format!(
            "times without a zone are read as those of {}, the zone of this machine: name another with --timezone",
            settings.options.timezone.as_deref().unwrap_or("UTC")
        ));
    }
    if survey.private > 0 {
        lines.push(format!("{} left out", counted(survey.private, "private log")));
    }
    let (perhaps_logs, others) = survey.left_out();
    if perhaps_logs > 0 {
        lines.push(format!(
            "not read, but perhaps logs: {}. The command names them, and what to do",
            counted(perhaps_logs, "file")
        ));
    }
    if others > 0 {
        lines.push(format!("not read because it is not a log: {}", counted(others, "file")));
    }
    if lines_of_others > 0 {
        lines.push(format!(
            "{} lines are of nicks beyond the 100,000 that are told apart on a network: the bridge speaks for them",
            with_commas(lines_of_others)
        ));
    }
    lines
}

/// The top of the plan.
pub(super) fn head(lines: &[String]) -> Vec<String> {
    HEAD.iter().map(|line| (*line).to_owned()).chain(lines.iter().cloned()).collect()
}

/// Says on the terminal what was written.
pub(super) fn print(out: &Path, lines: &[String], revised: &RevisedPlan) {
    println!("{}: written", out.display());
    lines.iter().for_each(|line| println!("{line}"));
    if revised.kept > 0 {
        println!("{} that you edited stay as they were", counted(revised.kept, "section"));
    }
    if revised.vanished > 0 {
        println!(
            "{} about what is no longer in the logs: look for \"No longer\"",
            counted(revised.vanished, "section")
        );
    }
}

fn counted(number: usize, what: &str) -> String {
    let count = with_commas(number as u64);
    match (number, what) {
        (1, what) => format!("1 {what}"),
        (_, "person") => format!("{count} people"),
        (_, what) => format!("{count} {what}s"),
    }
}

fn channels_line(channels: &[ChannelDraft], logs: usize) -> String {
    let lines: u64 = channels.iter().map(|channel| channel.lines).sum();
    let first = channels.iter().filter_map(|channel| channel.said).map(|it| it.0).min();
    let last = channels.iter().filter_map(|channel| channel.said).map(|it| it.1).max();
    format!(
        "{} in {}: {}",
        counted(channels.len(), "channel"),
        counted(logs, "log"),
        said(lines, first.zip(last))
    )
}

fn people_line(people: &[PersonDraft]) -> String {
    let nicks: usize = people.iter().map(|person| person.nicks.len()).sum();
    let bots = people.iter().filter(|person| person.is_bot).count();
    let bots = match bots {
        0 => String::new(),
        bots => format!(", {} among them", counted(bots, "bot")),
    };
    format!("{} with {}{bots}", counted(people.len(), "person"), counted(nicks, "nick"))
}

/// Which accounts speak for people.
fn accounts_line(people: &[PersonDraft]) -> Option<String> {
    let count = |is: fn(&PlannedAccount) -> bool| {
        people.iter().filter(|person| is(&person.account)).count() as u64
    };
    let kinds = [
        (count(|it| matches!(it, PlannedAccount::Existing { .. })), "in Let's Chat already"),
        (count(|it| matches!(it, PlannedAccount::Made { .. })), "made by the bridge"),
        (count(|it| matches!(it, PlannedAccount::New { .. })), "new, without login"),
        (count(|it| matches!(it, PlannedAccount::Bridge)), "the bridge's"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", with_commas(*count)))
        .collect();
    (!kinds.is_empty()).then(|| format!("accounts of people: {}", kinds.join("; ")))
}
