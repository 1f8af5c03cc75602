//! The progress of a move as one HTML document without scripts, which loads nothing: a file of its own, and a page.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::chart;
use crate::domain::LinkPhase;
use crate::service::progress::{
    BotProgress, LinkProgress, LinkedBy, MoveState, ObstacleKind, PersonProgress, PhaseStep,
    ProgressReport, SpokenLines, WeekProgress,
};

const STYLE: &str = include_str!("style.css");

/// What the document may do: use its one style sheet, by its hash, and nothing else.
pub(super) static CSP: LazyLock<String> = LazyLock::new(|| {
    let digest = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

/// The states of people, in the order in which they are shown, with their titles.
const STATES: [(MoveState, &str); 5] = [
    (MoveState::OnlyIrc, "Only on IRC"),
    (MoveState::Both, "On both sides"),
    (MoveState::Moved, "Have moved"),
    (MoveState::OnlyLetschat, "Only on Let’s Chat"),
    (MoveState::Quiet, "Not heard in the last 4 weeks"),
];

/// The report as a document that is a file of its own.
#[must_use]
pub fn progress_file(report: &ProgressReport) -> String {
    document(report, false).into_string()
}

/// The report as a page of the administrator.
pub(super) fn status_page(report: &ProgressReport) -> String {
    document(report, true).into_string()
}

fn document(report: &ProgressReport, is_page: bool) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                @if !is_page { meta http-equiv="Content-Security-Policy" content=(file_csp()); }
                title { "The move from IRC to Let’s Chat – letsbridge" }
                // It has neither quotes nor a tag, so that its hash is that of the constant.
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "The move from IRC to Let’s Chat" }
                    p class="faint" {
                        "Counted " (minute(report.at)) " UTC, in weeks that begin on Mondays, 00:00 UTC, since "
                        (report.since) "."
                        @if !report.running { " The bridge does not run." }
                        @if is_page { " " a href="./" { "Status page" } }
                    }
                    @if report.links.len() > 1 { (overview(report)) }
                }
                main {
                    @for (at, link) in report.links.iter().enumerate() { (section(at, link)) }
                    @if report.links.is_empty() { p { "No link is configured." } }
                    (no_longer_linked(report))
                }
            }
        }
    }
}

/// The policy within a file: `frame-ancestors` has no effect there, and browsers complain about it.
fn file_csp() -> String {
    CSP.replace("; frame-ancestors 'none'", "")
}

/// All links in one table.
fn overview(report: &ProgressReport) -> Markup {
    html! {
        div class="scroll" {
            table class="overview" {
                thead {
                    tr {
                        th scope="col" { "Link" } th scope="col" { "Phase" }
                        th scope="col" { "Suggested" }
                        th scope="col" class="number" { "Said on Let’s Chat" }
                        th scope="col" class="number" { "Arrived" }
                    }
                }
                tbody {
                    @for (at, link) in report.links.iter().enumerate() {
                        tr {
                            th scope="row" { a href=(format!("#link-{at}")) { (title(link)) } }
                            td { code { (link.phase) } }
                            td { (suggested(link)) }
                            td class="number" { (share(link)) }
                            td class="number" { (link.recent.arrived) " of " (link.recent.people) }
                        }
                    }
                }
            }
        }
    }
}

fn title(link: &LinkProgress) -> Markup {
    html! { bdi { (link.network) "/" (link.channel) } " ⇄ " bdi { (link.room) } }
}

fn share(link: &LinkProgress) -> String {
    link.recent.letschat_percent.map_or("–".to_owned(), |percent| format!("{percent} %"))
}

fn suggested(link: &LinkProgress) -> Markup {
    let word = match link.suggestion.step {
        PhaseStep::Forward => "forward to ",
        PhaseStep::Stay => "stay at ",
        PhaseStep::Back => "back to ",
    };
    html! { span class=(step_class(link)) { (word) code { (link.suggestion.phase) } } }
}

fn step_class(link: &LinkProgress) -> &'static str {
    match link.suggestion.step {
        PhaseStep::Forward => "forward",
        PhaseStep::Stay => "stay",
        PhaseStep::Back => "back",
    }
}

/// All about one link.
fn section(at: usize, link: &LinkProgress) -> Markup {
    html! {
        section id=(format!("link-{at}")) {
            h2 { (title(link)) }
            (phases(link))
            p class={ "advice " (step_class(link)) } {
                strong { "Suggested: " (suggested(link)) } ": " (link.suggestion.why) "."
            }
            @if link.direction != "both" { p { "It mirrors only " code { (link.direction) } "." } }
            (tiles(link))
            (chart_of(link))
            (obstacles(link))
            (people(link))
            (bots(&link.bots))
            (table_of(&link.weeks))
        }
    }
}

/// The way of the phases, with the one that the link has, and the one that is suggested.
fn phases(link: &LinkProgress) -> Markup {
    html! {
        ol class="phases" {
            @for phase in LinkPhase::ALL {
                @let name = phase.name();
                @let is_suggested = name == link.suggestion.phase && name != link.phase;
                li aria-current=[(name == link.phase).then_some("step")] class=[is_suggested.then_some("suggested")] {
                    (name)
                    @if is_suggested { span class="hidden" { " (suggested)" } }
                }
            }
        }
    }
}

