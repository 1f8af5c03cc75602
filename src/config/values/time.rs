use std::time::Duration;

use super::Flaw;
use crate::config::CatchUp;

/// So far ahead that nobody means it, and so near that clocks can still add it.
const LONGEST_DAYS: u64 = 36_500;

const REMEDY: &str = "write a number and its unit, like \"90s\", \"5m\", \"24h\" or \"30d\"";

/// `90s`, `5m`, `24h`, `30d`.
pub(in crate::config) fn duration(text: &str) -> Result<Duration, Flaw> {
    read(text, REMEDY)
}

/// A duration, or `forever`: `None`.
pub(in crate::config) fn keep(text: &str) -> Result<Option<Duration>, Flaw> {
    match text {
        "forever" => Ok(None),
        _ => read(text, &format!("{REMEDY}, or \"forever\"")).map(Some),
    }
}

/// A duration, `all` or `none`.
pub(in crate::config) fn catch_up(text: &str) -> Result<CatchUp, Flaw> {
    match text {
        "all" => Ok(CatchUp::All),
        "none" => Ok(CatchUp::Never),
        _ => read(text, &format!("{REMEDY}, or \"all\" or \"none\"")).map(CatchUp::Age),
    }
}

fn read(text: &str, remedy: &str) -> Result<Duration, Flaw> {
    let duration = seconds(text).ok_or_else(|| Flaw::of(text, "is not a duration", remedy))?;
    if duration > Duration::from_hours(24 * LONGEST_DAYS) {
        return Err(Flaw::of(text, "is too long", format!("at most \"{LONGEST_DAYS}d\" will do")));
    }
    Ok(duration)
}

fn seconds(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    // Rust would read "+5" as a number, too.
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = if plain { digits.parse().unwrap_or(u64::MAX) } else { return None };
    Some(Duration::from_secs(number.saturating_mul(factor)))
}

#[cfg(test)]
mod tests {
    use super::super::check::{reads, refuses};
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("5m", 300), ("24h", 86_400), ("30d", 2_592_000)]
        {
            reads(duration, text, Duration::from_secs(seconds));
        }
        for text in ["", "s", "90", "1.5h", "+5s", "-5s", "5 s", "5S", "1h30m", "5é", "١s"] {
            refuses(duration, text, &format!("{text:?} is not a duration"));
        }
    }

    #[test]
    fn nobody_waits_for_a_century() {
        reads(duration, "36500d", Duration::from_hours(24 * 36_500));
        refuses(duration, "36501d", "\"36501d\" is too long");
        let text = "9".repeat(40) + "d";
        refuses(duration, &text, &format!("{text:?} is too long"));
    }

    #[test]
    fn some_durations_have_no_end() {
        reads(keep, "forever", None);
        reads(keep, "1d", Some(Duration::from_hours(24)));
        refuses(keep, "none", "\"none\" is not a duration");
        reads(catch_up, "all", CatchUp::All);
        reads(catch_up, "none", CatchUp::Never);
        reads(catch_up, "1h", CatchUp::Age(Duration::from_hours(1)));
        refuses(catch_up, "forever", "\"forever\" is not a duration");
    }
}
