//! What is secret is in no log, however much is logged.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use letsbridge::net::{WsRequest, open_websocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tracing_subscriber::util::SubscriberInitExt;

const TOKEN: &str = "NmIwMzVhY2U6c2VjcmV0";

/// A log that can be read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn token_is_never_logged() {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_env_filter("trace")
        .with_writer(move || writer.clone())
        .finish()
        .init();

    let (ours, mut theirs) = duplex(1 << 16);
    let server = tokio::spawn(async move {
        let mut asked = [0; 4096];
        let count = theirs.read(&mut asked).await.unwrap();
        theirs.write_all(b"HTTP/1.1 404 Not Found\r\n\r\n").await.unwrap();
        String::from_utf8_lossy(&asked[..count]).into_owned()
    });
    let url = "http://chat.example.org/".parse().unwrap();
    let error =
        open_websocket(ours, &WsRequest { url, token: TOKEN.to_owned().into() }).await.unwrap_err();
    tracing::trace!(%error, "refused");

    assert!(server.await.unwrap().contains(TOKEN));
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("refused"), "{logged}");
    assert!(!logged.contains(TOKEN), "{logged}");
}
