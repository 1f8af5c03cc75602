//! Does what the service does when the program is replaced by another version.

use std::time::{Duration, Instant};

use letsbridge::bridge::{Bridge, Event, Peer};
use letsbridge::domain::Network;
use letsbridge::protocol::irc::{IrcCommand, IrcSession, KeptUsers, SessionState};
use letsbridge::protocol::{Input, Machine};

use super::World;
use super::calls::Calls;
use super::wire::Wire;

impl World {
    /// The sessions with IRC servers are to be handed over.
    pub(super) fn hand_over(&mut self) {
        self.apply(Event::Stop);
        self.letschat.machine = None;
        self.apply(Event::ConnectionLost(Peer::LetsChat));
        let now = self.now;
        let puppets = self.puppets.iter_mut().map(|puppet| &mut puppet.wire);
        for wire in self.networks.iter_mut().chain(puppets) {
            if let Some(machine) = &mut wire.machine {
                machine.handle_input(now, Input::Command(IrcCommand::HandOver));
            }
        }
    }

    /// Another program goes on with the sessions that were handed over, puppets first, after this time if any.
    #[track_caller]
    pub(super) fn upgrade(&mut self, time: &str) {
        if self.networks.iter().all(|wire| !wire.is_released) {
            self.hand_over();
            self.settle();
        }
        let networks: Vec<Option<SessionState>> =
            self.networks.iter_mut().map(|wire| handed_over(wire, self.now)).collect();
        let puppets: Vec<Option<SessionState>> =
            self.puppets.iter_mut().map(|it| handed_over(&mut it.wire, self.now)).collect();
        let seconds = time.strip_suffix('s').map_or(0, |time| time.parse().expect("seconds"));
        self.now += Duration::from_secs(seconds);
        self.clock += Duration::from_secs(seconds);
        self.calls = Calls::default();
        self.bridge = Bridge::new(self.config(), self.clock, &mut self.store).unwrap();
        let users: Option<KeptUsers> = networks[0].as_ref().map(|state| state.users().clone());
        for (puppet, state) in self.puppets.iter_mut().zip(puppets) {
            let Some(mut state) = state else { continue };
            state.forget_users();
            let config = puppet.session_config((self.now, self.clock), self.flood_control);
            let session = IrcSession::resume(self.now, config, state, users.as_ref());
            puppet.wire.connect(session, self.now);
        }
        let events = self.drained();
        self.apply_all(events);
        for (index, state) in networks.into_iter().enumerate() {
            let Some(state) = state else { continue };
            let network = Network::new(&self.networks[index].name);
            let config = self.irc_session_config(&network);
            let session = IrcSession::resume(self.now, config, state, None);
            self.networks[index].connect(session, self.now);
        }
    }
}

/// What another program gets of the session, as it travels; `None` if there is no connection.
#[track_caller]
fn handed_over(wire: &mut Wire<IrcSession>, now: Instant) -> Option<SessionState> {
    let session = wire.machine.take()?;
    assert!(std::mem::take(&mut wire.is_released), "{} was not let go of", wire.name);
    let state = session.keep(now);
    let text = serde_json::to_string(&state).unwrap();
    let read: SessionState = serde_json::from_str(&text).unwrap();
    assert!(read == state, "{text}");
    Some(read)
}
