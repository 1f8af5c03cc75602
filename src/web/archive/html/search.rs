//! The first page: the search, what it found, and the rooms.

use maud::{Markup, html};

use super::super::query::SearchFields;
use super::lines;
use super::{ArchiveFrame, NamedRoom, lines_in_words, name, short};
use crate::store::archive::{ArchiveHit, ArchivePerson, ArchiveResults, ArchiveRoomId};

/// What the search has found.
pub(in super::super) enum SearchOutcome {
    /// Nothing was asked.
    NotAsked,
    /// It cannot be asked so, in words.
    Problem(String),
    /// Several people have this name, or one that begins so.
    WhichPerson(Vec<ArchivePerson>),
    /// These lines, perhaps of one person only.
    Found(ArchiveResults, Option<ArchivePerson>),
}

/// The first page.
pub(in super::super) struct SearchPage<'a> {
    pub(in super::super) frame: &'a ArchiveFrame<'a>,
    pub(in super::super) fields: &'a SearchFields,
    pub(in super::super) rooms: &'a [NamedRoom],
    /// The names that are suggested; perhaps none.
    pub(in super::super) people: &'a [ArchivePerson],
    pub(in super::super) outcome: &'a SearchOutcome,
}

impl SearchPage<'_> {
    /// The whole page.
    pub(in super::super) fn document(&self) -> String {
        let title = match self.fields.words.as_str() {
            "" => "Archive".to_owned(),
            words => format!("{} – Archive", short(words)),
        };
        let main = html! {
            h1 { "Search what was said" }
            (self.form())
            (self.outcome())
            @if matches!(self.outcome, SearchOutcome::NotAsked) { (self.room_list()) }
        };
        self.frame.document(&title, &main)
    }

    fn form(&self) -> Markup {
        let fields = self.fields;
        html! {
            form.card role="search" method="get" action=(self.frame.site.home()) {
                div.fields {
                    div.field.wide {
                        label for="q" { "Words" }
                        input id="q" name="q" type="search" value=(fields.words) autocomplete="off" maxlength="300"
                            aria-describedby="q-hint";
                    }
                    div.field {
                        label for="name" { "Person" }
                        input id="name" name="name" type="text" value=(fields.name) autocomplete="off" maxlength="100"
                            autocapitalize="none" spellcheck="false" list=[(!self.people.is_empty()).then_some("people")];
                        @if !self.people.is_empty() {
                            datalist id="people" {
                                @for person in self.people { option value=(short(&person.name)) {} }
                            }
                        }
                    }
                    div.field {
                        label for="room" { "Room" }
                        (room_choice(self.rooms, fields.room, Some("All rooms")))
                    }
                    (day_field("from", "From", &fields.from.text))
                    (day_field("to", "To", &fields.to.text))
                    div.field { button { "Search" } }
                }
                p.hint id="q-hint" {
                    "All words have to occur. " code { "\"two words\"" } " finds them one after the other, " code { "begin*" }
                    " the beginning of a word."
                }
            }
        }
    }

    fn outcome(&self) -> Markup {
        match self.outcome {
            SearchOutcome::NotAsked => html! {},
            SearchOutcome::Problem(problem) => html! { p.alert role="alert" { (problem) } },
            SearchOutcome::WhichPerson(people) => self.which_person(people),
            SearchOutcome::Found(results, person) => self.results(results, person.as_ref()),
        }
    }

    fn which_person(&self, people: &[ArchivePerson]) -> Markup {
        html! {
            h2 { "Whom do you mean?" }
            p { "Several people have a name that begins with " (name(&self.fields.name)) ":" }
            ul.names {
                @for person in people {
                    li {
                        a href=(self.frame.site.search(&self.fields.query_for(person.id))) { (name(&person.name)) }
                        (other_names(person))
                    }
                }
            }
        }
    }

    fn results(&self, results: &ArchiveResults, person: Option<&ArchivePerson>) -> Markup {
        let older = results.lines.last().filter(|_| results.more);
        let is_first = self.fields.before.is_none();
        html! {
            h2 {
                @match (results.lines.len(), is_first) {
                    (0, true) => "Nothing was found",
                    (0, false) => "Nothing more was found",
                    (_, true) => "Found, newest first",
                    (_, false) => "Found before",
                }
            }
            @if let Some(person) = person {
                p { "Only what " (name(&person.name)) " said" (other_names(person)) "." }
            }
            @if results.lines.is_empty() && is_first {
                p {
                    "Try fewer words, the beginning of a word such as " code { "kett*" } ", or other days. Only rooms that \
                     you may read on Let's Chat are searched."
                }
            }
            ol.hits { @for hit in &results.lines { (self.hit(hit)) } }
            div.row {
                @if !is_first {
                    a href=(self.frame.site.search(&self.fields.query_before(None))) { "Back to the newest" }
                }
                @if let Some(last) = older {
                    a.button.second rel="next" href=(self.frame.site.search(&self.fields.query_before(Some(last.line.id)))) {
                        "Older results"
                    }
                }
            }
        }
    }

    fn hit(&self, hit: &ArchiveHit) -> Markup {
        let (frame, line) = (self.frame, &hit.line);
        let room = self.rooms.iter().find(|it| it.room.id == line.room);
        html! {
            li id={ "l-" (line.id) } {
                div.from {
                    span.who { (lines::author(frame, line)) }
                    a href={ (frame.site.line(line.id)) "#l-" (line.id) } {
                        time datetime=(frame.zone.full(line.at)) {
                            (frame.zone.day(line.at)) " " (frame.zone.clock(line.at, line.precision))
                        }
                        span.off { ": show it in its context" }
                    }
                    @if let Some(room) = room { span.faint { (name(&room.name)) } }
                    span.faint { (name(&line.place)) }
                }
                div.text dir="auto" { (lines::text(frame, line, &hit.marks)) }
            }
        }
    }

    fn room_list(&self) -> Markup {
        html! {
            section aria-labelledby="rooms" {
                h2 id="rooms" { "Rooms" }
                @if self.rooms.is_empty() {
                    p { "The archive has nothing of a room that you may read on Let's Chat." }
                }
                ul.plain.rooms { @for room in self.rooms { (self.room_entry(room)) } }
            }
        }
    }

    fn room_entry(&self, NamedRoom { room, name: label }: &NamedRoom) -> Markup {
        let (site, zone) = (self.frame.site, self.frame.zone);
        html! {
            li {
                a href=(site.room(room.id)) { (name(label)) }
                @if let (Some(first), Some(last)) = (room.first, room.last) {
                    span.faint {
                        (lines_in_words(room.lines)) ", " (zone.day(first))
                        @if zone.day(first) != zone.day(last) { " to " (zone.day(last)) }
                    }
                    a href=(site.day(room.id, zone.day(last))) { "Last day" span.off { " of " (name(label)) } }
                } @else {
                    span.faint { "nothing yet" }
                }
                span.faint { (channels(&room.channels)) }
            }
        }
    }
}

