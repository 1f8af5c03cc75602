//! The progress of a move as text, for people.

use jiff::Timestamp;

use crate::cli::table;
use crate::cli::table::NONE;
use crate::service::progress::{
    LinkProgress, LinkedBy, MoveState, PersonProgress, PhaseStep, ProgressReport, SpokenLines,
    WeekProgress,
};

const WEEK_TITLES: [&str; 7] =
    ["WEEK OF", "IRC", "PEOPLE", "CHAT", "PEOPLE", "BOTS", "CHAT'S SHARE"];

/// How wide the bar of a share is, in characters.
const BAR: u64 = 20;

/// More people of one kind are not named.
const MAX_NAMES: usize = 20;

/// Who speaks where, with the words before the names.
const STATES: [(MoveState, &str); 5] = [
    (MoveState::OnlyIrc, "only on IRC"),
    (MoveState::Both, "on both sides"),
    (MoveState::Moved, "moved"),
    (MoveState::OnlyLetschat, "only on Let's Chat"),
    (MoveState::Quiet, "not heard lately"),
];

/// The report for a terminal of this width.
pub(super) fn render(report: &ProgressReport, width: Option<usize>) -> String {
    let mut text = String::new();
    if !report.running {
        text.push_str("the bridge does not run: whether links work is not known\n\n");
    }
    if report.links.is_empty() {
        text.push_str("no link is configured\n");
    }
    let links: Vec<String> = report.links.iter().map(|link| section(link, width)).collect();
    text.push_str(&links.join("\n"));
    if !report.no_longer_linked.is_empty() {
        text.push_str("\nno longer linked:\n");
        for place in &report.no_longer_linked {
            let name = table::printable(&place.place);
            text.push_str(&format!("  {name}: {} lines (last {})\n", place.lines, day(place.last)));
        }
    }
    text
}

fn section(link: &LinkProgress, width: Option<usize>) -> String {
    let name = table::printable(&format!("{}/{} {}", link.network, link.channel, link.room));
    let mut text = format!("{name}: {}", link.phase);
    if link.direction != "both" {
        text.push_str(&format!(", mirrored only {}", link.direction));
    }
    let suggestion = &link.suggestion;
    let step = match suggestion.step {
        PhaseStep::Forward => "forward to",
        PhaseStep::Stay => "stay at",
        PhaseStep::Back => "back to",
    };
    let why = table::printable(&suggestion.why);
    text.push_str(&format!("\nsuggested: {step} {}: {why}\n\n", suggestion.phase));
    let rows: Vec<_> = link.weeks.iter().map(week_row).collect();
    text.push_str(&table::render(WEEK_TITLES, &rows, width));
    text.push('\n');
    for (state, words) in STATES {
        let people = link.people.iter().filter(|person| person.state == state);
        text.push_str(&names_line(words, people.map(|person| person_words(person, state))));
    }
    let linked = link.people.iter().filter(|person| person.linked.is_own());
    text.push_str(&names_line("linked", linked.map(|person| person.name.clone())));
    let bots = link.bots.iter().map(|bot| {
        let said = [("IRC", bot.irc), ("Let's Chat", bot.letschat)];
        let said = said.into_iter().filter(|(_, said)| said.lines > 0);
        let said: Vec<String> =
            said.map(|(side, said)| format!("{} on {side}", said.lines)).collect();
        format!("{} ({}; {})", bot.name, bot.why, said.join(", "))
    });
    text.push_str(&names_line("bots", bots));
    if link.more_people > 0 {
        text.push_str(&format!("and {} more people\n", link.more_people));
    }
    if !link.in_the_way.is_empty() {
        text.push_str("in the way:\n");
        for obstacle in &link.in_the_way {
            text.push_str(&format!("  - {}\n", table::printable(&obstacle.text)));
        }
    }
    text
}

fn week_row(week: &WeekProgress) -> [String; WEEK_TITLES.len()] {
    let all = week.irc.lines + week.letschat.lines;
    let share = match (week.letschat.lines * 100).checked_div(all) {
        None => NONE.to_owned(),
        Some(percent) => {
            let full = week.letschat.lines * BAR / all;
            let bar: String = (0..BAR).map(|at| if at < full { '█' } else { '░' }).collect();
            format!("{bar} {percent} %")
        }
    };
    [
        week.monday.to_string(),
        week.irc.lines.to_string(),
        week.irc.people.to_string(),
        week.letschat.lines.to_string(),
        week.letschat.people.to_string(),
        (week.irc_bot_lines + week.letschat_bot_lines).to_string(),
        share,
    ]
}

/// A line that names people, with how many they are; nothing if there are none.
fn names_line(words: &str, names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.map(|name| table::printable(&name)).collect();
    if names.is_empty() {
        return String::new();
    }
    let shown = names[..names.len().min(MAX_NAMES)].join(", ");
    let more = match names.len().saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{words} ({}): {shown}{more}\n", names.len())
}

fn person_words(person: &PersonProgress, state: MoveState) -> String {
    let last =
        |said: SpokenLines| said.last.map_or(String::new(), |at| format!("last {}", day(at)));
    let linked = match person.linked {
        LinkedBy::No | LinkedBy::Made if state != MoveState::OnlyLetschat => "not linked, ",
        _ => "",
    };
    match state {
        MoveState::OnlyIrc => format!("{} ({linked}{})", person.name, last(person.irc)),
        MoveState::Both => {
            let (irc, chat) = (person.irc.recent, person.letschat.recent);
            format!("{} ({linked}{irc} on IRC, {chat} on Let's Chat)", person.name)
        }
        MoveState::Moved if person.irc.lines > 0 => {
            format!("{} (on IRC {})", person.name, last(person.irc))
        }
        MoveState::Quiet => {
            let at = person.irc.last.max(person.letschat.last);
            format!("{} (last {})", person.name, at.map_or(NONE.to_owned(), day))
        }
        MoveState::Moved | MoveState::OnlyLetschat => person.name.clone(),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}
