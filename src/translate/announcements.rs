//! What people are told about the phases of a link, in the words of their own team.

use std::borrow::Cow;

use super::template::{TemplateError, TemplatePart, parse_parts};
use crate::domain::LinkPhase;

/// All texts. An empty one is not said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcements {
    /// The change to each phase, in the order of [`LinkPhase::ALL`]; in the channel and in the room.
    pub phases: [Announcement; LinkPhase::ALL.len()],
    /// For somebody on IRC, once: where the room is.
    pub welcome: Announcement,
    /// Follows `welcome` where people can link their accounts.
    pub welcome_link: Announcement,
    /// For somebody on IRC whose words go nowhere, since the channel is read-only.
    pub read_only_notice: Announcement,
    /// For somebody who comes to a closed channel.
    pub closed_notice: Announcement,
    /// What the topic of a channel says in addition.
    pub topic: Announcement,
}

/// A text with fields for what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    parts: Vec<TemplatePart<AnnouncementField>>,
}

/// A field of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnnouncementField {
    Room,
    Url,
    Channel,
    Network,
    Nick,
}

/// The names of the fields. The last one is only for texts to one person.
const FIELDS: [(&str, AnnouncementField); 5] = [
    ("room", AnnouncementField::Room),
    ("url", AnnouncementField::Url),
    ("channel", AnnouncementField::Channel),
    ("network", AnnouncementField::Network),
    ("nick", AnnouncementField::Nick),
];

/// To whom a text is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// To everybody in a channel or room.
    Everybody,
    /// To one person on IRC, whose nick it can contain.
    OnePerson,
}

/// What the fields of an announcement are filled with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AnnouncementFacts {
    /// The slugs of the rooms.
    pub room: String,
    /// The addresses of the rooms.
    pub url: String,
    /// The names of the channels.
    pub channel: String,
    /// The names of their networks.
    pub network: String,
    /// The nick of the person to whom it is said.
    pub nick: String,
}

impl Announcement {
    /// Parses a text with `{fields}`; literal braces are doubled.
    ///
    /// # Errors
    /// When it is invalid.
    pub fn parse(text: &str, audience: Audience) -> Result<Self, TemplateError> {
        Ok(Self { parts: parse_parts(text, fields_for(audience))? })
    }

    /// The names of the fields that it can have, for error messages.
    #[must_use]
    pub fn field_list(audience: Audience) -> String {
        let names: Vec<String> =
            fields_for(audience).iter().map(|(name, _)| format!("{{{name}}}")).collect();
        names.join(", ")
    }

    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// How long it can become with what is filled in, in bytes, if that is not of unusual length.
    #[must_use]
    pub fn len_filled(&self) -> usize {
        self.render(&AnnouncementFacts {
            room: "r".repeat(20),
            url: "u".repeat(70),
            channel: "c".repeat(20),
            network: "n".repeat(15),
            nick: "p".repeat(16),
        })
        .len()
    }

    /// The text with the facts.
    #[must_use]
    pub fn render(&self, facts: &AnnouncementFacts) -> String {
        let part = |part: &TemplatePart<AnnouncementField>| match part {
            TemplatePart::Literal(literal) => Cow::Owned(literal.clone()),
            TemplatePart::Field(field) => Cow::Owned(
                match field {
                    AnnouncementField::Room => &facts.room,
                    AnnouncementField::Url => &facts.url,
                    AnnouncementField::Channel => &facts.channel,
                    AnnouncementField::Network => &facts.network,
                    AnnouncementField::Nick => &facts.nick,
                }
                .clone(),
            ),
        };
        self.parts.iter().map(part).collect::<Vec<Cow<'_, str>>>().concat()
    }
}

impl Announcements {
    /// What is said of a change to this phase.
    #[must_use]
    pub fn of(&self, phase: LinkPhase) -> &Announcement {
        let [together, moving, read_only, closed] = &self.phases;
        match phase {
            LinkPhase::Together => together,
            LinkPhase::Moving => moving,
            LinkPhase::IrcReadOnly => read_only,
            LinkPhase::Closed => closed,
        }
    }
}

