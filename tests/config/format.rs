//! What people see: for all links, and otherwise for some.

use letsbridge::translate::{LongMessages, MergeLines};

use super::*;

/// The minimal configuration with these sections before its link, and these lines after it.
fn with_format(sections: &str, own: &str) -> String {
    MINIMAL.replace("\n[[link]]", &format!("{sections}\n[[link]]")) + own
}

#[test]
fn link_format_overrides_the_common_format() {
    let text = with_format(
        "[format]\nroom_message = \"{nick}: \"\nmax_lines = 2\nignore = [{ nick = \"spam\" }]",
        "[link.format]\nmax_lines = \"none\"\nlong_messages = \"all\"\nmerge_lines = \"300ms\"\n\
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
fn format_errors_have_their_lines() {
    let sections = r#"
[format]
room_message = "<{nik}> "
merge_lines = "3"
allow_all_mention_from = ["a b", "x@y"]
ignore = [
  { nick = "spam" },
  { nik = "spam" },
  { text = "(" },
]
extract_nicks = [{ text = "x" }]
max_lines = -1
mentions = "no"
[user_map]
ann = "*!*@host"
"#;
    ConfigFixture::new().assert_errors(
        &with_format(sections, "[link.format]\nemotes = \"pictures\"\nemote = 1\n"),
        &[
            "bridge.toml:10: format.room_message: unknown field {nik}; valid fields: {nick}, {user}, \
             {display_name}, {account}, {network}, {channel}, {room}, {time}",
            "bridge.toml:11: format.merge_lines: \"3\" is not a valid value; write \"never\", \
             \"queued\", or a duration like \"300ms\" or \"1s\"",
            "bridge.toml:12: format.allow_all_mention_from[0]: \"a b\" is not a name; write a \
             single name without spaces",
            "bridge.toml:12: format.allow_all_mention_from[1]: \"x@y\" is not a mask; write it \
             like \"*!*@*.example.org\"",
            "bridge.toml:15: format.ignore[1]: \"nik\" is not a rule key; did you mean \"nick\"?",
            "bridge.toml:16: format.ignore[2]: \"(\" is not a valid regular expression: unclosed \
             group; see https://docs.rs/regex/#syntax",
            "bridge.toml:18: format.extract_nicks[0]: this rule would let anyone impersonate \
             anyone; add nick, user, account or mask",
            "bridge.toml:19: format.max_lines: not a non-negative number; write a number like \
             500, or \"none\"",
            "bridge.toml:20: format.mentions: expected true or false, found text; write true or \
             false, without quotes",
            "bridge.toml:22: user_map.ann: a mask could match anyone; write a nick, or \
             \"account:\" and an account",
            "bridge.toml:28: link[0].format.emotes: \"pictures\" is not a valid value; use \
             \"names\" or \"unicode\"",
            "bridge.toml:29: link[0].format.emote: unknown key; did you mean \"emotes\"?",
        ],
    );
}
