//! Does what the service does: applies events, commits, and executes the commands.

use std::sync::Arc;
use std::time::Duration;

use letsbridge::bridge::{
    Bridge, BridgeConfig, BridgePolicy, Command, ControlError, ControlReply, ControlRequest, Event,
    PuppetCommand,
};
use letsbridge::domain::{Endpoint, EndpointId, LetsChatUserId, Network, PuppetLogin};
use letsbridge::protocol::irc;
use letsbridge::protocol::{Input, Machine};
use letsbridge::store::Restoration;
use letsbridge::translate::LinkFormat;

use super::calls::Calls;
use super::sessions::Puppet;
use super::wire::{MODES, WHO, Wire, drain, is_mode_query, is_user_query};
use super::{World, links};

impl World {
    /// What is committed now is a backup, which is restored after `time`; the process starts with it.
    pub(super) fn restored(&mut self, time: &str) {
        let seconds = time.strip_suffix('s').and_then(|s| s.parse().ok());
        let backup_at = self.clock;
        self.clock += Duration::from_secs(seconds.expect("a time like 25s"));
        let mark = Restoration { backup_at, restored_at: self.clock };
        self.store.mark_restored(mark).unwrap();
        self.restart();
    }

    /// The process is killed some time after all that was told, and started again.
    pub(super) fn restart(&mut self) {
        self.store.sync().unwrap();
        self.kill();
    }

    /// The process is killed and started again with what was committed.
    pub(super) fn kill(&mut self) {
        for wire in &mut self.networks {
            wire.machine = None;
        }
        self.puppets.clear();
        self.letschat.machine = None;
        self.calls = Calls::default();
        self.store.forget_uncommitted().unwrap();
        self.bridge = Bridge::new(self.config(), self.clock, &mut self.store).unwrap();
    }

    /// What the bridge is configured with.
    pub(super) fn config(&self) -> BridgeConfig {
        let networks = self.networks.iter().map(|wire| Network::new(&wire.name));
        let dropping = networks.filter(|_| self.drop_unconfirmed).collect();
        let direct_networks: Vec<Network> = self
            .networks
            .iter()
            .filter(|_| self.direct_messages)
            .map(|wire| Network::new(&wire.name))
            .collect();
        BridgeConfig {
            groups: self.link_groups.clone(),
            policy: BridgePolicy { drop_unconfirmed: dropping, ..self.policy.clone() },
            format: Arc::clone(&self.format),
            link_formats: linked(&self.link_groups, &self.format),
            link_modes: self.link_modes.clone(),
            public_links: self.public_links.then(links),
            nick_policies: self.nicks.clone(),
            accounts: self.accounts.clone(),
            direct_messages: direct_networks,
            canary: self.canary.clone(),
        }
    }

    /// An administrator asks this. Returns the answer.
    pub(crate) fn control(
        &mut self,
        request: ControlRequest,
    ) -> Result<ControlReply, ControlError> {
        self.apply(Event::Control(1, request));
        self.settle();
        self.answers.pop().expect("an answer")
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.apply_all(vec![event]);
    }

    pub(super) fn apply_all(&mut self, events: Vec<Event>) {
        let mut commands = Vec::new();
        for event in events {
            self.bridge.apply(self.clock, event, &mut self.store, &mut commands).unwrap();
        }
        self.end_turn(commands);
    }

    /// Ends a turn, and executes its commands.
    pub(super) fn end_turn(&mut self, mut commands: Vec<Command>) {
        self.bridge.end_turn(self.clock, &mut self.store, &mut commands).unwrap();
        self.store.commit().unwrap();
        for command in commands {
            match command {
                Command::Irc(network, command) => {
                    let wire = self.networks.iter_mut().find(|wire| wire.name == network.as_str());
                    if let Some(machine) = wire.and_then(|wire| wire.machine.as_mut()) {
                        machine.handle_input(self.now, Input::Command(command));
                    }
                }
                Command::Puppets(
                    _,
                    PuppetCommand::Connect { user, nick, username, endpoint, login },
                ) => {
                    self.call(user, (nick, login.map(|it| *it)), &username, endpoint);
                }
                Command::Puppets(_, PuppetCommand::TryLogin { login, .. }) => {
                    self.trials.push(*login);
                }
                Command::Puppets(_, PuppetCommand::ChangeLogin(account, _)) => {
                    let puppet = self.puppets.iter_mut().find(|it| it.account == account);
                    if let Some(puppet) = puppet.filter(|it| it.wire.machine.is_some()) {
                        puppet.wire.sent.push_back("changes login".to_owned());
                    }
                }
                Command::Puppets(_, PuppetCommand::Send(account, command)) => {
                    let puppet = self.puppets.iter_mut().find(|it| it.account == account);
                    if let Some(machine) = puppet.and_then(|it| it.wire.machine.as_mut()) {
                        machine.handle_input(self.now, Input::Command(command));
                    }
                }
                Command::Account(command) => self.pool.on_command(command),
                Command::Unlinked(endpoint) => self.leave(endpoint),
                Command::LinkReply(_, reply) => self.replies.push(reply),
                Command::PuppetLoginReply(_, reply) => self.login_replies.push(reply),
                Command::ControlReply(_, answer) => self.answers.push(answer),
                Command::LetsChat(command) => {
                    if let Some(machine) = self.letschat.machine.as_mut() {
                        machine.handle_input(self.now, Input::Command(command));
                    }
                }
            }
        }
    }

