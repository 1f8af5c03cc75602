//! Does what the service does: applies events, commits, and executes the commands.

use std::sync::Arc;

use letsbridge::bridge::{Bridge, BridgeConfig, BridgePolicy, Command, Event, PuppetCommand};
use letsbridge::domain::{Endpoint, EndpointId, LetsChatUserId, Network};
use letsbridge::protocol::irc;
use letsbridge::protocol::{Input, Machine};

use super::calls::Calls;
use super::sessions::Puppet;
use super::wire::{MODES, WHO, Wire, asks_modes, drain, is_question};
use super::{World, links};

impl World {
    /// The process is killed and started again: what was committed is all that it knows.
    pub(super) fn restart(&mut self) {
        for wire in &mut self.networks {
            wire.machine = None;
        }
        self.puppets.clear();
        self.letschat.machine = None;
        self.calls = Calls::default();
        let networks = self.networks.iter().map(|wire| Network::new(&wire.name));
        let dropping = networks.filter(|_| self.drop).collect();
        let whispering: Vec<Network> = self
            .networks
            .iter()
            .filter(|_| self.whispering)
            .map(|wire| Network::new(&wire.name))
            .collect();
        let config = BridgeConfig {
            groups: self.conversations.clone(),
            policy: BridgePolicy { drop_unconfirmed: dropping, ..self.policy.clone() },
            format: Arc::clone(&self.manners),
            link_formats: Vec::new(),
            public_links: self.linked.then(links),
            nick_policies: self.nicks.clone(),
            direct_messages: whispering,
        };
        self.bridge = Bridge::new(config, self.clock, &mut self.store).unwrap();
    }

    pub(super) fn happen(&mut self, happening: Event) {
        self.turn(vec![happening]);
    }

    pub(super) fn turn(&mut self, happenings: Vec<Event>) {
        let mut orders = Vec::new();
        for happening in happenings {
            self.bridge.apply(self.clock, happening, &mut self.store, &mut orders).unwrap();
        }
        self.bridge.end_turn(self.clock, &mut self.store, &mut orders).unwrap();
        self.store.commit().unwrap();
        for order in orders {
            match order {
                Command::Irc(network, order) => {
                    let wire = self.networks.iter_mut().find(|wire| wire.name == network.as_str());
                    if let Some(machine) = wire.and_then(|wire| wire.machine.as_mut()) {
                        machine.handle_input(self.now, Input::Command(order));
                    }
                }
                Command::Puppets(
                    _,
                    PuppetCommand::Connect { user: account, nick, username: name, endpoint: place },
                ) => {
                    self.call(account, nick, &name, place);
                }
                Command::Puppets(_, PuppetCommand::Send(account, order)) => {
                    let puppet = self.puppets.iter_mut().find(|it| it.account == account);
                    if let Some(machine) = puppet.and_then(|it| it.wire.machine.as_mut()) {
                        machine.handle_input(self.now, Input::Command(order));
                    }
                }
                Command::LetsChat(order) => {
                    if let Some(machine) = self.letschat.machine.as_mut() {
                        machine.handle_input(self.now, Input::Command(order));
                    }
                }
            }
        }
    }

    fn call(&mut self, account: LetsChatUserId, nick: String, name: &str, place: EndpointId) {
        let seat =
            self.bridge.endpoints().find(|(id, _)| *id == place).map(|(_, name)| name.clone());
        let Some(Endpoint::Channel { name: channel, .. }) = seat else { panic!("a channel") };
        let seat = irc::ChannelTarget { endpoint: place, name: channel.to_string(), key: None };
        if !self.puppets.iter().any(|it| it.account == account) {
            let wire = Wire::new(name);
            self.puppets.push(Puppet {
                account: account.clone(),
                nick: nick.clone(),
                seats: Vec::new(),
                wire,
                turned_away: false,
            });
        }
        let puppet = self.puppets.iter_mut().find(|it| it.account == account).unwrap();
        match &mut puppet.wire.machine {
            Some(machine) => {
                machine.handle_input(self.now, Input::Command(irc::IrcCommand::Join(seat)));
            }
            None => {
                puppet.wire.sent.push_back(format!("called {nick}"));
                puppet.seats = vec![seat];
            }
        }
    }

    /// Drains all machines into the bridge and the wires until all is quiet.
    pub(super) fn settle(&mut self) {
        loop {
            let happenings = self.drained();
            if happenings.is_empty() {
                return;
            }
            self.turn(happenings);
        }
    }

    /// What the machines have to tell the bridge; what they have sent is noted.
    pub(super) fn drained(&mut self) -> Vec<Event> {
        let mut happenings = Vec::new();
        for wire in &mut self.networks {
            let network = Network::new(&wire.name);
            self.lesson = wire.machine.as_ref().map(irc::IrcSession::learned_pace).or(self.lesson);
            drain(wire, ToString::to_string, |event| {
                happenings.push(Event::Irc(network.clone(), event));
            });
            wire.hush(self.now, MODES, asks_modes);
            if !self.curious {
                wire.hush(self.now, WHO, is_question);
            }
        }
        let network = Network::new(&self.networks[0].name);
        for puppet in &mut self.puppets {
            let account = &puppet.account;
            let machine = puppet.wire.machine.as_ref();
            puppet.turned_away |= machine.is_some_and(|it| it.disconnect_reason().is_some());
            drain(&mut puppet.wire, ToString::to_string, |event| {
                let (network, account) = (network.clone(), account.clone());
                happenings.push(Event::Puppet(network, account, Box::new(event)));
            });
            if !self.curious {
                puppet.wire.hush(self.now, WHO, is_question);
            }
        }
        drain(&mut self.letschat, Clone::clone, |event| {
            happenings.push(Event::LetsChat(event));
        });
        happenings
    }
}
