//! The audit report on one room, as text.

use super::{
    ProblemCounts, format_minute, format_number, format_second, push_problems, unread_line,
};
use crate::cli::audit::room_name;
use crate::service::audit::room::{RoomAudit, RoomFindings};
use crate::store::Totals;

/// The report on one room, as lines.
pub(super) fn report_lines(audit: &RoomAudit) -> Vec<String> {
    let ends = link_name(audit);
    let room = room_name(&audit.room);
    let found = match &audit.result {
        Ok(found) => found,
        Err(why) => return vec![format!("{ends}: not audited: {why}")],
    };
    let crossed = format_number(found.total_mirrored());
    let since = format_minute(found.since);
    let mut lines = vec![if found.is_clean() {
        format!(
            "{ends}: {crossed} mirrored, none missing, duplicated or out of order since {since}"
        )
    } else {
        format!("{ends}: {crossed} mirrored since {since}, {}", count_problems(found))
    }];
    push_problems(&mut lines, &found.missing, |lost| {
        let id = lost.delivery.0;
        let settled = format_second(lost.settled_at);
        format!("missing in {room}: delivery {id}, delivered {settled} as {}", lost.post)
    });
    push_problems(&mut lines, &found.unrecorded, |post| {
        let posted = format_second(post.posted_at);
        format!("missing in the ledger: post {} in {room} by {}, {posted}", post.post, post.author)
    });
    push_problems(&mut lines, &found.duplicates, |duplicate| {
        format!(
            "duplicate in {room}: post {}, {}, of {}",
            duplicate.post,
            format_second(duplicate.posted_at),
            duplicate.original
        )
    });
    push_problems(&mut lines, &found.out_of_order, |it| {
        let (id, behind, posted) = (it.delivery.0, it.preceded_by.0, format_second(it.posted_at));
        format!(
            "out of order in {room}: delivery {id} (post {}, {posted}) is after delivery \
             {behind}",
            it.post
        )
    });
    let tallies = std::iter::once((room.clone(), &found.to_room))
        .chain(found.to_channels.iter().map(|(place, tally)| (place.to_string(), tally)));
    for (endpoint_result, tally) in tallies {
        lines.extend(pending_lines(&endpoint_result, tally));
    }
    lines.extend(unread_line(&room, &found.unread));
    if found.unknown_own > 0 {
        let count = format_number(found.unknown_own);
        lines.push(format!(
            "  posted in {room} by the bridge's account, but not by this bridge: {count}"
        ));
    }
    if found.skipped > 0 {
        let count = format_number(found.skipped);
        lines.push(format!("  skipped by rules in {room}: {count}"));
    }
    lines
}

/// Lines on deliveries to `place` that are queued, in flight or rejected.
fn pending_lines(place: &str, tally: &Totals) -> Vec<String> {
    let mut lines = Vec::new();
    if tally.queued + tally.in_doubt > 0 {
        let oldest = tally.oldest_pending.map(format_second).unwrap_or_default();
        let (waiting, in_doubt) = (format_number(tally.queued), format_number(tally.in_doubt));
        let waiting = format!("  queued for {place}: {waiting}, in flight or in doubt: {in_doubt}");
        lines.push(format!("{waiting}; oldest from {oldest}"));
    }
    for (reason, count) in &tally.rejected {
        lines.push(format!("  rejected by {place}: {} ({reason})", format_number(*count)));
    }
    lines
}

pub(super) fn count_problems(found: &RoomFindings) -> ProblemCounts {
    ProblemCounts {
        missing: found.total_missing(),
        repeated: found.duplicates.count,
        out_of_order: found.out_of_order.count,
    }
}

/// The names of the channels and their room.
fn link_name(audit: &RoomAudit) -> String {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    format!("{} and {}", channels.join(", "), room_name(&audit.room))
}
