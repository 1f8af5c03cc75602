//! What somebody writes to the bridge alone: who it is, and for whom.

use super::allowance::May;
use super::partners::{Meant, Partner};
use super::sight::Found;
use super::{EVERY, words};
use crate::bridge::{Bridge, Order, Peer, Spot, Turn};
use crate::domain::{Author, EndpointId, LetsChatUserId, MessageKind, Network, UserRef};
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::protocol::letschat::{self, DirectMessage};
use crate::store::StoreError;
use crate::translate::DmAddress;

/// What is shared by those who are nobody's: in no place of ours.
const STRANGERS: EndpointId = EndpointId(0);

/// How a text begins that is encrypted by OTR, or wants to be.
const ENCRYPTED: &str = "?OTR";

/// How many of those who are there are named.
const NAMED: usize = 30;

/// Somebody who writes to the bridge.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) party: UserRef,
    pub(super) place: EndpointId,
    pub(super) author: Author,
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'t> {
    pub(super) kind: MessageKind,
    pub(super) body: &'t str,
    /// What its network calls it.
    pub(super) native: Option<&'t str>,
}

impl Bridge {
    /// Somebody on IRC writes to the bridge alone.
    pub(in crate::bridge) fn whispered_on_irc(
        &mut self,
        network: &Network,
        talk: &IncomingMessage,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(writer) = self.writer(network, talk, turn)? else { return Ok(()) };
        let native = talk.message_ref.msgid.as_deref();
        self.written(&writer, Text { kind: talk.kind, body: &talk.text, native }, turn)
    }

    /// Who has written `talk`; nobody, where they cannot. Who is in no channel of ours is told so.
    fn writer(
        &mut self,
        network: &Network,
        talk: &IncomingMessage,
        turn: &mut Turn<'_>,
    ) -> Result<Option<Writer>, StoreError> {
        let nick = talk.author.name.as_str();
        if !self.direct.is_on(network)
            || talk.author.bot
            || self.voices.are_of_puppet(network, nick)
        {
            return Ok(None);
        }
        let found = self.who_is(network, nick);
        if !self.is_heard(Some(network), found.as_ref().map(|it| &it.party), turn) {
            return Ok(None);
        }
        let Some(Found { party, .. }) = found else {
            if self.direct.answering.take(STRANGERS, turn.now) == May::Do {
                let (nick, text) = (nick.to_owned(), words::STRANGER.to_owned());
                let order = irc::IrcCommand::SendNotice { nick, text };
                turn.orders.push(Order::Irc(network.clone(), order));
            }
            return Ok(None);
        };
        let place = self.number(&party, nick, turn)?;
        Ok(Some(Writer { party, place, author: talk.author.clone() }))
    }

    /// Whether what somebody on `network`, or in Let's Chat, writes is looked at: however many they are, the
    /// work for them is bounded. One who writes too much alone takes nothing from the others.
    fn is_heard(
        &mut self,
        network: Option<&Network>,
        party: Option<&UserRef>,
        turn: &Turn<'_>,
    ) -> bool {
        let place = party.and_then(|party| self.direct.parties.place(party));
        if place.is_some_and(|place| self.direct.writing.is_told(place, turn.now)) {
            return false;
        }
        let peer = network.map_or(Peer::LetsChat, |network| Peer::Irc(network.clone()));
        let crowd = self.direct.crowd(network);
        let mut may = self.direct.crowds.take(crowd, turn.now);
        if may == May::Do && party.is_some() && place.is_none() {
            may = self.direct.newcomers.take(crowd, turn.now);
        }
        if may == May::BeTold {
            tracing::warn!(%peer, "too many write in private at once: not heard for a while");
        }
        may == May::Do
    }

    /// Whether `writer` may write now; they are told once if not.
    fn may_write(&mut self, writer: &Writer, turn: &mut Turn<'_>) -> bool {
        let may = self.direct.writing.take(writer.place, turn.now);
        if may == May::BeTold {
            self.tell_party(&writer.party, &words::too_fast(EVERY), turn);
        }
        may == May::Do
    }

    /// Somebody on IRC writes to the puppet of whoever has `account`: for them it is.
    pub(in crate::bridge) fn whispered_to_puppet(
        &mut self,
        network: &Network,
        account: &LetsChatUserId,
        talk: &IncomingMessage,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let Some(writer) = self.writer(network, talk, turn)? else { return Ok(()) };
        if !self.may_write(&writer, turn) {
            return Ok(());
        }
        let party = UserRef::LetsChat(account.clone());
        let name = self.name_in_rooms(&account.0).unwrap_or("somebody").to_owned();
        let reader = Found { party, name };
        let native = talk.message_ref.msgid.as_deref();
        let text = Text { kind: talk.kind, body: &talk.text, native };
        self.write(&writer, &reader, text, turn).map(drop)
    }

