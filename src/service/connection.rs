//! A connection that is made again whenever it is lost, without end.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, watch};
use tokio::time;

use super::engine::Item;
use super::patience::{Outcome, Patience};
use crate::bridge::Peer;
use crate::net::Ended;
use crate::protocol::irc::{Reason, TurnedAway};

/// Bytes both ways, in the clear or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One who can be conversed with, again and again.
pub(super) trait Party {
    /// Who it is.
    fn peer(&self) -> Peer;

    /// Where to tell what becomes of it.
    fn inbox(&self) -> &mpsc::Sender<Item>;

    /// Connects and converses. Gives how that ended, or why it could not connect.
    fn converse(&mut self) -> impl Future<Output = Result<Ended, String>> + Send;

    /// Whether the login of the last conversation worked.
    fn was_let_in(&self) -> bool;

    /// Why the last conversation ended, if it was by our being turned away; and whether another server
    /// comes next, which may think otherwise.
    fn turned_away(&self) -> (Option<&TurnedAway>, bool) {
        (None, false)
    }
}

/// Keeps a connection to `party` until `stop` says so and no conversation is under way.
pub(super) async fn keep(mut party: impl Party, mut stop: watch::Receiver<bool>) {
    let peer = party.peer();
    let mut patience = Patience::new(fastrand::u64(..));
    while !*stop.borrow_and_update() {
        let began = time::Instant::now();
        let outcome = party.converse().await;
        if *stop.borrow_and_update() {
            return;
        }
        let (away, elsewhere) = party.turned_away();
        let (let_in, lasted) = (party.was_let_in(), began.elapsed());
        let wait = patience.after(Outcome { let_in, lasted, away, elsewhere });
        let again_in = in_words(wait);
        let trouble = match outcome {
            Ok(Ended::Dismissed) if party.inbox().is_closed() => return,
            // It did not take what the engine had for it.
            Ok(Ended::Dismissed) => None,
            Ok(Ended::Closed(why) | Ended::Lost(why)) => {
                // The server may hang up before it has said all.
                let why = away.map_or(why, ToString::to_string);
                tell_lost(&peer, &why, &again_in, away);
                away.map(|_| why)
            }
            Err(why) => {
                tracing::warn!(%peer, why, again_in, "cannot connect");
                Some(why)
            }
        };
        if let Some(why) = trouble {
            let words = format!("{peer}: {why}; tried again in {again_in}");
            // Nobody hears it when the engine is gone.
            let _ = party.inbox().send(Item::Trouble(peer.clone(), words)).await;
        }
        tokio::select! {
            () = time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Being banned is nothing that time mends: somebody must do something about it.
fn tell_lost(peer: &Peer, why: &str, again_in: &str, away: Option<&TurnedAway>) {
    match (away.map(|away| away.reason), away.and_then(TurnedAway::remedy)) {
        (Some(Reason::Banned | Reason::Blocklisted | Reason::Killed), Some(remedy)) => {
            tracing::error!(%peer, why, remedy, again_in, "turned away");
        }
        (Some(_), Some(remedy)) => tracing::warn!(%peer, why, remedy, again_in, "turned away"),
        (Some(_), None) => tracing::warn!(%peer, why, again_in, "turned away"),
        (None, _) => tracing::warn!(%peer, why, again_in, "connection lost"),
    }
}

pub(super) fn in_words(wait: Duration) -> String {
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
        _ = stop.wait_for(|stop| *stop) => Err("the bridge stops".to_owned()),
    }
}
