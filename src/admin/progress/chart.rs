//! The chart of a link: a bar for each week, of what was said on IRC and on Let's Chat, as inline SVG.

use maud::{Markup, html};

use crate::service::progress::WeekProgress;

/// The space of one bar, and of the whole height; the page stretches them.
const STEP: u64 = 10;
const HEIGHT: u64 = 100;
/// The part of the space that the bar takes.
const BAR: u64 = 8;

/// The lines of people and bots in a week.
fn all_lines(week: &WeekProgress) -> u64 {
    week.irc.lines + week.letschat.lines + week.irc_bot_lines + week.letschat_bot_lines
}

/// The bars, the oldest first, each with its figures in words.
pub(super) fn bars(weeks: &[WeekProgress]) -> Markup {
    let top = weeks.iter().map(all_lines).max().unwrap_or(0).max(1);
    let width = STEP * weeks.len() as u64;
    html! {
        svg viewBox=(format!("0 0 {width} {HEIGHT}")) preserveAspectRatio="none" role="img"
            aria-label="Lines of each week; the table below has the figures" {
            @for (at, week) in weeks.iter().enumerate() {
                g { title { (words(week)) } (stack(week, at as u64 * STEP, top)) }
            }
        }
    }
}

/// What the bar of a week stands for.
fn words(week: &WeekProgress) -> String {
    format!(
        "Week of {}: {} lines of {} people on IRC, {} of {} on Let's Chat, {} of bots",
        week.monday,
        week.irc.lines,
        week.irc.people,
        week.letschat.lines,
        week.letschat.people,
        week.irc_bot_lines + week.letschat_bot_lines
    )
}

/// The parts of a bar, one above the other.
fn stack(week: &WeekProgress, x: u64, top: u64) -> Markup {
    let parts = [
        ("chat", week.letschat.lines),
        ("irc", week.irc.lines),
        ("bots", week.irc_bot_lines + week.letschat_bot_lines),
    ];
    let mut below = 0;
    let parts = parts.map(|(class, lines)| {
        // In hundredths, so that small numbers are seen.
        let from = below * HEIGHT * 100 / top;
        below += lines;
        let to = below * HEIGHT * 100 / top;
        (class, HEIGHT * 100 - to, to - from)
    });
    html! {
        // All of the column tells of it.
        rect class="column" x=(x) y="0" width=(STEP) height=(HEIGHT) {}
        @for (class, y, height) in parts {
            @if height > 0 {
                rect class=(class) x=(x + (STEP - BAR) / 2) y=(hundredths(y)) width=(BAR)
                    height=(hundredths(height)) {}
            }
        }
    }
}

fn hundredths(value: u64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::progress::SideProgress;

    #[test]
    fn highest_bar_is_as_high_as_the_chart() {
        let side = |lines| SideProgress { lines, people: 1 };
        let week = |day: i8, irc, letschat, bots| WeekProgress {
            monday: jiff::civil::date(2026, 11, day),
            irc: side(irc),
            letschat: side(letschat),
            irc_bot_lines: bots,
            letschat_bot_lines: 0,
        };
        let svg = bars(&[week(23, 0, 0, 0), week(30, 10, 20, 10)]).into_string();
        assert!(
            svg.contains(r#"<rect class="chat" x="11" y="50.00" width="8" height="50.00">"#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"<rect class="irc" x="11" y="25.00" width="8" height="25.00">"#),
            "{svg}"
        );
        assert!(
            svg.contains(r#"<rect class="bots" x="11" y="0.00" width="8" height="25.00">"#),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 5, "{svg}");
        let nothing = bars(&[week(30, 0, 0, 0)]).into_string();
        assert!(!nothing.contains("NaN") && nothing.matches("<rect").count() == 1, "{nothing}");
    }
}
