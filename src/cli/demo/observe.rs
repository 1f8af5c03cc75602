//! Tells people's messages from those of the bridge, on the demo's two servers.

use letsbridge_testkit::irc::ChannelMessage;
use letsbridge_testkit::letschat::PublishedPost;

use super::servers::{BOT_NAME, place_of};
use super::tally::{DemoSide, SentMessage, Tally};

/// What the bridge puts before a message that it sends again.
const RESENT: &str = "(resent) ";

/// Counts a message on IRC.
pub(super) fn irc_message(tally: &mut Tally, message: ChannelMessage) {
    let ChannelMessage { at, msgid: id, nick, channel, command, text } = message;
    let Some(place) = place_of(&channel) else { return };
    let action = text.strip_prefix("\u{1}ACTION ").map(|text| text.trim_end_matches('\u{1}'));
    if nick == BOT_NAME {
        let relayed = match action {
            Some(action) => action.split_once(' '),
            None => relayed(&text),
        };
        if let Some((author, said)) = relayed {
            tally.appeared(DemoSide::LetsChat, place, author, said, at);
        }
        return;
    }
    // Requests of one client to another, such as VERSION, are no messages.
    let text = match action {
        Some(action) => action.to_owned(),
        None if text.starts_with('\u{1}') || command != "PRIVMSG" => return,
        None => text,
    };
    tally.sent(SentMessage { side: DemoSide::Irc, place, author: nick, text, id, at });
}

/// Counts a post in Let's Chat.
pub(super) fn post(tally: &mut Tally, published: PublishedPost) {
    let PublishedPost { at, room, post } = published;
    let Some(place) = place_of(&room) else { return };
    if post.owner == BOT_NAME {
        if let Some((author, said)) = relayed(&post.text) {
            tally.appeared(DemoSide::Irc, place, author, said, at);
        }
        return;
    }
    let (author, text, id) = (post.owner, post.text, Some(post.id));
    tally.sent(SentMessage { side: DemoSide::LetsChat, place, author, text, id, at });
}

/// The author and the text of a message that the bridge relays: `<ann> hello` or `* ann waves`. `None` for
/// notices and answers of the bridge itself.
fn relayed(text: &str) -> Option<(&str, &str)> {
    let text = text.strip_prefix(RESENT).unwrap_or(text);
    if let Some(rest) = text.strip_prefix('<') {
        return rest.split_once("> ");
    }
    text.strip_prefix("* ")?.split_once(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_people_say_is_relayed() {
        for (text, expected) in [
            ("<ann> hello", Some(("ann", "hello"))),
            ("(resent) <ann> hello", Some(("ann", "hello"))),
            ("* ann waves to all", Some(("ann", "waves to all"))),
            ("-- bridged with #lobby on demo", None),
            ("-ann- a notice", None),
            ("* ann", None),
            ("", None),
        ] {
            assert_eq!(relayed(text), expected, "{text:?}");
        }
    }
}
