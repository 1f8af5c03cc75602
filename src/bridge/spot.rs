//! One place, with all that the bridge holds of it.

use std::sync::Arc;

use jiff::Timestamp;

use super::Peer;
use super::catchup::Hearing;
use super::closed::{Closed, Told};
use super::guests::Guests;
use super::history::Joined;
use super::lane::Lane;
use super::page::Page;
use super::policy::Backlog;
use super::reading::Reading;
use super::run::Run;
use super::saying::Patience;
use crate::domain::{Endpoint, EndpointId, Roster};
use crate::protocol::letschat::{PostId, Stay};

/// One place, seen from the bridge.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) place: Endpoint,
    /// The other places of its conversation: what is said here is mirrored to each of them.
    pub(super) mirrors: Arc<[EndpointId]>,
    pub(super) lane: Lane,
    /// The id that Let's Chat gives a room.
    pub(super) room_id: Option<Box<str>>,
    /// Which of our stays in the room this is, or the last was.
    pub(super) stay: Stay,
    /// How far a room is read.
    pub(super) reading: Reading,
    /// How much of it is asked for at once.
    pub(super) page: Page,
    /// How a channel is heard.
    pub(super) hearing: Hearing,
    /// How we came into it.
    pub(super) joined: Option<Joined>,
    /// Who is in a channel, besides us.
    pub(super) roster: Roster,
    /// Who is in a room, besides us.
    pub(super) guests: Guests,
    /// What was done with what was missed, until all of it is read.
    pub(super) backlog: Option<Backlog>,
    /// The room's cursor when we joined it.
    pub(super) cursor: Option<PostId>,
    /// The room's newest post when we first saw it.
    pub(super) floor: Option<PostId>,
    /// What is in doubt was looked for once and not found.
    pub(super) absent_once: bool,
    /// From when to when we were cut off from the room, until that is told.
    pub(super) away: Option<(Timestamp, Timestamp)>,
    /// That it is closed to us.
    pub(super) closed: Option<Closed>,
    /// People were told that it is.
    pub(super) told: Told,
    /// Whether it is waited for lines that go on with the next delivery.
    pub(super) patience: Patience,
    /// What somebody says to a room, line after line.
    pub(super) run: Option<Run>,
}

impl Spot {
    pub(super) fn new(place: Endpoint, mirrors: Arc<[EndpointId]>, lane: Lane) -> Self {
        Self {
            place,
            mirrors,
            lane,
            room_id: None,
            stay: Stay::default(),
            reading: Reading::Away,
            page: Page::default(),
            joined: None,
            hearing: Hearing::Away,
            roster: Roster::default(),
            guests: Guests::default(),
            backlog: None,
            cursor: None,
            floor: None,
            absent_once: false,
            away: None,
            closed: None,
            told: Told::default(),
            patience: Patience::default(),
            run: None,
        }
    }

    pub(super) fn peer(&self) -> Peer {
        self.place.network().map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()))
    }

    pub(super) fn is_at(&self, peer: &Peer) -> bool {
        match peer {
            Peer::Irc(network) => self.place.network() == Some(network),
            Peer::LetsChat => self.place.network().is_none(),
        }
    }
}
