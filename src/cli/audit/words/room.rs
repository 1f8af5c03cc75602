use super::{Counts, minute, number, second, tell, unread};
use crate::cli::audit::called;
use crate::service::audit::room::{Findings, RoomAudit};
use crate::store::Totals;

/// What was found in one room, in lines.
pub(super) fn words(audit: &RoomAudit) -> Vec<String> {
    let (ends, room) = (ends(audit), called(&audit.room));
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => return vec![format!("{ends}: cannot be compared: {why}")],
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
    lines.extend(unread(&room, &found.unread));
    if found.strays > 0 {
        let count = number(found.strays);
        lines.push(format!(
            "  posted in {room} by the bridge's own account, and not by this bridge: {count}"
        ));
    }
    if found.left_out > 0 {
        let count = number(found.left_out);
        lines.push(format!("  left out by rules in {room}: {count}"));
    }
    lines
}

/// What has not arrived at `place`, and what never will.
fn open(place: &str, tally: &Totals) -> Vec<String> {
    let mut lines = Vec::new();
    if tally.queued + tally.in_doubt > 0 {
        let oldest = tally.oldest_pending.map(second).unwrap_or_default();
        let (waiting, in_doubt) = (number(tally.queued), number(tally.in_doubt));
        let waiting = format!("  waiting for {place}: {waiting}, and {in_doubt} under way");
        lines.push(format!("{waiting}; the oldest was said {oldest}"));
    }
    for (reason, count) in &tally.rejected {
        lines.push(format!("  refused by {place}: {} ({reason})", number(*count)));
    }
    lines
}

pub(super) fn counts(found: &Findings) -> Counts {
    Counts {
        missing: found.missing(),
        repeated: found.repeated.count,
        out_of_order: found.misplaced.count,
    }
}

/// The channels and their room, as people call them.
fn ends(audit: &RoomAudit) -> String {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    format!("{} and {}", channels.join(", "), called(&audit.room))
}
