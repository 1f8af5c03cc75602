//! The parts of the bridge that have fields of their own, and which of them an event concerns.

use std::collections::BTreeSet;

use super::account_io::AccountEvent;
use super::canary::{Canary, CanarySchedule};
use super::commands::CommandAnswers;
use super::context::{Ctx, Step};
use super::direct::DirectMessages;
use super::endpoints::EndpointState;
use super::event::{Command, Event, Peer};
use super::letschat::RoomReceiver;
use super::linking::Linking;
use super::notices::failures::FailureNotices;
use super::notices::{outage, status};
use super::pruner::Pruner;
use super::puppet_login::PuppetLoginRequests;
use super::{
    accounts, catch_up, control, deliver, irc, letschat, linking, notices, phases, puppet_login,
    restored_reading,
};
use crate::domain::{EndpointId, LetsChatUserId, Network};
use crate::protocol::irc::IrcEvent;
use crate::protocol::letschat::LetsChatEvent;
use crate::store::StoreError;

/// The parts that have fields of their own.
#[derive(Debug)]
pub(super) struct Parts {
    rooms: RoomReceiver,
    direct: DirectMessages,
    answers: CommandAnswers,
    failures: FailureNotices,
    linking: Linking,
    puppet_logins: PuppetLoginRequests,
    /// The rooms where a delivery may start at the end of the turn.
    due_rooms: BTreeSet<EndpointId>,
    pruner: Pruner,
    canary: Canary,
}

impl Parts {
    pub(super) fn new(direct: DirectMessages) -> Self {
        Self {
            rooms: RoomReceiver::default(),
            direct,
            answers: CommandAnswers::default(),
            failures: FailureNotices::default(),
            linking: Linking::default(),
            puppet_logins: PuppetLoginRequests::default(),
            due_rooms: BTreeSet::new(),
            pruner: Pruner::default(),
            canary: Canary::default(),
        }
    }

    /// Hands an event to the parts that it concerns.
    pub(super) fn dispatch(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        match event {
            Event::Irc(network, event) => self.on_irc_event(&network, event, ctx),
            Event::LetsChat(event) => self.on_letschat_event(event, ctx),
            Event::Puppet(network, user, event) => {
                self.on_puppet_event(&network, &user, *event, ctx)
            }
            Event::PuppetDisconnected(network, user, end) => {
                irc::puppets::disconnect::on_disconnected(&network, &user, end, ctx)?;
                self.puppet_logins.on_disconnected(&network, &user, ctx)
            }
            Event::ConnectionLost(peer) => self.on_connection_lost(&peer, ctx),
            Event::Tick => self.tick(ctx),
            Event::Account(event) => match *event {
                AccountEvent::HandedOver { .. } | AccountEvent::NotHandedOver { .. } => {
                    self.linking.on_hand_over(*event, ctx)
                }
                event => accounts::on_event(event, &mut self.rooms, ctx),
            },
            Event::Link(request, asked) => self.linking.on_request(request, *asked, ctx),
            Event::PuppetLogin(request, asked) => {
                self.puppet_logins.on_request(request, *asked, ctx)
            }
            Event::PuppetLoginTried(request, result) => {
                self.puppet_logins.on_tried(request, result, ctx)
            }
            Event::Control(request, asked) => {
                control::on_request(request, asked, (&mut self.puppet_logins, &self.canary), ctx)
            }
            Event::Stop => Ok(()),
        }
    }

    /// Runs the steps that parts have left to each other, until there are none.
    pub(super) fn run_steps(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        while let Some(step) = ctx.steps.pop_front() {
            match step {
                Step::Schedule(endpoint) => self.schedule(endpoint, ctx)?,
                Step::ScheduleDirect => self.direct.schedule(ctx)?,
                Step::Answer(command, message) => {
                    let network =
                        ctx.endpoints.get(message.source).and_then(EndpointState::network);
                    if let (Some(network), true) = (network.cloned(), command.is_about_linking()) {
                        self.linking.on_command(command, (&network, &message.author), ctx)?;
                        continue;
                    }
                    let direct = self.direct.is_available(network);
                    self.answers.answer(command, &message, direct, ctx)?;
                }
                Step::AuthorMuted { source, author, other: (other, there), pause } => {
                    notices::notify_mute((&author, source), (&other, there), pause, ctx)?;
                }
                Step::ReleaseHeld(endpoint) => self.rooms.release_held(endpoint, ctx)?,
                Step::FailureRecorded => self.failures.schedule(ctx.now),
                Step::DirectFailureRecorded => self.direct.on_failure_recorded(ctx),
                Step::CanarySettled(delivery, failure) => {
                    self.canary.on_settled(delivery, failure.as_deref(), ctx.now);
                }
            }
        }
        Ok(())
    }

    /// Starts the next delivery to `endpoint`, if possible; for a room, at the end of the turn.
    fn schedule(&mut self, endpoint: EndpointId, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        match ctx.endpoints.get(endpoint) {
            Some(EndpointState::Room(_)) => {
                self.due_rooms.insert(endpoint);
                Ok(())
            }
            Some(EndpointState::Channel(channel)) => {
                let peer = Peer::Irc(channel.network.clone());
                if ctx.may_start_on(&peer) { deliver::start_next(endpoint, ctx) } else { Ok(()) }
            }
            // One more may be in flight to somebody else on that side.
            Some(EndpointState::User(_)) => self.direct.schedule(ctx),
            None => Ok(()),
        }
    }

    /// Starts what was due at the end of the turn, and what becomes due by that.
    pub(super) fn end_turn(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        while let Some(endpoint) = self.due_rooms.pop_first() {
            if ctx.may_start_on(&Peer::LetsChat) {
                deliver::start_next(endpoint, ctx)?;
            }
            self.run_steps(ctx)?;
        }
        irc::save_last_seen(ctx)
    }