/// A person with all their names.
pub(in super::super) fn person_page(frame: &ArchiveFrame<'_>, person: &ArchivePerson) -> String {
    let search = SearchFields { person: Some(person.id), ..SearchFields::default() };
    let main = html! {
        h1 { (name(&person.name)) }
        p { "All names of this person in the archive:" }
        ul.names { @for one in &person.names { li { (name(one)) } } }
        p { a.button.second href=(frame.site.search(&search.query_before(None))) { "All that they said" } }
        p.hint { "Who was who in imported logs is the decision of the bridge's administrator." }
    };
    frame.document(&format!("{} – Archive", short(&person.name)), &main)
}

/// A choice of one room.
pub(in super::super) fn room_choice(
    rooms: &[NamedRoom],
    chosen: Option<ArchiveRoomId>,
    all: Option<&str>,
) -> Markup {
    html! {
        select id="room" name="room" {
            @if let Some(all) = all { option value="" { (all) } }
            @for NamedRoom { room, name } in rooms {
                option value=(room.id.0) selected[chosen == Some(room.id)] { (short(name)) }
            }
        }
    }
}

/// A field for a day.
pub(in super::super) fn day_field(field: &str, label: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(field) { (label) }
            input id=(field) name=(field) type="date" value=(value) min="1970-01-01" max="2999-12-31" autocomplete="off";
        }
    }
}

/// The other names of a person, in brackets.
pub(in super::super) fn other_names(person: &ArchivePerson) -> Markup {
    let others: Vec<&String> = person.names.iter().filter(|it| **it != person.name).collect();
    html! {
        @if !others.is_empty() {
            " ("
            @for (at, other) in others.iter().enumerate() { @if at > 0 { ", " } (name(other)) }
            ")"
        }
    }
}

fn channels(channels: &[String]) -> Markup {
    html! { @for (at, channel) in channels.iter().enumerate() { @if at > 0 { ", " } (name(channel)) } }
}
