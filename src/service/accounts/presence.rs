//! Shows people who speak as present in a room: in "Who's here", for as long as they go on speaking now and then.
//!
//! Each has a websocket that has joined the rooms in which they spoke. Each costs the server a little with every message
//! (docs/letschat-protocol.md, section 9), so there are few, they are opened slowly, and they end soon.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval};

use super::socket::AccountSocket;
use super::{AccountPool, Done};
use crate::domain::{EndpointId, LetsChatUserId, Secret};
use crate::net::rest::Credential;
use crate::service::letschat_dial::LetsChatDial;

/// How many people are shown at once.
const MAX_PRESENT: usize = 50;

/// The minimum time between two sockets.
const OPEN_INTERVAL: Duration = Duration::from_millis(500);

/// How long somebody is shown after they last spoke.
const PRESENT_FOR: Duration = Duration::from_secs(30 * 60);

/// How often a socket pings; the server asks for 25 s.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A room to be joined.
#[derive(Debug)]
struct RoomVisit {
    room: Box<str>,
    password: Option<SecretString>,
}

/// The people who are shown as present.
#[derive(Default)]
pub(super) struct PresenceSockets {
    present: HashMap<LetsChatUserId, PresentUser>,
    next_open_at: Option<Instant>,
}

struct PresentUser {
    visits: mpsc::Sender<RoomVisit>,
    rooms: BTreeSet<EndpointId>,
    last_spoke: Instant,
}

impl PresenceSockets {
    /// The user is no longer shown: they have left, or their account is gone.
    pub(super) fn remove(&mut self, user: &LetsChatUserId) {
        self.present.remove(user);
    }

    /// Those who have not spoken for long are no longer shown.
    pub(super) fn remove_idle(&mut self, now: Instant) {
        self.present
            .retain(|_, user| now - user.last_spoke < PRESENT_FOR && !user.visits.is_closed());
    }
}

impl AccountPool {
    /// Somebody has spoken in a room by an account that the bridge made.
    pub(super) fn show_present(&mut self, user: &LetsChatUserId, endpoint: EndpointId, room: &str) {
        let Some(member) = self.members.get(user).filter(|_| self.settings.shows_speakers) else {
            return;
        };
        let (Some(session), Some(_)) = (&member.secrets.session, &member.secrets.password) else {
            return;
        };
        let now = Instant::now();
        let password = self.settings.room_passwords.get(&endpoint).cloned();
        let visit = RoomVisit { room: room.into(), password };
        let sockets = &mut self.presence;
        if let Some(known) = sockets.present.get_mut(user).filter(|it| !it.visits.is_closed()) {
            known.last_spoke = now;
            if !known.rooms.contains(&endpoint) && known.visits.try_send(visit).is_ok() {
                known.rooms.insert(endpoint);
            }
            return;
        }
        let is_too_early = sockets.next_open_at.is_some_and(|at| now < at);
        if is_too_early || sockets.present.len() >= MAX_PRESENT {
            return;
        }
        sockets.next_open_at = Some(now + OPEN_INTERVAL);
        let (visits, receiver) = mpsc::channel(MAX_PRESENT);
        // There is room: it is new.
        let _ = visits.try_send(visit);
        let rooms = BTreeSet::from([endpoint]);
        sockets.present.insert(user.clone(), PresentUser { visits, rooms, last_spoke: now });
        let (letschat, session) = (self.letschat_dial(), session.clone());
        self.tasks.spawn(async move {
            if let Err(reason) = stay(letschat, session, receiver).await {
                tracing::debug!(reason, "an account is no longer shown as present");
            }
            Done::Socket
        });
    }
}

/// Joins each room that comes, and stays until there will be no more.
async fn stay(
    letschat: LetsChatDial,
    session: Secret,
    mut visits: mpsc::Receiver<RoomVisit>,
) -> Result<(), String> {
    let opened = AccountSocket::open(&letschat, Credential::Session(&session)).await;
    let mut socket = opened.map_err(|error| format!("{error:?}"))?;
    let mut pings = interval(PING_INTERVAL);
    loop {
        tokio::select! {
            visit = visits.recv() => match visit {
                Some(visit) => drop(socket.call_join(&visit.room, visit.password.as_ref()).await?),
                None => break,
            },
            // A room that does not let the account in shows nobody.
            ack = socket.next_ack() => drop(ack?),
            _ = pings.tick() => socket.ping().await?,
        }
    }
    socket.close().await;
    Ok(())
}
