//! Does what the service does when the configuration is read again.

use letsbridge::domain::{Endpoint, EndpointId, Network};
use letsbridge::protocol::irc::{ChannelTarget, IrcCommand};
use letsbridge::protocol::letschat::{LetsChatCommand, RoomTarget};
use letsbridge::protocol::{Input, Machine};

use super::{World, endpoint};

impl World {
    /// These groups of endpoints are linked from now on.
    pub(crate) fn relink(&mut self, link_groups: &[&str]) {
        self.link_groups =
            link_groups.iter().map(|it| it.split(' ').map(endpoint).collect()).collect();
        self.reload();
    }

    /// The bridge is configured anew while it runs. The open sessions are told which channels and rooms there are.
    pub(crate) fn reload(&mut self) {
        let (config, mut commands) = (self.config(), Vec::new());
        self.bridge.reconfigure(config, self.clock, &mut self.store, &mut commands).unwrap();
        let mut endpoints: Vec<(EndpointId, Endpoint)> =
            self.bridge.endpoints().map(|(id, name)| (id, name.clone())).collect();
        endpoints.sort();
        self.end_turn(commands);
        for (endpoint, name) in endpoints {
            match name {
                Endpoint::Channel { network, name } => {
                    let name = name.to_string();
                    self.command_irc(
                        &network,
                        IrcCommand::Join(ChannelTarget { endpoint, name, key: None }),
                    );
                }
                Endpoint::Room(name) => {
                    let name = name.to_string();
                    self.command_letschat(LetsChatCommand::JoinRoom(RoomTarget {
                        endpoint,
                        name,
                        password: None,
                    }));
                }
            }
        }
        self.settle();
    }

    /// Nothing is queued any more for an endpoint that is no longer linked: the session that is there leaves it.
    pub(super) fn leave(&mut self, endpoint: EndpointId) {
        let networks: Vec<Network> =
            self.networks.iter().map(|wire| Network::new(&wire.name)).collect();
        for network in networks {
            let reason = "no longer linked".to_owned();
            self.command_irc(&network, IrcCommand::Part { endpoint, reason });
        }
        self.command_letschat(LetsChatCommand::LeaveRoom(endpoint));
    }

    fn command_irc(&mut self, network: &Network, command: IrcCommand) {
        let wire = self.networks.iter_mut().find(|wire| wire.name == network.as_str());
        if let Some(machine) = wire.and_then(|wire| wire.machine.as_mut()) {
            machine.handle_input(self.now, Input::Command(command));
        }
    }

    fn command_letschat(&mut self, command: LetsChatCommand) {
        if let Some(machine) = self.letschat.machine.as_mut() {
            machine.handle_input(self.now, Input::Command(command));
        }
    }
}
