//! Reads `[announcements]`: what people are told about the phases of links.

use super::parse;
use crate::config::parse::ValueError;
use crate::config::reader::Section;
use crate::config::types::text;
use crate::translate::{Announcement, Announcements, Audience};

/// Reads the texts; those that are not set have the default.
pub(super) fn read(mut section: Section<'_>) -> Announcements {
    let default = Announcements::default();
    let [together, moving, irc_read_only, closed] = default.phases;
    let mut all = |name, default| announcement(&mut section, name, Audience::Everybody, default);
    let phases = [
        all("together", together),
        all("moving", moving),
        all("irc_read_only", irc_read_only),
        all("closed", closed),
    ];
    let topic = all("topic", default.topic);
    let mut one = |name, default| announcement(&mut section, name, Audience::OnePerson, default);
    let announcements = Announcements {
        phases,
        welcome: one("welcome", default.welcome),
        welcome_link: one("welcome_link", default.welcome_link),
        read_only_notice: one("read_only_notice", default.read_only_notice),
        closed_notice: one("closed_notice", default.closed_notice),
        topic,
    };
    deny_a_long_welcome(&mut section, &announcements);
    section.deny_unknown_keys();
    announcements
}

/// Both texts are said in one line.
fn deny_a_long_welcome(section: &mut Section<'_>, announcements: &Announcements) {
    let Announcements { welcome, welcome_link, .. } = announcements;
    let both = welcome.len_filled() + ". ".len() + welcome_link.len_filled();
    let entry = section.entry("welcome").or_else(|| section.entry("welcome_link"));
    if let (Some(entry), Some(found)) = (entry, parse::filled_too_long(both))
        && !welcome.is_empty()
        && !welcome_link.is_empty()
    {
        let found = format!("together with the other text of the welcome, it {found}");
        entry.report_error(ValueError::new(found, "shorten it"));
    }
}

fn announcement(
    section: &mut Section<'_>,
    name: &'static str,
    audience: Audience,
    default: Announcement,
) -> Announcement {
    section.get(name, text(|text| parse::announcement(text, audience))).unwrap_or(default)
}
