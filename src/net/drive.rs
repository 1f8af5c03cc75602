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
    for taken in 1.. {
        match frame {
            Some(Ok(heard)) => machine.handle(now(), Input::Frame(heard)),
            Some(Err(error)) => return Some(Ended::Lost(error.to_string())),
            None => return Some(Ended::Lost("the peer hung up".to_owned())),
        }
        if taken == AT_ONCE {
            break;
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

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    /// Repeats what it hears, and hangs up on "bye" or after a minute.
    struct Echo {
        output: VecDeque<Output<String, String>>,
        deadline: Instant,
    }

    impl Machine for Echo {
        type Heard = String;
        type Frame = String;
        type Order = String;
        type Event = String;

        fn handle(&mut self, now: Instant, input: Input<String, String>) {
            self.output.push_back(match input {
                Input::Frame(text) if text == "bye" => Output::Close(text),
                Input::Frame(text) => Output::Event(text),
                Input::Order(text) => Output::Frame(text),
                Input::Tick if now >= self.deadline => Output::Close("time is up".to_owned()),
                Input::Tick => return,
            });
        }

        fn poll(&mut self) -> Option<Output<String, String>> {
            self.output.pop_front()
        }

        fn deadline(&self) -> Option<Instant> {
            Some(self.deadline)
        }
    }

    /// A peer that says what it has to say, and counts its writes.
    #[derive(Default)]
    struct Peer {
        says: VecDeque<String>,
        heard: Vec<String>,
        flushes: usize,
        deaf: bool,
    }

    impl Stream for Peer {
        type Item = Result<String, Infallible>;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.says.pop_front().map_or(Poll::Pending, |text| Poll::Ready(Some(Ok(text))))
        }
    }

    impl Sink<String> for Peer {
        type Error = Infallible;
        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            if self.deaf { Poll::Pending } else { Poll::Ready(Ok(())) }
        }
        fn start_send(mut self: Pin<&mut Self>, text: String) -> Result<(), Infallible> {
            self.heard.push(text);
            Ok(())
        }
        fn poll_flush(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Result<(), Infallible>> {
            self.flushes += 1;
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Drives an echo with `peer`, which is given `orders`; gives how it ended and the events.
    async fn driven(peer: &mut Peer, orders: &[&str]) -> (Ended, Vec<String>) {
        let mut machine =
            Echo { output: VecDeque::new(), deadline: now() + Duration::from_secs(60) };
        let (sender, mut inbox) = mpsc::channel(10_000);
        for order in orders {
            sender.try_send((*order).to_owned()).expect("room for it");
        }
        let (events, mut told) = mpsc::channel(10_000);
        let ended = drive(&mut machine, peer, &mut inbox, &events, |event| event).await;
        drop((events, sender));
        let mut all = Vec::new();
        while let Some(event) = told.recv().await {
            all.push(event);
        }
        (ended, all)
    }

    #[tokio::test(start_paused = true)]
    async fn everything_that_comes_at_once_is_handled_once_and_in_order() {
        let all: Vec<String> = (0..AT_ONCE * 4 + 7).map(|at| at.to_string()).collect();
        let mut peer = Peer { says: all.clone().into(), ..Peer::default() };
        peer.says.push_back("bye".to_owned());
        let (ended, told) = driven(&mut peer, &[]).await;
        assert_eq!(ended, Ended::Closed("bye".to_owned()));
        assert_eq!(told, all);
    }

    #[tokio::test(start_paused = true)]
    async fn orders_that_come_at_once_are_one_write() {
        let mut peer = Peer::default();
        let (ended, _) = driven(&mut peer, &["one", "two", "three"]).await;
        assert_eq!(ended, Ended::Closed("time is up".to_owned()));
        assert_eq!((peer.heard.len(), peer.flushes), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_no_bytes_is_left() {
        let began = time::Instant::now();
        let mut peer = Peer { deaf: true, ..Peer::default() };
        let (ended, _) = driven(&mut peer, &["one"]).await;
        assert_eq!(ended, Ended::Lost("the peer takes no bytes".to_owned()));
        assert_eq!(began.elapsed(), WRITE_PATIENCE);
    }
}
