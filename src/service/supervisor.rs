//! A connection that is made again whenever it is lost, without end.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time;

use super::engine::EngineInput;
use super::reconnect::{ConnectionOutcome, ReconnectDelay, Refusal};
use crate::bridge::Peer;
use crate::net::ConnectionEnd;
use crate::protocol::{irc, letschat};

/// Bytes both ways, in the clear or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One who can be conversed with, again and again.
pub(super) trait Connection {
    /// Who it is.
    fn peer(&self) -> Peer;

    /// Where to tell what becomes of it.
    fn inbox(&self) -> &mpsc::Sender<EngineInput>;

    /// Connects and converses. Gives how that ended, or why it could not connect.
    fn run_session(&mut self) -> impl Future<Output = Result<ConnectionEnd, String>> + Send;

    /// Whether the login of the last conversation worked.
    fn login_succeeded(&self) -> bool;

    /// Why the last conversation ended, if it was by our being turned away; and whether another server
    /// comes next, which may think otherwise.
    fn rejection(&self) -> (Option<Away>, bool);
}

/// That we were turned away.
pub(super) struct Away {
    refusal: Refusal,
    why: String,
    remedy: Option<&'static str>,
    /// Time does not mend it: somebody must do something about it.
    lasts: bool,
}

impl Away {
    /// Whether only another way in is wanted, which the next try takes.
    pub(super) fn is_welcome_at_once(&self) -> bool {
        self.refusal.is_none_at_all()
    }

    /// Why, and what would mend it.
    pub(super) fn in_full(self) -> String {
        match self.remedy {
            Some(remedy) => format!("{}: {remedy}", self.why),
            None => self.why,
        }
    }
}

impl From<&irc::DisconnectReason> for Away {
    fn from(away: &irc::DisconnectReason) -> Self {
        use irc::DisconnectKind;
        let lasts = matches!(
            away.kind,
            DisconnectKind::Banned | DisconnectKind::Blocklisted | DisconnectKind::Killed
        );
        Self { refusal: away.into(), why: away.to_string(), remedy: away.help(), lasts }
    }
}

impl From<&letschat::TurnedAway> for Away {
    fn from(away: &letschat::TurnedAway) -> Self {
        let lasts = away.reason == letschat::Reason::Account;
        Self { refusal: away.into(), why: away.to_string(), remedy: None, lasts }
    }
}

/// Keeps a connection to `party` until `stop` says so and no conversation is under way.
pub(super) async fn supervise(mut party: impl Connection, mut stop: watch::Receiver<bool>) {
    let peer = party.peer();
    let mut patience = ReconnectDelay::new(fastrand::u64(..));
    while !is_over(&mut stop) {
        let began = time::Instant::now();
        let outcome = party.run_session().await;
        if is_over(&mut stop) {
            return;
        }
        let (away, elsewhere) = party.rejection();
        let (let_in, lasted) = (party.login_succeeded(), began.elapsed());
        let refusal = away.as_ref().map(|away| away.refusal);
        let wait = patience.next_delay(ConnectionOutcome {
            login_succeeded: let_in,
            lasted,
            rejection: refusal,
            try_other_server: elsewhere,
        });
        let again_in = format_delay(wait);
        let trouble = match outcome {
            Ok(ConnectionEnd::Cancelled) if party.inbox().is_closed() => return,
            // It did not take what the engine had for it.
            Ok(ConnectionEnd::Cancelled) => None,
            // The server may hang up before it has said all.
            Ok(ConnectionEnd::Closed(_) | ConnectionEnd::Lost(_)) | Err(_)
                if let Some(away) = &away =>
            {
                tell_away(&peer, away, &again_in);
                Some(away.why.clone())
            }
            Ok(ConnectionEnd::Closed(why) | ConnectionEnd::Lost(why)) => {
                tracing::warn!(%peer, reason = why, retry_in = again_in, "connection lost");
                None
            }
            Err(why) => {
                tracing::warn!(%peer, reason = why, retry_in = again_in, "cannot connect");
                Some(why)
            }
        };
        if let Some(why) = trouble {
            let words = format!("{peer}: {why}; retrying in {again_in}");
            // Nobody hears it when the engine is gone.
            let _ = party.inbox().send(EngineInput::ConnectionProblem(peer.clone(), words)).await;
        }
        tokio::select! {
            () = time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Whether the bridge stops, or whoever would say so is gone.
fn is_over(stop: &mut watch::Receiver<bool>) -> bool {
    *stop.borrow_and_update() || stop.has_changed().is_err()
}

fn tell_away(peer: &Peer, away: &Away, again_in: &str) {
    let Away { why, remedy, lasts, .. } = away;
    let remedy = remedy.as_ref();
    if *lasts {
        tracing::error!(%peer, reason = why, help = remedy, retry_in = again_in, "connection rejected");
    } else {
        tracing::warn!(%peer, reason = why, help = remedy, retry_in = again_in, "connection rejected");
    }
}

pub(super) fn format_delay(wait: Duration) -> String {
    match wait.as_secs() {
        0..60 => format!("{:.1}s", wait.as_secs_f64()),
        seconds => format!("{}m", seconds.div_ceil(60)),
    }
}

/// Waits for `work` unless the bridge is to stop first.
pub(super) async fn unless_stopped<T>(
    mut stop: watch::Receiver<bool>,
    work: impl Future<Output = Result<T, String>>,
) -> Result<T, String> {
    tokio::select! {
        done = work => done,
        _ = stop.wait_for(|stop| *stop) => Err("the bridge is stopping".to_owned()),
    }
}
