//! What was found, in lines for people.

use jiff::Timestamp;

use super::room;
use crate::service::{Findings, RoomAudit, Troubles};
use crate::store::Tally;

/// What was found in one room, in lines.
pub(super) fn words(audit: &RoomAudit) -> String {
    let (ends, room) = (ends(audit), room(audit));
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => return format!("{ends}: not audited: {why}\n"),
    };
    let (crossed, since) = (number(found.crossed()), minute(found.since));
    let mut lines = vec![if found.well() {
        format!("{ends}: {crossed} crossed, none missing, repeated or out of order since {since}")
    } else {
        format!("{ends}: {crossed} crossed since {since}, {}", counts(found))
    }];
    tell(&mut lines, &found.lost, |lost| {
        let (ticket, settled) = (lost.ticket.0, second(lost.settled));
        format!("missing in {room}: delivery {ticket}, delivered {settled} as {}", lost.post)
    });
    tell(&mut lines, &found.unheard, |post| {
        let posted = second(post.posted);
        format!("missing in the ledger: post {} in {room} by {}, {posted}", post.post, post.author)
    });
    tell(&mut lines, &found.repeated, |twin| {
        format!(
            "repeated in {room}: post {}, {}, says what {} says",
            twin.post,
            second(twin.posted),
            twin.of
        )
    });
    tell(&mut lines, &found.misplaced, |it| {
        let (ticket, behind, posted) = (it.ticket.0, it.behind.0, second(it.posted));
        format!(
            "out of order in {room}: delivery {ticket} (post {}, {posted}) stands behind delivery {behind}",
            it.post
        )
    });
    let tallies = std::iter::once((room.clone(), &found.to_room))
        .chain(found.to_channels.iter().map(|(place, tally)| (place.to_string(), tally)));
    for (place, tally) in tallies {
        lines.extend(open(&place, tally));
    }
    if found.unread.count > 0 {
        let oldest = found.unread.oldest.map(second).unwrap_or_default();
        let count = number(found.unread.count);
        lines.push(format!("  not read yet in {room}: {count}, the oldest from {oldest}"));
    }
    if found.left_out > 0 {
        let count = number(found.left_out);
        lines.push(format!("  left out by the rules of catching up in {room}: {count}"));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A line for each trouble.
fn tell<T>(lines: &mut Vec<String>, troubles: &Troubles<T>, line: impl Fn(&T) -> String) {
    lines.extend(troubles.first.iter().map(|trouble| format!("  {}", line(trouble))));
    let more = troubles.count - troubles.first.len() as u64;
    if more > 0 {
        lines.push(format!("  … and {} more like these", number(more)));
    }
}

/// What has not arrived at `place`, and what never will.
fn open(place: &str, tally: &Tally) -> Vec<String> {
    let mut lines = Vec::new();
    if tally.waiting + tally.in_doubt > 0 {
        let oldest = tally.oldest.map(second).unwrap_or_default();
        let (waiting, in_doubt) = (number(tally.waiting), number(tally.in_doubt));
        let waiting = format!("  waiting for {place}: {waiting}, and {in_doubt} under way");
        lines.push(format!("{waiting}; the oldest was said {oldest}"));
    }
    for (reason, count) in &tally.refused {
        lines.push(format!("  refused by {place}: {} ({reason})", number(*count)));
    }
    lines
}

/// The last line.
pub(super) fn total(audits: &[RoomAudit]) -> String {
    let found = || audits.iter().filter_map(|audit| audit.found.as_ref().ok());
    let sum = |of: fn(&Findings) -> u64| number(found().map(of).sum());
    let failed = match audits.len() - found().count() {
        0 => String::new(),
        failed => format!(", {failed} not audited"),
    };
    format!(
        "in all: {} crossed, {} missing, {} repeated, {} out of order{failed}; of channels this is \
         what the ledger says, for they cannot be asked",
        sum(Findings::crossed),
        sum(Findings::missing),
        sum(|found| found.repeated.count),
        sum(|found| found.misplaced.count),
    )
}

fn counts(found: &Findings) -> String {
    let [missing, repeated, misplaced] =
        [found.missing(), found.repeated.count, found.misplaced.count].map(number);
    format!("{missing} missing, {repeated} repeated, {misplaced} out of order")
}

/// The channels and their room, as people call them.
fn ends(audit: &RoomAudit) -> String {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    format!("{} and {}", channels.join(", "), room(audit))
}

fn minute(time: Timestamp) -> String {
    time.strftime("%F %H:%MZ").to_string()
}

fn second(time: Timestamp) -> String {
    time.strftime("%F %H:%M:%SZ").to_string()
}

/// With a comma before each three digits: `1,234`.
fn number(number: u64) -> String {
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
    fn long_numbers_can_be_read() {
        for (value, text) in
            [(0, "0"), (999, "999"), (1_234, "1,234"), (12_345, "12,345"), (1_000_000, "1,000,000")]
        {
            assert_eq!(number(value), text);
        }
    }
}
