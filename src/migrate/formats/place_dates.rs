//! Dates in the names of logs and of their folders.

use std::path::{Path, PathBuf};

use jiff::civil::Date;

use super::scan::{date, month, number};

/// The name of a file without an extension that logs have.
pub(super) fn without_extension(file: &str) -> &str {
    let known = [".log", ".txt", ".weechatlog", ".logs", ".irclog"];
    let end = known.iter().find_map(|end| {
        let at = file.len().checked_sub(end.len())?;
        let tail = file.get(at..)?;
        tail.eq_ignore_ascii_case(end).then_some(at)
    });
    end.map_or(file, |at| &file[..at])
}

/// The name without what logrotate and people who keep old files add behind its extension: `.log.1`, `.log-20140303`, `.log.old`.
/// The day there is that of the rotation, and says nothing of the lines.
pub(super) fn without_rotation(file: &str) -> &str {
    let has_extension = |name: &&str| without_extension(name) != *name;
    let is_number =
        |tail: &str| (1..=4).contains(&tail.len()) && tail.bytes().all(|it| it.is_ascii_digit());
    let is_day = |tail: &str| tail.len() == 8 && date_word(tail).is_some();
    let (name, tail) = match file.strip_suffix('~') {
        Some(name) => (name, "~"),
        None => match file.rfind(['.', '-']) {
            Some(at) => (&file[..at], &file[at..]),
            None => return file,
        },
    };
    let is_rotated = match tail.split_at_checked(1) {
        Some((".", "old" | "bak" | "orig")) | Some(("~", "")) => true,
        Some((".", number)) => is_number(number),
        Some(("-", day)) => is_day(day),
        _ => false,
    };
    Some(name).filter(has_extension).filter(|_| is_rotated).unwrap_or(file)
}

/// The name without the date at its end, and the date. What stands between them goes, too.
pub(super) fn split_date(stem: &str) -> (&str, Option<Date>) {
    for length in [10, 9, 8] {
        let Some(at) = stem.len().checked_sub(length) else { continue };
        let Some(tail) = stem.get(at..) else { continue };
        if let Some(date) = date_word(tail) {
            let name = stem[..at].trim_end_matches(['.', '_', '-', ' ']);
            // eggdrop puts the date behind the extension.
            return (without_extension(name), Some(date));
        }
    }
    (stem, None)
}

/// `2026-11-29`, `2026.11.29`, `2026_11_29`, `20261129`, or `29Nov2026`.
fn date_word(word: &str) -> Option<Date> {
    let part = |range: std::ops::Range<usize>| {
        let digits = word.get(range)?;
        number(digits, digits.len()..=digits.len()).map(|(number, _)| number)
    };
    match word.len() {
        10 if ["-", ".", "_"]
            .iter()
            .any(|it| word.get(4..5) == Some(it) && word.get(7..8) == Some(it)) =>
        {
            date(part(0..4)?, part(5..7)?, part(8..10)?)
        }
        9 => date(part(5..9)?, i32::from(month(word.get(2..5)?)?), part(0..2)?),
        8 if part(0..4)? > 1985 => date(part(0..4)?, part(4..6)?, part(6..8)?),
        _ => None,
    }
}

/// The name without the month and day at its end, where a folder tells the year: `2026/Libera/#team.11-29.log`,
/// `2026/11/29.log`. A month alone goes, too: `#team.2026-11.log`.
pub(super) fn split_part_of_date<'s>(stem: &'s str, folders: &[&str]) -> (&'s str, Option<Date>) {
    if let Some(date) = date_of_folders(stem, folders) {
        return ("", Some(date));
    }
    for length in [7, 6, 5] {
        let Some((name, tail)) =
            stem.len().checked_sub(length).and_then(|at| stem.split_at_checked(at))
        else {
            continue;
        };
        if !name.is_empty() && !name.ends_with(['.', '_', '-', ' ']) {
            continue;
        }
        let name = name.trim_end_matches(['.', '_', '-', ' ']);
        if is_year_and_month(tail) {
            return (name, None);
        }
        if let Some((month, day)) = month_and_day(tail) {
            let year = folders.iter().rev().find_map(|folder| year(folder));
            return (name, year.and_then(|year| date(year, month, day)));
        }
    }
    (stem, None)
}

/// The number that `text` consists of.
fn whole(text: &str, digits: usize) -> Option<i32> {
    number(text, digits..=digits).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// A year since there is IRC.
fn year(text: &str) -> Option<i32> {
    whole(text, 4).filter(|year| (1988..2100).contains(year))
}

/// `11-29`, in a leap year.
fn month_and_day(text: &str) -> Option<(i32, i32)> {
    let (month, rest) = text.split_at_checked(2)?;
    let (month, day) = (whole(month, 2)?, whole(rest.strip_prefix(['-', '_', '.'])?, 2)?);
    date(2000, month, day).map(|_| (month, day))
}

/// `2026-11` or `202611`.
fn is_year_and_month(text: &str) -> bool {
    let Some((first, rest)) = text.split_at_checked(4) else { return false };
    let month = rest.strip_prefix(['-', '_', '.']).unwrap_or(rest);
    year(first).is_some() && whole(month, 2).is_some_and(|month| (1..=12).contains(&month))
}

/// Whether a folder is named after a year, a month or a day: `2026`, `2026-11`, `2026-11-29`; and `11` in `2026`.
pub(super) fn is_of_date(above: Option<&str>, folder: &str) -> bool {
    let is_month = || whole(folder, 2).is_some_and(|month| (1..=12).contains(&month));
    year(folder).is_some()
        || is_year_and_month(folder)
        || date_word(folder).is_some()
        || above.is_some_and(|above| year(above).is_some()) && is_month()
}

/// The folders without those at the end that are named after dates.
pub(super) fn without_last_dates<'f, 'n>(mut folders: &'f [&'n str]) -> &'f [&'n str] {
    while let [above @ .., last] = folders
        && is_of_date(above.last().copied(), last)
    {
        folders = above;
    }
    folders
}

/// The folder of a log, without those that are named after dates: what one writer's logs of one channel have in common.
pub(in crate::migrate) fn folder_of_writer(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    let mut above = None;
    for part in path.parent().into_iter().flatten() {
        let name = part.to_str();
        if !name.is_some_and(|name| is_of_date(above, name)) {
            kept.push(part);
        }
        above = name;
    }
    kept
}

/// `2026/11/29.log`.
fn date_of_folders(stem: &str, folders: &[&str]) -> Option<Date> {
    let [.., year, month] = folders else { return None };
    date(whole(year, 4)?, whole(month, 2)?, whole(stem, 2)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_dates_do_not_part_what_one_has_written() {
        for (path, folder) in [
            ("logs/Libera/#team.log", "logs/Libera"),
            ("logs/2014/Libera/#team.03-02.log", "logs/Libera"),
            ("logs/Libera/2014-03/#team.log", "logs/Libera"),
            ("logs/#team/2014/03/02.log", "logs/#team"),
            ("/logs/201403/#team.log", "/logs"),
            // Of others.
            ("logs/1/Libera/#team.log", "logs/1/Libera"),
            ("logs/03/#team.log", "logs/03"),
            ("#team.log", ""),
        ] {
            assert_eq!(folder_of_writer(Path::new(path)), Path::new(folder), "{path}");
        }
    }
}
