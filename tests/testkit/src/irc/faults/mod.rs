//! What can be made to go wrong while the server runs.

pub(super) mod active;
pub(super) mod chaos;
mod history;
pub(super) mod inject;
mod netsplit;

use std::io;
use std::sync::Arc;
use std::time::Duration;

pub use active::{Playback, TalkRefusal};
use active::{Refusal, Troubles};
use chaos::Chaos;
pub use netsplit::Netsplit;

use super::caps::{Cap, Caps};
use super::listener::{CloseKind, Listener};
use super::mask::Mask;
use super::shared::Shared;
use super::state::World;

/// Makes things go wrong. What concerns clients concerns those behind sockets; people in memory
/// are left alone.
#[derive(Debug)]
pub struct Mischief {
    shared: Arc<Shared>,
    listener: Arc<Listener>,
}

impl Mischief {
    pub(super) fn new(shared: Arc<Shared>, listener: Arc<Listener>) -> Self {
        Self { shared, listener }
    }

    fn with<T>(&self, change: impl FnOnce(&mut World) -> T) -> T {
        self.shared.with(change)
    }

    fn refuse(&self, change: impl FnOnce(&mut Troubles)) {
        self.with(|world| change(&mut world.troubles));
    }

    /// The server goes down: connections end, as `kind` says, and new ones are refused. The
    /// port is kept, and so are the people in memory and what was said.
    pub async fn kill(&self, kind: CloseKind) {
        self.listener.close(kind).await;
    }

    /// The server comes up again, on the same port.
    ///
    /// # Errors
    /// When the port cannot be listened at any more.
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
    pub fn unstall(&self) {
        self.shared.stall(false);
    }

    /// Everything to clients is this late from now on; zero for in time.
    pub fn delay(&self, delay: Duration) {
        self.with(|world| world.delay(delay));
    }

    /// Each of the next `times` messages of clients costs its sender the connection, and nobody
    /// hears it.
    pub fn drop_before(&self, times: u32) {
        self.refuse(|troubles| troubles.drops_before = times);
    }

    /// Each of the next `times` messages of clients is heard by all, and then costs its sender the
    /// connection before anything is answered.
    pub fn drop_after(&self, times: u32) {
        self.refuse(|troubles| troubles.drops_after = times);
    }

    /// Whether clients whose connection dies stay as ghosts, in the channels and with their nicks,
    /// because the server has not noticed; until [`bury`](Self::bury).
    pub fn leave_ghosts(&self, ghosts: bool) {
        self.refuse(|troubles| troubles.ghosts = ghosts);
    }

    /// The server notices that the ghost `nick` is dead.
    pub fn bury(&self, nick: &str) {
        self.with(|world| world.bury(nick));
    }

    /// Breaks the connection of `nick`.
    pub fn cut(&self, nick: &str) {
        self.with(|world| {
            if let Some(id) = world.named(nick).map(|client| client.id) {
                world.cut(id);
            }
        });
    }

    /// Whether `PING` goes unanswered from now on.
    pub fn swallow_pongs(&self, swallow: bool) {
        self.refuse(|troubles| troubles.swallows_pongs = swallow);
    }

    /// Refuses the next `times` joins to `channel` with this numeric.
    pub fn refuse_joins(&self, channel: &str, numeric: u16, times: u32) {
        self.with(|world| {
            let folded = world.fold(channel);
            world.troubles.joins.insert(folded, Refusal::new(numeric, times));
        });
    }

    /// Sends who joins `channel` to another one instead (470); `None` for no longer.
    pub fn forward_joins(&self, channel: &str, to: Option<&str>) {
        self.with(|world| {
            let folded = world.fold(channel);
            match to {
                Some(to) => world.troubles.forwards.insert(folded, to.to_owned()),
                None => world.troubles.forwards.remove(&folded),
            }
        });
    }

    /// Refuses the next `times` messages of clients to `channel`.
    pub fn refuse_talk(&self, channel: &str, how: TalkRefusal, times: u32) {
        self.with(|world| {
            let folded = world.fold(channel);
            world.troubles.talk.insert(folded, Refusal::new(how, times));
        });
    }

