//! What can be made to go wrong while the server runs.

pub(super) mod active;
pub(super) mod chaos;
mod history;
pub(super) mod inject;
mod netsplit;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use active::{ActiveFaults, Refusal};
pub use active::{MessageRefusal, Playback};
use chaos::Chaos;
pub use netsplit::Netsplit;

use super::caps::{Cap, Caps};
use super::listener::{CloseKind, Listener};
use super::mask::Mask;
use super::shared::Shared;
use super::state::ServerState;

/// Injects faults. Those that concern clients concern the ones behind sockets; virtual users
/// are left alone.
#[derive(Debug)]
pub struct Faults {
    shared: Arc<Shared>,
    listener: Arc<Listener>,
}

impl Faults {
    pub(super) fn new(shared: Arc<Shared>, listener: Arc<Listener>) -> Self {
        Self { shared, listener }
    }

    fn with<T>(&self, change: impl FnOnce(&mut ServerState) -> T) -> T {
        self.shared.with(change)
    }

    fn set(&self, change: impl FnOnce(&mut ActiveFaults)) {
        self.with(|state| change(&mut state.faults));
    }

    /// The server goes down: connections end, as `kind` says, and new ones are refused. The
    /// port is kept, and so are virtual users and history.
    pub async fn kill(&self, kind: CloseKind) {
        self.listener.close(kind).await;
    }

    /// The server comes up again, on the same port.
    ///
    /// # Errors
    /// When the port can no longer be listened on.
    pub async fn revive(&self) -> io::Result<()> {
        self.listener.open().await
    }

    /// Down and up again.
    ///
    /// # Errors
    /// As [`revive`](Self::revive).
    pub async fn restart(&self, kind: CloseKind) -> io::Result<()> {
        self.kill(kind).await;
        self.revive().await
    }

    /// From now on connections stand still: open, but nothing is read or written.
    pub fn stall(&self) {
        self.shared.stall(true);
    }

    /// Connections go on.
    pub fn resume(&self) {
        self.shared.stall(false);
    }

    /// Delays everything to clients by this much; zero ends it.
    pub fn delay(&self, delay: Duration) {
        self.with(|state| state.delay(delay));
    }

    /// Drops each of the next `times` messages of clients, together with its sender's
    /// connection.
    pub fn drop_before(&self, times: u32) {
        self.set(|faults| faults.drops_before = times);
    }

    /// Delivers each of the next `times` messages of clients, and then drops its sender's
    /// connection before anything is answered.
    pub fn drop_after(&self, times: u32) {
        self.set(|faults| faults.drops_after = times);
    }

    /// Whether clients whose connection dies stay as ghosts, in the channels and with their nicks,
    /// because the server has not noticed; until [`remove_ghost`](Self::remove_ghost).
    pub fn leave_ghosts(&self, ghosts: bool) {
        self.set(|faults| faults.ghosts = ghosts);
    }

    /// The server notices that the ghost `nick` is dead.
    pub fn remove_ghost(&self, nick: &str) {
        self.with(|state| state.remove_ghost(nick));
    }

    /// Breaks the connection of `nick`.
    pub fn drop_connection(&self, nick: &str) {
        self.with(|state| {
            if let Some(id) = state.client_named(nick).map(|client| client.id) {
                state.cut(id);
            }
        });
    }

    /// Whether `PING` goes unanswered from now on.
    pub fn ignore_pings(&self, swallow: bool) {
        self.set(|faults| faults.ignores_pings = swallow);
    }

    /// Refuses the next `times` joins to `channel` with this numeric.
    pub fn refuse_joins(&self, channel: &str, numeric: u16, times: u32) {
        self.with(|state| {
            let folded = state.fold(channel);
            state.faults.joins.insert(folded, Refusal::new(numeric, times));
        });
    }

    /// Forwards clients that join `channel` to another one (470); `None` ends it.
    pub fn forward_joins(&self, channel: &str, to: Option<&str>) {
        self.with(|state| {
            let folded = state.fold(channel);
            match to {
                Some(to) => state.faults.forwards.insert(folded, to.to_owned()),
                None => state.faults.forwards.remove(&folded),
            }
        });
    }

    /// Rejects the next `times` messages of clients to `channel`.
    pub fn refuse_messages(&self, channel: &str, how: MessageRefusal, times: u32) {
        self.with(|state| {
            let folded = state.fold(channel);
            state.faults.messages.insert(folded, Refusal::new(how, times));
        });
    }

    /// Refuses `LIST` with this numeric: 263, 421 or 481; `None` ends it.
    pub fn refuse_lists(&self, numeric: Option<u16>) {
        self.set(|faults| faults.lists = numeric);
    }

