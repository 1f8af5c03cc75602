use super::{
    ProblemCounts, format_minute, format_number, format_second, push_problems, unread_line,
};
use crate::cli::audit::room_name;
use crate::service::audit::room::{Findings, RoomAudit};
use crate::store::Totals;

/// What was found in one room, in lines.
pub(super) fn report_lines(audit: &RoomAudit) -> Vec<String> {
    let (ends, room) = (link_name(audit), room_name(&audit.room));
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => return vec![format!("{ends}: cannot be compared: {why}")],
    };
    let (crossed, since) = (format_number(found.crossed()), format_minute(found.since));
    let mut lines = vec![if found.well() {
        format!("{ends}: {crossed} crossed, none missing, repeated or out of order since {since}")
    } else {
        format!("{ends}: {crossed} crossed since {since}, {}", count_problems(found))
    }];
    push_problems(&mut lines, &found.lost, |lost| {
        let (ticket, settled) = (lost.ticket.0, format_second(lost.settled));
        format!("missing in {room}: delivery {ticket}, delivered {settled} as {}", lost.post)
    });
    push_problems(&mut lines, &found.unheard, |post| {
        let posted = format_second(post.posted);
        format!("missing in the ledger: post {} in {room} by {}, {posted}", post.post, post.author)
    });
    push_problems(&mut lines, &found.repeated, |twin| {
        format!(
            "repeated in {room}: post {}, {}, says what {} says",
            twin.post,
            format_second(twin.posted),
            twin.of
        )
    });
    push_problems(&mut lines, &found.misplaced, |it| {
        let (ticket, behind, posted) = (it.ticket.0, it.behind.0, format_second(it.posted));
        format!(
            "out of order in {room}: delivery {ticket} (post {}, {posted}) stands behind delivery {behind}",
            it.post
        )
    });
    let tallies = std::iter::once((room.clone(), &found.to_room))
        .chain(found.to_channels.iter().map(|(place, tally)| (place.to_string(), tally)));
    for (place, tally) in tallies {
        lines.extend(pending_lines(&place, tally));
    }
    lines.extend(unread_line(&room, &found.unread));
    if found.strays > 0 {
        let count = format_number(found.strays);
        lines.push(format!(
            "  posted in {room} by the bridge's own account, and not by this bridge: {count}"
        ));
    }
    if found.left_out > 0 {
        let count = format_number(found.left_out);
        lines.push(format!("  left out by rules in {room}: {count}"));
    }
    lines
}

/// What has not arrived at `place`, and what never will.
fn pending_lines(place: &str, tally: &Totals) -> Vec<String> {
    let mut lines = Vec::new();
    if tally.queued + tally.in_doubt > 0 {
        let oldest = tally.oldest_pending.map(format_second).unwrap_or_default();
        let (waiting, in_doubt) = (format_number(tally.queued), format_number(tally.in_doubt));
        let waiting = format!("  waiting for {place}: {waiting}, and {in_doubt} under way");
        lines.push(format!("{waiting}; the oldest was said {oldest}"));
    }
    for (reason, count) in &tally.rejected {
        lines.push(format!("  refused by {place}: {} ({reason})", format_number(*count)));
    }
    lines
}

pub(super) fn count_problems(found: &Findings) -> ProblemCounts {
    ProblemCounts {
        missing: found.missing(),
        repeated: found.repeated.count,
        out_of_order: found.misplaced.count,
    }
}

/// The channels and their room, as people call them.
fn link_name(audit: &RoomAudit) -> String {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    format!("{} and {}", channels.join(", "), room_name(&audit.room))
}
