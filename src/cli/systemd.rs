//! Notifies systemd of the bridge's status, and when it is ready and when it stops.

use std::sync::atomic::{AtomicBool, Ordering};

use sd_notify::NotifyState;
use tokio::sync::watch;

use crate::admin::{ClusterMonitor, NodeRoleView};
use crate::service::Status;

/// Whether systemd knows that the bridge is ready.
static WAS_READY: AtomicBool = AtomicBool::new(false);

/// Notifies systemd of each change of the status. Does nothing if systemd did not start the bridge.
pub(super) async fn report_status(mut status: watch::Receiver<Status>) {
    let mut ready = false;
    loop {
        let Status {
            joined: open,
            total: places,
            paused: unheard,
            storage_stalled: stuck,
            problems,
        } = status.borrow_and_update().clone();
        let full = match unheard {
            _ if stuck => "; cannot write to the database".to_owned(),
            0 => String::new(),
            _ => format!("; queue limit reached: {unheard} paused"),
        };
        let mut text = format!("{open} of {places} channels and rooms joined{full}");
        problems.iter().for_each(|problem| text.extend(["; ", problem]));
        notify(&[NotifyState::Status(&text)]);
        if open == places && !ready {
            ready = true;
            WAS_READY.store(true, Ordering::Relaxed);
            tracing::info!(endpoints = places, "all links up");
            notify(&[NotifyState::Ready]);
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Notifies systemd of what a node waits for, and logs it. The service counts as started: a node may wait for weeks.
pub(super) async fn report_waiting(mut monitor: ClusterMonitor) {
    let mut told = None;
    loop {
        let view = monitor.view();
        let reason = view.waits_for();
        if let Some(reason) = reason.as_ref().filter(|_| told != reason) {
            tracing::info!(node = view.node, "{reason}");
            notify(&[NotifyState::Status(reason)]);
        }
        told = reason;
        // One that becomes active at once is ready when it has connected.
        if (view.role == NodeRoleView::Waiting || view.problem.is_some())
            && !WAS_READY.swap(true, Ordering::Relaxed)
        {
            notify(&[NotifyState::Ready]);
        }
        monitor.changed().await;
    }
}

/// Notifies systemd that the configuration is being reloaded. Until systemd knows that the bridge is ready, it waits for
/// that alone.
pub(super) fn notify_reloading() {
    if !WAS_READY.load(Ordering::Relaxed) {
        return;
    }
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "cannot notify systemd"),
    }
}

/// Notifies systemd that the reload has ended.
pub(super) fn notify_reloaded() {
    if WAS_READY.load(Ordering::Relaxed) {
        notify(&[NotifyState::Ready]);
    }
}

/// Notifies systemd that the bridge is stopping.
pub(super) fn notify_stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!(%error, "cannot notify systemd");
    }
}
