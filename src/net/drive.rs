use std::time::{Duration, Instant};

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time;

use crate::protocol::{Input, Machine, Output};

/// A peer that takes no bytes for this long is gone.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// How long the last words and the closing of a connection may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);

/// How much is taken in before what it called for is written.
const AT_ONCE: usize = 256;

/// Why a conversation ended, in words for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Nobody listens to it any more.
    Dismissed,
    /// The machine hung up, for this reason.
    Closed(String),
    /// The peer hung up, or the transport broke.
    Lost(String),
}

/// Lets `machine` converse over `transport` until either has had enough.
///
/// What can be read at once is read at once, and answered with one write. Events go to `events`
/// under the name that `name` gives them.
pub async fn drive<M, T, E, I>(
    machine: &mut M,
    transport: &mut T,
    orders: &mut mpsc::Receiver<M::Order>,
    events: &mpsc::Sender<I>,
    name: impl Fn(M::Event) -> I,
) -> Ended
where
    M: Machine,
    E: std::fmt::Display,
    T: Stream<Item = Result<M::Heard, E>> + Sink<M::Frame, Error = E> + Unpin,
{
    loop {
        if let Some(ended) = say(machine, transport, events, &name).await {
            return ended;
        }
        tokio::select! {
            frame = transport.next() => {
                if let Some(ended) = hear(machine, transport, frame) {
                    // What it still has to tell, it tells.
                    say(machine, transport, events, &name).await;
                    return ended;
                }
            }
            order = orders.recv() => {
                let Some(order) = order else { return Ended::Dismissed };
                machine.handle(now(), Input::Order(order));
                for _ in 0..AT_ONCE {
                    let Ok(order) = orders.try_recv() else { break };
                    machine.handle(now(), Input::Order(order));
                }
            }
            () = until(machine.deadline()) => machine.handle(now(), Input::Tick),
        }
    }
}

/// Takes in `frame` and all that has come with it. Gives the end, if there is nothing more.
fn hear<M, T, E>(
    machine: &mut M,
    transport: &mut T,
    mut frame: Option<Result<M::Heard, E>>,
) -> Option<Ended>
where
    M: Machine,
    E: std::fmt::Display,
    T: Stream<Item = Result<M::Heard, E>> + Unpin,
{
    for _ in 0..AT_ONCE {
        match frame {
            Some(Ok(heard)) => machine.handle(now(), Input::Frame(heard)),
            Some(Err(error)) => return Some(Ended::Lost(error.to_string())),
            None => return Some(Ended::Lost("the peer hung up".to_owned())),
        }
        frame = transport.next().now_or_never()?;
    }
    None
}

/// Writes and tells what the machine has to say. Gives the end, if it has hung up.
async fn say<M, T, E, I>(
    machine: &mut M,
    transport: &mut T,
    events: &mpsc::Sender<I>,
    name: &impl Fn(M::Event) -> I,
) -> Option<Ended>
where
    M: Machine,
    E: std::fmt::Display,
    T: Sink<M::Frame, Error = E> + Unpin,
{
    let mut written = false;
    while let Some(output) = machine.poll() {
        match output {
            Output::Frame(frame) => {
                written = true;
                if let Some(ended) = patiently(transport.feed(frame)).await {
                    return Some(ended);
                }
            }
            Output::Event(event) => {
                if events.send(name(event)).await.is_err() {
                    return Some(Ended::Dismissed);
                }
            }
            Output::Close(why) => {
                // Last words, as far as the peer still takes them.
                let _ = time::timeout(CLOSE_PATIENCE, transport.close()).await;
                return Some(Ended::Closed(why));
            }
        }
    }
    if written { patiently(transport.flush()).await } else { None }
}

async fn patiently<E: std::fmt::Display>(
    write: impl Future<Output = Result<(), E>>,
) -> Option<Ended> {
    match time::timeout(WRITE_PATIENCE, write).await {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Ended::Lost(error.to_string())),
        Err(_) => Some(Ended::Lost("the peer takes no bytes".to_owned())),
    }
}

fn now() -> Instant {
    time::Instant::now().into_std()
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
