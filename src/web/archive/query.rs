//! What somebody asks for in an address: the fields of the search and of the export.

use jiff::civil::Date;
use url::form_urlencoded;

use super::zone::read_day;
use crate::store::archive::{ArchiveLineId, ArchivePersonId, ArchiveRoomId};

/// The longest text of a field, in characters; what is beyond is not looked at.
const MAX_LEN_FIELD: usize = 300;

/// The maximum number of fields.
const MAX_FIELDS: usize = 20;

/// The fields of an address, as they were typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TypedFields(Vec<(String, String)>);

/// What is asked of the search.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SearchFields {
    /// The words, as typed.
    pub(super) words: String,
    /// A name of the person, as typed.
    pub(super) name: String,
    /// The person, if it was chosen.
    pub(super) person: Option<ArchivePersonId>,
    /// The room, if one was chosen.
    pub(super) room: Option<ArchiveRoomId>,
    /// The first day.
    pub(super) from: DayField,
    /// The last day.
    pub(super) to: DayField,
    /// Only lines before this one.
    pub(super) before: Option<ArchiveLineId>,
}

/// A day, as typed and as understood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DayField {
    /// As typed.
    pub(super) text: String,
    /// As understood; `None` if nothing was typed, or no day.
    pub(super) day: Option<Date>,
}

impl DayField {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), day: read_day(text) }
    }

    /// Whether something was typed that is no day.
    pub(super) fn is_wrong(&self) -> bool {
        self.day.is_none() && !self.text.is_empty()
    }
}

impl TypedFields {
    /// The fields of a query.
    pub(super) fn read(query: Option<&str>) -> Self {
        let fields = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).take(MAX_FIELDS);
        let short = |text: &str| -> String {
            let shown = text.trim().chars().filter(|it| !it.is_control() || *it == '\t');
            shown.take(MAX_LEN_FIELD).collect()
        };
        Self(fields.map(|(name, value)| (name.into_owned(), short(&value))).collect())
    }

    /// A field; empty if it is missing.
    pub(super) fn text(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    /// A room.
    pub(super) fn room(&self, name: &str) -> Option<ArchiveRoomId> {
        self.text(name).parse().ok().map(ArchiveRoomId)
    }

    /// A line.
    pub(super) fn line(&self, name: &str) -> Option<ArchiveLineId> {
        self.text(name).parse().ok()
    }

    /// A day.
    pub(super) fn day(&self, name: &str) -> DayField {
        DayField::new(self.text(name))
    }
}

impl SearchFields {
    pub(super) fn new(typed: &TypedFields) -> Self {
        Self {
            words: typed.text("q").to_owned(),
            name: typed.text("name").to_owned(),
            person: typed.text("person").parse().ok().map(ArchivePersonId),
            room: typed.room("room"),
            from: typed.day("from"),
            to: typed.day("to"),
            before: typed.line("before"),
        }
    }

    /// Whether anything is asked for.
    pub(super) fn has_question(&self) -> bool {
        *self != Self { room: self.room, ..Self::default() }
    }

    /// What is wrong, in words for the person.
    pub(super) fn problem(&self) -> Option<&'static str> {
        if self.from.is_wrong() || self.to.is_wrong() {
            return Some("A day has to look like 2014-02-03, and be between 1970 and 2999.");
        }
        match (self.from.day, self.to.day) {
            (Some(from), Some(to)) if from > to => {
                Some("The first day is after the last one, so nothing can be found.")
            }
            _ => None,
        }
    }

    /// The query of the same search from this line on.
    pub(super) fn query_before(&self, before: Option<ArchiveLineId>) -> String {
        self.query_of(self.person, before)
    }

    /// The query of the same search for this person.
    pub(super) fn query_for(&self, person: ArchivePersonId) -> String {
        self.query_of(Some(person), None)
    }

    fn query_of(&self, person: Option<ArchivePersonId>, before: Option<ArchiveLineId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", &self.words),
            ("name", &self.name),
            ("from", &self.from.text),
            ("to", &self.to.text),
        ] {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(ArchiveRoomId(room)) = self.room {
            query.append_pair("room", &room.to_string());
        }
        if let Some(ArchivePersonId(person)) = person {
            query.append_pair("person", &person.to_string());
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(query: &str) -> SearchFields {
        SearchFields::new(&TypedFields::read(Some(query)))
    }

    #[test]
    fn query_is_read_and_written() {
        let id = "52ef1f0e000a112233445566";
        let query =
            format!("q=a+%22b+c%22*&name=ann%7C&from=2014-02-03&room=7&person=3&before={id}");
        let read = fields(&query);
        assert_eq!((read.words.as_str(), read.name.as_str()), ("a \"b c\"*", "ann|"));
        assert_eq!((read.room, read.person), (Some(ArchiveRoomId(7)), Some(ArchivePersonId(3))));
        assert_eq!(fields(&read.query_before(read.before)), read);
        assert_eq!(fields(&read.query_before(None)).before, None);
        assert_eq!(fields(&read.query_for(ArchivePersonId(9))).person, Some(ArchivePersonId(9)));
    }

    #[test]
    fn what_makes_no_sense_is_left_out_or_told() {
        assert!(!fields("").has_question() && !fields("room=1").has_question());
        assert!(fields("q=x").has_question() && fields("name=x").has_question());
        for (query, is_wrong) in [
            ("from=2014-02-03&to=2014-02-03", false),
            ("from=&to=", false),
            ("from=2014-02-04&to=2014-02-03", true),
            ("from=yesterday", true),
            ("to=2014-02-30", true),
            ("from=0000-00-00", true),
        ] {
            assert_eq!(fields(query).problem().is_some(), is_wrong, "{query}");
        }
        let odd = fields("room=x&person=-&before=zz&q=%00%0Aa");
        assert_eq!(odd, SearchFields { words: "a".to_owned(), ..SearchFields::default() });
        assert_eq!(fields(&format!("q={}", "x".repeat(5_000))).words.len(), MAX_LEN_FIELD);
        assert!(!fields(&("z=&".repeat(MAX_FIELDS) + "q=x")).has_question());
    }
}
