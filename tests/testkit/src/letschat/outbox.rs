use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;

/// What waits to be said to one websocket. It has no bound, as it has none in the real server.
#[derive(Debug, Clone)]
pub(super) struct Outbox(mpsc::UnboundedSender<Said>);

/// One thing to say.
#[derive(Debug)]
pub(super) enum Said {
    Frame(Utf8Bytes),
    /// A close frame, and the end.
    Farewell,
    /// The end without a word, as when a network fails.
    Cut,
}

impl Outbox {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Said>) {
        let (outbox, queue) = mpsc::unbounded_channel();
        (Self(outbox), queue)
    }

    /// Says `frame`; to nobody, if the websocket has ended.
    pub(super) fn say(&self, frame: impl Into<Utf8Bytes>) {
        self.put(Said::Frame(frame.into()));
    }

    /// Waits until nothing can be said any more.
    pub(super) async fn cut(&self) {
        self.0.closed().await;
    }

    pub(super) fn put(&self, said: Said) {
        // Whoever reads this queue ends it when the connection ends.
        let _ = self.0.send(said);
    }
}
