//! Whole messages, from one network's manners to the other's.

mod harm;
mod looks;
mod names;
mod ways;

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::domain::{Author, MessageKind, Message, Network, MessagePart, Endpoint, EndpointId, RenderedMessage};

/// A channel and a room, who is in them, and what is said there.
struct Scene {
    channel: Endpoint,
    room: Endpoint,
    said_in_room: bool,
    /// Nicks in the channel, with the accounts that they are logged in to.
    nicks: Vec<(&'static str, Option<&'static str>)>,
    users: Vec<&'static str>,
    manners: Manners,
    author: Author,
    kind: MessageKind,
    told_at: Timestamp,
}

impl Scene {
    /// ann says something on IRC, where carl and eve are, too; bob and dave are in the room.
    fn on_irc() -> Self {
        Self {
            channel: Endpoint::channel(&Network::new("office"), "#dev"),
            room: Endpoint::room("tea"),
            said_in_room: false,
            nicks: vec![("ann", None), ("carl", Some("carlos")), ("eve", None)],
            users: vec!["bob", "dave"],
            manners: Manners::default(),
            author: Author::named("ann"),
            kind: MessageKind::Text,
            told_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// bob says something in the room.
    fn in_room() -> Self {
        Self { said_in_room: true, author: Author::named("bob"), ..Self::on_irc() }
    }

    fn by(mut self, author: &str) -> Self {
        self.author.name = author.to_owned();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Manners)) -> Self {
        change(&mut self.manners);
        self
    }

    fn people(self, people: &[(&str, Who)]) -> Self {
        let people = people.iter().map(|(user, who)| ((*user).to_owned(), vec![who.clone()]));
        let people = Arc::new(People::new(people));
        self.with(|manners| manners.people = people)
    }

    fn message(&self, body: &str) -> Message {
        Message {
            source: EndpointId(1),
            author: self.author.clone(),
            kind: self.kind,
            body: body.to_owned(),
            sent_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn to_letschat(&self, body: &str) -> String {
        let message = self.message(body);
        let more = std::iter::empty();
        to_letschat(&message, more, MessagePart::Whole, &self.manners, self, self.told_at).full_text()
    }

    fn to_irc(&self, body: &str) -> RenderedMessage {
        to_irc(&self.message(body), MessagePart::Whole, &self.manners, self, None, self.told_at)
    }

    /// What follows the name.
    fn body_on_irc(&self, body: &str) -> String {
        self.to_irc(body).body
    }

    #[track_caller]
    fn in_letschat(&self, body: &str, shown: &str) {
        assert_eq!(self.to_letschat(body), shown, "{body:?}");
    }

    #[track_caller]
    fn in_channel(&self, body: &str, shown: &str) {
        assert_eq!(self.to_irc(body).full_text(), shown, "{body:?}");
    }
}

impl Company for Scene {
    fn said_in(&self) -> &Endpoint {
        if self.said_in_room { &self.room } else { &self.channel }
    }

    fn nick(&self, nick: &str) -> Option<&str> {
        self.nicks.iter().map(|(nick, _)| *nick).find(|it| it.eq_ignore_ascii_case(nick))
    }

    fn nick_of_account(&self, account: &str) -> Option<&str> {
        self.nicks.iter().find(|(_, it)| *it == Some(account)).map(|(nick, _)| *nick)
    }

    fn account_of(&self, nick: &str) -> Option<&str> {
        self.nicks.iter().find(|(it, _)| *it == nick)?.1
    }

    fn user(&self, name: &str) -> Option<&str> {
        self.users.iter().copied().find(|it| it.eq_ignore_ascii_case(name))
    }

    fn room_id(&self) -> Option<&str> {
        Some("6b035f6d8d054a41e16a0570")
    }

    fn channel_of(&self, slug: &str) -> Option<&str> {
        (slug == "tea").then_some("#dev")
    }

    fn room_of(&self, channel: &str) -> Option<&str> {
        (channel == "#dev").then_some("tea")
    }
}
