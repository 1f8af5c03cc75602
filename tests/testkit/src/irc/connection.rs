//! One client's socket: lines in, lines out, and the patience in between.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::client::ClientId;
use super::framing::Framing;
use super::outbox::{Next, Outbox, Waiting};
use super::shared::Shared;
use super::state::World;

/// How long a client has to make itself known.
const REGISTRATION: Duration = Duration::from_secs(60);
/// How long a client that has been told goodbye may take to hang up. Closing earlier would destroy
/// the goodbye when the client is still speaking.
const LINGER: Duration = Duration::from_secs(1);
/// How many bytes are read at once.
const CHUNK: usize = 16 << 10;

/// Converses with a client until either has had enough.
pub(super) async fn serve<S>(shared: Arc<Shared>, stream: S, address: IpAddr)
where
    S: AsyncRead + AsyncWrite,
{
    let (id, outbox) = shared.with(|world| world.connect(address));
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut stalled = shared.stalled();
    let ended = tokio::select! {
        why = listen(&shared, id, &outbox, &mut reader, &mut stalled) => Ended::HungUp(why),
        ended = speak(&outbox, &mut writer, shared.stalled()) => ended,
        () = outbox.severed() => Ended::Severed,
    };
    match ended {
        Ended::LetGo => linger(&mut reader, &mut writer).await,
        Ended::HungUp(why) => shared.with(|world| world.hung_up(id, why)),
        Ended::Severed => shared.with(|world| world.hung_up(id, "Max SendQ exceeded")),
    }
}

/// How a conversation ended.
enum Ended {
    /// The server wants no more of it, and has said so.
    LetGo,
    /// The client has gone, for this reason.
    HungUp(&'static str),
    /// The connection is to die at once.
    Severed,
}

/// Reads lines and has them done, until the client goes: why it went. Once the connection is over,
/// nothing more is read, and what is left is to write the last words.
async fn listen(
    shared: &Shared,
    id: ClientId,
    outbox: &Outbox,
    reader: &mut (impl AsyncRead + Unpin),
    stalled: &mut watch::Receiver<bool>,
) -> &'static str {
    let ping_every = shared.with(|world| world.setup.ping_every);
    let mut framing = Framing::new(shared.with(|world| world.setup.linelen));
    let mut chunk = vec![0; CHUNK];
    let mut patience = Instant::now() + REGISTRATION.min(ping_every);
    loop {
        let read = tokio::select! {
            // What comes during a stall stays unread.
            biased;
            () = stall(stalled) => {
                unstalled(stalled).await;
                patience = Instant::now() + ping_every;
                continue;
            }
            read = reader.read(&mut chunk) => read,
            () = sleep_until(patience) => {
                shared.with(|world| world.lose_patience(id));
                if outbox.is_over() {
                    return std::future::pending().await;
                }
                patience = Instant::now() + ping_every;
                continue;
            }
        };
        match read {
            Ok(0) => return "Connection closed",
            Err(_) => return "Read error",
            Ok(length) => {
                patience = Instant::now() + ping_every;
                let over =
                    shared.with(|world| obey(world, id, outbox, &mut framing, &chunk[..length]));
                if over {
                    return std::future::pending().await;
                }
            }
        }
    }
}

/// Does what the lines in `bytes` say: whether the connection is over by then.
fn obey(
    world: &mut World,
    id: ClientId,
    outbox: &Outbox,
    framing: &mut Framing,
    bytes: &[u8],
) -> bool {
    world.is_alive(id);
    framing.push(bytes, |line, overlong| {
        if !outbox.is_over() {
            world.handle(id, line, overlong);
        }
    });
    outbox.is_over()
}

/// Writes what waits, until all is written or the client takes no more.
async fn speak(
    outbox: &Outbox,
    writer: &mut (impl AsyncWrite + Unpin),
    mut stalled: watch::Receiver<bool>,
) -> Ended {
    while let Next::Lines(lines) = outbox.next().await {
        let mut lines = lines.into_iter().peekable();
        while let Some(Waiting { due, line }) = lines.next() {
            if let Some(due) = due {
                sleep_until(due).await;
            }
            unstalled(&mut stalled).await;
            let mut bytes = line.to_vec();
            let now = Instant::now();
            while let Some(next) = lines.next_if(|next| next.due.is_none_or(|due| due <= now)) {
                bytes.extend_from_slice(&next.line);
            }
            if writer.write_all(&bytes).await.is_err() {
                return Ended::HungUp("Write error");
            }
        }
        if writer.flush().await.is_err() {
            return Ended::HungUp("Write error");
        }
    }
    Ended::LetGo
}

/// Says no more, and waits for the client to hang up.
async fn linger(reader: &mut (impl AsyncRead + Unpin), writer: &mut (impl AsyncWrite + Unpin)) {
    let last = async {
        writer.shutdown().await?;
        let mut rest = [0; 1024];
        while reader.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    // However this ends, it has ended.
    let _ = timeout(LINGER, last).await;
}

/// Waits for a stall.
async fn stall(stalled: &mut watch::Receiver<bool>) {
    if stalled.wait_for(|stalled| *stalled).await.is_err() {
        // Without a server there is nobody left to stall.
        std::future::pending::<()>().await;
    }
}

/// Waits for the end of a stall.
pub(super) async fn unstalled(stalled: &mut watch::Receiver<bool>) {
    // Without a server there is none.
    let _ = stalled.wait_for(|stalled| !*stalled).await;
}
