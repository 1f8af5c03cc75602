//! What was found, as JSON.

use serde_json::{Value, json};

use super::room;
use crate::service::{RoomAudit, Troubles};
use crate::store::Tally;

/// What was found in one room, as one object.
pub(super) fn object(audit: &RoomAudit) -> Value {
    let channels: Vec<String> = audit.channels.iter().map(ToString::to_string).collect();
    let mut object = json!({ "room": room(audit), "channels": channels });
    let found = match &audit.found {
        Ok(found) => found,
        Err(why) => {
            object["not_audited"] = why.as_str().into();
            return object;
        }
    };
    object["since"] = found.since.to_string().into();
    object["well"] = found.well().into();
    object["crossed"] = found.crossed().into();
    object["missing_in_room"] = listed(
        &found.lost,
        |lost| json!({ "delivery": lost.ticket.0, "post": lost.post, "delivered": lost.settled.to_string() }),
    );
    object["missing_in_ledger"] = listed(&found.unheard, |post| {
        let (id, posted) = (post.post.to_string(), post.posted.to_string());
        json!({ "post": id, "posted": posted, "author": post.author })
    });
    object["repeated"] = listed(&found.repeated, |twin| {
        let (id, posted) = (twin.post.to_string(), twin.posted.to_string());
        json!({ "post": id, "posted": posted, "of": twin.of.to_string() })
    });
    object["out_of_order"] = listed(&found.misplaced, |it| {
        let (id, posted) = (it.post.to_string(), it.posted.to_string());
        json!({ "delivery": it.ticket.0, "post": id, "posted": posted, "behind": it.behind.0 })
    });
    let oldest = found.unread.oldest.map(|oldest| oldest.to_string());
    object["not_read_yet"] = json!({ "count": found.unread.count, "oldest": oldest });
    object["left_out"] = found.left_out.into();
    object["to_room"] = tallied(&found.to_room);
    let to_channels =
        found.to_channels.iter().map(|(place, tally)| (place.to_string(), tallied(tally)));
    object["to_channels"] = Value::Object(to_channels.collect());
    object
}

fn listed<T>(troubles: &Troubles<T>, object: impl Fn(&T) -> Value) -> Value {
    json!({ "count": troubles.count, "first": troubles.first.iter().map(object).collect::<Vec<_>>() })
}

fn tallied(tally: &Tally) -> Value {
    let oldest = tally.oldest.map(|oldest| oldest.to_string());
    let refused = tally.refused.iter().map(|(why, count)| json!({ "why": why, "count": count }));
    json!({
        "delivered": tally.delivered, "waiting": tally.waiting, "in_doubt": tally.in_doubt,
        "oldest": oldest, "refused": refused.collect::<Vec<_>>(),
    })
}
