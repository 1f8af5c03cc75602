//! Tells people's messages from those of the bridge, on the demo's two servers.

use jiff::Timestamp;
use letsbridge_testkit::irc::ChannelMessage;
use letsbridge_testkit::letschat::{AccountView, Post, PublishedPost};

use super::servers::{BOT_NAME, MADE_EMAIL, USERS, place_of};
use super::tally::{DemoSide, SentMessage, Tally};

/// What the bridge puts before a message that it sends again.
const RESENT: &str = "(resent) ";

/// Who posts with an account of Let's Chat.
#[derive(Debug, PartialEq, Eq)]
enum Poster<'a> {
    /// The bridge, for anybody who has no account.
    Bot,
    /// The bridge, for the person with this nick.
    OnlyBridge(&'a str),
    /// The person with this nick has taken it over: they post, and the bridge for them.
    Shared(&'a str),
    /// Somebody in Let's Chat.
    Person,
}

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

/// Counts a post in Let's Chat. `owner` is its account as it is now.
pub(super) fn post(tally: &mut Tally, published: PublishedPost, owner: Option<&AccountView>) {
    let PublishedPost { at, room, post } = published;
    let Some(place) = place_of(&room) else { return };
    let spoken = match poster_of(&post.owner, owner) {
        Poster::Bot => relayed(&post.text).map(|(author, said)| (author.to_owned(), said)),
        Poster::OnlyBridge(nick) => {
            said_by_account(&post.text, |said| tally.author_of(place, nick, said))
                // The bridge has translated it; what is no message on IRC is none here.
                .or_else(|| Some((nick.to_owned(), &*post.text)).filter(|_| !is_notice(&post.text)))
        }
        Poster::Shared(nick) => {
            let author_of = |said: &str| tally.author_waiting(place, nick, said);
            match said_by_account(&post.text, author_of) {
                Some((author, said)) => {
                    return tally.appeared_or_typed(&post.owner, place, &author, said, at);
                }
                None => return by_person(tally, place, at, post),
            }
        }
        Poster::Person => return by_person(tally, place, at, post),
    };
    if let Some((author, said)) = spoken {
        tally.appeared(DemoSide::Irc, place, &author, said, at);
    }
}

/// Counts what somebody writes in Let's Chat.
fn by_person(tally: &mut Tally, place: usize, at: Timestamp, post: Post) {
    let (author, text, id) = (post.owner, post.text, Some(post.id));
    tally.sent(SentMessage { side: DemoSide::LetsChat, place, author, text, id, at });
}

/// Who said what an account posts, and what: an account posts only what its person says, but of an action all of
/// `* ann waves`.
fn said_by_account(
    text: &str,
    author_of: impl Fn(&str) -> Option<String>,
) -> Option<(String, &str)> {
    let action = relayed(text).map(|(_, said)| said);
    [Some(text), action].into_iter().flatten().find_map(|said| Some((author_of(said)?, said)))
}

/// Whether the bridge posts a notice of IRC, or speaks for itself: `-ann- hello`, `-- bridged with #lobby`.
fn is_notice(text: &str) -> bool {
    let nick = text.strip_prefix('-').and_then(|rest| rest.split_once("- "));
    nick.is_some_and(|(nick, _)| !nick.contains(' '))
}

/// Who may have posted with this account.
fn poster_of<'a>(username: &str, account: Option<&'a AccountView>) -> Poster<'a> {
    let is_one_of_ours = USERS.iter().any(|(known, _)| *known == username);
    match account {
        _ if username == BOT_NAME => Poster::Bot,
        Some(account) if account.email.ends_with(MADE_EMAIL) => {
            Poster::OnlyBridge(&account.display_name)
        }
        Some(account) if !is_one_of_ours => Poster::Shared(&account.display_name),
        _ => Poster::Person,
    }
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
    const LOBBY: usize = 0;

    fn account(username: &str, display_name: &str, email: &str) -> AccountView {
        AccountView {
            id: format!("id of {username}"),
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            email: email.to_owned(),
        }
    }

    #[test]
    fn poster_is_known_by_the_account() {
        let made = account("dave.irc", "dave", "dave.irc@irc.invalid");
        let taken_over = account("david", "dave", "david@example.org");
        let ann = account("ann", "Ann", "ann@example.com");
        for (username, account, poster) in [
            (BOT_NAME, None, Poster::Bot),
            ("dave.irc", Some(&made), Poster::OnlyBridge("dave")),
            ("david", Some(&taken_over), Poster::Shared("dave")),
            ("ann", Some(&ann), Poster::Person),
            ("ann", None, Poster::Person),
        ] {
            assert_eq!(poster_of(username, account), poster, "{username}");
        }
    }

    #[test]
    fn account_says_what_its_person_said() {
        let mut tally = Tally::default();
        for text in ["hello", "waves", "* waves"] {
            let (author, text) = ("dave".to_owned(), text.to_owned());
            let (side, at) = (DemoSide::Irc, Timestamp::UNIX_EPOCH);
            tally.sent(SentMessage { side, place: LOBBY, author, text, id: None, at });
        }
        let author_of = |said: &str| tally.author_waiting(LOBBY, "dave", said);
        for (text, expected) in [
            ("hello", Some("hello")),
            ("* dave waves", Some("waves")),
            ("-dave- psst", None),
            ("typed by hand", None),
        ] {
            let found = said_by_account(text, author_of);
            assert_eq!(found, expected.map(|said| ("dave".to_owned(), said)), "{text}");
        }
        assert!(is_notice("-dave- psst") && is_notice("-- bridged") && !is_notice("- not one"));
    }
}
