//! Runs a protocol session over a transport: the only `select!` loop of a connection.

use std::time::Duration;

use futures_util::{FutureExt, Sink, SinkExt, Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::time;

use super::clock::{DueEvent, SessionClock, TICK_INTERVAL};
use crate::protocol::{Input, Machine, Output};

/// A peer that accepts no bytes for this long is considered gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for the last writes and the close of a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// How long to wait for the last bytes to be sent on a connection that another process takes over.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(500);

/// Frames read before the resulting output is written.
const MAX_BATCH: usize = 256;

/// Bytes read that may still be unprocessed by the receiver of events. Beyond that, reading stops until it
/// has taken all events.
const MOST_UNTAKEN: usize = 1 << 20;

/// How often in a row an expired deadline is deferred because more input was available. A socket buffer never
/// holds this much.
const MAX_DEFERRALS: u32 = 4_096;

/// Why a connection ended, worded for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionEnd {
    /// The receiver of its events is gone.
    Cancelled,
    /// The session closed it, for this reason.
    Closed(String),
    /// The peer closed it, or the transport failed.
    Lost(String),
    /// The session has let go of it, and another process may take it over. It is still open.
    Released,
}

/// Runs `machine` over `transport` until either ends.
///
/// Available input is read at once and answered with one write. Events go to `events`, tagged with `name`. No
/// input is dropped: what is left when the connection is lost is processed before this returns.
///
/// A deadline of the session expires only after a read found no more input, and time spent in stalls does not
/// count. So a peer is declared dead only if it had its time to answer.
pub async fn drive<M, T, E, I>(
    machine: &mut M,
    transport: &mut T,
    orders: &mut mpsc::Receiver<M::Command>,
    events: &mpsc::Sender<I>,
    name: impl Fn(M::Event) -> I,
) -> ConnectionEnd
where
    M: Machine,
    E: std::fmt::Display,
    T: Stream<Item = Result<M::Received, E>> + Sink<M::Transmit, Error = E> + Unpin,
{
    let mut clock = SessionClock::new();
    let sink = &mut EventSink { events, name, untaken: 0 };
    let ended = run(machine, transport, orders, sink, &mut clock).await;
    if let ConnectionEnd::Lost(reason) = ended {
        let rest = drain(machine, transport, sink, &mut clock).await;
        return rest.unwrap_or(ConnectionEnd::Lost(reason));
    }
    if ended == ConnectionEnd::Released {
        // What cannot be sent now stays in the transport's buffer.
        let _ = time::timeout(RELEASE_TIMEOUT, transport.flush()).await;
        return ended;
    }
    // Try to send what is left, as far as the peer still reads.
    let _ = time::timeout(CLOSE_TIMEOUT, transport.close()).await;
    ended
}

/// The receiver of a connection's events.
struct EventSink<'a, I, N> {
    events: &'a mpsc::Sender<I>,
    name: N,
    /// Bytes read whose events may not have been taken yet.
    untaken: usize,
}

impl<I, N> EventSink<'_, I, N> {
    /// Sends `event`. Returns whether the receiver still exists.
    async fn tell<E>(&self, event: E) -> bool
    where
        N: Fn(E) -> I,
    {
        self.events.send((self.name)(event)).await.is_ok()
    }

    /// After much input, waits until all events have been taken.
    async fn catch_up(&mut self) {
        if self.untaken >= MOST_UNTAKEN {
            // If the receiver is gone, the next send shows it.
            drop(self.events.reserve_many(self.events.max_capacity()).await);
            self.untaken = 0;
        }
    }
}

