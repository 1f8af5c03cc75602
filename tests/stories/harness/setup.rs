//! The worlds in which stories are told: what a test changes before it begins.

use std::sync::Arc;

use letsbridge::bridge::{BridgePolicy, NickPolicy, NickSource};
use letsbridge::domain::{Endpoint, FloodControl};
use letsbridge::protocol::irc;
use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat};

use super::{World, links, place};

impl World {
    /// The same without flood control: the bridge sends what it has to say at once.
    pub(crate) fn unpaced(mut self) -> Self {
        self.flood_control = FloodControl::Off;
        self
    }

    /// The same where the bridge is answered who is there.
    pub(crate) fn curious(mut self) -> Self {
        self.curious = true;
        self
    }

    /// The same where `whom` may invite the bridge.
    pub(crate) fn invited_by(mut self, whom: &str) -> Self {
        self.invited_by = Some(whom.to_owned());
        self
    }

    /// The same where the bridge comes as what `change` makes of who it is.
    pub(crate) fn coming_as(mut self, change: impl FnOnce(&mut irc::IrcIdentity)) -> Self {
        change(&mut self.identity);
        self
    }

    /// The same where everybody can listen in to what goes to IRC.
    pub(crate) fn in_the_clear(mut self) -> Self {
        self.secure = false;
        self
    }

    /// The same under another policy.
    pub(crate) fn under(mut self, policy: BridgePolicy) -> Self {
        self.policy = policy;
        self.restart();
        self
    }

    /// The same where lines are never joined: each is a post of its own, as it came.
    pub(crate) fn never_joining(mut self) -> Self {
        let room = RoomFormat { merge_lines: MergeLines::Never, ..RoomFormat::default() };
        self.manners = Arc::new(LinkFormat { room, ..LinkFormat::default() });
        self.restart();
        self
    }

    /// The same in other manners than those that the bridge is shipped with.
    pub(crate) fn mannered(mut self, manners: LinkFormat) -> Self {
        self.manners = Arc::new(manners);
        self.restart();
        self
    }

    /// The same where whoever is in the rooms is asked for.
    pub(crate) fn asking_people(mut self) -> Self {
        self.asks_people = true;
        self
    }

    /// The same where people can talk in private.
    pub(crate) fn whispering(mut self) -> Self {
        self.whispering = true;
        self.restart();
        self
    }

    /// The same where nothing is said again that may have arrived.
    pub(crate) fn dropping(mut self) -> Self {
        self.drop = true;
        self.restart();
        self
    }

    /// The same where files become links for people without an account.
    pub(crate) fn linking(mut self) -> Self {
        self.linked = true;
        self.restart();
        self
    }

    /// The same where people of Let's Chat are heard under nicks of their own.
    pub(crate) fn under_nicks(self, source: NickSource, template: &str) -> Self {
        let channels = self.conversations.iter().flatten().filter(|it| it.network().is_some());
        let channels: Vec<Endpoint> = channels.cloned().collect();
        channels.into_iter().fold(self, |world, channel| world.nicked(channel, source, template))
    }

    /// The same in this channel.
    pub(crate) fn under_nicks_in(self, channel: &str, source: NickSource, template: &str) -> Self {
        self.nicked(place(channel), source, template)
    }

    fn nicked(mut self, channel: Endpoint, source: NickSource, template: &str) -> Self {
        self.nicks.push((channel, NickPolicy { source, template: template.to_owned() }));
        self.restart();
        self
    }

    /// A link to the file `id`, as the bridge makes it now.
    pub(crate) fn link(&self, id: &str, name: &str) -> String {
        links().file_link(id, name, self.clock).unwrap()
    }
}
