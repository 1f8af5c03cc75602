//! What those who listen to events are told: the last status.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::report::StatusView;

/// How many may listen at once. Each is a page in a browser.
const MAX_LISTENERS: usize = 16;

/// What all listeners share.
#[derive(Debug)]
pub(super) struct EventHub {
    seats: Arc<Semaphore>,
    /// The number of the last status that was told.
    number: watch::Sender<u64>,
    told: Mutex<Option<Told>>,
}

/// A status, and how it is told.
#[derive(Debug)]
struct Told {
    view: StatusView,
    event: Bytes,
}

impl Default for EventHub {
    fn default() -> Self {
        Self {
            seats: Arc::new(Semaphore::new(MAX_LISTENERS)),
            number: watch::Sender::new(0),
            told: Mutex::default(),
        }
    }
}

impl EventHub {
    /// A place for one more listener; `None` if there are too many.
    pub(super) fn take_seat(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.seats).try_acquire_owned().ok()
    }

    /// Whether anybody listens.
    pub(super) fn has_listeners(&self) -> bool {
        self.number.receiver_count() > 0
    }

    /// The number of the last status that was told, with changes.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.number.subscribe()
    }

    /// Tells all listeners of this status, unless only its time is new.
    pub(super) fn tell(&self, view: StatusView) {
        let mut told = self.told();
        let is_new = told.as_ref().is_none_or(|last| {
            let now = last.view.now;
            StatusView { now, ..view.clone() } != last.view
        });
        if is_new {
            *told = Some(Told { event: as_event("status", &view), view });
            drop(told);
            self.number.send_modify(|number| *number += 1);
        }
    }

    /// The last status that was told, as an event.
    pub(super) fn last(&self) -> Option<Bytes> {
        self.told().as_ref().map(|told| told.event.clone())
    }

    fn told(&self) -> MutexGuard<'_, Option<Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event as it is sent. JSON has no line breaks.
pub(super) fn as_event(name: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_else(|_| "null".to_owned());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_is_one_line_of_data() {
        let told = as_event("status", &serde_json::json!({"text": "one\ntwo\r\u{2028}"}));
        let text = String::from_utf8_lossy(&told);
        assert_eq!(text, "event: status\ndata: {\"text\":\"one\\ntwo\\r\u{2028}\"}\n\n");
    }
}
