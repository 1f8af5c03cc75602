use super::{
    ProblemCounts, format_minute, format_number, format_second, push_problems, unread_line,
};
use crate::service::audit::channel::{ChannelAudit, Findings, LineId};

/// What was found in one channel, in lines.
pub(super) fn report_lines(audit: &ChannelAudit) -> Vec<String> {
    let channel = audit.channel.to_string();
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => return vec![format!("{channel}: cannot be compared: {why}")],
    };
    let shown = &found.lines;
    let (said, heard) = (format_number(shown.said), format_number(shown.heard));
    let (there, since) =
        (format!("{said} said and {heard} heard there"), format_minute(found.since));
    let mut lines = vec![if found.well() {
        format!("{channel}: {there}, none missing, repeated or out of order since {since}")
    } else {
        format!("{channel}: {there} since {since}, {}", count_problems(found))
    }];
    push_problems(&mut lines, &shown.lost, |lost| {
        let (ticket, settled) = (lost.ticket.0, format_second(lost.settled));
        let what = if lost.partly { "some lines of delivery" } else { "delivery" };
        format!(
            "missing in {channel}: {what} {ticket}, delivered {settled} as {}",
            msgid_or_placeholder(&lost.line)
        )
    });
    push_problems(&mut lines, &shown.unheard, |line| {
        let (author, said) = (&line.author, format_second(line.said));
        format!(
            "missing in the ledger: line {} in {channel} by {author}, {said}",
            msgid_or_placeholder(&line.line)
        )
    });
    push_problems(&mut lines, &shown.repeated, |twin| {
        let (line, of) = (msgid_or_placeholder(&twin.line), msgid_or_placeholder(&twin.of));
        format!(
            "repeated in {channel}: line {line}, {}, says what {of} says",
            format_second(twin.said)
        )
    });
    push_problems(&mut lines, &shown.misplaced, |it| {
        let (ticket, behind, said) = (it.ticket.0, it.behind.0, format_second(it.said));
        format!(
            "out of order in {channel}: delivery {ticket} (line {}, {said}) stands behind delivery {behind}",
            msgid_or_placeholder(&it.line)
        )
    });
    push_problems(&mut lines, &shown.misheard, |it| {
        let (line, before, said) = (
            msgid_or_placeholder(&it.line),
            msgid_or_placeholder(&it.before),
            format_second(it.said),
        );
        format!(
            "out of order in the ledger: line {line} ({said}) in {channel} was heard before {before}, which stands before it"
        )
    });
    lines.extend(notes(&channel, found));
    lines
}

/// What is worth knowing and no trouble.
fn notes(channel: &str, found: &Findings) -> Vec<String> {
    let shown = &found.lines;
    let mut lines = Vec::new();
    let mut count = |what: &str, count: u64| {
        if count > 0 {
            lines.push(format!("  {what} {channel}: {}", format_number(count)));
        }
    };
    count("said again, and marked so, in", shown.again.count);
    count("no longer kept by the server of", shown.no_longer_kept);
    count("left out by the rules in", found.left_out);
    if let Some(since) = found.kept_since {
        lines.push(format!(
            "  the server of {channel} keeps nothing from before {}",
            format_second(since)
        ));
    }
    lines.extend(unread_line(channel, &shown.unread));
    lines
}

pub(super) fn count_problems(found: &Findings) -> ProblemCounts {
    ProblemCounts {
        missing: found.missing(),
        repeated: found.lines.repeated.count,
        out_of_order: found.out_of_order(),
    }
}

fn msgid_or_placeholder(line: &LineId) -> &str {
    line.as_deref().unwrap_or("without an id")
}
