//! Reads `[format]` and `[link.format]`: how messages look on the other side.

use std::sync::Arc;

use config::ValueKind;

use super::parse;
use crate::config::reader::Section;
use crate::config::types::{as_str, boolean, count_or_none, text};
use crate::translate::{
    ChannelFormat, LinkFormat, Prefixes, RoomFormat, Rules, StatusNotices, Template, UserSet,
};

/// Reads `[format]` or `[link.format]`; the defaults are `base`. Rules are added to those of
/// `base`.
pub(super) fn read(mut section: Section<'_>, base: &LinkFormat) -> LinkFormat {
    let mut format = LinkFormat {
        room: room_format(&mut section, &base.room),
        channel: channel_format(&mut section, &base.channel),
        rules: rules(&mut section, &base.rules),
        user_map: Arc::clone(&base.user_map),
        status_notices: status_notices(&mut section, &base.status_notices),
        topic_sync: section.get("sync_topic", text(parse::topic_sync)).unwrap_or(base.topic_sync),
        commands: section.get("commands", boolean).unwrap_or(base.commands),
        passthrough: match section.get("passthrough", text(parse::passthrough)) {
            Some(own) => own,
            None => base.passthrough.clone(),
        },
    };
    // One key sets both directions.
    if let Some(mentions) = section.get("mentions", boolean) {
        format.room.mentions = mentions;
        format.channel.mentions = mentions;
    }
    section.deny_unknown_keys();
    format
}

fn room_format(section: &mut Section<'_>, base: &RoomFormat) -> RoomFormat {
    let Prefixes { text: message, action, notice } = &base.prefixes;
    let names = Prefixes {
        text: template(section, "room_message", message),
        action: template(section, "room_action", action),
        notice: template(section, "room_notice", notice),
    };
    RoomFormat {
        prefixes: names,
        formatting: section.get("formatting", text(parse::formatting)).unwrap_or(base.formatting),
        inline_images: section.get("inline_images", boolean).unwrap_or(base.inline_images),
        merge_lines: section
            .get("merge_lines", text(parse::merge_lines))
            .unwrap_or(base.merge_lines),
        mentions: base.mentions,
        allow_mentions_from: user_set(section, "allow_mentions_from")
            .unwrap_or_else(|| base.allow_mentions_from.clone()),
        allow_all_mention_from: user_set(section, "allow_all_mention_from")
            .unwrap_or_else(|| base.allow_all_mention_from.clone()),
        letschat_url: base.letschat_url.clone(),
    }
}

fn channel_format(section: &mut Section<'_>, base: &ChannelFormat) -> ChannelFormat {
    let Prefixes { text: message, action, notice } = &base.prefixes;
    let names = Prefixes {
        text: template(section, "channel_message", message),
        action: template(section, "channel_action", action),
        notice: template(section, "channel_notice", notice),
    };
    let lines = section.get("max_lines", count_or_none).map(|lines| lines.unwrap_or(u64::MAX));
    ChannelFormat {
        prefixes: names,
        mentions: base.mentions,
        emotes: section.get("emotes", text(parse::emotes)).unwrap_or(base.emotes),
        color_nicks: section.get("color_nicks", boolean).unwrap_or(base.color_nicks),
        anti_ping: section.get("anti_ping", boolean).unwrap_or(base.anti_ping),
        max_lines: lines
            .map_or(base.max_lines, |lines| usize::try_from(lines).unwrap_or(usize::MAX)),
        long_messages: section
            .get("long_messages", text(parse::long_messages))
            .unwrap_or(base.long_messages),
    }
}

fn status_notices(section: &mut Section<'_>, base: &StatusNotices) -> StatusNotices {
    let mut show = |name, base| section.get(name, text(parse::verbosity)).unwrap_or(base);
    StatusNotices {
        joins: show("show_joins", base.joins),
        nick_changes: show("show_nick_changes", base.nick_changes),
        kicks: show("show_kicks", base.kicks),
        modes: show("show_modes", base.modes),
        topics: show("show_topics", base.topics),
    }
}

fn template(section: &mut Section<'_>, name: &'static str, base: &Template) -> Template {
    section.get(name, text(parse::template)).unwrap_or_else(|| base.clone())
}

fn rules(section: &mut Section<'_>, base: &Rules) -> Rules {
    let mut rules = base.clone();
    if let Some(entry) = section.entry("ignore") {
        let own = entry.items("ignore = [{ nick = \"spam\" }]", parse::ignore_rule);
        rules.ignore.extend(own.unwrap_or_default());
    }
    if let Some(entry) = section.entry("rewrite") {
        let example = "rewrite = [{ text = \"colour\", with = \"color\" }]";
        rules.rewrite.extend(entry.items(example, parse::rewrite_rule).unwrap_or_default());
    }
    if let Some(entry) = section.entry("extract_nicks") {
        let own =
            entry.items("extract_nicks = [{ nick = \"otherbridge\" }]", parse::extract_nicks_rule);
        rules.extract_nicks.extend(own.unwrap_or_default());
    }
    rules
}

/// Reads a list of users, or `everyone`.
fn user_set(section: &mut Section<'_>, name: &'static str) -> Option<UserSet> {
    let entry = section.entry(name)?;
    if matches!(&entry.value.kind, ValueKind::String(text) if text == "everyone") {
        return Some(UserSet::Everyone);
    }
    let example = format!("{name} = [\"ann\", \"account:ann\"], or {name} = \"everyone\"");
    Some(UserSet::Only(entry.items(&example, |value| parse::user_matcher(as_str(value)?))?))
}
