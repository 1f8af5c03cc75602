//! Which phase suits a link, by plain thresholds that `docs/progress.md` documents.

use super::report::{PhaseStep, PhaseSuggestion, RecentProgress};
use crate::domain::LinkPhase;

/// Fewer lines of people in the last four weeks say nothing.
const MIN_LINES: u64 = 20;

/// `moving`: so many per cent of the people, or of the lines, are on Let's Chat.
const MOVING_PEOPLE: u64 = 33;
const MOVING_LINES: u64 = 25;

/// `irc_read_only`: so many per cent of the people, and of the lines.
const READ_ONLY: u64 = 90;

/// `closed`: so many per cent of the lines, and nobody who is only on IRC.
const CLOSED_LINES: u64 = 98;

/// Back: so many per cent of the lines of the last two weeks were said on IRC, where they are not mirrored, by so many
/// people.
const BACK_LINES: u64 = 25;
const BACK_PEOPLE: u64 = 2;

/// More people are counted, not named.
const MAX_NAMES: usize = 5;

/// What a suggestion rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PhaseFigures {
    pub(super) phase: LinkPhase,
    /// The last four weeks.
    pub(super) recent: RecentProgress,
    /// The last two weeks: lines on IRC, lines on Let's Chat, people on IRC.
    pub(super) fortnight: (u64, u64, u64),
    /// Who speaks only on IRC, each with the day of their last line; the latest first.
    pub(super) only_irc: Vec<(String, String)>,
    /// The bots that speak only on IRC.
    pub(super) irc_bots: Vec<String>,
}

/// Which phase suits the figures, and why.
pub(super) fn suggest(figures: &PhaseFigures) -> PhaseSuggestion {
    let (step, why) = match figures.phase {
        LinkPhase::Together => from_together(figures),
        LinkPhase::Moving => from_moving(figures),
        LinkPhase::IrcReadOnly => from_read_only(figures),
        LinkPhase::Closed => from_closed(figures),
    };
    let at = LinkPhase::ALL.iter().position(|phase| *phase == figures.phase).unwrap_or(0);
    let phase = match step {
        PhaseStep::Forward => LinkPhase::ALL.get(at + 1),
        PhaseStep::Stay => None,
        PhaseStep::Back => at.checked_sub(1).and_then(|before| LinkPhase::ALL.get(before)),
    };
    let phase = phase.unwrap_or(&figures.phase).to_string();
    PhaseSuggestion { phase, step, why }
}

fn from_together(figures: &PhaseFigures) -> (PhaseStep, String) {
    if let Some(why) = too_little(figures) {
        return (PhaseStep::Stay, why);
    }
    let needs = format!(
        "it takes {MOVING_PEOPLE} % of the people or {MOVING_LINES} % of the lines to begin with the others"
    );
    let is_enough =
        people_percent(figures) >= MOVING_PEOPLE || lines_percent(figures) >= MOVING_LINES;
    let step = if is_enough { PhaseStep::Forward } else { PhaseStep::Stay };
    (step, format!("{}; {needs}", base(figures)))
}

fn from_moving(figures: &PhaseFigures) -> (PhaseStep, String) {
    if let Some(why) = too_little(figures) {
        return (PhaseStep::Stay, why);
    }
    let mut why = format!("{}{}", base(figures), stragglers(figures));
    if people_percent(figures) < READ_ONLY || lines_percent(figures) < READ_ONLY {
        why += &format!("; it takes {READ_ONLY} % of both to make IRC read-only");
        return (PhaseStep::Stay, why);
    }
    why += &bots(figures);
    (PhaseStep::Forward, why)
}

fn from_read_only(figures: &PhaseFigures) -> (PhaseStep, String) {
    if let Some(why) = speaks_again(figures) {
        return (PhaseStep::Back, why);
    }
    let recent = &figures.recent;
    let nothing = recent.irc_lines + recent.letschat_lines == 0;
    if nothing {
        return (PhaseStep::Stay, "nobody has spoken in the last 4 weeks".to_owned());
    }
    let mut why = format!("{}{}", base(figures), stragglers(figures));
    if lines_percent(figures) >= CLOSED_LINES && recent.only_irc == 0 {
        why += &bots(figures);
        return (PhaseStep::Forward, why);
    }
    why +=
        &format!("; it takes {CLOSED_LINES} % of the lines, and nobody only on IRC, to close it");
    (PhaseStep::Stay, why)
}

