//! What systemd is told: how the bridge stands, that it is ready once every link is joined, and that it stops.

use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::service::Status;

/// Tells systemd how the bridge is, whenever that changes. Does nothing where there is none.
pub(super) async fn report_status(mut status: watch::Receiver<Status>) {
    let mut ready = false;
    loop {
        let Status {
            joined: open,
            total: places,
            paused: unheard,
            storage_stalled: stuck,
            problems: troubles,
        } = status.borrow_and_update().clone();
        let full = match unheard {
            _ if stuck => "; the disk takes nothing".to_owned(),
            0 => String::new(),
            _ => format!("; {unheard} not heard: too much waits to be delivered"),
        };
        let mut words = format!("{open} of {places} channels and rooms joined{full}");
        troubles.iter().for_each(|trouble| words.extend(["; ", trouble]));
        notify(&[NotifyState::Status(&words)]);
        if open == places && !ready {
            ready = true;
            tracing::info!(places, "every link is joined");
            notify(&[NotifyState::Ready]);
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Tells systemd that the bridge stops.
pub(super) fn notify_stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "systemd cannot be told");
    }
}