    /// Refuses the next `times` `NICK`s of clients with this numeric: 433, 437 or 432.
    pub fn refuse_nicks(&self, numeric: u16, times: u32) {
        self.refuse(|troubles| troubles.nicks = Refusal::new(numeric, times));
    }

    /// As [`refuse_nicks`](Self::refuse_nicks), but late: the nick is taken without a word, and
    /// refused when registration would be complete.
    pub fn refuse_nicks_late(&self, numeric: u16, times: u32) {
        self.refuse(|troubles| troubles.late_nicks = Refusal::new(numeric, times));
    }

    /// Plays the past of a channel back to who joins it, unasked.
    pub fn play_back(&self, playback: Option<Playback>) {
        self.refuse(|troubles| troubles.playback = playback);
    }

    /// Nobody whose hostmask fits `mask` may come any more (465).
    pub fn kline(&self, mask: &str, reason: &str) {
        self.with(|world| {
            let mask = Mask::new(world.setup.casemapping, mask);
            world.troubles.klines.push((mask, reason.to_owned()));
        });
    }

    /// Everybody may come again.
    pub fn pardon(&self) {
        self.refuse(|troubles| troubles.klines.clear());
    }

    /// The server throws `nick` out: `ERROR :Closing Link: … (reason)`. For a K-line say
    /// `K-Lined`, for a flood `Excess Flood`.
    pub fn throw_out(&self, nick: &str, reason: &str) {
        self.with(|world| {
            if let Some(id) = world.named(nick).map(|client| client.id) {
                world.close(id, reason);
            }
        });
    }

    /// Services kick `nick` from `channel`.
    pub fn kick(&self, channel: &str, nick: &str, reason: &str) {
        self.with(|world| world.kick_by_services(channel, nick, reason));
    }

    /// Services set a mode in `channel`, such as `+b` with a mask or `+o` with a nick.
    pub fn mode(&self, channel: &str, letters: &str, value: &str) {
        self.with(|world| world.mode_by_services(channel, letters, value));
    }

    /// Services call `nick` something else.
    pub fn rename(&self, nick: &str, to: &str) {
        self.with(|world| {
            if let Some(id) = world.named(nick).map(|client| client.id) {
                world.rename(id, to);
            }
        });
    }

    /// `nick` is shown with another host from now on: told by `CHGHOST` to who has asked for such,
    /// and to itself by 396.
    pub fn change_host(&self, nick: &str, host: &str) {
        self.with(|world| world.change_host(nick, host, true));
    }

    /// As [`change_host`](Self::change_host), and nobody is told at all.
    pub fn change_host_silently(&self, nick: &str, host: &str) {
        self.with(|world| world.change_host(nick, host, false));
    }

    /// Another server and its people, those named, are lost to the network; they come back with
    /// [`Netsplit::rejoin`]. Clients behind sockets stay.
    #[must_use = "who does not rejoin is gone"]
    pub fn netsplit(&self, nicks: &[&str]) -> Netsplit {
        Netsplit::begin(Arc::clone(&self.shared), nicks)
    }

    /// Sends bytes to `nick` as they are; CR LF is theirs to bring.
    pub fn send(&self, nick: &str, bytes: &[u8]) {
        self.with(|world| {
            if let Some(client) = world.named(nick) {
                client.hear_wire(bytes.into());
            }
        });
    }

    /// Sends `nick` lines that make no sense.
    pub fn send_nonsense(&self, nick: &str) {
        for line in inject::NONSENSE {
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
        self.with(|world| {
            let left = caps.iter().fold(world.offered, |left, &cap| left.without(cap));
            world.offer_only(left);
        });
    }

    /// Offers more capabilities: `CAP NEW`.
    pub fn offer_caps(&self, caps: &[Cap]) {
        self.with(|world| {
            let more: Caps = caps.iter().fold(world.offered, |more, &cap| more.with(cap));
            world.offer_only(more);
        });
    }

    /// From `seed`, to each message of a client happens with `probability` (0 to 1) one of: the
    /// connection dies before anybody heard it, or after all have; or it is answered late.
    pub fn chaos(&self, seed: u64, probability: f64) {
        self.refuse(|troubles| troubles.chaos = Some(Chaos::new(seed, probability)));
    }

    /// Nothing happens by chance any more.
    pub fn no_chaos(&self) {
        self.refuse(|troubles| troubles.chaos = None);
    }
}