    /// The networks with direct messages change.
    pub(super) fn set_direct_networks(&mut self, networks: Vec<Network>) {
        self.direct.set_networks(networks);
    }

    /// From now on, the canary is on this link, or there is none.
    pub(super) fn set_canary(
        &mut self,
        canary: Option<((EndpointId, EndpointId), CanarySchedule)>,
        ctx: &mut Ctx<'_>,
    ) {
        ctx.links.set_canary(canary.map(|(ends, _)| ends));
        self.canary.set(canary, ctx.now);
    }

    /// Forgets the channels and rooms that are no longer linked, once nothing is queued for them.
    pub(super) fn forget_drained(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        for endpoint in ctx.endpoints.leaving().clone() {
            let queue = ctx.endpoints.queue_mut(endpoint);
            if queue.map_or(Ok(true), |queue| queue.check_empty(ctx.store))? {
                self.forget_endpoint(endpoint, ctx)?;
            }
        }
        Ok(())
    }

    fn forget_endpoint(
        &mut self,
        endpoint: EndpointId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match ctx.endpoints.get(endpoint) {
            Some(EndpointState::Channel(channel)) => {
                let network = channel.network.clone();
                irc::forget(&network, endpoint, ctx)?;
            }
            Some(EndpointState::Room(_)) => self.rooms.forget(endpoint, ctx)?,
            Some(EndpointState::User(_)) | None => {}
        }
        ctx.status.clear(endpoint);
        let name = ctx.endpoints.display_name(endpoint);
        if ctx.endpoints.remove_link(endpoint).is_some() {
            tracing::info!(endpoint = name, "no longer linked");
            ctx.commands.push(Command::Unlinked(endpoint));
        }
        Ok(())
    }

    fn on_irc_event(
        &mut self,
        network: &Network,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match &event {
            IrcEvent::DirectMessage(message)
                if let Some(command) = linking::command_in(message) =>
            {
                return self.linking.on_command(command, (network, &message.author), ctx);
            }
            IrcEvent::DirectMessage(message) if self.direct.is_enabled() => {
                return self.direct.on_irc_message(network, message, ctx);
            }
            IrcEvent::DirectMessage(message) => {
                self.answers.reply_no_direct_messages(network, message, ctx);
                return Ok(());
            }
            IrcEvent::Registered { .. } => {
                self.direct.on_connected(Peer::Irc(network.clone()), ctx);
            }
            _ => {}
        }
        if !matches!(event, IrcEvent::Membership(_) | IrcEvent::NotJoined { .. }) {
            return irc::on_event(network, event, ctx);
        }
        let change = self.direct.user_change(network, &event, ctx);
        irc::on_event(network, event, ctx)?;
        change.map_or(Ok(()), |change| self.direct.on_user_change(network, change, ctx))
    }

    fn on_letschat_event(
        &mut self,
        event: LetsChatEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match &event {
            LetsChatEvent::DirectMessage(message) => {
                return self.direct.on_letschat_message(message, ctx);
            }
            LetsChatEvent::DirectMessagesEnabled(is_enabled) => {
                return self.direct.set_letschat_enabled(*is_enabled, ctx);
            }
            LetsChatEvent::LoggedIn(_) => {
                accounts::start(ctx)?;
                self.direct.on_connected(Peer::LetsChat, ctx);
            }
            LetsChatEvent::NewPost { endpoint, post } => {
                self.canary.on_post(*endpoint, &post.text, ctx.now);
            }
            LetsChatEvent::Page { endpoint, posts, .. } => {
                for post in posts {
                    self.canary.on_post(*endpoint, &post.text, ctx.now);
                }
            }
            _ => {}
        }
        letschat::on_event(event, &mut self.rooms, ctx)
    }

    fn on_puppet_event(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        event: IrcEvent,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match event {
            IrcEvent::DirectMessage(message) => {
                self.direct.on_puppet_message(network, user, &message, ctx)
            }
            IrcEvent::LoggedIn { account } => {
                puppet_login::on_accepted((network, user), &account, ctx)
            }
            IrcEvent::LoginFailed { reason } => {
                puppet_login::on_refused((network, user), &reason, &self.direct, ctx)
            }
            IrcEvent::StillAway => {
                ctx.senders.puppets_mut(network).restore_away(user);
                Ok(())
            }
            event => irc::puppets::on_event(network, user, event, ctx),
        }
    }

    fn on_connection_lost(&mut self, peer: &Peer, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        // Or the next connection would receive them.
        ctx.commands.retain(|command| !command.is_for(peer));
        match peer {
            Peer::Irc(network) => irc::on_connection_lost(network, ctx)?,
            Peer::LetsChat => letschat::on_connection_lost(&mut self.rooms, ctx)?,
        }
        self.direct.on_connection_lost(peer, ctx)
    }

    /// About every second: does what is due by time.
    fn tick(&mut self, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
        self.pruner.tick(ctx)?;
        irc::history::resume_paused(ctx)?;
        self.rooms.tick(ctx);
        restored_reading::schedule_waiting(ctx);
        outage::notify_due(ctx)?;
        control::observe(ctx);
        control::pause::notify_due(ctx)?;
        phases::tick(ctx)?;
        catch_up::feed(ctx)?;
        notices::notify_expired_mutes(ctx)?;
        status::notify_due(ctx)?;
        irc::puppets::away::show_away(ctx);
        self.failures.notify_due(self.direct.is_enabled(), ctx)?;
        self.direct.schedule(ctx)?;
        self.canary.tick(ctx)?;
        self.forget_drained(ctx)?;
        // Failures are reported as soon as they are recorded.
        self.run_steps(ctx)?;
        self.direct.report_due(ctx)
    }
}
