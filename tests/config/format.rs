//! What people see: for all links, and otherwise for some.

use letsbridge::translate::{LongMessages, MergeLines};

use super::*;

/// The minimal configuration with these sections before its link, and these keys of its looks.
fn with_format(sections: &str, own: &str) -> String {
    MINIMAL.replace("\n[[link]]", &format!("{sections}\n[[link]]")) + own
}

#[test]
fn link_format_overrides_the_common_format() {
    let text = with_format(
        "[looks]\nroom_talk = \"{nick}: \"\npaste_lines = 2\nignore = [{ nick = \"spam\" }]",
        "[link.looks]\npaste_lines = \"none\"\nlong_pastes = \"all\"\njoin_lines = \"300ms\"\n\
         ignore = [{ text = '^!' }]\n[[link]]\nchannel = \"office/#ops\"\nroom = \"ops\"\n",
    );
    let settings = ConfigFixture::new().settings(&text);
    let [own, common] = settings.link_formats.as_slice() else { panic!("two links") };
    assert_eq!(common.channel.max_lines, 2);
    assert_eq!((own.channel.max_lines, own.channel.long_messages), (usize::MAX, LongMessages::All));
    assert_eq!(own.room.merge_lines, MergeLines::Within(Duration::from_millis(300)));
    assert_eq!(own.room.prefixes.text.to_string(), "{nick}: ", "as everywhere");
    assert_eq!((own.rules.ignore.len(), common.rules.ignore.len()), (2, 1));
    assert!(std::sync::Arc::ptr_eq(common, &settings.format));
    let letschat = own.room.letschat_url.as_ref();
    assert_eq!(letschat.map(url::Url::as_str), Some("https://chat.example.org/"));
}

#[test]
fn user_map_is_read() {
    let text = with_format("[people]\nann = \"ann_\"\n\"b.b\" = [\"bob\", \"account:bob\"]", "");
    let settings = ConfigFixture::new().settings(&text);
    assert_ne!(*settings.format.user_map, letsbridge::translate::UserMap::default());
}

#[test]
fn format_errors_have_their_lines() {
    let sections = r#"
[looks]
room_talk = "<{nik}> "
join_lines = "3"
notify_all = ["a b", "x@y"]
ignore = [
  { nick = "spam" },
  { nik = "spam" },
  { text = "(" },
]
unwrap = [{ text = "x" }]
paste_lines = -1
mentions = "no"
[people]
ann = "*!*@host"
"#;
    ConfigFixture::new().assert_errors(
        &with_format(sections, "[link.looks]\nemotes = \"pictures\"\nemote = 1\n"),
        &[
            "bridge.toml:10: looks.room_talk: unknown field {nik}; there are {nick}, {user}, \
             {display_name}, {account}, {network}, {channel}, {room}, {time}",
            "bridge.toml:11: looks.join_lines: \"3\" is not known here; write \"never\", \
             \"waiting\", or how long to wait, like \"300ms\" or \"1s\"",
            "bridge.toml:12: looks.notify_all[0]: \"a b\" is no name; write one name, without spaces",
            "bridge.toml:12: looks.notify_all[1]: \"x@y\" is no mask; write it like \
             \"*!*@*.example.org\"",
            "bridge.toml:15: looks.ignore[1]: \"nik\" is no key of a rule; did you mean \"nick\"?",
            "bridge.toml:16: looks.ignore[2]: \"(\" is no pattern: unclosed group; see \
             https://docs.rs/regex/#syntax",
            "bridge.toml:18: looks.unwrap[0]: anybody could speak for anybody; say who it is, by \
             nick, user, account or mask",
            "bridge.toml:19: looks.paste_lines: not a number from 0 upwards; write a number like \
             500, or \"none\"",
            "bridge.toml:20: looks.mentions: text where true or false is wanted; write true or \
             false, without quotes",
            "bridge.toml:22: people.ann: a mask, which could be anybody; write their nick, or \
             \"account:\" and their account",
            "bridge.toml:28: link[0].looks.emotes: \"pictures\" is not known here; it can be \
             \"names\" or \"unicode\"",
            "bridge.toml:29: link[0].looks.emote: no such key; did you mean \"emotes\"?",
        ],
    );
}