    /// Somebody on Let's Chat writes to the bridge alone, or the bridge to somebody.
    pub(in crate::bridge) fn whispered_in_letschat(
        &mut self,
        whisper: &DirectMessage,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let ours = self.account.as_ref().is_none_or(|account| account.id == whisper.author_id);
        if ours {
            return Ok(());
        }
        if self.direct.networks.is_empty() {
            self.whispered_in_vain(whisper, turn);
            return Ok(());
        }
        let party = UserRef::LetsChat(LetsChatUserId(whisper.author_id.as_str().into()));
        let Some(name) = self.name_in_rooms(&whisper.author_id) else {
            tracing::debug!(
                account = whisper.author_id,
                "wrote in private, and is in no room of ours"
            );
            return Ok(());
        };
        let name = name.to_owned();
        if !self.is_heard(None, Some(&party), turn) {
            return Ok(());
        }
        let place = self.number(&party, &name, turn)?;
        let author = Author { account: Some(whisper.author_id.clone()), ..Author::named(&name) };
        let writer = Writer { party, place, author };
        let Some(id) = whisper.id.filter(|_| !whisper.text.starts_with(ENCRYPTED)) else {
            let text = "not sent: what is encrypted cannot be read by the bridge";
            self.answer_party((&writer.party, place), text, turn);
            return Ok(());
        };
        let text =
            Text { kind: MessageKind::Text, body: &whisper.text, native: Some(&id.to_string()) };
        self.written(&writer, text, turn)
    }

    /// The same where that is passed on to nobody. What another bridge says of itself is not answered.
    fn whispered_in_vain(&mut self, whisper: &DirectMessage, turn: &mut Turn<'_>) {
        let answerable = !whisper.text.starts_with(words::BRIDGE.trim_end());
        if answerable && self.direct.answering.take(STRANGERS, turn.now) == May::Do {
            let ours =
                self.called(&UserRef::LetsChat(LetsChatUserId(whisper.author_id.as_str().into())));
            let text = format!("{}{}", words::BRIDGE, words::in_vain(&ours));
            let user = whisper.author_id.clone();
            turn.orders
                .push(Order::LetsChat(letschat::LetsChatCommand::SendDirectNotice { user, text }));
        }
    }

    /// What whoever has `account` is called, where they were seen in a room of ours.
    fn name_in_rooms(&self, account: &str) -> Option<&str> {
        self.spots.values().find_map(|spot| spot.guests.name(account))
    }

    /// The number of `party`, who is called `name` now.
    pub(super) fn number(
        &mut self,
        party: &UserRef,
        name: &str,
        turn: &mut Turn<'_>,
    ) -> Result<EndpointId, StoreError> {
        let place = match self.direct.parties.place(party) {
            Some(place) => place,
            None => turn.store.user_endpoint_id(party)?,
        };
        self.direct.parties.meet(party, place, name);
        let lanes = &self.direct.lanes;
        if let Some((place, name)) =
            self.direct.parties.too_many(party, |it| it == place || lanes.contains_key(&it))
        {
            self.direct.parties.forget(place);
            self.direct.partners.leaves(place, &name);
        }
        Ok(place)
    }

    fn written(
        &mut self,
        writer: &Writer,
        text: Text<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let place = writer.place;
        if text.native.map_or(Ok(false), |native| turn.store.contains(place, native))? {
            return Ok(());
        }
        let body = text.body.to_owned();
        let ours = self.called(&writer.party);
        let addressed = match text.kind {
            MessageKind::Text => DmAddress::parse(&body, &ours),
            MessageKind::Action | MessageKind::Notice => DmAddress::Implicit,
        };
        if !self.may_write(writer, turn) {
            // What follows must not go to whom this was not for.
            if let DmAddress::To { name, .. } | DmAddress::MaybeTo { name, .. } = addressed {
                self.turn_from(place, name, turn);
            }
            return Ok(());
        }
        match addressed {
            DmAddress::Help => self.say_to(writer, &words::help(&writer.party), turn),
            DmAddress::Who => {
                let text = self.who_for(&writer.party);
                self.say_to(writer, &text, turn);
            }
            DmAddress::To { name, text: said } if name.is_empty() || said.is_empty() => {
                self.turn_from(place, name, turn);
                self.say_to(writer, &format!("write {}", words::how(&writer.party)), turn);
            }
            DmAddress::To { name, text: said } => {
                let found = self.called_so(&writer.party, name);
                let text = Text { body: said, ..text };
                return self.written_to(writer, name, found, text, turn);
            }
            DmAddress::MaybeTo { name, text: said } => {
                let found = self.called_so(&writer.party, name);
                if found.is_empty() && !self.is_known(name) {
                    return self.written_on(writer, text, turn);
                }
                let text = Text { body: said, ..text };
                return self.written_to(writer, name, found, text, turn);
            }
            DmAddress::Implicit => return self.written_on(writer, text, turn),
        }
        Ok(())
    }

    /// `text` is for whoever is called `name`: those `found`.
    fn written_to(
        &mut self,
        writer: &Writer,
        name: &str,
        mut found: Vec<Found>,
        text: Text<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        match found.len() {
            0 => {
                self.turn_from(writer.place, name, turn);
                let why = self.unknown(&writer.party, name);
                self.say_to(writer, &why, turn);
                Ok(())
            }
            1 => self.write(writer, &found.remove(0), text, turn).map(drop),
            _ => {
                self.turn_from(writer.place, name, turn);
                let names: Vec<String> = found.iter().map(in_full).collect();
                self.say_to(writer, &words::whom(&writer.party, &names), turn);
                Ok(())
            }
        }
    }

