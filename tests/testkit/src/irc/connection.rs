//! One client's socket: lines in, lines out, and the timeouts.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::client::ClientId;
use super::framing::Framing;
use super::outbox::{Next, Outbox, QueuedLine};
use super::shared::Shared;
use super::state::ServerState;

/// How long a client has to register.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a client may take to hang up after its `ERROR`. Closing earlier would destroy that line
/// when the client is still sending.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
/// How many bytes are read at once.
const READ_BUFFER: usize = 16 << 10;

/// Serves a client until either side ends the connection.
pub(super) async fn serve<S>(shared: Arc<Shared>, stream: S, address: IpAddr)
where
    S: AsyncRead + AsyncWrite,
{
    let (id, outbox) = shared.with(|state| state.connect(address));
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut stalled = shared.stalled();
    let ended = tokio::select! {
        why = read_lines(&shared, id, &outbox, &mut reader, &mut stalled) => ConnectionEnd::Lost(why),
        ended = write_lines(&outbox, &mut writer, shared.stalled()) => ended,
        () = outbox.until_cut() => ConnectionEnd::Cut,
    };
    match ended {
        ConnectionEnd::Closed => linger(&mut reader, &mut writer).await,
        ConnectionEnd::Lost(why) => shared.with(|state| state.connection_lost(id, why)),
        ConnectionEnd::Cut => shared.with(|state| state.connection_lost(id, "Max SendQ exceeded")),
    }
}

/// How a connection ended.
enum ConnectionEnd {
    /// The server has closed it, and written all it had to say.
    Closed,
    /// The client has closed it or it has failed, for this reason.
    Lost(&'static str),
    /// The server drops it at once.
    Cut,
}

/// Reads lines and handles them, until the client is gone: returns why. Once the connection is closing,
/// nothing more is read; only the last lines are still written.
async fn read_lines(
    shared: &Shared,
    id: ClientId,
    outbox: &Outbox,
    reader: &mut (impl AsyncRead + Unpin),
    stalled: &mut watch::Receiver<bool>,
) -> &'static str {
    let ping_every = shared.with(|state| state.setup.ping_every);
    let mut framing = Framing::new(shared.with(|state| state.setup.linelen));
    let mut chunk = vec![0; READ_BUFFER];
    let mut deadline = Instant::now() + REGISTRATION_TIMEOUT.min(ping_every);
    loop {
        let read = tokio::select! {
            // What comes during a stall stays unread.
            biased;
            () = until_stalled(stalled) => {
                until_resumed(stalled).await;
                deadline = Instant::now() + ping_every;
                continue;
            }
            read = reader.read(&mut chunk) => read,
            () = sleep_until(deadline) => {
                shared.with(|state| state.on_silence(id));
                if outbox.is_closing() {
                    return std::future::pending().await;
                }
                deadline = Instant::now() + ping_every;
                continue;
            }
        };
        match read {
            Ok(0) => return "Connection closed",
            Err(_) => return "Read error",
            Ok(length) => {
                deadline = Instant::now() + ping_every;
                let over = shared
                    .with(|state| handle_bytes(state, id, outbox, &mut framing, &chunk[..length]));
                if over {
                    return std::future::pending().await;
                }
            }
        }
    }
}

/// Handles the lines in `bytes`: returns whether the connection is closing then.
fn handle_bytes(
    state: &mut ServerState,
    id: ClientId,
    outbox: &Outbox,
    framing: &mut Framing,
    bytes: &[u8],
) -> bool {
    state.mark_alive(id);
    framing.push(bytes, |line, overlong| {
        if !outbox.is_closing() {
            state.handle(id, line, overlong);
        }
    });
    outbox.is_closing()
}

/// Writes what waits, until all is written or the client takes no more.
async fn write_lines(
    outbox: &Outbox,
    writer: &mut (impl AsyncWrite + Unpin),
    mut stalled: watch::Receiver<bool>,
) -> ConnectionEnd {
    while let Next::Lines(lines) = outbox.next().await {
        let mut lines = lines.into_iter().peekable();
        while let Some(QueuedLine { due, line }) = lines.next() {
            if let Some(due) = due {
                sleep_until(due).await;
            }
            until_resumed(&mut stalled).await;
            let mut bytes = line.to_vec();
            let now = Instant::now();
            while let Some(next) = lines.next_if(|next| next.due.is_none_or(|due| due <= now)) {
                bytes.extend_from_slice(&next.line);
            }
            if writer.write_all(&bytes).await.is_err() {
                return ConnectionEnd::Lost("Write error");
            }
        }
        if writer.flush().await.is_err() {
            return ConnectionEnd::Lost("Write error");
        }
    }
    ConnectionEnd::Closed
}

/// Ends the sending side, and waits for the client to hang up.
async fn linger(reader: &mut (impl AsyncRead + Unpin), writer: &mut (impl AsyncWrite + Unpin)) {
    let last = async {
        writer.shutdown().await?;
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // However this ends, it has ended.
    let _ = timeout(LINGER_TIMEOUT, last).await;
}

/// Waits for a stall.
async fn until_stalled(stalled: &mut watch::Receiver<bool>) {
    if stalled.wait_for(|stalled| *stalled).await.is_err() {
        // Without a server there is nobody left to stall.
        std::future::pending::<()>().await;
    }
}

/// Waits for the end of a stall.
pub(super) async fn until_resumed(stalled: &mut watch::Receiver<bool>) {
    // Without a server there is none.
    let _ = stalled.wait_for(|stalled| !*stalled).await;
}
