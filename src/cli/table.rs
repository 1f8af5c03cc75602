//! Tables of text, as wide as the terminal.

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What stands in an empty cell.
pub(super) const NONE: &str = "-";

/// The space between two columns.
const GAP: usize = 2;

/// The last column is cut to no less than this.
const MIN_LAST_WIDTH: usize = 16;

/// How wide the terminal is, in characters; `None` if there is none.
pub(super) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    // Some terminals do not know.
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}

/// The rows below their titles, with columns of the same width. In a narrow terminal the last column is cut, and if that
/// is not enough, each cell has a line of its own.
pub(super) fn render<const COLUMNS: usize>(
    titles: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    width: Option<usize>,
) -> String {
    let rows: Vec<[String; COLUMNS]> =
        rows.iter().map(|row| row.clone().map(|cell| printable(&cell))).collect();
    let all = || std::iter::once(titles.map(str::to_owned)).chain(rows.iter().cloned());
    let widths: Vec<usize> = (0..COLUMNS)
        .map(|column| all().map(|row| row[column].width()).max().unwrap_or(0))
        .collect();
    let before_last: usize = widths.iter().rev().skip(1).map(|width| width + GAP).sum();
    let last = widths.last().copied().unwrap_or(0);
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(before_last));
    if room < last.min(MIN_LAST_WIDTH) {
        return stacked(titles, &rows, width.unwrap_or(usize::MAX));
    }
    let line = |row: [String; COLUMNS]| {
        let mut text = String::new();
        for (column, cell) in row.iter().enumerate() {
            let is_last = column + 1 == COLUMNS;
            let cell = if is_last { cut(cell, room) } else { cell.clone() };
            let padding = if is_last { 0 } else { widths[column] + GAP - cell.width() };
            text.push_str(&cell);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    };
    all().map(line).collect()
}

/// Each cell on a line of its own, except for empty ones.
fn stacked<const COLUMNS: usize>(
    titles: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    width: usize,
) -> String {
    let mut text = String::new();
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            let line = match column {
                0 => cell.clone(),
                _ if cell == NONE => continue,
                _ => format!("  {}: {cell}", titles[column].to_lowercase()),
            };
            text.push_str(&cut(&line, width));
            text.push('\n');
        }
    }
    text
}

/// `text` in at most `width` columns.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut shown = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        shown.push(c);
    }
    shown + "…"
}

/// `text` without characters that a terminal would obey, or that change the direction of what follows.
pub(super) fn printable(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_unsafe(c) { '?' } else { c }).collect()
}

/// The time from `since` to `now` in its two largest units: `12s`, `5m`, `3h 12m`, `2d 4h`.
pub(super) fn age(since: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m"),
        (0, _, _) => format!("{hours}h {}m", minutes % 60),
        _ => format!("{days}d {}h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TITLES: [&str; 3] = ["A", "WHAT", "TEXT"];

    fn rows() -> Vec<[String; 3]> {
        vec![
            ["1", "up", "a text of some length"].map(str::to_owned),
            ["茶茶茶", NONE, "b\x1b[m\u{202e}"].map(str::to_owned),
        ]
    }

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        assert_eq!(
            render(TITLES, &rows(), None),
            "A       WHAT  TEXT\n\
             1       up    a text of some length\n\
             茶茶茶  -     b?[m?\n"
        );
    }

    #[test]
    fn narrow_terminal_cuts_the_last_column_and_then_stacks() {
        assert_eq!(
            render(TITLES, &rows(), Some(32)),
            "A       WHAT  TEXT\n\
             1       up    a text of some le…\n\
             茶茶茶  -     b?[m?\n"
        );
        assert_eq!(
            render(TITLES, &rows(), Some(20)),
            "1\n  what: up\n  text: a text of s…\n茶茶茶\n  text: b?[m?\n"
        );
    }

    #[test]
    fn age_has_two_units() {
        let now: Timestamp = "2026-11-30T07:00:00Z".parse().expect("a time");
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3_599, "59m"),
            (11_520, "3h 12m"),
            (187_200, "2d 4h"),
            (-5, "0s"),
        ] {
            assert_eq!(age(now - jiff::SignedDuration::from_secs(seconds), now), text);
        }
    }
}
