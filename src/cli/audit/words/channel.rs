use super::{Counts, minute, number, second, tell, unread};
use crate::service::audit::channel::{ChannelAudit, Findings, LineId};

/// What was found in one channel, in lines.
pub(super) fn words(audit: &ChannelAudit) -> Vec<String> {
    let channel = audit.channel.to_string();
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => return vec![format!("{channel}: cannot be compared: {why}")],
    };
    let shown = &found.lines;
    let (said, heard) = (number(shown.said), number(shown.heard));
    let (there, since) = (format!("{said} said and {heard} heard there"), minute(found.since));
    let mut lines = vec![if found.well() {
        format!("{channel}: {there}, none missing, repeated or out of order since {since}")
    } else {
        format!("{channel}: {there} since {since}, {}", counts(found))
    }];
    tell(&mut lines, &shown.lost, |lost| {
        let (ticket, settled) = (lost.ticket.0, second(lost.settled));
        let what = if lost.partly { "some lines of delivery" } else { "delivery" };
        format!("missing in {channel}: {what} {ticket}, delivered {settled} as {}", id(&lost.line))
    });
    tell(&mut lines, &shown.unheard, |line| {
        let (author, said) = (&line.author, second(line.said));
        format!("missing in the ledger: line {} in {channel} by {author}, {said}", id(&line.line))
    });
    tell(&mut lines, &shown.repeated, |twin| {
        let (line, of) = (id(&twin.line), id(&twin.of));
        format!("repeated in {channel}: line {line}, {}, says what {of} says", second(twin.said))
    });
    tell(&mut lines, &shown.misplaced, |it| {
        let (ticket, behind, said) = (it.ticket.0, it.behind.0, second(it.said));
        format!(
            "out of order in {channel}: delivery {ticket} (line {}, {said}) stands behind delivery {behind}",
            id(&it.line)
        )
    });
    tell(&mut lines, &shown.misheard, |it| {
        let (line, before, said) = (id(&it.line), id(&it.before), second(it.said));
        format!(
            "out of order in the ledger: line {line} ({said}) in {channel} was heard before {before}, which stands before it"
        )
    });
    lines.extend(told(&channel, found));
    lines
}

/// What is worth knowing and no trouble.
fn told(channel: &str, found: &Findings) -> Vec<String> {
    let shown = &found.lines;
    let mut lines = Vec::new();
    let mut count = |what: &str, count: u64| {
        if count > 0 {
            lines.push(format!("  {what} {channel}: {}", number(count)));
        }
    };
    count("said again, and marked so, in", shown.again.count);
    count("no longer kept by the server of", shown.no_longer_kept);
    count("left out by the rules in", found.left_out);
    if let Some(since) = found.kept_since {
        lines
            .push(format!("  the server of {channel} keeps nothing from before {}", second(since)));
    }
    lines.extend(unread(channel, &shown.unread));
    lines
}

pub(super) fn counts(found: &Findings) -> Counts {
    Counts {
        missing: found.missing(),
        repeated: found.lines.repeated.count,
        out_of_order: found.out_of_order(),
    }
}

fn id(line: &LineId) -> &str {
    line.as_deref().unwrap_or("without an id")
}