    /// `text` is for whoever the writer is talking with.
    fn written_on(
        &mut self,
        writer: &Writer,
        text: Text<'_>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let partner = match self.direct.partners.meant(writer.place, turn.now) {
            Meant::One(Partner::Here(partner)) => partner,
            Meant::One(Partner::Gone(name)) => {
                let how = words::how(&writer.party);
                let why =
                    format!("not sent: it is no longer clear that this is for {name}; write {how}");
                self.say_to(writer, &why, turn);
                return Ok(());
            }
            Meant::Nobody => {
                self.say_to(writer, &words::help(&writer.party), turn);
                return Ok(());
            }
            Meant::Several(partners) => {
                let name = |partner: &Partner| match partner {
                    Partner::Here(place) => self.direct.name(*place).to_owned(),
                    Partner::Gone(name) => name.clone(),
                };
                let names: Vec<String> = partners.iter().map(name).collect();
                self.say_to(writer, &words::whom(&writer.party, &names), turn);
                return Ok(());
            }
        };
        let party = match self.direct.parties.party(partner) {
            Some(party) => Some(party.clone()),
            None => turn.store.user_of_endpoint(partner)?,
        };
        let found = party.and_then(|party| {
            let last = self.direct.name(partner);
            let others = self.others(&writer.party).into_iter();
            // Under the nick that they went by, if they are there under several.
            others.filter(|it| it.party == party).min_by_key(|it| it.name != last)
        });
        let Some(found) = found else {
            let why = self.unknown(&writer.party, self.direct.name(partner));
            self.say_to(writer, &why, turn);
            return Ok(());
        };
        let name = found.name.clone();
        if self.write(writer, &found, text, turn)?
            && self.direct.partners.is_news(writer.place, partner, turn.now)
        {
            let text = format!("sent to {name}; for somebody else: {}", words::how(&writer.party));
            self.say_to(writer, &text, turn);
        }
        Ok(())
    }

    /// What follows from `place` without a name is for whoever is called `name`, who was not reached: for
    /// nobody else.
    pub(super) fn turn_from(&mut self, place: EndpointId, name: &str, turn: &Turn<'_>) {
        self.direct.partners.turns_to(place, Partner::Gone(name.to_owned()), turn.now);
    }

    pub(super) fn say_to(&mut self, writer: &Writer, text: &str, turn: &mut Turn<'_>) {
        self.answer_party((&writer.party, writer.place), text, turn);
    }

    /// Why nobody is called `name` on the other side of `writer`.
    fn unknown(&self, writer: &UserRef, name: &str) -> String {
        let there = match writer {
            UserRef::LetsChat(_) => "in the channels that are linked with your rooms",
            UserRef::Account(..) | UserRef::Nick(..) => {
                "in the rooms that are linked with your channels"
            }
        };
        let away = self.is_cut_off(writer);
        if away {
            return format!(
                "not sent: the other side is out of reach just now, and {name} with it"
            );
        }
        format!("not sent: there is nobody called {name} {there} now; !who tells who is there")
    }

    /// Whether no place on the other side of `writer` can be seen.
    fn is_cut_off(&self, writer: &UserRef) -> bool {
        let places = self.places_of(writer);
        let mirrors =
            places.iter().filter_map(|it| self.spots.get(it)).flat_map(|it| it.mirrors.iter());
        let across = |spot: &&Spot| spot.place.network().is_some() == writer.network().is_none();
        !mirrors.filter_map(|it| self.spots.get(it)).filter(across).any(|it| it.lane.is_open())
    }

    /// Whether somebody whom the bridge has met is called so.
    fn is_known(&self, name: &str) -> bool {
        let same = |known: &str| known.to_lowercase() == name.to_lowercase();
        self.direct.parties.names().any(same)
            || self.spots.values().any(|spot| spot.guests.user(name).is_some())
    }

    /// What our own account, or nick, is called by `party`.
    fn called(&self, party: &UserRef) -> String {
        let account = self.account.as_ref().filter(|_| party.network().is_none());
        account.map_or_else(|| "bridge".to_owned(), |account| account.username.clone())
    }

    fn who_for(&self, writer: &UserRef) -> String {
        let others = self.others(writer);
        let several = self.direct.networks.len() > 1;
        let shown = |found: &Found| if several { in_full(found) } else { found.name.clone() };
        let shown: Vec<String> = others.iter().take(NAMED).map(shown).collect();
        match others.len() {
            0 => "nobody is there whom you could write to".to_owned(),
            count if count > NAMED => {
                format!("you can write to {} and {} more", shown.join(", "), count - NAMED)
            }
            _ => format!("you can write to {}", shown.join(", ")),
        }
    }
}

/// `office/ann`, `bob`.
fn in_full(found: &Found) -> String {
    match found.party.network() {
        Some(network) => format!("{network}/{}", found.name),
        None => found.name.clone(),
    }
}
