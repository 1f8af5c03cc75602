//! Settings of a world: what a test changes before its story begins.

use std::sync::Arc;

use jiff::SignedDuration;
use letsbridge::bridge::{
    AccountPolicy, BridgePolicy, CanaryConfig, LinkMode, NickPolicy, NickSource,
};
use letsbridge::domain::{Endpoint, FloodControl, LinkFlow, LinkPhase};
use letsbridge::protocol::irc;
use letsbridge::translate::{LinkFormat, MergeLines, RoomFormat};

use super::{World, endpoint, links};
use crate::store::new_store;

impl World {
    /// Without flood control: the bridge sends all lines at once.
    pub(crate) fn unpaced(mut self) -> Self {
        self.flood_control = FloodControl::Off;
        self
    }

    /// The stories tell of WHO, WHOIS and NAMES, and answer them.
    pub(crate) fn telling_queries(mut self) -> Self {
        self.tells_queries = true;
        self
    }

    /// `nick` may invite the bridge.
    pub(crate) fn with_inviter(mut self, nick: &str) -> Self {
        self.request_invite_from = Some(nick.to_owned());
        self
    }

    /// Changes who the bridge is on IRC.
    pub(crate) fn with_identity(mut self, change: impl FnOnce(&mut irc::IrcIdentity)) -> Self {
        change(&mut self.identity);
        self
    }

    /// The connection to IRC is not encrypted.
    pub(crate) fn without_tls(mut self) -> Self {
        self.is_tls = false;
        self
    }

    /// Under another policy.
    pub(crate) fn with_policy(mut self, policy: BridgePolicy) -> Self {
        self.policy = policy;
        self.restart();
        self
    }

    /// Lines are never merged: each becomes a post of its own.
    pub(crate) fn without_merging(mut self) -> Self {
        let room = RoomFormat { merge_lines: MergeLines::Never, ..RoomFormat::default() };
        self.format = Arc::new(LinkFormat { room, ..LinkFormat::default() });
        self.restart();
        self
    }

    /// With another format than the default.
    pub(crate) fn with_format(mut self, format: LinkFormat) -> Self {
        self.format = Arc::new(format);
        self.restart();
        self
    }

    /// Other groups of endpoints are linked from the next restart or upgrade on.
    pub(crate) fn set_links(&mut self, link_groups: &[&str]) {
        self.link_groups =
            link_groups.iter().map(|it| it.split(' ').map(endpoint).collect()).collect();
    }

    /// Another format from the next restart or reload on.
    pub(crate) fn set_format(&mut self, format: LinkFormat) {
        self.format = Arc::new(format);
    }

    /// The bridge asks for the users of each room.
    pub(crate) fn with_user_lists(mut self) -> Self {
        self.user_lists = true;
        self
    }

    /// With direct messages.
    pub(crate) fn with_direct_messages(mut self) -> Self {
        self.direct_messages = true;
        self.restart();
        self
    }

    /// A line that may have arrived is not sent again.
    pub(crate) fn with_drop_unconfirmed(mut self) -> Self {
        self.drop_unconfirmed = true;
        self.restart();
        self
    }

    /// With a canary in `office/#canary` and the room `canary`.
    pub(crate) fn with_canary(mut self) -> Self {
        self.set_canary(Some(300));
        self.restart();
        self
    }

    /// From the next restart or reload on, the canary is sent each so many seconds, or never.
    pub(crate) fn set_canary(&mut self, interval: Option<i64>) {
        self.canary = interval.map(|interval| CanaryConfig {
            channel: endpoint("office/#canary"),
            room: endpoint("canary"),
            interval: SignedDuration::from_secs(interval),
            timeout: SignedDuration::from_secs(30),
        });
    }

    /// The link of this channel and this room has been in this phase and direction from its first day on.
    pub(crate) fn begun_with(mut self, phase: LinkPhase, flow: LinkFlow) -> Self {
        let (channel, room) = ("office/#tea", "tea");
        self.set_phase(channel, room, phase);
        self.set_direction(channel, room, flow);
        self.store = new_store();
        self.restart();
        self
    }

    /// From the next restart or reload on, the link of this channel and this room is in this phase.
    pub(crate) fn set_phase(&mut self, channel: &str, room: &str, phase: LinkPhase) {
        self.mode_of(channel, room).phase = phase;
    }

    /// From the next restart or reload on, the link of this channel and this room mirrors only this way.
    pub(crate) fn set_direction(&mut self, channel: &str, room: &str, flow: LinkFlow) {
        self.mode_of(channel, room).flow = flow;
    }

    fn mode_of(&mut self, channel: &str, room: &str) -> &mut LinkMode {
        let (channel, room) = (endpoint(channel), endpoint(room));
        let is_known = |mode: &LinkMode| (&mode.channel, &mode.room) == (&channel, &room);
        let at = self.link_modes.iter().position(is_known).unwrap_or_else(|| {
            let (phase, flow) = (LinkPhase::default(), LinkFlow::default());
            self.link_modes.push(LinkMode { channel, room, phase, flow });
            self.link_modes.len() - 1
        });
        &mut self.link_modes[at]
    }

    /// Files get links that need no account.
    pub(crate) fn with_public_links(mut self) -> Self {
        self.public_links = true;
        self.restart();
        self
    }

    /// People of IRC speak by accounts of their own in Let's Chat, with this policy changed.
    pub(crate) fn with_accounts(mut self, change: impl FnOnce(&mut AccountPolicy)) -> Self {
        self.accounts = AccountPolicy {
            by_default: true,
            for_unregistered: true,
            username: "{nick}.irc".to_owned(),
            email: "{user}@irc.invalid".to_owned(),
            max: 10,
            after_lines: 1,
            link_requires_account: true,
            ..AccountPolicy::default()
        };
        change(&mut self.accounts);
        self.restart();
        self
    }

    /// Let's Chat users have nicks of their own in all channels.
    pub(crate) fn with_nicks(self, source: NickSource, template: &str) -> Self {
        let channels = self.link_groups.iter().flatten().filter(|it| it.network().is_some());
        let channels: Vec<Endpoint> = channels.cloned().collect();
        channels
            .into_iter()
            .fold(self, |world, channel| world.add_nick_policy(channel, source, template))
    }

    /// Let's Chat users have nicks of their own in this channel.
    pub(crate) fn with_nicks_in(self, channel: &str, source: NickSource, template: &str) -> Self {
        self.add_nick_policy(endpoint(channel), source, template)
    }

    fn add_nick_policy(mut self, channel: Endpoint, source: NickSource, template: &str) -> Self {
        self.nicks.push((channel, NickPolicy { source, template: template.to_owned() }));
        self.restart();
        self
    }

    /// A link to the file `id`, as the bridge makes it now.
    pub(crate) fn link(&self, id: &str, name: &str) -> String {
        links().file_link(id, name, self.clock).unwrap()
    }
}
