//! How the engine ends: the stages of shutdown, and connections that are closed before.

use jiff::Timestamp;

use super::Engine;
use crate::bridge::{Command, Event, Peer};
use crate::protocol::{irc, letschat};
use crate::service::messages::{PoolRequest, ShutdownStage};
use crate::store::StoreError;

impl Engine {
    /// Whether nothing is in flight any more, and nothing else half done if another process takes over.
    pub(super) fn check_drained(&mut self) -> bool {
        if !self.outgoing.is_empty() {
            return false;
        }
        let is_settled = !self.requested_stage.borrow().keeps_irc || self.bridge.is_settled();
        self.drain.check(self.bridge.in_flight(), is_settled)
    }

    pub(super) fn is_stage_requested(&self) -> bool {
        self.requested_stage.borrow().stage > self.stage
    }

    /// Applies a change of the shutdown stage, before other inputs.
    pub(super) fn apply_stage(&mut self, commands: &mut Vec<Command>) -> Result<(), StoreError> {
        if self.is_stage_requested() {
            self.send_all()?;
        }
        let requested = self.requested_stage.borrow_and_update().stage;
        if requested > ShutdownStage::Running && self.stage == ShutdownStage::Running {
            self.bridge.apply(Timestamp::now(), Event::Stop, &mut self.store, commands)?;
        }
        if requested == ShutdownStage::Quitting {
            self.send_quits();
        }
        self.stage = requested;
        Ok(())
    }

    /// Closes the connections that are to be closed and have nothing in flight any more.
    pub(super) fn close_drained(&mut self) {
        if !self.outgoing.is_empty() {
            return;
        }
        for peer in self.closings.peers_due(|peer| self.bridge.in_flight_to(peer) == 0) {
            self.connections.closing(&peer);
            let goodbye = match &peer {
                Peer::Irc(network) => {
                    let quit = irc::IrcCommand::Quit("the configuration has changed".to_owned());
                    Command::Irc(network.clone(), quit)
                }
                Peer::LetsChat => Command::LetsChat(letschat::LetsChatCommand::Leave),
            };
            self.send_command(goodbye);
            self.closings.closed(&peer);
        }
    }

    pub(super) fn send_quits(&mut self) {
        if std::mem::replace(&mut self.quit_sent, true) {
            return;
        }
        let keeps_irc = self.requested_stage.borrow().keeps_irc;
        let networks = self.irc_senders.keys().map(|network| {
            let goodbye = match (keeps_irc, self.bridge.may_be_handed_over(network)) {
                (true, true) => irc::IrcCommand::HandOver,
                (true, false) => irc::IrcCommand::Quit("the bridge is restarting".to_owned()),
                (false, _) => irc::IrcCommand::Quit("the bridge is shutting down".to_owned()),
            };
            Command::Irc(network.clone(), goodbye)
        });
        let goodbyes: Vec<Command> =
            networks.chain([Command::LetsChat(letschat::LetsChatCommand::Leave)]).collect();
        for keeper in std::mem::take(&mut self.puppet_pools).into_values() {
            let request = match keeps_irc {
                true => PoolRequest::HandOver,
                false => PoolRequest::Shutdown("the bridge is shutting down".to_owned()),
            };
            // A closed pool has no puppets left.
            let _ = keeper.send(request);
        }
        for goodbye in goodbyes {
            self.send_command(goodbye);
        }
        self.account_pool = None;
    }
}