fn tiles(link: &LinkProgress) -> Markup {
    let recent = &link.recent;
    let tiles = [
        (share(link), "of the last 4 weeks’ lines came from Let’s Chat"),
        (format!("{} of {}", recent.arrived, recent.people), "people are linked or speak there"),
        (recent.only_irc.to_string(), "speak only on IRC"),
        (recent.moved.to_string(), "have moved"),
    ];
    html! {
        ul class="tiles" {
            @for (figure, words) in tiles { li { b { (figure) } " " span { (words) } } }
        }
    }
}

fn chart_of(link: &LinkProgress) -> Markup {
    let lines = |week: &WeekProgress| {
        week.irc.lines + week.letschat.lines + week.irc_bot_lines + week.letschat_bot_lines
    };
    let most = link.weeks.iter().map(lines).max().unwrap_or(0);
    html! {
        figure {
            figcaption {
                "Lines a week, at most " (number(most)) ": "
                span class="key chat" { "Let’s Chat" } " " span class="key irc" { "IRC" } " "
                span class="key bots" { "bots" }
            }
            (chart::bars(&link.weeks))
            @if let (Some(first), Some(last)) = (link.weeks.first(), link.weeks.last()) {
                p class="ends" { span { (first.monday) } span { (last.monday) } }
            }
        }
    }
}

fn obstacles(link: &LinkProgress) -> Markup {
    html! {
        @if !link.in_the_way.is_empty() {
            h3 { "In the way" }
            ul class="obstacles" {
                @for obstacle in &link.in_the_way {
                    li class=[(obstacle.kind == ObstacleKind::LinkFails).then_some("fails")] {
                        bdi { (obstacle.text) }
                    }
                }
            }
        }
    }
}

/// People by where they speak.
fn people(link: &LinkProgress) -> Markup {
    html! {
        @for (state, title) in STATES {
            @let these: Vec<&PersonProgress> =
                link.people.iter().filter(|person| person.state == state).collect();
            @if !these.is_empty() {
                h3 { (title) " " span class="faint" { (these.len()) } }
                ul class="people" { @for person in these { (person_item(person)) } }
            }
        }
        @if link.more_people > 0 { p class="faint" { "… and " (link.more_people) " more people." } }
    }
}

fn person_item(person: &PersonProgress) -> Markup {
    let linked = match person.linked {
        LinkedBy::No => "not linked",
        LinkedBy::Made => "not linked: speaks by an account of the bridge",
        LinkedBy::UserMap => "in the user map",
        LinkedBy::Account => "linked",
    };
    let others: Vec<&String> = person.names.iter().filter(|name| **name != person.name).collect();
    html! {
        li {
            b { bdi { (person.name) } }
            @if !others.is_empty() {
                span class="faint" { " also " @for (at, name) in others.iter().enumerate() {
                    @if at > 0 { ", " } bdi { (name) }
                } }
            }
            span class="faint" {
                " · " (linked) (side(" · IRC ", person.irc)) (side(" · Let’s Chat ", person.letschat))
            }
        }
    }
}

/// What was said on one side, if anything was.
fn side(title: &str, said: SpokenLines) -> Markup {
    html! {
        @if said.lines > 0 {
            (title) (number(said.lines))
            @if let Some(last) = said.last { " (last " (day(last)) ")" }
        }
    }
}

fn bots(bots: &[BotProgress]) -> Markup {
    html! {
        @if !bots.is_empty() {
            h3 { "Bots " span class="faint" { (bots.len()) } }
            ul class="people" {
                @for bot in bots {
                    li {
                        b { bdi { (bot.name) } }
                        span class="faint" {
                            " · " (bot.why) (side(" · IRC ", bot.irc)) (side(" · Let’s Chat ", bot.letschat))
                        }
                    }
                }
            }
        }
    }
}

/// The figures of all weeks, the newest first.
fn table_of(weeks: &[WeekProgress]) -> Markup {
    html! {
        details {
            summary { "All weeks in figures" }
            div class="scroll" {
                table {
                    thead {
                        tr {
                            th scope="col" { "Week of" }
                            @for title in ["IRC", "people", "Let’s Chat", "people", "Bots"] {
                                th scope="col" class="number" { (title) }
                            }
                        }
                    }
                    tbody {
                        @for week in weeks.iter().rev() {
                            tr {
                                th scope="row" { (week.monday) }
                                td class="number" { (number(week.irc.lines)) }
                                td class="number" { (week.irc.people) }
                                td class="number" { (number(week.letschat.lines)) }
                                td class="number" { (week.letschat.people) }
                                td class="number" { (number(week.irc_bot_lines + week.letschat_bot_lines)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn no_longer_linked(report: &ProgressReport) -> Markup {
    html! {
        @if !report.no_longer_linked.is_empty() {
            section {
                h2 { "No longer linked" }
                ul class="people" {
                    @for place in &report.no_longer_linked {
                        li {
                            b { bdi { (place.place) } }
                            span class="faint" { " · " (number(place.lines)) " lines (last " (day(place.last)) ")" }
                        }
                    }
                }
            }
        }
    }
}

/// A number with spaces between thousands, which do not break.
fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn style_can_stand_in_the_document_as_it_is() {
        assert!(
            !STYLE.contains(['<', '&']) && !STYLE.contains("url(") && !STYLE.contains("@import")
        );
        assert!(CSP.contains("sha256-") && !CSP.contains("unsafe"));
        assert!(!file_csp().contains("frame-ancestors"));
    }

    #[test]
    fn thousands_are_told_apart() {
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
