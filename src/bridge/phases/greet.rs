//! Tells people on IRC where the room is, or that what they say goes nowhere.
//!
//! | phase           | who                    | is told                         | how often                |
//! |-----------------|------------------------|---------------------------------|--------------------------|
//! | `moving`        | who joins or speaks, and has no own account there | where the room is  | once ever |
//! | `irc_read_only` | who speaks             | that it goes nowhere            | once a day               |
//! | `closed`        | who joins or speaks    | that the channel is closed      | once a day               |
//!
//! It is recorded before it is sent: who is told is told at most once, whatever happens meanwhile. Many at once are told
//! slowly, and the first time only while no message waits.

use std::sync::Arc;

use jiff::SignedDuration;

use super::facts::facts;
use crate::bridge::context::Ctx;
use crate::bridge::notices::notify_nick;
use crate::bridge::phase_state::greetings::{Greeting, GreetingKind, identities, is_program};
use crate::domain::{EndpointId, IrcUser, LinkPhase, Message, MessageKind, Network};
use crate::store::{PhaseTold, StoreError};
use crate::translate::{Announcement, BotCommand};

/// Nobody is reminded again within this time.
const REMINDER_INTERVAL: SignedDuration = SignedDuration::from_hours(24);

/// With more people in a channel who were told, nobody else is: a network can make up as many nicks as it likes.
const MAX_TOLD: u64 = 20_000;

/// What somebody does in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appearance {
    Joins,
    Speaks,
}

/// Somebody has joined the channel.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_joined(
    endpoint: EndpointId,
    user: &IrcUser,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    greet(endpoint, user, Appearance::Joins, ctx)
}

/// Somebody has written this in the channel just now. Commands are answered, so that they do not go nowhere.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_spoke(message: &Message, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    if message.kind == MessageKind::Notice || BotCommand::parse_in_channel(&message.body).is_some()
    {
        return Ok(());
    }
    let author = &message.author;
    let user = IrcUser {
        userhost: author.userhost.clone(),
        account: author.account.clone(),
        bot: author.bot,
        ..IrcUser::named(&author.name)
    };
    greet(message.source, &user, Appearance::Speaks, ctx)
}

/// A user has another nick or account now: they stay the same person.
///
/// # Errors
/// When the store cannot be read or written.
pub(in crate::bridge) fn on_user_changed(
    endpoints: &[EndpointId],
    before: &IrcUser,
    now: &Arc<IrcUser>,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    if before.nick == now.nick && before.account == now.account {
        return Ok(());
    }
    for endpoint in endpoints {
        if channel_phase(*endpoint, ctx).is_none() {
            continue;
        }
        let Some(channel) = ctx.endpoints.channel(*endpoint) else { continue };
        let casemapping = channel.roster.casemapping();
        let told = ctx.store.phase_told(*endpoint, &identities(before, casemapping))?;
        if told != PhaseTold::default() && has_room(*endpoint, ctx)? {
            ctx.store.set_phase_told(*endpoint, identities(now, casemapping), told)?;
        }
    }
    Ok(())
}

fn greet(
    endpoint: EndpointId,
    user: &IrcUser,
    appearance: Appearance,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let Some(kind) = kind_for(endpoint, appearance, ctx) else { return Ok(()) };
    let Some(channel) = ctx.endpoints.channel(endpoint) else { return Ok(()) };
    let network = channel.network.clone();
    if is_program(user)
        || ctx.senders.is_puppet_nick(&network, &user.nick)
        || kind == GreetingKind::Welcome && ctx.senders.accounts.has_own(&network, user)
    {
        return Ok(());
    }
    let identities = identities(user, channel.roster.casemapping());
    if is_told(endpoint, &identities, kind, ctx)? {
        return Ok(());
    }
    let nick = user.nick.clone();
    ctx.phases.greetings.push(Greeting { network, channel: endpoint, nick, identities, kind });
    send_due(ctx)
}

/// The phase that says what people in the channel are told: what they say reaches somebody as long as one link lets it
/// pass. `None` if they are told nothing.
fn channel_phase(endpoint: EndpointId, ctx: &Ctx<'_>) -> Option<LinkPhase> {
    let phases = || ctx.links.with_end(endpoint).map(|link| link.phase);
    match phases().min()? {
        LinkPhase::Together => phases().find(|phase| *phase == LinkPhase::Moving),
        phase => Some(phase),
    }
}