async fn run<M, T, E, I, N>(
    machine: &mut M,
    transport: &mut T,
    orders: &mut mpsc::Receiver<M::Command>,
    sink: &mut EventSink<'_, I, N>,
    clock: &mut SessionClock,
) -> ConnectionEnd
where
    M: Machine,
    E: std::fmt::Display,
    T: Stream<Item = Result<M::Received, E>> + Sink<M::Transmit, Error = E> + Unpin,
    N: Fn(M::Event) -> I,
{
    let mut put_off = 0;
    loop {
        if let Some(ended) = write(machine, transport, sink, clock).await {
            return ended;
        }
        tokio::select! {
            frame = transport.next() => {
                if let Some(ended) = read(machine, transport, sink, clock, frame) {
                    return ended;
                }
            }
            order = orders.recv() => {
                let Some(order) = order else { return ConnectionEnd::Cancelled };
                machine.handle_input(clock.now(), Input::Command(order));
                for _ in 0..MAX_BATCH {
                    let Ok(order) = orders.try_recv() else { break };
                    machine.handle_input(clock.now(), Input::Command(order));
                }
            }
            () = clock.sleep_until(machine.poll_timeout()) => {
                let Some(due) = clock.due(machine.poll_timeout()) else { continue };
                match try_read(transport).await {
                    Some(frame) if put_off < MAX_DEFERRALS => {
                        put_off += 1;
                        if let Some(ended) = read(machine, transport, sink, clock, frame) {
                            return ended;
                        }
                    }
                    frame => {
                        put_off = 0;
                        if let Some(ended) = frame.and_then(|it| read(machine, transport, sink, clock, it)) {
                            return ended;
                        }
                        match due {
                            DueEvent::Deadline => machine.handle_input(clock.now(), Input::Timeout),
                            DueEvent::Resumed => {
                                clock.clear_resumed();
                                machine.handle_input(clock.now(), Input::Resumed);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Returns the next frame if one is available now.
async fn try_read<T: Stream + Unpin>(transport: &mut T) -> Option<Option<T::Item>> {
    // Lets the runtime poll its sockets first.
    tokio::task::yield_now().await;
    transport.next().now_or_never()
}

/// Processes what a lost peer sent before it closed. A closing peer usually says why, and a failed write is
/// often noticed first.
async fn drain<M, T, E, I, N>(
    machine: &mut M,
    transport: &mut T,
    sink: &mut EventSink<'_, I, N>,
    clock: &mut SessionClock,
) -> Option<ConnectionEnd>
where
    M: Machine,
    T: Stream<Item = Result<M::Received, E>> + Unpin,
    N: Fn(M::Event) -> I,
{
    let mut time_left = CLOSE_TIMEOUT;
    for _ in 0..MAX_BATCH * MAX_DEFERRALS as usize {
        while let Some(output) = machine.poll_output() {
            match output {
                // The peer is gone.
                Output::Transmit(_) => {}
                Output::Event(event) => {
                    if !sink.tell(event).await {
                        return Some(ConnectionEnd::Cancelled);
                    }
                }
                Output::Close(reason) => return Some(ConnectionEnd::Closed(reason)),
                // There is nothing left to take over.
                Output::Release => {}
            }
        }
        sink.catch_up().await;
        // Only time spent waiting for the peer counts, not for the receiver of events.
        let began = time::Instant::now();
        let received = time::timeout(time_left, transport.next()).await;
        let Ok(Some(Ok(received))) = received else { return None };
        time_left = time_left.saturating_sub(began.elapsed());
        sink.untaken += M::size(&received);
        machine.handle_input(clock.now(), Input::Receive(received));
    }
    None
}

/// Processes `frame` and what came with it, up to a limit. Returns the end of the connection, if it ended.
fn read<M, T, E, I, N>(
    machine: &mut M,
    transport: &mut T,
    sink: &mut EventSink<'_, I, N>,
    clock: &mut SessionClock,
    mut frame: Option<Result<M::Received, E>>,
) -> Option<ConnectionEnd>
where
    M: Machine,
    E: std::fmt::Display,
    T: Stream<Item = Result<M::Received, E>> + Unpin,
{
    for taken in 1.. {
        match frame {
            Some(Ok(received)) => {
                sink.untaken += M::size(&received);
                machine.handle_input(clock.now(), Input::Receive(received));
            }
            Some(Err(error)) => return Some(ConnectionEnd::Lost(error.to_string())),
            None => return Some(ConnectionEnd::Lost("the peer closed the connection".to_owned())),
        }
        if taken == MAX_BATCH || sink.untaken >= MOST_UNTAKEN {
            break;
        }
        frame = transport.next().now_or_never()?;
    }
    None
}

/// Writes the session's output and sends its events. Returns the end of the connection, if the session closed
/// it.
async fn write<M, T, E, I, N>(
    machine: &mut M,
    transport: &mut T,
    sink: &mut EventSink<'_, I, N>,
    clock: &mut SessionClock,
) -> Option<ConnectionEnd>
where
    M: Machine,
    E: std::fmt::Display,
    T: Sink<M::Transmit, Error = E> + Unpin,
    N: Fn(M::Event) -> I,
{
    let (mut written, mut released) = (false, false);
    while let Some(output) = machine.poll_output() {
        match output {
            Output::Transmit(frame) => {
                written = true;
                if let Some(ended) = with_write_timeout(clock, transport.feed(frame)).await {
                    return Some(ended);
                }
            }
            Output::Event(event) => {
                if !sink.tell(event).await {
                    return Some(ConnectionEnd::Cancelled);
                }
            }
            Output::Close(reason) => return Some(ConnectionEnd::Closed(reason)),
            Output::Release => released = true,
        }
    }
    if released {
        return Some(ConnectionEnd::Released);
    }
    if written && let Some(ended) = with_write_timeout(clock, transport.flush()).await {
        return Some(ended);
    }
    sink.catch_up().await;
    None
}

/// Awaits `write` with the time limit for writes.
async fn with_write_timeout<E: std::fmt::Display>(
    clock: &mut SessionClock,
    write: impl Future<Output = Result<(), E>>,
) -> Option<ConnectionEnd> {
    let mut write = std::pin::pin!(write);
    let until = clock.now() + WRITE_TIMEOUT;
    loop {
        tokio::select! {
            biased;
            written = &mut write => return written.err().map(|it| ConnectionEnd::Lost(it.to_string())),
            () = time::sleep(TICK_INTERVAL) => {
                if clock.now() >= until {
                    return Some(ConnectionEnd::Lost("write timeout".to_owned()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Instant;

    use super::*;

    /// Echoes its input; closes on "bye" or after a minute.
    struct EchoMachine {
        output: VecDeque<Output<String, String>>,
        deadline: Instant,
    }

    impl Machine for EchoMachine {
        type Received = String;
        type Transmit = String;
        type Command = String;
        type Event = String;

        fn handle_input(&mut self, now: Instant, input: Input<String, String>) {
            self.output.push_back(match input {
                Input::Receive(text) if text == "bye" => Output::Close(text),
                Input::Receive(text) => Output::Event(text),
                Input::Command(text) => Output::Transmit(text),
                Input::Timeout if now >= self.deadline => Output::Close("time is up".to_owned()),
                Input::Timeout => return,
                Input::Resumed => Output::Event("resumed".to_owned()),
            });
        }

        fn poll_output(&mut self) -> Option<Output<String, String>> {
            self.output.pop_front()
        }

        fn poll_timeout(&self) -> Option<Instant> {
            Some(self.deadline)
        }
    }

    /// A peer that sends fixed lines and counts what it receives.
    #[derive(Default)]
    struct FakePeer {
        sends: VecDeque<String>,
        /// Closes after its last line.
        closes: bool,
        received: Vec<String>,
        flushes: usize,
        state: PeerState,
        closed: bool,
    }

    /// Whether the peer reads what we write.
    #[derive(Default, Clone, Copy, PartialEq)]
    enum PeerState {
        #[default]
        Reading,
        Stalled,
        Gone,
    }

    impl Stream for FakePeer {
        type Item = Result<String, &'static str>;
        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            match self.sends.pop_front() {
                Some(text) => Poll::Ready(Some(Ok(text))),
                None if self.closes => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    impl Sink<String> for FakePeer {
        type Error = &'static str;
        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            match self.state {
                PeerState::Reading => Poll::Ready(Ok(())),
                PeerState::Stalled => Poll::Pending,
                PeerState::Gone => Poll::Ready(Err("broken pipe")),
            }
        }
        fn start_send(mut self: Pin<&mut Self>, text: String) -> Result<(), Self::Error> {
            self.received.push(text);
            Ok(())
        }
        fn poll_flush(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Result<(), Self::Error>> {
            self.flushes += 1;
            Poll::Ready(Ok(()))
        }
        fn poll_close(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Result<(), Self::Error>> {
            self.closed = true;
            if self.state == PeerState::Stalled { Poll::Pending } else { Poll::Ready(Ok(())) }
        }
    }

    /// Runs an echo session with `peer` and these commands; returns its end and its events.
    async fn driven(peer: &mut FakePeer, orders: &[&str]) -> (ConnectionEnd, Vec<String>) {
        let (sender, mut inbox) = mpsc::channel(10_000);
        for order in orders {
            sender.try_send((*order).to_owned()).expect("room for it");
        }
        let told = driven_by(peer, &mut inbox).await;
        drop(sender);
        told
    }

    async fn driven_by<T>(
        peer: &mut T,
        inbox: &mut mpsc::Receiver<String>,
    ) -> (ConnectionEnd, Vec<String>)
    where
        T: Stream<Item = Result<String, &'static str>> + Sink<String, Error = &'static str> + Unpin,
    {
        let mut machine = EchoMachine {
            output: VecDeque::new(),
            deadline: SessionClock::new().now() + Duration::from_secs(60),
        };
        let (events, mut told) = mpsc::channel(10_000);
        let ended = drive(&mut machine, peer, inbox, &events, |event| event).await;
        drop(events);
        let mut all = Vec::new();
        while let Some(event) = told.recv().await {
            all.push(event);
        }
        (ended, all)
    }

    #[tokio::test(start_paused = true)]
    async fn frames_read_together_are_handled_once_in_order() {
        let all: Vec<String> = (0..MAX_BATCH * 4 + 7).map(|at| at.to_string()).collect();
        let mut peer = FakePeer { sends: all.clone().into(), ..FakePeer::default() };
        peer.sends.push_back("bye".to_owned());
        let (ended, told) = driven(&mut peer, &[]).await;
        assert_eq!(ended, ConnectionEnd::Closed("bye".to_owned()));
        assert_eq!(told, all);
    }

    #[tokio::test(start_paused = true)]
    async fn commands_received_together_are_one_write() {
        let mut peer = FakePeer::default();
        let (ended, _) = driven(&mut peer, &["one", "two", "three"]).await;
        assert_eq!(ended, ConnectionEnd::Closed("time is up".to_owned()));
        assert_eq!((peer.received.len(), peer.flushes), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_peer_times_out() {
        let began = time::Instant::now();
        let mut peer = FakePeer { state: PeerState::Stalled, ..FakePeer::default() };
        let (ended, _) = driven(&mut peer, &["one"]).await;
        assert_eq!(ended, ConnectionEnd::Lost("write timeout".to_owned()));
        assert_eq!(began.elapsed(), WRITE_TIMEOUT + CLOSE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn peer_that_does_not_close_times_out() {
        let began = time::Instant::now();
        let says = VecDeque::from(["bye".to_owned()]);
        let mut peer = FakePeer { sends: says, state: PeerState::Stalled, ..FakePeer::default() };
        let (ended, _) = driven(&mut peer, &[]).await;
        assert_eq!(ended, ConnectionEnd::Closed("bye".to_owned()));
        assert_eq!(began.elapsed(), CLOSE_TIMEOUT);
    }

    #[tokio::test(start_paused = true)]
    async fn frames_before_the_loss_are_reported() {
        let said = ["one", "two"].map(str::to_owned);
        for mood in [PeerState::Reading, PeerState::Gone] {
            let mut peer = FakePeer {
                sends: said.clone().into(),
                closes: true,
                state: mood,
                ..FakePeer::default()
            };
            let (ended, told) = driven(&mut peer, &["an order"]).await;
            assert!(matches!(ended, ConnectionEnd::Lost(_)), "{ended:?}");
            assert_eq!(told, said);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn close_reason_is_read_after_the_loss() {
        for mood in [PeerState::Reading, PeerState::Gone] {
            let says = VecDeque::from(["one".to_owned(), "bye".to_owned()]);
            let mut peer =
                FakePeer { sends: says, closes: true, state: mood, ..FakePeer::default() };
            let (ended, told) = driven(&mut peer, &["an order"]).await;
            assert_eq!(ended, ConnectionEnd::Closed("bye".to_owned()));
            assert_eq!(told, ["one"]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn cancelled_connection_is_closed() {
        let mut peer = FakePeer::default();
        let (sender, mut inbox) = mpsc::channel(1);
        sender.try_send("one".to_owned()).expect("room for it");
        drop(sender);
        let (ended, _) = driven_by(&mut peer, &mut inbox).await;
        assert_eq!(ended, ConnectionEnd::Cancelled);
        assert_eq!(peer.received, ["one"]);
        assert!(peer.closed);
    }

    /// A peer whose lines arrive during the session.
    struct LivePeer(mpsc::UnboundedReceiver<String>);

    impl Stream for LivePeer {
        type Item = Result<String, &'static str>;
        fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            self.0.poll_recv(cx).map(|text| text.map(Ok))
        }
    }

    impl Sink<String> for LivePeer {
        type Error = &'static str;
        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn start_send(self: Pin<&mut Self>, _: String) -> Result<(), Self::Error> {
            Ok(())
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
    }

    /// Stalls for `pause` after `before` while the peer sends something. Returns the events and the time
    /// taken. The session times out after a minute.
    async fn run_with_stall(before: Duration, pause: Duration) -> (Vec<String>, Duration) {
        let began = time::Instant::now();
        let (says, inbound) = mpsc::unbounded_channel();
        let (mut peer, (_orders, mut inbox)) = (LivePeer(inbound), mpsc::channel(1));
        let story = async {
            time::sleep(before).await;
            for text in ["one", "two"] {
                says.send(text.to_owned()).expect("it listens");
            }
            time::advance(pause).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            (ended, told) = driven_by(&mut peer, &mut inbox) => {
                assert_eq!(ended, ConnectionEnd::Closed("time is up".to_owned()));
                (told, began.elapsed())
            }
            () = story => unreachable!("it never ends"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn frames_received_during_a_stall_are_read_before_deadlines() {
        for pause in [3, 59, 125, 7_200].map(Duration::from_secs) {
            for before in [1, 10, 58, 59].map(Duration::from_secs) {
                let (told, lasted) = run_with_stall(before, pause).await;
                assert_eq!(told, ["one", "two", "resumed"], "{before:?} {pause:?}");
                let rest = lasted.saturating_sub(pause);
                assert!(rest >= Duration::from_secs(58), "{before:?} {pause:?}: {rest:?}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn received_frames_are_read_before_a_deadline() {
        for _ in 0..50 {
            let pause = Duration::from_millis(900);
            let (told, _) = run_with_stall(Duration::from_millis(59_500), pause).await;
            assert_eq!(told, ["one", "two"]);
        }
    }
}
