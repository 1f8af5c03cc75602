use std::sync::Arc;

use config::{Value, ValueKind};

use super::values;
use crate::config::document;
use crate::config::entry::Entry;
use crate::config::keys::Pattern;
use crate::config::kinds::{as_text, flag, limit, text};
use crate::config::section::Section;
use crate::config::values::Flaw;
use crate::translate::{
    ChannelManners, Comings, Manners, Names, People, RoomManners, Rules, Template, Who, Whom,
};

/// `[looks]`, or what of it a link has otherwise; `base` is what it is otherwise than. Rules come on
/// top of those of `base`.
pub(super) fn read(mut section: Section<'_>, base: &Manners) -> Manners {
    let mut manners = Manners {
        room: room(&mut section, &base.room),
        channel: channel(&mut section, &base.channel),
        rules: rules(&mut section, &base.rules),
        people: Arc::clone(&base.people),
        comings: comings(&mut section, &base.comings),
        topics: section.get("follow_topics", text(values::follow)).unwrap_or(base.topics),
        answers: section.get("answers", flag).unwrap_or(base.answers),
        passthrough: match section.get("passthrough", text(values::passthrough)) {
            Some(own) => own,
            None => base.passthrough.clone(),
        },
    };
    // One key for both directions.
    if let Some(mentions) = section.get("mentions", flag) {
        (manners.room.mentions, manners.channel.mentions) = (mentions, mentions);
    }
    section.finish();
    manners
}

fn room(section: &mut Section<'_>, base: &RoomManners) -> RoomManners {
    let Names { talk, action, notice } = &base.names;
    let names = Names {
        talk: template(section, "room_talk", talk),
        action: template(section, "room_action", action),
        notice: template(section, "room_notice", notice),
    };
    RoomManners {
        names,
        formatting: section.get("formatting", text(values::formatting)).unwrap_or(base.formatting),
        pictures: section.get("pictures", flag).unwrap_or(base.pictures),
        join: section.get("join_lines", text(values::join)).unwrap_or(base.join),
        mentions: base.mentions,
        may_notify: whom(section, "notify").unwrap_or_else(|| base.may_notify.clone()),
        may_notify_all: whom(section, "notify_all").unwrap_or_else(|| base.may_notify_all.clone()),
        letschat: base.letschat.clone(),
    }
}

fn channel(section: &mut Section<'_>, base: &ChannelManners) -> ChannelManners {
    let Names { talk, action, notice } = &base.names;
    let names = Names {
        talk: template(section, "channel_talk", talk),
        action: template(section, "channel_action", action),
        notice: template(section, "channel_notice", notice),
    };
    let lines = section.get("paste_lines", limit).map(|lines| lines.unwrap_or(u64::MAX));
    ChannelManners {
        names,
        mentions: base.mentions,
        emotes: section.get("emotes", text(values::emotes)).unwrap_or(base.emotes),
        colours: section.get("coloured_names", flag).unwrap_or(base.colours),
        quiet: section.get("quiet_names", flag).unwrap_or(base.quiet),
        lines: lines.map_or(base.lines, |lines| usize::try_from(lines).unwrap_or(usize::MAX)),
        long: section.get("long_pastes", text(values::long)).unwrap_or(base.long),
    }
}

fn comings(section: &mut Section<'_>, base: &Comings) -> Comings {
    let mut show = |name, base| section.get(name, text(values::show)).unwrap_or(base);
    Comings {
        joins: show("joins", base.joins),
        nicks: show("nicks", base.nicks),
        kicks: show("kicks", base.kicks),
        modes: show("modes", base.modes),
        topics: show("topics", base.topics),
    }
}

fn template(section: &mut Section<'_>, name: &'static str, base: &Template) -> Template {
    section.get(name, text(values::template)).unwrap_or_else(|| base.clone())
}

fn rules(section: &mut Section<'_>, base: &Rules) -> Rules {
    let mut rules = base.clone();
    if let Some(entry) = section.entry("ignore") {
        let own = entry.items("ignore = [{ nick = \"spam\" }]", values::ignore);
        rules.ignore.extend(own.unwrap_or_default());
    }
    if let Some(entry) = section.entry("rewrite") {
        let example = "rewrite = [{ text = \"colour\", with = \"color\" }]";
        rules.rewrite.extend(entry.items(example, values::rewrite).unwrap_or_default());
    }
    if let Some(entry) = section.entry("unwrap") {
        let own = entry.items("unwrap = [{ nick = \"otherbridge\" }]", values::unwrap);
        rules.unwrap.extend(own.unwrap_or_default());
    }
    rules
}

/// A list of people, or `everyone`.
fn whom(section: &mut Section<'_>, name: &'static str) -> Option<Whom> {
    let entry = section.entry(name)?;
    if matches!(&entry.value.kind, ValueKind::String(text) if text == "everyone") {
        return Some(Whom::Everyone);
    }
    let example = format!("{name} = [\"ann\", \"account:ann\"], or {name} = \"everyone\"");
    Some(Whom::These(entry.items(&example, |value| values::who(as_text(value)?))?))
}

/// `[people]`: the users of Let's Chat, each with who that is on IRC.
pub(super) fn people(top: &mut Section<'_>) -> People {
    let written = top.child("people");
    let section = written.and_then(|entry| entry.section(Pattern::Section("people")));
    let entries = section.map(|section| section.entries()).unwrap_or_default();
    People::new(
        entries.into_iter().filter_map(|(user, entry)| Some((user.to_owned(), person(&entry)?))),
    )
}

fn person(entry: &Entry<'_>) -> Option<Vec<Who>> {
    let who = |value: &Value| match values::who(as_text(value)?)? {
        Who::Mask(_) => {
            let remedy = "write their nick, or \"account:\" and their account";
            Err(Flaw::new("a mask, which could be anybody", remedy))
        }
        who => Ok(who),
    };
    match &entry.value.kind {
        ValueKind::Array(_) => {
            let example = document::below("people", "ann") + " = [\"ann\", \"account:ann\"]";
            entry.items(&example, who)
        }
        _ => entry.read(who).map(|who| vec![who]),
    }
}