    fn call(
        &mut self,
        account: LetsChatUserId,
        (nick, login): (String, Option<PuppetLogin>),
        name: &str,
        endpoint: EndpointId,
    ) {
        let channel =
            self.bridge.endpoints().find(|(id, _)| *id == endpoint).map(|(_, name)| name.clone());
        let Some(Endpoint::Channel { name: channel, .. }) = channel else { panic!("a channel") };
        let channel = irc::ChannelTarget { endpoint, name: channel.to_string(), key: None };
        if !self.puppets.iter().any(|it| it.account == account) {
            let wire = Wire::new(name);
            self.puppets.push(Puppet {
                account: account.clone(),
                nick: nick.clone(),
                channels: Vec::new(),
                wire,
                login: None,
                is_rejected: false,
            });
        }
        let puppet = self.puppets.iter_mut().find(|it| it.account == account).unwrap();
        match &mut puppet.wire.machine {
            Some(machine) => {
                machine.handle_input(self.now, Input::Command(irc::IrcCommand::Join(channel)));
            }
            None => {
                let account = login.as_ref().and_then(|login| login.account.as_deref());
                let suffix = account.map(|account| format!(" as {account}")).unwrap_or_default();
                puppet.wire.sent.push_back(format!("called {nick}{suffix}"));
                puppet.login = login;
                puppet.channels = vec![channel];
            }
        }
    }

    /// Passes the output of all machines to the bridge and to the wires, until there is none.
    pub(super) fn settle(&mut self) {
        loop {
            let events = self.drained();
            if events.is_empty() {
                return;
            }
            self.apply_all(events);
        }
    }

    /// The events of all machines. Records what they have sent.
    pub(super) fn drained(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for wire in &mut self.networks {
            let network = Network::new(&wire.name);
            self.learned_pace =
                wire.machine.as_ref().map(irc::IrcSession::learned_pace).or(self.learned_pace);
            drain(wire, ToString::to_string, |event| {
                events.push(Event::Irc(network.clone(), event));
            });
            wire.drop_untold(self.now, MODES, is_mode_query);
            if !self.tells_queries {
                wire.drop_untold(self.now, WHO, is_user_query);
            }
        }
        let network = Network::new(&self.networks[0].name);
        for puppet in &mut self.puppets {
            let account = &puppet.account;
            let machine = puppet.wire.machine.as_ref();
            puppet.is_rejected |= machine.is_some_and(|it| it.disconnect_reason().is_some());
            drain(&mut puppet.wire, ToString::to_string, |event| {
                let (network, account) = (network.clone(), account.clone());
                events.push(Event::Puppet(network, account, Box::new(event)));
            });
            if !self.tells_queries {
                puppet.wire.drop_untold(self.now, WHO, is_user_query);
            }
        }
        drain(&mut self.letschat, Clone::clone, |event| {
            events.push(Event::LetsChat(event));
        });
        events
    }
}

/// The links of groups with one room, or with one channel.
fn linked(
    groups: &[Vec<Endpoint>],
    format: &Arc<LinkFormat>,
) -> Vec<(Endpoint, Endpoint, Arc<LinkFormat>)> {
    let mut links = Vec::new();
    for group in groups {
        let (channels, rooms): (Vec<&Endpoint>, Vec<&Endpoint>) =
            group.iter().partition(|endpoint| endpoint.network().is_some());
        for channel in &channels {
            let rooms = if channels.len() == 1 { &rooms[..] } else { &rooms[..rooms.len().min(1)] };
            let link = |room: &&Endpoint| ((*channel).clone(), (*room).clone(), Arc::clone(format));
            links.extend(rooms.iter().map(link));
        }
    }
    links
}
