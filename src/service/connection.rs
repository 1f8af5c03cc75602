//! A connection that is made again whenever it is lost, without end.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time;

use crate::bridge::Peer;
use crate::net::Ended;
use crate::protocol::Backoff;

/// A connection that has lasted this long was a good one: the next wait is short again.
const LASTING: Duration = Duration::from_secs(60);

/// Bytes both ways, in the clear or not.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

/// One who can be conversed with, again and again.
pub(super) trait Party {
    /// Who it is.
    fn peer(&self) -> Peer;

    /// Connects and converses. Gives how that ended, or why it could not connect.
    fn converse(&mut self) -> impl Future<Output = Result<Ended, String>> + Send;
}

/// Keeps a connection to `party` until `stop` says so and no conversation is under way.
pub(super) async fn keep(mut party: impl Party, mut stop: watch::Receiver<bool>) {
    let peer = party.peer();
    let mut chance = fastrand::Rng::new();
    let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(300));
    while !*stop.borrow_and_update() {
        let began = time::Instant::now();
        let outcome = party.converse().await;
        if *stop.borrow_and_update() {
            return;
        }
        if began.elapsed() >= LASTING {
            backoff.reset();
        }
        let wait = backoff.next(&mut chance);
        let again_in = format!("{:.1}s", wait.as_secs_f64());
        match outcome {
            Ok(Ended::Dismissed) => return,
            Ok(Ended::Closed(why) | Ended::Lost(why)) => {
                tracing::warn!(%peer, why, again_in, "connection lost");
            }
            Err(why) => tracing::warn!(%peer, why, again_in, "cannot connect"),
        }
        tokio::select! {
            () = time::sleep(wait) => {}
            _ = stop.changed() => {}
        }
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