    /// Refuses the next `times` `NICK`s of clients with this numeric: 433, 437 or 432.
    pub fn refuse_nicks(&self, numeric: u16, times: u32) {
        self.set(|faults| faults.nicks = Refusal::new(numeric, times));
    }

    /// As [`refuse_nicks`](Self::refuse_nicks), but late: the nick is accepted at first, and
    /// refused when registration would be complete.
    pub fn refuse_nicks_late(&self, numeric: u16, times: u32) {
        self.set(|faults| faults.late_nicks = Refusal::new(numeric, times));
    }

    /// Plays the history of a channel back to clients that join it, unasked.
    pub fn play_back(&self, playback: Option<Playback>) {
        self.set(|faults| faults.playback = playback);
    }

    /// Bans hostmasks that match `mask` from the server (465).
    pub fn kline(&self, mask: &str, reason: &str) {
        self.with(|state| {
            let mask = Mask::new(state.setup.casemapping, mask);
            state.faults.klines.push((mask, reason.to_owned()));
        });
    }

    /// Lifts all bans from the server.
    pub fn clear_klines(&self) {
        self.set(|faults| faults.klines.clear());
    }

    /// Disconnects `nick`: `ERROR :Closing Link: … (reason)`. For a K-line the reason is
    /// `K-Lined`, for a flood `Excess Flood`.
    pub fn disconnect(&self, nick: &str, reason: &str) {
        self.with(|state| {
            if let Some(id) = state.client_named(nick).map(|client| client.id) {
                state.close(id, reason);
            }
        });
    }

    /// Services kick `nick` from `channel`.
    pub fn kick(&self, channel: &str, nick: &str, reason: &str) {
        self.with(|state| state.kick_by_services(channel, nick, reason));
    }

    /// Services set a mode in `channel`, such as `+b` with a mask or `+o` with a nick.
    pub fn mode(&self, channel: &str, letters: &str, value: &str) {
        self.with(|state| state.mode_by_services(channel, letters, value));
    }

    /// Services change `nick` to another nick.
    pub fn rename(&self, nick: &str, to: &str) {
        self.with(|state| {
            if let Some(id) = state.client_named(nick).map(|client| client.id) {
                state.rename(id, to);
            }
        });
    }

    /// Changes the host of `nick`: sends `CHGHOST` to clients with that capability, and 396 to
    /// itself.
    pub fn change_host(&self, nick: &str, host: &str) {
        self.with(|state| state.change_host(nick, host, true));
    }

    /// As [`change_host`](Self::change_host), without telling anyone.
    pub fn change_host_silently(&self, nick: &str, host: &str) {
        self.with(|state| state.change_host(nick, host, false));
    }

    /// Splits another server with these users from the network; they come back with
    /// [`Netsplit::rejoin`]. Clients behind sockets stay.
    #[must_use = "who does not rejoin is gone"]
    pub fn netsplit(&self, nicks: &[&str]) -> Netsplit {
        Netsplit::begin(Arc::clone(&self.shared), nicks)
    }

    /// Sends bytes to `nick` as they are; CR LF is theirs to bring.
    pub fn send(&self, nick: &str, bytes: &[u8]) {
        self.with(|state| {
            if let Some(client) = state.client_named(nick) {
                client.send_encoded(bytes.into());
            }
        });
    }

    /// Sends `nick` malformed lines.
    pub fn send_malformed_lines(&self, nick: &str) {
        for line in inject::MALFORMED_LINES {
            self.send(nick, line);
        }
    }

    /// Sends `nick` a message to `channel` of 20 KB in one line.
    pub fn send_long_line(&self, nick: &str, channel: &str) {
        let text = "long ".repeat(20_000 / 5);
        let line = format!(":long!long@people.example PRIVMSG {channel} :{text}\r\n");
        self.send(nick, line.as_bytes());
    }

    /// Withdraws capabilities: `CAP DEL`.
    pub fn withdraw_caps(&self, caps: &[Cap]) {
        self.with(|state| {
            let left = caps.iter().fold(state.offered, |left, &cap| left.without(cap));
            state.set_offered_caps(left);
        });
    }

    /// Offers more capabilities: `CAP NEW`.
    pub fn offer_caps(&self, caps: &[Cap]) {
        self.with(|state| {
            let more: Caps = caps.iter().fold(state.offered, |more, &cap| more.with(cap));
            state.set_offered_caps(more);
        });
    }

    /// From `seed`, each message of a client suffers with `probability` (0 to 1) one of: the
    /// connection dies before it is delivered, or after; or it is answered late.
    pub fn chaos(&self, seed: u64, probability: f64) {
        self.set(|faults| faults.chaos = Some(Chaos::new(seed, probability)));
    }

    /// Ends [`chaos`](Self::chaos).
    pub fn stop_chaos(&self) {
        self.set(|faults| faults.chaos = None);
    }
}