fn from_closed(figures: &PhaseFigures) -> (PhaseStep, String) {
    if let Some(why) = speaks_again(figures) {
        return (PhaseStep::Back, why);
    }
    let recent = &figures.recent;
    let why = match (recent.irc_lines, figures.only_irc.is_empty()) {
        (0, _) => {
            "nobody has spoken on IRC in the last 4 weeks: the channel can be left".to_owned()
        }
        (lines, is_none) => format!(
            "{} on IRC in the last 4 weeks{}",
            counted(lines, "line was said", "lines were said"),
            if is_none { String::new() } else { stragglers(figures) },
        ),
    };
    (PhaseStep::Stay, why)
}

/// If too little was said to tell: that.
fn too_little(figures: &PhaseFigures) -> Option<String> {
    let lines = figures.recent.irc_lines + figures.recent.letschat_lines;
    let said = match lines {
        0 => "nothing was said".to_owned(),
        lines => format!("only {}", counted(lines, "line was said", "lines were said")),
    };
    (lines < MIN_LINES).then(|| {
        format!("{said} in the last 4 weeks: that is too little to tell (it takes {MIN_LINES})")
    })
}

/// If many speak where they are not heard on Let's Chat: that.
fn speaks_again(figures: &PhaseFigures) -> Option<String> {
    let (irc, letschat, people) = figures.fortnight;
    let percent = percent(irc, irc + letschat);
    (people >= BACK_PEOPLE && irc + letschat >= MIN_LINES && percent >= BACK_LINES).then(|| {
        format!(
            "{people} people said {percent} % of the last 2 weeks' lines on IRC, where Let's Chat does not hear them{}",
            stragglers(figures)
        )
    })
}

/// How many have arrived, and how much is said there.
fn base(figures: &PhaseFigures) -> String {
    let RecentProgress { people, arrived, .. } = figures.recent;
    let are = if people == 1 { "person is linked or speaks" } else { "people are linked or speak" };
    let percent = lines_percent(figures);
    format!(
        "{arrived} of {people} {are} on Let's Chat, and {percent} % of the last 4 weeks' lines came from there"
    )
}

