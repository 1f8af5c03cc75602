//! Keeps a connection: connects, runs a session, and reconnects with delays.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time;

use super::messages::EngineInput;
use super::reconnect::{ConnectionOutcome, ReconnectDelay, Refusal};
use crate::bridge::{Peer, ReconnectReason};
use crate::net::ConnectionEnd;
use crate::protocol::{PING_TIMEOUT, irc, letschat};

/// A peer that the bridge connects to repeatedly.
pub(super) trait Connection {
    /// Identifies the peer.
    fn peer(&self) -> Peer;

    /// The queue for its events.
    fn inbox(&self) -> &mpsc::Sender<EngineInput>;

    /// Connects and runs a session. Returns how it ended, or why connecting failed.
    fn run_session(&mut self) -> impl Future<Output = Result<ConnectionEnd, String>> + Send;

    /// Whether the last session logged in.
    fn login_succeeded(&self) -> bool;

    /// Why the last session was rejected, if it was; and whether another server, which may accept us, comes
    /// next.
    fn rejection(&self) -> (Option<RejectedAttempt>, bool);
}

/// A rejection by the server.
pub(super) struct RejectedAttempt {
    refusal: Refusal,
    reason: String,
    remedy: Option<&'static str>,
    /// Waiting does not help: somebody must act.
    lasts: bool,
}

impl RejectedAttempt {
    /// Whether the next attempt can follow at once, because it uses TLS as requested.
    pub(super) fn is_welcome_at_once(&self) -> bool {
        self.refusal.is_none_at_all()
    }

    /// The reason and the remedy.
    pub(super) fn in_full(self) -> String {
        match self.remedy {
            Some(remedy) => format!("{}: {remedy}", self.reason),
            None => self.reason,
        }
    }
}

impl From<&irc::DisconnectReason> for RejectedAttempt {
    fn from(rejection: &irc::DisconnectReason) -> Self {
        use irc::DisconnectKind;
        let lasts = matches!(
            rejection.kind,
            DisconnectKind::Banned | DisconnectKind::Blocklisted | DisconnectKind::Killed
        );
        Self {
            refusal: rejection.into(),
            reason: rejection.to_string(),
            remedy: rejection.help(),
            lasts,
        }
    }
}

impl From<&letschat::LetsChatRejection> for RejectedAttempt {
    fn from(rejection: &letschat::LetsChatRejection) -> Self {
        let lasts = rejection.kind == letschat::LetsChatRejectionKind::Account;
        Self { refusal: rejection.into(), reason: rejection.to_string(), remedy: None, lasts }
    }
}

/// Keeps `connection` connected until `stop`, and the last session has ended.
pub(super) async fn supervise(mut connection: impl Connection, mut stop: watch::Receiver<bool>) {
    let peer = connection.peer();
    let mut reconnect_delay = ReconnectDelay::new(fastrand::u64(..));
    while !take_stop(&mut stop) {
        let began = time::Instant::now();
        let outcome = connection.run_session().await;
        if take_stop(&mut stop) {
            return;
        }
        let (rejection, try_other_server) = connection.rejection();
        let login_succeeded = connection.login_succeeded();
        let lasted = began.elapsed();
        let refusal = rejection.as_ref().map(|rejection| rejection.refusal);
        let wait = reconnect_delay.next_delay(ConnectionOutcome {
            login_succeeded,
            lasted,
            rejection: refusal,
            try_other_server,
        });
        let again_in = format_delay(wait);
        let reason = reconnect_reason(&outcome, rejection.is_some());
        // Fails only when the engine is gone.
        let _ = connection.inbox().send(EngineInput::Reconnecting(peer.clone(), reason)).await;
        let trouble = match outcome {
            Ok(ConnectionEnd::Cancelled) if connection.inbox().is_closed() => return,
            // The engine's command queue for it is gone, or another process has the connection.
            Ok(ConnectionEnd::Cancelled | ConnectionEnd::Released) => None,
            // The server may close the connection before its error is read.
            Ok(ConnectionEnd::Closed(_) | ConnectionEnd::Lost(_)) | Err(_)
                if let Some(rejection) = &rejection =>
            {
                log_rejection(&peer, rejection, &again_in);
                Some(rejection.reason.clone())
            }
            Ok(ConnectionEnd::Closed(reason) | ConnectionEnd::Lost(reason)) => {
                tracing::warn!(%peer, reason = reason, retry_in = again_in, "connection lost");
                None
            }
            Err(reason) => {
                tracing::warn!(%peer, reason = reason, retry_in = again_in, "cannot connect");
                Some(reason)
            }
        };
        if let Some(reason) = trouble {
            let words = format!("{peer}: {reason}; retrying in {again_in}");
            // Fails only when the engine is gone.
            let _ =
                connection.inbox().send(EngineInput::ConnectionProblem(peer.clone(), words)).await;
        }
        tokio::select! {
            () = time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Why the connection is made anew.
fn reconnect_reason(outcome: &Result<ConnectionEnd, String>, is_rejected: bool) -> ReconnectReason {
    match outcome {
        _ if is_rejected => ReconnectReason::Rejected,
        Ok(ConnectionEnd::Lost(_)) => ReconnectReason::Lost,
        Ok(ConnectionEnd::Closed(reason)) if reason == PING_TIMEOUT => ReconnectReason::PingTimeout,
        Ok(ConnectionEnd::Closed(_) | ConnectionEnd::Cancelled | ConnectionEnd::Released) => {
            ReconnectReason::Closed
        }
        Err(_) => ReconnectReason::Unreachable,
    }
}

/// Whether the bridge is stopping, or the sender of `stop` is gone.
fn take_stop(stop: &mut watch::Receiver<bool>) -> bool {
    *stop.borrow_and_update() || stop.has_changed().is_err()
}

fn log_rejection(peer: &Peer, rejection: &RejectedAttempt, again_in: &str) {
    let RejectedAttempt { reason, remedy, lasts, .. } = rejection;
    let remedy = remedy.as_ref();
    if *lasts {
        tracing::error!(%peer, reason = reason, help = remedy, retry_in = again_in, "connection rejected");
    } else {
        tracing::warn!(%peer, reason = reason, help = remedy, retry_in = again_in, "connection rejected");
    }
}

pub(super) fn format_delay(wait: Duration) -> String {
    match wait.as_secs() {
        0..60 => format!("{:.1}s", wait.as_secs_f64()),
        seconds => format!("{}m", seconds.div_ceil(60)),
    }
}

/// Awaits `work`, unless the bridge stops first.
pub(super) async fn unless_stopped<T>(
    mut stop: watch::Receiver<bool>,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    tokio::select! {
        done = work => done,
        _ = stop.wait_for(|stop| *stop) => Err("the bridge is stopping".to_owned()),
    }
}
