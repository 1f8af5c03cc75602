//! A store that has delivered many messages.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use letsbridge::domain::{Author, Endpoint, EndpointId, Message, MessageKind, Network};
use letsbridge::store::Store;

/// Makes a store in `state` that has delivered so many messages of the first link since yesterday.
pub(crate) fn prepare(state: &Path, messages: usize) {
    let mut store = Store::open(state).unwrap();
    fill(&mut store, messages, Timestamp::now() - SignedDuration::from_hours(24));
}

/// Has the store hold so many messages of the first link that were said at `said` or soon after, and delivered.
/// Where they were said.
pub(crate) fn fill(store: &mut Store, messages: usize, said: Timestamp) -> EndpointId {
    let from = store.endpoint_id(&Endpoint::channel(&Network::new("net"), "#room0")).unwrap();
    let to = store.endpoint_id(&Endpoint::room("room0")).unwrap();
    for at in 0..messages {
        let message = Message {
            source: from,
            author: Author::named("ann"),
            kind: MessageKind::Text,
            body: format!("the message with the number {at}"),
            sent_at: said + SignedDuration::from_millis(i64::try_from(at).unwrap()),
        };
        let id = store.record(&message, Some(&remote_id(at))).unwrap().unwrap();
        let ticket = store.enqueue(id, to).unwrap();
        store.ack_delivery(ticket, Some(&remote_id(at)), said).unwrap();
        if at % 1_000 == 0 {
            store.commit().unwrap();
        }
    }
    store.commit().unwrap();
    from
}

/// What the network calls the message with this number.
pub(crate) fn remote_id(at: usize) -> String {
    format!("{at:024x}")
}