/// What somebody is told who joins or speaks, if anything.
fn kind_for(endpoint: EndpointId, appearance: Appearance, ctx: &Ctx<'_>) -> Option<GreetingKind> {
    match (channel_phase(endpoint, ctx)?, appearance) {
        (LinkPhase::Moving, _) => Some(GreetingKind::Welcome),
        (LinkPhase::IrcReadOnly, Appearance::Speaks) | (LinkPhase::Closed, _) => {
            Some(GreetingKind::Reminder)
        }
        (LinkPhase::IrcReadOnly, Appearance::Joins) | (LinkPhase::Together, _) => None,
    }
}

fn is_told(
    endpoint: EndpointId,
    identities: &[String],
    kind: GreetingKind,
    ctx: &Ctx<'_>,
) -> Result<bool, StoreError> {
    let told = ctx.store.phase_told(endpoint, identities)?;
    let interval = SignedDuration::ZERO..REMINDER_INTERVAL;
    Ok(match kind {
        GreetingKind::Welcome => told.welcomed_at.is_some(),
        GreetingKind::Reminder => {
            told.reminded_at.is_some_and(|at| interval.contains(&ctx.now.duration_since(at)))
        }
    })
}

fn has_room(endpoint: EndpointId, ctx: &Ctx<'_>) -> Result<bool, StoreError> {
    Ok(ctx.store.phase_told_count(endpoint)? < MAX_TOLD)
}

/// Tells those who wait, as fast as that is allowed.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) fn send_due(ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    while !ctx.phases.greetings.is_empty() {
        let (peers, endpoints) = (&*ctx.peers, &*ctx.endpoints);
        let is_idle = |network: &Network| {
            let mut channels = endpoints.channels_on(network);
            channels.all(|(_, it)| !it.queue.is_open() || it.queue.head().is_none())
        };
        let is_ready = |network: &Network, kind| {
            peers.is_connected(network) && (kind == GreetingKind::Reminder || is_idle(network))
        };
        let Some(next) = ctx.phases.greetings.pop(ctx.now, is_ready) else { return Ok(()) };
        tell(&next, ctx)?;
    }
    Ok(())
}

/// Tells somebody, if they are still there and do not know it.
fn tell(greeting: &Greeting, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    let Greeting { network, channel, nick, identities, kind } = greeting;
    let roster = ctx.endpoints.channel(*channel).map(|channel| &channel.roster);
    let is_there = roster.is_some_and(|roster| roster.get(nick).is_some());
    if !is_there || is_told(*channel, identities, *kind, ctx)? || !has_room(*channel, ctx)? {
        return Ok(());
    }
    let Some(text) = text_for(*channel, nick, *kind, ctx)? else { return Ok(()) };
    let told = match kind {
        GreetingKind::Welcome => PhaseTold { welcomed_at: Some(ctx.now), ..PhaseTold::default() },
        GreetingKind::Reminder => PhaseTold { reminded_at: Some(ctx.now), ..PhaseTold::default() },
    };
    ctx.store.set_phase_told(*channel, identities.clone(), told)?;
    ctx.phases.greetings.count(network, ctx.now);
    notify_nick(network, nick, text, ctx);
    Ok(())
}

/// What they are told; `None` if the phase is another one by now, or the text is empty.
fn text_for(
    channel: EndpointId,
    nick: &str,
    kind: GreetingKind,
    ctx: &Ctx<'_>,
) -> Result<Option<String>, StoreError> {
    let Some(phase) = channel_phase(channel, ctx) else { return Ok(None) };
    let texts = &ctx.policy.announcements;
    let is_linkable = ctx.policy.link_page.is_some();
    let parts: Vec<&Announcement> = match (phase, kind) {
        (LinkPhase::Moving, GreetingKind::Welcome) if is_linkable && !texts.welcome.is_empty() => {
            vec![&texts.welcome, &texts.welcome_link]
        }
        (LinkPhase::Moving, GreetingKind::Welcome) => vec![&texts.welcome],
        (LinkPhase::IrcReadOnly, GreetingKind::Reminder) => vec![&texts.read_only_notice],
        (LinkPhase::Closed, GreetingKind::Reminder) => vec![&texts.closed_notice],
        _ => return Ok(None),
    };
    let links = ctx.links.with_end(channel).filter(|link| link.phase == phase);
    let ends: Vec<_> = links.map(|link| (link.channel, link.room)).collect();
    let mut facts = facts(&ends, ctx)?;
    nick.clone_into(&mut facts.nick);
    let parts: Vec<String> =
        parts.into_iter().filter(|text| !text.is_empty()).map(|text| text.render(&facts)).collect();
    Ok((!parts.is_empty()).then(|| parts.join(". ")))
}
