//! The audit report as text.

mod channel;
mod room;

use std::fmt;

use jiff::Timestamp;

use crate::service::audit::{Audit, Problems, Unread};

/// The report: a paragraph per room and per channel, and a summary line.
pub(super) fn render(audit: &Audit) -> String {
    let mut lines: Vec<String> = audit.rooms.iter().flat_map(room::report_lines).collect();
    lines.extend(audit.channels.iter().flat_map(channel::report_lines));
    lines.push(summary_line(audit));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn summary_line(audit: &Audit) -> String {
    let mut crossed = 0;
    let mut counts = ProblemCounts::default();
    for room in audit.rooms.iter().flat_map(|audit| &audit.result) {
        crossed += room.total_mirrored();
        counts.add(room::count_problems(room));
    }
    for channel in audit.channels.iter().flat_map(|audit| &audit.result) {
        counts.add(channel::count_problems(channel));
    }
    let failed = match audit.not_compared() {
        0 => String::new(),
        failed => format!(", {failed} not audited"),
    };
    let told = if audit.channels.is_empty() || audit.channels.iter().any(|it| it.result.is_err()) {
        "; numbers for unaudited channels are from the ledger"
    } else {
        ""
    };
    format!("total: {} mirrored, {counts}{failed}{told}", format_number(crossed))
}

/// The number of problems of each kind.
#[derive(Debug, Clone, Copy, Default)]
struct ProblemCounts {
    missing: u64,
    repeated: u64,
    out_of_order: u64,
}

impl ProblemCounts {
    fn add(&mut self, other: Self) {
        self.missing += other.missing;
        self.repeated += other.repeated;
        self.out_of_order += other.out_of_order;
    }
}

impl fmt::Display for ProblemCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { missing, repeated, out_of_order } = *self;
        let [missing, repeated, order] = [missing, repeated, out_of_order].map(format_number);
        write!(f, "{missing} missing, {repeated} duplicated, {order} out of order")
    }
}

/// Appends a line for each problem.
fn push_problems<T>(lines: &mut Vec<String>, problems: &Problems<T>, line: impl Fn(&T) -> String) {
    lines.extend(problems.first.iter().map(|problem| format!("  {}", line(problem))));
    let more = problems.count - problems.first.len() as u64;
    if more > 0 {
        lines.push(format!("  … and {} more", format_number(more)));
    }
}

/// A line on what the bridge has not received yet from `place`; `None` if it has received everything.
fn unread_line(place: &str, unread: &Unread) -> Option<String> {
    let oldest = format_second(unread.oldest?);
    Some(format!(
        "  not received yet from {place}: {}, oldest {oldest}",
        format_number(unread.count)
    ))
}

fn format_minute(time: Timestamp) -> String {
    time.strftime("%F %H:%MZ").to_string()
}

fn format_second(time: Timestamp) -> String {
    time.strftime("%F %H:%M:%SZ").to_string()
}

/// Formats a number with thousands separators: `1,234`.
fn format_number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_number_groups_digits() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1_234, "1,234"), (12_345, "12,345"), (1_000_000, "1,000,000")]
        {
            assert_eq!(format_number(value), text);
        }
    }
}
