//! Parses durations.

use std::time::Duration;

use super::ValueError;
use crate::config::CatchUpPolicy;

/// The maximum duration: longer than anyone needs, and short enough to add to a time.
const MAX_DAYS: u64 = 36_500;

const HELP: &str = "write a number and its unit, like \"90s\", \"5m\", \"24h\" or \"30d\"";

/// Parses `90s`, `5m`, `24h` or `30d`.
pub(in crate::config) fn duration(text: &str) -> Result<Duration, ValueError> {
    parse_duration(text, HELP)
}

/// Parses a duration, or `forever`: `None`.
pub(in crate::config) fn duration_or_forever(text: &str) -> Result<Option<Duration>, ValueError> {
    match text {
        "forever" => Ok(None),
        _ => parse_duration(text, &format!("{HELP}, or \"forever\"")).map(Some),
    }
}

/// Parses a duration, `all` or `none`.
pub(in crate::config) fn catch_up_policy(text: &str) -> Result<CatchUpPolicy, ValueError> {
    match text {
        "all" => Ok(CatchUpPolicy::All),
        "none" => Ok(CatchUpPolicy::Off),
        _ => parse_duration(text, &format!("{HELP}, or \"all\" or \"none\""))
            .map(CatchUpPolicy::MaxAge),
    }
}

fn parse_duration(text: &str, remedy: &str) -> Result<Duration, ValueError> {
    let duration = parse_seconds(text)
        .ok_or_else(|| ValueError::quoting(text, "is not a duration", remedy))?;
    if duration > Duration::from_hours(24 * MAX_DAYS) {
        return Err(ValueError::quoting(
            text,
            "is too long",
            format!("use at most \"{MAX_DAYS}d\""),
        ));
    }
    Ok(duration)
}

fn parse_seconds(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let digits = text.strip_suffix(unit)?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    // Rust would parse "+5" as a number, too.
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = if plain { digits.parse().unwrap_or(u64::MAX) } else { return None };
    Some(Duration::from_secs(number.saturating_mul(factor)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse::check::{assert_parses, assert_rejects};

    #[test]
    fn duration_is_a_number_and_a_unit() {
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("5m", 300), ("24h", 86_400), ("30d", 2_592_000)]
        {
            assert_parses(duration, text, Duration::from_secs(seconds));
        }
        for text in ["", "s", "90", "1.5h", "+5s", "-5s", "5 s", "5S", "1h30m", "5é", "١s"] {
            assert_rejects(duration, text, &format!("{text:?} is not a duration"));
        }
    }

    #[test]
    fn durations_above_max_days_are_rejected() {
        assert_parses(duration, "36500d", Duration::from_hours(24 * 36_500));
        assert_rejects(duration, "36501d", "\"36501d\" is too long");
        let text = "9".repeat(40) + "d";
        assert_rejects(duration, &text, &format!("{text:?} is too long"));
    }

    #[test]
    fn forever_and_all_are_accepted_only_where_they_apply() {
        assert_parses(duration_or_forever, "forever", None);
        assert_parses(duration_or_forever, "1d", Some(Duration::from_hours(24)));
        assert_rejects(duration_or_forever, "none", "\"none\" is not a duration");
        assert_parses(catch_up_policy, "all", CatchUpPolicy::All);
        assert_parses(catch_up_policy, "none", CatchUpPolicy::Off);
        assert_parses(catch_up_policy, "1h", CatchUpPolicy::MaxAge(Duration::from_hours(1)));
        assert_rejects(catch_up_policy, "forever", "\"forever\" is not a duration");
    }
}
