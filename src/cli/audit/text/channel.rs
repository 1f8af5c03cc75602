//! The audit report on one channel, as text.

use super::{
    ProblemCounts, format_minute, format_number, format_second, push_problems, unread_line,
};
use crate::service::audit::channel::{ChannelAudit, ChannelFindings, LineMsgid};

/// The report on one channel, as lines.
pub(super) fn report_lines(audit: &ChannelAudit) -> Vec<String> {
    let channel = audit.channel.to_string();
    let found = match &audit.result {
        Ok(found) => found,
        Err(why) => return vec![format!("{channel}: not audited: {why}")],
    };
    let shown = &found.lines;
    let mut lines = vec![summary(&channel, found)];
    push_problems(&mut lines, &shown.missing, |lost| {
        let id = lost.delivery.0;
        let settled = format_second(lost.settled_at);
        let what = if lost.is_partial { "some lines of delivery" } else { "delivery" };
        format!(
            "missing in {channel}: {what} {id}, delivered {settled} as {}",
            msgid_or_placeholder(&lost.msgid)
        )
    });
    push_problems(&mut lines, &shown.unrecorded, |line| {
        let author = &line.author;
        let sent_at = format_second(line.sent_at);
        format!(
            "missing in the ledger: line {} in {channel} by {author}, {sent_at}",
            msgid_or_placeholder(&line.msgid)
        )
    });
    push_problems(&mut lines, &shown.duplicates, |duplicate| {
        let (line, of) =
            (msgid_or_placeholder(&duplicate.msgid), msgid_or_placeholder(&duplicate.original));
        format!(
            "duplicate in {channel}: line {line}, {}, of {of}",
            format_second(duplicate.sent_at)
        )
    });
    push_problems(&mut lines, &shown.out_of_order, |it| {
        let (id, behind, sent_at) = (it.delivery.0, it.preceded_by.0, format_second(it.sent_at));
        format!(
            "out of order in {channel}: delivery {id} (line {}, {sent_at}) is after delivery \
             {behind}",
            msgid_or_placeholder(&it.msgid)
        )
    });
    push_problems(&mut lines, &shown.recorded_out_of_order, |it| {
        let (line, before, sent_at) = (
            msgid_or_placeholder(&it.msgid),
            msgid_or_placeholder(&it.preceded_by),
            format_second(it.sent_at),
        );
        format!(
            "out of order in the ledger: line {line} ({sent_at}) of {channel} was received before \
             {before}, which precedes it"
        )
    });
    lines.extend(notes(&channel, found));
    lines
}

fn summary(channel: &str, found: &ChannelFindings) -> String {
    let shown = &found.lines;
    let (delivered, recorded) = (format_number(shown.delivered), format_number(shown.recorded));
    let counts = format!("{channel}: {delivered} sent, {recorded} received");
    let since = format_minute(found.since);
    if found.is_clean() {
        format!("{counts}, none missing, duplicated or out of order since {since}")
    } else {
        format!("{counts} since {since}, {}", count_problems(found))
    }
}

/// Lines on things that are worth knowing but no problems.
fn notes(channel: &str, found: &ChannelFindings) -> Vec<String> {
    let shown = &found.lines;
    let mut lines = Vec::new();
    let mut count = |what: &str, count: u64| {
        if count > 0 {
            lines.push(format!("  {what} {channel}: {}", format_number(count)));
        }
    };
    count("marked as resent in", shown.marked_duplicates.count);
    count("no longer in the server's history of", shown.no_longer_kept);
    count("skipped by rules in", found.skipped);
    if let Some(since) = found.kept_since {
        lines.push(format!("  the server's history of {channel} begins {}", format_second(since)));
    }
    lines.extend(unread_line(channel, &shown.unread));
    lines
}

pub(super) fn count_problems(found: &ChannelFindings) -> ProblemCounts {
    ProblemCounts {
        missing: found.total_missing(),
        repeated: found.lines.duplicates.count,
        out_of_order: found.total_out_of_order(),
    }
}

fn msgid_or_placeholder(line: &LineMsgid) -> &str {
    line.as_deref().unwrap_or("(no msgid)")
}
