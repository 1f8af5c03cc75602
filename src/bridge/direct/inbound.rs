//! Handles incoming direct messages: who the sender is, and for whom the message is.

use super::lookup::UserMatch;
use super::rate_limit::RateDecision;
use super::threads::{Correspondent, DmTarget};
use super::{DM_INTERVAL, replies};
use crate::bridge::{Bridge, Command, Ctx, EndpointState, Peer};
use crate::domain::{Author, EndpointId, LetsChatUserId, MessageKind, Network, UserRef};
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::protocol::letschat::{self, DirectMessage};
use crate::store::StoreError;
use crate::translate::DmAddress;

/// The shared rate limit of users who are in none of our endpoints.
const UNKNOWN_USERS: EndpointId = EndpointId(0);

/// The start of a message encrypted with OTR, or of a request for that.
const OTR_PREFIX: &str = "?OTR";

/// Maximum number of users listed.
const MAX_NAMES: usize = 30;

/// The sender of a direct message.
#[derive(Debug)]
pub(super) struct DmSender {
    pub(super) user: UserRef,
    pub(super) endpoint: EndpointId,
    pub(super) author: Author,
}

/// A direct message received.
#[derive(Debug, Clone, Copy)]
pub(super) struct DmText<'t> {
    pub(super) kind: MessageKind,
    pub(super) body: &'t str,
    /// Its id on the network.
    pub(super) remote_id: Option<&'t str>,
}

impl Bridge {
    /// A direct message to the bot on IRC.
    pub(in crate::bridge) fn on_irc_dm(
        &mut self,
        network: &Network,
        talk: &IncomingMessage,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(writer) = self.resolve_dm_sender(network, talk, turn)? else { return Ok(()) };
        let native = talk.message_ref.msgid.as_deref();
        self.handle_dm(
            &writer,
            DmText { kind: talk.kind, body: &talk.text, remote_id: native },
            turn,
        )
    }

    /// The sender of this message; `None` if they cannot use direct messages. Users in none of our channels
    /// are notified.
    fn resolve_dm_sender(
        &mut self,
        network: &Network,
        talk: &IncomingMessage,
        turn: &mut Ctx<'_>,
    ) -> Result<Option<DmSender>, StoreError> {
        let nick = talk.author.name.as_str();
        if !self.direct.is_enabled_on(network)
            || talk.author.bot
            || self.senders.is_puppet_nick(network, nick)
        {
            return Ok(None);
        }
        let found = self.find_by_nick(network, nick);
        if !self.is_heard(Some(network), found.as_ref().map(|it| &it.user), turn) {
            return Ok(None);
        }
        let Some(UserMatch { user: party, .. }) = found else {
            if self.direct.reply_limiter.take(UNKNOWN_USERS, turn.now) == RateDecision::Allow {
                let (nick, text) = (nick.to_owned(), replies::NOT_IN_A_CHANNEL.to_owned());
                let order = irc::IrcCommand::SendNotice { nick, text };
                turn.commands.push(Command::Irc(network.clone(), order));
            }
            return Ok(None);
        };
        let place = self.user_endpoint_id(&party, nick, turn)?;
        Ok(Some(DmSender { user: party, endpoint: place, author: talk.author.clone() }))
    }

