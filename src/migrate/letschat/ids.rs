//! The ids of imported messages and accounts, which follow from what is imported: writing it again gives the same.

use sha2::{Digest, Sha256};

use crate::domain::{LogEntry, LogEvent, MessageKind, ObjectId};

/// What the digests of messages begin with, so that they are like no other digests.
const MESSAGE_PURPOSE: &str = "letsbridge: id of an imported message";

/// What the digests of accounts begin with.
const ACCOUNT_PURPOSE: &str = "letsbridge: id of the account of an imported person";

/// The bytes of an id that are the time: the second in 4, and the millisecond in it in 2.
const TIME_BYTES: usize = 6;

/// The id of an entry in the log of `channel`: the second in 4 bytes, the millisecond in 2, and a digest of where, when,
/// who and what in 6. Ids of one channel rise with the time, like those that MongoDB gives, and no two are equal. `None`
/// for times that an id cannot hold: before 1970 and after 2106.
#[must_use]
pub fn message_id(network: &str, channel: &str, entry: &LogEntry) -> Option<ObjectId> {
    let millis = entry.at.as_millisecond();
    let second = u32::try_from(millis.div_euclid(1_000)).ok()?;
    let milli = u16::try_from(millis.rem_euclid(1_000)).ok()?;
    let mut digest = Sha256::new();
    for part in [MESSAGE_PURPOSE, &network.to_lowercase(), &channel.to_lowercase()] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(millis.to_be_bytes());
    for part in parts(&entry.event) {
        // Its length keeps parts apart that contain a NUL.
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    let mut id = [0; 12];
    id[..4].copy_from_slice(&second.to_be_bytes());
    id[4..TIME_BYTES].copy_from_slice(&milli.to_be_bytes());
    id[TIME_BYTES..].copy_from_slice(&digest.finalize()[..12 - TIME_BYTES]);
    Some(ObjectId(id))
}

/// The id of the account that is written for a person with this user name.
#[must_use]
pub fn imported_account_id(username: &str) -> ObjectId {
    let text = format!("{ACCOUNT_PURPOSE}\0{}", username.to_lowercase());
    let mut id = [0; 12];
    id.copy_from_slice(&Sha256::digest(text.as_bytes())[..12]);
    ObjectId(id)
}

/// What tells events of one moment apart. Hosts and accounts are left out, which only some logs have.
fn parts(event: &LogEvent) -> [&str; 4] {
    match event {
        LogEvent::Message { by, kind, text } => [kind_name(*kind), &by.nick, text, ""],
        LogEvent::Join(who) => ["join", &who.nick, "", ""],
        LogEvent::Part { who, reason } => ["part", &who.nick, reason, ""],
        LogEvent::Quit { who, reason } => ["quit", &who.nick, reason, ""],
        LogEvent::Kick { nick, by, reason } => ["kick", nick, by, reason],
        LogEvent::Nick { from, to } => ["nick", &from.nick, to, ""],
        LogEvent::Mode { by, change } => ["mode", by, change, ""],
        LogEvent::Topic { by, text } => ["topic", by.as_deref().unwrap_or_default(), text, ""],
        LogEvent::Client(text) => ["client", text, "", ""],
    }
}

fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Text => "text",
        MessageKind::Action => "action",
        MessageKind::Notice => "notice",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::{LogPrecision, LogSpeaker};

    fn said(millis: i64, nick: &str, text: &str) -> LogEntry {
        LogEntry {
            at: Timestamp::from_millisecond(millis).expect("a time"),
            precision: LogPrecision::Exact,
            event: LogEvent::Message {
                by: LogSpeaker { nick: nick.to_owned(), ..LogSpeaker::default() },
                kind: MessageKind::Text,
                text: text.to_owned(),
            },
        }
    }

    fn id(channel: &str, entry: &LogEntry) -> ObjectId {
        message_id("libera", channel, entry).expect("a time that fits")
    }

    #[test]
    fn id_holds_the_time_and_is_always_the_same() {
        // Stable for ever: what was restored once must be found again.
        let entry = said(1_393_852_800_123, "ann", "kettle's on");
        assert_eq!(id("#tea", &entry).to_string(), "53148180007b91ddfd319fc2");
        assert_eq!(id("#Tea", &entry), id("#tea", &entry));
        let mut with_host = entry.clone();
        if let LogEvent::Message { by, .. } = &mut with_host.event {
            by.userhost = Some("a@b".to_owned());
        }
        assert_eq!(id("#tea", &with_host), id("#tea", &entry));
    }

    #[test]
    fn times_outside_of_an_id_have_none() {
        for (millis, fits) in
            [(-1, false), (0, true), (4_294_967_295_999, true), (4_294_967_296_000, false)]
        {
            let id = message_id("libera", "#tea", &said(millis, "ann", "hi"));
            assert_eq!(id.is_some(), fits, "{millis}");
        }
    }

    #[test]
    fn what_differs_has_another_id() {
        let event = |event| LogEntry { event, ..said(1_000, "", "") };
        let who = || LogSpeaker { nick: "ann".to_owned(), ..LogSpeaker::default() };
        let empty = String::new;
        let message = |kind| LogEvent::Message { by: who(), kind, text: "hi".to_owned() };
        let all = [
            said(1_000, "ann", "hi there"),
            said(1_000, "ann hi", "there"),
            said(1_000, "annh", "i there"),
            event(message(MessageKind::Text)),
            event(message(MessageKind::Action)),
            event(message(MessageKind::Notice)),
            event(LogEvent::Join(who())),
            event(LogEvent::Part { who: who(), reason: empty() }),
            event(LogEvent::Quit { who: who(), reason: empty() }),
            event(LogEvent::Client("ann".to_owned())),
            event(LogEvent::Topic { by: None, text: "ann".to_owned() }),
            event(LogEvent::Topic { by: Some("ann".to_owned()), text: empty() }),
        ];
        let places =
            [("libera", "#tea"), ("office", "#tea"), ("libera", "#dev"), ("liberat", "ea")];
        let mut ids = HashSet::new();
        for entry in &all {
            for (network, channel) in places {
                assert!(ids.insert(message_id(network, channel, entry)), "{entry:?} {channel}");
            }
        }
        assert_ne!(imported_account_id("ann.irc"), imported_account_id("bob.irc"));
        assert_eq!(imported_account_id("Ann.irc"), imported_account_id("ann.irc"));
    }

    proptest! {
        #[test]
        fn ids_rise_with_the_time(
            times in prop::collection::btree_set(0_i64..4_294_967_296_000, 2..60),
            near in prop::collection::btree_set(1_393_852_800_000_i64..1_393_852_800_100, 2..60),
            texts in prop::collection::vec("[a-c]{0,2}", 60),
        ) {
            for times in [times, near] {
                let entries = times.iter().zip(&texts).map(|(at, text)| said(*at, "ann", text));
                let ids: Vec<ObjectId> = entries.map(|entry| id("#tea", &entry)).collect();
                prop_assert!(ids.is_sorted_by(|a, b| a < b));
            }
        }
    }
}
