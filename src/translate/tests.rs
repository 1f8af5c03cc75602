//! Tests of rendering whole messages from one network to the other.

mod format;
mod names;
mod properties;
mod safety;

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::domain::{
    Author, Endpoint, EndpointId, Message, MessageKind, MessagePart, Network, RenderedMessage,
};

/// A channel and a room with their members, and a message.
struct TranslateFixture {
    channel: Endpoint,
    room: Endpoint,
    said_in_room: bool,
    /// Nicks in the channel, with their accounts.
    nicks: Vec<(&'static str, Option<&'static str>)>,
    users: Vec<&'static str>,
    format: LinkFormat,
    author: Author,
    kind: MessageKind,
    now: Timestamp,
}

impl TranslateFixture {
    /// ann writes on IRC; carl and eve are in the channel, bob and dave in the room.
    fn on_irc() -> Self {
        Self {
            channel: Endpoint::channel(&Network::new("office"), "#dev"),
            room: Endpoint::room("tea"),
            said_in_room: false,
            nicks: vec![("ann", None), ("carl", Some("carlos")), ("eve", None)],
            users: vec!["bob", "dave"],
            format: LinkFormat::default(),
            author: Author::named("ann"),
            kind: MessageKind::Text,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// bob writes in the room.
    fn in_room() -> Self {
        Self { said_in_room: true, author: Author::named("bob"), ..Self::on_irc() }
    }

    fn by(mut self, author: &str) -> Self {
        self.author.name = author.to_owned();
        self
    }

    fn with(mut self, change: impl FnOnce(&mut LinkFormat)) -> Self {
        change(&mut self.format);
        self
    }

    fn people(self, people: &[(&str, UserMatcher)]) -> Self {
        let people = people.iter().map(|(user, who)| ((*user).to_owned(), vec![who.clone()]));
        let people = Arc::new(UserMap::new(people));
        self.with(|format| format.user_map = people)
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
        to_letschat(&message, more, MessagePart::Whole, &self.format, self, self.now).full_text()
    }

    fn to_irc(&self, body: &str) -> RenderedMessage {
        to_irc(&self.message(body), MessagePart::Whole, &self.format, self, None, self.now)
    }

    /// The text after the name.
    fn body_on_irc(&self, body: &str) -> String {
        self.to_irc(body).body
    }

    #[track_caller]
    fn assert_in_letschat(&self, body: &str, shown: &str) {
        assert_eq!(self.to_letschat(body), shown, "{body:?}");
    }

    #[track_caller]
    fn assert_in_channel(&self, body: &str, shown: &str) {
        assert_eq!(self.to_irc(body).full_text(), shown, "{body:?}");
    }
}

impl Directory for TranslateFixture {
    fn source(&self) -> &Endpoint {
        if self.said_in_room { &self.room } else { &self.channel }
    }

    fn find_nick(&self, nick: &str) -> Option<&str> {
        self.nicks.iter().map(|(nick, _)| *nick).find(|it| it.eq_ignore_ascii_case(nick))
    }

    fn nick_of_account(&self, account: &str) -> Option<&str> {
        self.nicks.iter().find(|(_, it)| *it == Some(account)).map(|(nick, _)| *nick)
    }

    fn account_of_nick(&self, nick: &str) -> Option<&str> {
        self.nicks.iter().find(|(it, _)| *it == nick)?.1
    }

    fn find_user(&self, name: &str) -> Option<&str> {
        self.users.iter().copied().find(|it| it.eq_ignore_ascii_case(name))
    }

    fn room_id(&self) -> Option<&str> {
        Some("6b035f6d8d054a41e16a0570")
    }

    fn channel_for_room(&self, slug: &str) -> Option<&str> {
        (slug == "tea").then_some("#dev")
    }

    fn room_for_channel(&self, channel: &str) -> Option<&str> {
        (channel == "#dev").then_some("tea")
    }
}