    /// Whether messages from `network`, or from Let's Chat, are processed now. This bounds the total work; a
    /// single user over the limit does not affect others.
    fn is_heard(
        &mut self,
        network: Option<&Network>,
        party: Option<&UserRef>,
        turn: &Ctx<'_>,
    ) -> bool {
        let place = party.and_then(|party| self.direct.endpoints_by_user.place(party));
        if place.is_some_and(|place| self.direct.dm_limiter.is_told(place, turn.now)) {
            return false;
        }
        let peer = network.map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()));
        let crowd = self.direct.crowd(network);
        let mut may = self.direct.crowds.take(crowd, turn.now);
        if may == RateDecision::Allow && party.is_some() && place.is_none() {
            may = self.direct.newcomers.take(crowd, turn.now);
        }
        if may == RateDecision::DenyAndNotify {
            tracing::warn!(%peer, "too many private messages; ignoring them for a while");
        }
        may == RateDecision::Allow
    }

    /// Whether the sender is within their rate limit; notifies them once if not.
    fn check_dm_rate(&mut self, writer: &DmSender, turn: &mut Ctx<'_>) -> bool {
        let may = self.direct.dm_limiter.take(writer.endpoint, turn.now);
        if may == RateDecision::DenyAndNotify {
            self.notify_user(&writer.user, &replies::rate_limited_text(DM_INTERVAL), turn);
        }
        may == RateDecision::Allow
    }

    /// A direct message on IRC to the puppet of this user, who is the recipient.
    pub(in crate::bridge) fn on_puppet_dm(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        talk: &IncomingMessage,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(writer) = self.resolve_dm_sender(network, talk, turn)? else { return Ok(()) };
        if !self.check_dm_rate(&writer, turn) {
            return Ok(());
        }
        let party = UserRef::LetsChat(account.clone());
        let name = self.username_in_rooms(&account.0).unwrap_or("somebody").to_owned();
        let reader = UserMatch { user: party, name };
        let native = talk.message_ref.msgid.as_deref();
        let text = DmText { kind: talk.kind, body: &talk.text, remote_id: native };
        self.ingest_dm(&writer, &reader, text, turn).map(drop)
    }

    /// A direct message on Let's Chat to or from the bot.
    pub(in crate::bridge) fn on_letschat_dm(
        &mut self,
        whisper: &DirectMessage,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let ours =
            self.letschat_account.as_ref().is_none_or(|account| account.id == whisper.author_id);
        if ours {
            return Ok(());
        }
        if self.direct.networks.is_empty() {
            self.whispered_in_vain(whisper, turn);
            return Ok(());
        }
        let party = UserRef::LetsChat(LetsChatUserId(whisper.author_id.as_str().into()));
        let Some(name) = self.username_in_rooms(&whisper.author_id) else {
            tracing::debug!(
                user = whisper.author_id,
                "private message ignored: its author is in no linked room"
            );
            return Ok(());
        };
        let name = name.to_owned();
        if !self.is_heard(None, Some(&party), turn) {
            return Ok(());
        }
        let place = self.user_endpoint_id(&party, &name, turn)?;
        let author = Author { account: Some(whisper.author_id.clone()), ..Author::named(&name) };
        let writer = DmSender { user: party, endpoint: place, author };
        let Some(id) = whisper.id.filter(|_| !whisper.text.starts_with(OTR_PREFIX)) else {
            let text = "not sent: encrypted messages cannot be bridged";
            self.reply_to_user((&writer.user, place), text, turn);
            return Ok(());
        };
        let text = DmText {
            kind: MessageKind::Text,
            body: &whisper.text,
            remote_id: Some(&id.to_string()),
        };
        self.handle_dm(&writer, text, turn)
    }

    /// A direct message on Let's Chat while direct messages are disabled. Notices of other bridges get no
    /// reply.
    fn whispered_in_vain(&mut self, whisper: &DirectMessage, turn: &mut Ctx<'_>) {
        let answerable = !whisper.text.starts_with(replies::BRIDGE_PREFIX.trim_end());
        if answerable
            && self.direct.reply_limiter.take(UNKNOWN_USERS, turn.now) == RateDecision::Allow
        {
            let ours = self.own_name_for(&UserRef::LetsChat(LetsChatUserId(
                whisper.author_id.as_str().into(),
            )));
            let text = format!("{}{}", replies::BRIDGE_PREFIX, replies::in_vain(&ours));
            let user = whisper.author_id.clone();
            turn.commands.push(Command::LetsChat(letschat::LetsChatCommand::SendDirectNotice {
                user,
                text,
            }));
        }
    }

    /// The name of this user, if seen in one of our rooms.
    fn username_in_rooms(&self, account: &str) -> Option<&str> {
        self.endpoints.values().find_map(|spot| spot.room_members.username_of(account))
    }

    /// The endpoint id of this user, currently called `name`.
    pub(super) fn user_endpoint_id(
        &mut self,
        party: &UserRef,
        name: &str,
        turn: &mut Ctx<'_>,
    ) -> Result<EndpointId, StoreError> {
        let place = match self.direct.endpoints_by_user.place(party) {
            Some(place) => place,
            None => turn.store.user_endpoint_id(party)?,
        };
        self.direct.endpoints_by_user.meet(party, place, name);
        let lanes = &self.direct.recipients;
        if let Some((place, name)) = self
            .direct
            .endpoints_by_user
            .too_many(party, |it| it == place || lanes.contains_key(&it))
        {
            self.direct.endpoints_by_user.forget(place);
            self.direct.threads.remove_user(place, &name);
        }
        Ok(place)
    }

    fn handle_dm(
        &mut self,
        writer: &DmSender,
        text: DmText<'_>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let place = writer.endpoint;
        if text.remote_id.map_or(Ok(false), |native| turn.store.contains(place, native))? {
            return Ok(());
        }
        let body = text.body.to_owned();
        let ours = self.own_name_for(&writer.user);
        let addressed = match text.kind {
            MessageKind::Text => DmAddress::parse(&body, &ours),
            MessageKind::Action | MessageKind::Notice => DmAddress::Implicit,
        };
        if !self.check_dm_rate(writer, turn) {
            // What follows must not reach somebody whom this message was not for.
            if let DmAddress::To { name, .. } | DmAddress::MaybeTo { name, .. } = addressed {
                self.set_unreachable_correspondent(place, name, turn);
            }
            return Ok(());
        }
        match addressed {
            DmAddress::Help => {
                self.reply_to_sender(writer, &replies::help_text(&writer.user), turn)
            }
            DmAddress::Who => {
                let text = self.reachable_users_text(&writer.user);
                self.reply_to_sender(writer, &text, turn);
            }
            DmAddress::To { name, text: said } if name.is_empty() || said.is_empty() => {
                self.set_unreachable_correspondent(place, name, turn);
                self.reply_to_sender(
                    writer,
                    &format!("usage: {}", replies::usage(&writer.user)),
                    turn,
                );
            }
            DmAddress::To { name, text: said } => {
                let found = self.find_by_name(&writer.user, name);
                let text = DmText { body: said, ..text };
                return self.handle_addressed_dm(writer, name, found, text, turn);
            }
            DmAddress::MaybeTo { name, text: said } => {
                let found = self.find_by_name(&writer.user, name);
                if found.is_empty() && !self.is_known_name(name) {
                    return self.handle_implicit_dm(writer, text, turn);
                }
                let text = DmText { body: said, ..text };
                return self.handle_addressed_dm(writer, name, found, text, turn);
            }
            DmAddress::Implicit => return self.handle_implicit_dm(writer, text, turn),
        }
        Ok(())
    }

    /// Handles a message to the user called `name`, with these matches.
    fn handle_addressed_dm(
        &mut self,
        writer: &DmSender,
        name: &str,
        mut found: Vec<UserMatch>,
        text: DmText<'_>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        match found.len() {
            0 => {
                self.set_unreachable_correspondent(writer.endpoint, name, turn);
                let why = self.unknown_recipient_text(&writer.user, name);
                self.reply_to_sender(writer, &why, turn);
                Ok(())
            }
            1 => self.ingest_dm(writer, &found.remove(0), text, turn).map(drop),
            _ => {
                self.set_unreachable_correspondent(writer.endpoint, name, turn);
                let names: Vec<String> = found.iter().map(qualified_name).collect();
                self.reply_to_sender(
                    writer,
                    &replies::ambiguous_recipient_text(&writer.user, &names),
                    turn,
                );
                Ok(())
            }
        }
    }

    /// Handles a message without a name: it is for the sender's current correspondent.
    fn handle_implicit_dm(
        &mut self,
        writer: &DmSender,
        text: DmText<'_>,
        turn: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let partner = match self.direct.threads.target(writer.endpoint, turn.now) {
            DmTarget::One(Correspondent::Known(partner)) => partner,
            DmTarget::One(Correspondent::Gone(name)) => {
                let how = replies::usage(&writer.user);
                let why = format!(
                    "not sent: it is no longer clear that this is for {name}; to write to \
                     someone, use {how}"
                );
                self.reply_to_sender(writer, &why, turn);
                return Ok(());
            }
            DmTarget::Nobody => {
                self.reply_to_sender(writer, &replies::help_text(&writer.user), turn);
                return Ok(());
            }
            DmTarget::Ambiguous(partners) => {
                let name = |partner: &Correspondent| match partner {
                    Correspondent::Known(place) => self.direct.name_of(*place).to_owned(),
                    Correspondent::Gone(name) => name.clone(),
                };
                let names: Vec<String> = partners.iter().map(name).collect();
                self.reply_to_sender(
                    writer,
                    &replies::ambiguous_recipient_text(&writer.user, &names),
                    turn,
                );
                return Ok(());
            }
        };
        let party = match self.direct.endpoints_by_user.party(partner) {
            Some(party) => Some(party.clone()),
            None => turn.store.user_of_endpoint(partner)?,
        };
        let found = party.and_then(|party| {
            let last = self.direct.name_of(partner);
            let others = self.reachable_users(&writer.user).into_iter();
            // Of several nicks of that user, prefer the one they last used.
            others.filter(|it| it.user == party).min_by_key(|it| it.name != last)
        });
        let Some(found) = found else {
            let why = self.unknown_recipient_text(&writer.user, self.direct.name_of(partner));
            self.reply_to_sender(writer, &why, turn);
            return Ok(());
        };
        let name = found.name.clone();
        if self.ingest_dm(writer, &found, text, turn)?
            && self.direct.threads.confirm_target(writer.endpoint, partner, turn.now)
        {
            let text = format!(
                "sent to {name}; to write to someone else: {}",
                replies::usage(&writer.user)
            );
            self.reply_to_sender(writer, &text, turn);
        }
        Ok(())
    }

    /// Further messages from `endpoint` without a name are for `name`, who was not reached, and for nobody
    /// else.
    pub(super) fn set_unreachable_correspondent(
        &mut self,
        place: EndpointId,
        name: &str,
        turn: &Ctx<'_>,
    ) {
        self.direct.threads.set_current(place, Correspondent::Gone(name.to_owned()), turn.now);
    }

    pub(super) fn reply_to_sender(&mut self, writer: &DmSender, text: &str, turn: &mut Ctx<'_>) {
        self.reply_to_user((&writer.user, writer.endpoint), text, turn);
    }

    /// Why there is no user `name` on the other side of the sender.
    fn unknown_recipient_text(&self, writer: &UserRef, name: &str) -> String {
        let there = match writer {
            UserRef::LetsChat(_) => "in the channels linked with your rooms",
            UserRef::Account(..) | UserRef::Nick(..) => "in the rooms linked with your channels",
        };
        let away = self.is_cut_off(writer);
        if away {
            return format!("not sent: the other side is unreachable, so is {name}");
        }
        format!("not sent: no one is called {name} {there}; !who lists the people there")
    }

    /// Whether none of the endpoints on the other side is connected.
    fn is_cut_off(&self, writer: &UserRef) -> bool {
        let places = self.endpoints_of(writer);
        let mirrors =
            places.iter().filter_map(|it| self.endpoints.get(it)).flat_map(|it| it.mirrors.iter());
        let across =
            |spot: &&EndpointState| spot.endpoint.network().is_some() == writer.network().is_none();
        !mirrors.filter_map(|it| self.endpoints.get(it)).filter(across).any(|it| it.queue.is_open())
    }

    /// Whether a user known to the bridge has this name.
    fn is_known_name(&self, name: &str) -> bool {
        let same = |known: &str| known.to_lowercase() == name.to_lowercase();
        self.direct.endpoints_by_user.names().any(same)
            || self.endpoints.values().any(|spot| spot.room_members.find_username(name).is_some())
    }

    /// The name of our own user, or our nick, as seen by this user.
    fn own_name_for(&self, party: &UserRef) -> String {
        let account = self.letschat_account.as_ref().filter(|_| party.network().is_none());
        account.map_or_else(|| "bridge".to_owned(), |account| account.username.clone())
    }

    fn reachable_users_text(&self, writer: &UserRef) -> String {
        let others = self.reachable_users(writer);
        let several = self.direct.networks.len() > 1;
        let shown =
            |found: &UserMatch| if several { qualified_name(found) } else { found.name.clone() };
        let shown: Vec<String> = others.iter().take(MAX_NAMES).map(shown).collect();
        match others.len() {
            0 => "there is no one to write to".to_owned(),
            count if count > MAX_NAMES => {
                format!("you can write to {} and {} more", shown.join(", "), count - MAX_NAMES)
            }
            _ => format!("you can write to {}", shown.join(", ")),
        }
    }
}

/// `office/ann`, `bob`.
fn qualified_name(found: &UserMatch) -> String {
    match found.user.network() {
        Some(network) => format!("{network}/{}", found.name),
        None => found.name.clone(),
    }
}
