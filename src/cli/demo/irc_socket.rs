//! Carries IRC between a page and the IRC server: one line in one message of a websocket.

use std::net::SocketAddr;

use axum::extract::ws::{Message, WebSocket};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

/// The longest line of the server: 8,191 bytes of tags, and 512 others.
const MAX_LINE: u64 = 8_703;

/// Connects a page to the IRC server until either ends the connection.
pub(super) async fn carry(mut socket: WebSocket, server: SocketAddr) {
    let Ok(stream) = TcpStream::connect(server).await else { return };
    // Where it fails, lines come a little later.
    let _ = stream.set_nodelay(true);
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        tokio::select! {
            read = read_line(&mut reader, &mut line) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                line.clear();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    // One message is one line, so that no text becomes a command.
                    let text = text.split(['\r', '\n', '\0']).next().unwrap_or_default();
                    if writer.write_all(format!("{text}\r\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

/// Reads to the end of a line. What was read before it was interrupted stays in `line`.
async fn read_line(
    reader: &mut BufReader<OwnedReadHalf>,
    line: &mut Vec<u8>,
) -> std::io::Result<usize> {
    let room = MAX_LINE.saturating_sub(line.len() as u64);
    reader.take(room).read_until(b'\n', line).await
}
