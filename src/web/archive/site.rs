//! Where the pages of the archive are, as browsers see them.

use jiff::civil::Date;
use url::Url;

use crate::store::archive::{ArchiveLineId, ArchivePersonId, ArchiveRoomId};
use crate::web::linking::site::LinkSite;

/// The first part of all paths.
const ARCHIVE: &str = "archive";

/// The longest path that somebody is brought back to after they have signed in.
const MAX_LEN_RETURN: usize = 2_000;

/// The addresses of the archive's pages.
#[derive(Debug, Clone)]
pub(super) struct ArchiveSite {
    pub(super) site: LinkSite,
    base: String,
}

impl ArchiveSite {
    pub(super) fn new(public_url: &Url) -> Self {
        let site = LinkSite::new(public_url);
        Self { base: site.below(ARCHIVE), site }
    }

    /// The first page, and the path of the cookie.
    pub(super) fn home(&self) -> &str {
        &self.base
    }

    /// A page or a form with this name.
    pub(super) fn page(&self, name: &str) -> String {
        format!("{}/{name}", self.base)
    }

    /// The search with this query.
    pub(super) fn search(&self, query: &str) -> String {
        format!("{}?{query}", self.base)
    }

    /// The calendar of a room.
    pub(super) fn room(&self, ArchiveRoomId(room): ArchiveRoomId) -> String {
        format!("{}/room/{room}", self.base)
    }

    /// The calendar of a room in a year.
    pub(super) fn year(&self, room: ArchiveRoomId, year: i16) -> String {
        format!("{}?year={year}", self.room(room))
    }

    /// A day in a room.
    pub(super) fn day(&self, room: ArchiveRoomId, day: Date) -> String {
        format!("{}/{day}", self.room(room))
    }

    /// A day in a room, from this line on.
    pub(super) fn day_from(&self, room: ArchiveRoomId, day: Date, line: ArchiveLineId) -> String {
        format!("{}?from={line}", self.day(room, day))
    }

    /// A day in a room, up to this line.
    pub(super) fn day_until(&self, room: ArchiveRoomId, day: Date, line: ArchiveLineId) -> String {
        format!("{}?until={line}", self.day(room, day))
    }

    /// The stable address of a line.
    pub(super) fn line(&self, line: ArchiveLineId) -> String {
        format!("{}/line/{line}", self.base)
    }

    /// A person with all their names.
    pub(super) fn person(&self, ArchivePersonId(person): ArchivePersonId) -> String {
        format!("{}/person/{person}", self.base)
    }

    /// The path that `rest` of a form leads back to: always a page of ours.
    pub(super) fn back(&self, rest: &str) -> String {
        let is_ours = rest.len() <= MAX_LEN_RETURN
            && !rest.contains("..")
            && rest.bytes().all(|it| it.is_ascii_graphic() && it != b'\\');
        match rest.split_once('?') {
            _ if !is_ours || rest.is_empty() => self.base.clone(),
            Some(("", query)) => self.search(query),
            _ => self.page(rest),
        }
    }

    /// What of a path and its query a form may lead back to; empty for the first page.
    pub(super) fn rest_of(&self, path: &str, query: Option<&str>) -> String {
        let rest = path.rsplit_once(&format!("/{ARCHIVE}")).map_or("", |(_, rest)| rest);
        let query = query.map(|it| format!("?{it}")).unwrap_or_default();
        format!("{}{query}", rest.trim_start_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn return_never_leaves_the_archive() {
        let site = ArchiveSite::new(&"https://b.example/irc/".parse().expect("a URL"));
        for (rest, path) in [
            ("", "/irc/archive"),
            ("line/52ef1f0e000a112233445566", "/irc/archive/line/52ef1f0e000a112233445566"),
            ("?q=a%20b&room=1", "/irc/archive?q=a%20b&room=1"),
            ("room/1?year=2014", "/irc/archive/room/1?year=2014"),
            ("//evil.example", "/irc/archive///evil.example"),
            ("https://evil.example", "/irc/archive/https://evil.example"),
            ("../link", "/irc/archive"),
            ("\\evil", "/irc/archive"),
            ("a b", "/irc/archive"),
            ("a\r\nSet-Cookie: x", "/irc/archive"),
            (&"x".repeat(3_000), "/irc/archive"),
        ] {
            assert_eq!(site.back(rest), path, "{rest}");
        }
        assert_eq!(site.rest_of("/irc/archive", Some("q=x")), "?q=x");
        assert_eq!(site.rest_of("/archive/line/5", None), "line/5");
        assert_eq!(site.rest_of("/archive", None), "");
    }
}
