use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;

/// What waits to be sent to one websocket. It has no bound, as it has none in the real server.
#[derive(Debug, Clone)]
pub(super) struct Outbox(mpsc::UnboundedSender<Outgoing>);

/// One thing to send.
#[derive(Debug)]
pub(super) enum Outgoing {
    Frame(Utf8Bytes),
    /// A close frame, and the end.
    CloseFrame,
    /// The end without a word, as when a network fails.
    Cut,
}

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Outgoing>) {
        let (outbox, queue) = mpsc::unbounded_channel();
        (Self(outbox), queue)
    }

    /// Sends `frame`; to nobody, if the websocket has ended.
    pub(super) fn send(&self, frame: impl Into<Utf8Bytes>) {
        self.put(Outgoing::Frame(frame.into()));
    }

    /// Waits until nothing can be sent any more.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    pub(super) fn put(&self, said: Outgoing) {
        // The reader of this queue ends with the connection.
        let _ = self.0.send(said);
    }
}
