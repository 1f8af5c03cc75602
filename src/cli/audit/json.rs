//! The audit report as JSON.

use serde_json::{Value, json};

use super::room_name;
use crate::service::audit::channel::{ChannelAudit, DuplicateLine};
use crate::service::audit::room::RoomAudit;
use crate::service::audit::{Audit, Problems, Unread};
use crate::store::Totals;

/// The report: one object per room and per channel.
pub(super) fn json_objects(audit: &Audit) -> impl Iterator<Item = Value> {
    let rooms = audit.rooms.iter().map(room_json);
    rooms.chain(audit.channels.iter().map(channel_json))
}

fn channel_json(audit: &ChannelAudit) -> Value {
    let mut object = json!({ "channel": audit.channel.to_string() });
    let found = match &audit.result {
        Ok(found) => found,
        Err(why) => {
            object["not_audited"] = why.as_str().into();
            return object;
        }
    };
    let lines = &found.lines;
    object["since"] = found.since.to_string().into();
    object["history_since"] = found.kept_since.map(|since| since.to_string()).into();
    object["clean"] = found.is_clean().into();
    object["sent"] = lines.delivered.into();
    object["received"] = lines.recorded.into();
    object["missing_in_channel"] = problems_json(
        &lines.missing,
        |lost| json!({ "delivery": lost.delivery.0, "line": lost.msgid, "delivered_at": lost.settled_at.to_string(), "partial": lost.is_partial }),
    );
    object["missing_in_ledger"] = problems_json(
        &lines.unrecorded,
        |it| json!({ "line": it.msgid, "sent_at": it.sent_at.to_string(), "author": it.author }),
    );
    object["duplicated"] = duplicates_json(&lines.duplicates);
    object["out_of_order"] = problems_json(
        &lines.out_of_order,
        |it| json!({ "delivery": it.delivery.0, "line": it.msgid, "sent_at": it.sent_at.to_string(), "after": it.preceded_by.0 }),
    );
    object["received_out_of_order"] = problems_json(
        &lines.recorded_out_of_order,
        |it| json!({ "line": it.msgid, "sent_at": it.sent_at.to_string(), "received_before": it.preceded_by }),
    );
    object["resent"] = duplicates_json(&lines.marked_duplicates);
    object["not_received_yet"] = unread_json(&lines.unread);
    object["expired_from_history"] = lines.no_longer_kept.into();
    object["skipped"] = found.skipped.into();
    object
}

fn duplicates_json(twins: &Problems<DuplicateLine>) -> Value {
    problems_json(
        twins,
        |it| json!({ "line": it.msgid, "sent_at": it.sent_at.to_string(), "duplicate_of": it.original }),
    )
}

fn unread_json(unread: &Unread) -> Value {
    json!({ "count": unread.count, "oldest": unread.oldest.map(|oldest| oldest.to_string()) })
}

fn room_json(audit: &RoomAudit) -> Value {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    let mut object = json!({ "room": room_name(&audit.room), "channels": channels });
    let found = match &audit.result {
        Ok(found) => found,
        Err(why) => {
            object["not_audited"] = why.as_str().into();
            return object;
        }
    };
    object["since"] = found.since.to_string().into();
    object["clean"] = found.is_clean().into();
    object["mirrored"] = found.total_mirrored().into();
    object["missing_in_room"] = problems_json(
        &found.missing,
        |lost| json!({ "delivery": lost.delivery.0, "post": lost.post, "delivered_at": lost.settled_at.to_string() }),
    );
    object["missing_in_ledger"] = problems_json(&found.unrecorded, |post| {
        let (id, posted) = (post.post.to_string(), post.posted_at.to_string());
        json!({ "post": id, "posted_at": posted, "author": post.author })
    });
    object["duplicated"] = problems_json(&found.duplicates, |duplicate| {
        let (id, posted) = (duplicate.post.to_string(), duplicate.posted_at.to_string());
        json!({ "post": id, "posted_at": posted, "duplicate_of": duplicate.original.to_string() })
    });
    object["out_of_order"] = problems_json(&found.out_of_order, |it| {
        let (id, posted) = (it.post.to_string(), it.posted_at.to_string());
        json!({ "delivery": it.delivery.0, "post": id, "posted_at": posted, "after": it.preceded_by.0 })
    });
    object["not_received_yet"] = unread_json(&found.unread);
    object["unknown_own_posts"] = found.unknown_own.into();
    object["skipped"] = found.skipped.into();
    object["to_room"] = totals_json(&found.to_room);
    let to_channels =
        found.to_channels.iter().map(|(place, tally)| (place.to_string(), totals_json(tally)));
    object["to_channels"] = Value::Object(to_channels.collect());
    object
}

fn problems_json<T>(problems: &Problems<T>, object: impl Fn(&T) -> Value) -> Value {
    json!({ "count": problems.count, "first": problems.first.iter().map(object).collect::<Vec<_>>() })
}

fn totals_json(tally: &Totals) -> Value {
    let oldest = tally.oldest_pending.map(|oldest| oldest.to_string());
    let refused =
        tally.rejected.iter().map(|(why, count)| json!({ "reason": why, "count": count }));
    json!({
        "delivered": tally.delivered, "queued": tally.queued, "in_doubt": tally.in_doubt,
        "oldest": oldest, "rejected": refused.collect::<Vec<_>>(),
    })
}