impl Default for Announcements {
    fn default() -> Self {
        let text = |text, audience| Announcement::parse(text, audience).expect("a valid text");
        let (all, one) = (Audience::Everybody, Audience::OnePerson);
        Self {
            phases: [
                text(
                    "{channel} on IRC and the room {room} in Let's Chat show the same again, both ways",
                    all,
                ),
                text(
                    "we are moving from {channel} on IRC to the room {room} in Let's Chat: {url} Until then, both show the same",
                    all,
                ),
                text(
                    "{channel} on IRC is read-only from now on: it shows what is said in the room {room} in Let's Chat, but not the other way round. Write here: {url}",
                    all,
                ),
                text(
                    "{channel} on IRC is closed: nothing is passed on between it and the room {room} in Let's Chat any more. We are here: {url}",
                    all,
                ),
            ],
            welcome: text(
                "we are moving from {channel} to Let's Chat: {url} (room {room}). Until then, both show the same",
                one,
            ),
            welcome_link: text(
                "If you have an account there, type !link: then what you write on IRC is posted as you",
                one,
            ),
            read_only_notice: text(
                "{channel} is read-only: nobody in Let's Chat sees what you write here. Write in the room {room}: {url}",
                one,
            ),
            closed_notice: text(
                "{channel} is closed: nobody in Let's Chat sees what is written here. We are in the room {room}: {url}",
                one,
            ),
            topic: text("We are in Let's Chat: {url}", all),
        }
    }
}

fn fields_for(audience: Audience) -> &'static [(&'static str, AnnouncementField)] {
    match audience {
        Audience::Everybody => &FIELDS[..FIELDS.len() - 1],
        Audience::OnePerson => &FIELDS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::translate::MAX_LEN_NOTICE;

    fn facts() -> AnnouncementFacts {
        AnnouncementFacts {
            room: "tea".to_owned(),
            url: "https://chat.example/#!/room/r1".to_owned(),
            channel: "#tea".to_owned(),
            network: "office".to_owned(),
            nick: "ann".to_owned(),
        }
    }

    #[test]
    fn fields_are_filled() {
        for (text, filled) in [
            ("", ""),
            ("moved", "moved"),
            (
                "{nick}: {channel}@{network} → {room}, {{{url}}}",
                "ann: #tea@office → tea, {https://chat.example/#!/room/r1}",
            ),
        ] {
            let text = Announcement::parse(text, Audience::OnePerson).expect(text);
            assert_eq!(text.render(&facts()), filled);
            assert_eq!(text.is_empty(), filled.is_empty());
        }
    }

    #[test]
    fn only_a_person_has_a_nick() {
        let error = Announcement::parse("{nick}: hi", Audience::Everybody);
        assert_eq!(error, Err(TemplateError::UnknownField("nick".to_owned())));
        let list = Announcement::field_list(Audience::Everybody);
        assert_eq!(list, "{room}, {url}, {channel}, {network}");
        let list = Announcement::field_list(Audience::OnePerson);
        assert_eq!(list, "{room}, {url}, {channel}, {network}, {nick}");
        for text in ["{user}", "a\nb", "{", "}"] {
            assert!(Announcement::parse(text, Audience::OnePerson).is_err(), "{text:?}");
        }
    }

    #[test]
    fn defaults_fit_into_a_line_and_name_the_room() {
        let all = Announcements::default();
        let Announcements { phases, welcome, welcome_link, read_only_notice, closed_notice, topic } =
            &all;
        let named = phases[1..].iter().chain([welcome, read_only_notice, closed_notice, topic]);
        for text in named {
            let text = text.render(&facts());
            assert!(text.contains("https://chat.example/#!/room/r1"), "{text}");
            assert!(text.len() < 300, "{text}");
        }
        let both = welcome.len_filled() + ". ".len() + welcome_link.len_filled();
        assert!(both <= MAX_LEN_NOTICE, "{both}");
        for phase in LinkPhase::ALL {
            assert!(!all.of(phase).is_empty(), "{phase}");
        }
    }
}