/// Who still speaks only on IRC.
fn stragglers(figures: &PhaseFigures) -> String {
    let all = figures.only_irc.len();
    if all == 0 {
        return String::new();
    }
    let named = figures.only_irc.iter().take(MAX_NAMES);
    let named: Vec<String> = named.map(|(name, day)| format!("{name} (last {day})")).collect();
    let more = match all.saturating_sub(MAX_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let verb = if all == 1 { "speaks" } else { "speak" };
    format!("; {all} still {verb} only on IRC: {}{more}", named.join(", "))
}

/// Which bots would fall silent.
fn bots(figures: &PhaseFigures) -> String {
    if figures.irc_bots.is_empty() {
        return String::new();
    }
    let named: Vec<&str> = figures.irc_bots.iter().take(MAX_NAMES).map(String::as_str).collect();
    format!("; mind the bots that speak only on IRC: {}", named.join(", "))
}

fn people_percent(figures: &PhaseFigures) -> u64 {
    percent(figures.recent.arrived, figures.recent.people)
}

fn lines_percent(figures: &PhaseFigures) -> u64 {
    figures.recent.letschat_percent.unwrap_or(0)
}

/// How many per cent of `all` are `part`, rounded down; 0 of nothing.
pub(super) fn percent(part: u64, all: u64) -> u64 {
    (part.saturating_mul(100)).checked_div(all).unwrap_or(0)
}

/// A number with its words.
pub(super) fn counted(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(people: u64, arrived: u64, irc_lines: u64, letschat_lines: u64) -> RecentProgress {
        let all = irc_lines + letschat_lines;
        let letschat_percent = (all > 0).then(|| percent(letschat_lines, all));
        let only_irc = people - arrived;
        RecentProgress {
            people,
            arrived,
            only_irc,
            irc_lines,
            letschat_lines,
            letschat_percent,
            ..Default::default()
        }
    }

    fn figures(phase: LinkPhase, recent: RecentProgress) -> PhaseFigures {
        let name = |number| (format!("p{number}"), "2026-11-02".to_owned());
        PhaseFigures {
            phase,
            recent,
            fortnight: (0, 0, 0),
            only_irc: (0..recent.only_irc).map(name).collect(),
            irc_bots: Vec::new(),
        }
    }

    #[test]
    fn thresholds_decide_by_whole_per_cent() {
        use LinkPhase::{Closed, IrcReadOnly, Moving, Together};
        for (phase, (people, arrived, irc, chat), suggested) in [
            // Too little.
            (Together, (3, 3, 0, 19), Together),
            (Moving, (3, 3, 0, 19), Moving),
            (Together, (0, 0, 0, 0), Together),
            // A third of the people, or a quarter of the lines.
            (Together, (3, 1, 20, 0), Moving),
            (Together, (4, 1, 76, 24), Together),
            (Together, (4, 1, 75, 25), Moving),
            // Nine tenths of both.
            (Moving, (11, 9, 17, 83), Moving),
            (Moving, (10, 9, 10, 90), IrcReadOnly),
            (Moving, (10, 9, 11, 89), Moving),
            (Moving, (10, 8, 0, 100), Moving),
            (Moving, (10, 10, 101, 899), Moving),
            // Nearly all lines, and nobody left behind.
            (IrcReadOnly, (10, 10, 2, 98), Closed),
            (IrcReadOnly, (10, 9, 2, 98), IrcReadOnly),
            (IrcReadOnly, (10, 10, 3, 97), IrcReadOnly),
            (IrcReadOnly, (0, 0, 0, 0), IrcReadOnly),
            (IrcReadOnly, (1, 1, 0, 1), Closed),
            (Closed, (10, 10, 0, 100), Closed),
            (Closed, (10, 9, 5, 95), Closed),
        ] {
            let figures = figures(phase, recent(people, arrived, irc, chat));
            let found = suggest(&figures);
            assert_eq!(found.phase, suggested.name(), "{figures:?}: {}", found.why);
            let step = suggested.cmp(&phase);
            let expected = match found.step {
                PhaseStep::Forward => std::cmp::Ordering::Greater,
                PhaseStep::Stay => std::cmp::Ordering::Equal,
                PhaseStep::Back => std::cmp::Ordering::Less,
            };
            assert_eq!(step, expected, "{figures:?}");
            assert!(!found.why.ends_with('.') && !found.why.is_empty(), "{}", found.why);
        }
    }

    #[test]
    fn many_who_speak_where_nobody_hears_them_lead_back() {
        use LinkPhase::{Closed, IrcReadOnly, Moving};
        for (phase, fortnight, suggested) in [
            (IrcReadOnly, (25, 75, 2), Moving),
            (IrcReadOnly, (24, 76, 2), IrcReadOnly),
            (IrcReadOnly, (50, 50, 1), IrcReadOnly),
            (IrcReadOnly, (10, 9, 2), IrcReadOnly),
            (Closed, (20, 0, 2), IrcReadOnly),
            (Moving, (100, 0, 5), Moving),
        ] {
            let mut figures = figures(phase, recent(10, 8, 50, 50));
            figures.fortnight = fortnight;
            let found = suggest(&figures);
            assert_eq!(found.phase, suggested.name(), "{phase} {fortnight:?}: {}", found.why);
        }
    }

    #[test]
    fn words_name_figures_and_people() {
        let mut moving = figures(LinkPhase::Moving, recent(11, 9, 17, 83));
        moving.only_irc = vec![
            ("carol".to_owned(), "2026-11-02".to_owned()),
            ("dave".to_owned(), "2026-10-30".to_owned()),
        ];
        assert_eq!(
            suggest(&moving).why,
            "9 of 11 people are linked or speak on Let's Chat, and 83 % of the last 4 weeks' lines came from there; \
             2 still speak only on IRC: carol (last 2026-11-02), dave (last 2026-10-30); it takes 90 % of both to make \
             IRC read-only"
        );
        let mut ready = figures(LinkPhase::Moving, recent(70, 63, 1, 99));
        ready.irc_bots = vec!["ci".to_owned()];
        let why = suggest(&ready).why;
        assert!(
            why.contains(
                "p4 (last 2026-11-02) and 2 more; mind the bots that speak only on IRC: ci"
            ),
            "{why}"
        );
        let one = suggest(&figures(LinkPhase::IrcReadOnly, recent(1, 1, 0, 1))).why;
        assert!(
            one.starts_with("1 of 1 person is linked or speaks on Let's Chat, and 100 %"),
            "{one}"
        );
        let closed = suggest(&figures(LinkPhase::Closed, recent(2, 2, 1, 99))).why;
        assert_eq!(closed, "1 line was said on IRC in the last 4 weeks");
    }
}
