//! People of `[user_map]`: who they are on IRC, and their accounts on Let's Chat.

use letsbridge::config::LetsChatSenderMode;
use letsbridge::domain::{Author, Network};
use letsbridge::translate::{UserMap, UserMatcher};

use super::*;

/// The minimal configuration with these people; the first is in line 13.
fn with_people(people: &str) -> String {
    format!("{MINIMAL}[user_map]\n{people}")
}

fn account(name: &str) -> UserMatcher {
    UserMatcher::Account(name.to_owned())
}

fn nick(name: &str) -> UserMatcher {
    UserMatcher::Name(name.to_owned())
}

#[test]
fn people_are_named_by_a_text_a_list_or_a_section() {
    let people = "zoe = 'zoe_'\n'b.b' = ['bob', 'account:bob']\n\
                  dave = { account = 'david', nick = 'dave_', irc = ['dave|away', 'account:d'] }\n\
                  [user_map.erin]\nirc = ['erin']\nemail = 'erin@example.org'\n\
                  sender_mode = 'accounts'\n";
    let settings = ConfigFixture::new().settings(&with_people(people));
    let found: Vec<_> =
        settings.people.iter().map(|it| (it.user.as_str(), it.matchers.clone())).collect();
    assert_eq!(
        found,
        [
            ("zoe", vec![nick("zoe_")]),
            ("b.b", vec![nick("bob"), account("bob")]),
            ("dave", vec![account("david"), nick("dave_"), nick("dave|away"), account("d")]),
            ("erin", vec![nick("erin")]),
        ]
    );
    let map = UserMap::new(found.into_iter().map(|(user, who)| (user.to_owned(), who)));
    assert_eq!(*settings.format.user_map, map, "names are translated for the same people");
    let [.., dave, erin] = settings.people.as_slice() else { panic!("four people") };
    assert!(dave.token.is_none() && dave.email.is_none() && dave.sender_mode.is_none());
    assert_eq!(erin.email.as_deref(), Some("erin@example.org"));
    assert_eq!(erin.sender_mode, Some(LetsChatSenderMode::Accounts));
    assert!(dave.is_author(&Author::named("dave_")) && !erin.is_author(&Author::named("dave_")));
}

#[test]
fn token_of_a_person_is_a_secret() {
    let (dave, erin) = (token("ab"), token("cd"));
    let desk = ConfigFixture::new().file("dave.token", format!("{dave}\n"));
    let people = format!(
        "dave = {{ account = 'david', token_file = 'dave.token' }}\n\
         erin = {{ account = 'erin', token = '{erin}' }}\n"
    );
    let settings = desk.settings(&with_people(&people));
    let tokens: Vec<_> = settings
        .people
        .iter()
        .map(|it| it.token.as_ref().unwrap().expose_secret().to_owned())
        .collect();
    assert_eq!(tokens, [dave.clone(), erin.clone()]);
    let shown = format!("{settings:?}");
    assert!(!shown.contains(&dave) && !shown.contains(&erin), "{shown}");
}

#[test]
fn invalid_people_are_rejected() {
    let of = |section: &str| format!("ann = {{ {section} }}");
    for (written, told) in [
        (
            "ann = '*!*@host'".to_owned(),
            "ann: a mask could match anyone; write a nick, or \"account:\" and an account",
        ),
        ("ann = 5".to_owned(), "ann: expected text, found a number; put it in quotes"),
        (
            of(""),
            "ann: does not say who the user is on IRC; add account with their services account, or \
             nick, or irc with a list of both",
        ),
        (
            of("irc = []"),
            "ann: does not say who the user is on IRC; add account with their services account, or \
             nick, or irc with a list of both",
        ),
        (
            of("email = 'ann@example.org'"),
            "ann: does not say who the user is on IRC; add account with their services account, or \
             nick, or irc with a list of both",
        ),
        (
            of("irc = ['ann', '*!*@host']"),
            "ann.irc[1]: a mask could match anyone; write a nick, or \"account:\" and an account",
        ),
        (
            of("irc = 'ann'"),
            "ann.irc: expected a list, found text; write irc = [\"ann\", \"account:ann\"]",
        ),
        (of("nick = 'a b'"), "ann.nick: \"a b\" is not a name; write a single name without spaces"),
        (of("account = ''"), "ann.account: \"\" is not a name; write a single name without spaces"),
        (
            of("account = 'ann', email = 'ann'"),
            "ann.email: \"ann\" is not a mail address; write it like \"dave@example.org\"",
        ),
        (
            of("account = 'ann', token = 'hush'"),
            "ann.token: is not a Let's Chat token; generate one in Let's Chat (menu \"Auth \
             Tokens\") and copy all of it",
        ),
        (
            of("account = 'ann', token_file = 'nowhere.token'"),
            "ann.token_file: cannot read \"nowhere.token\" (No such file or directory (os error \
             2)); create it, or fix the path",
        ),
        (
            of("account = 'ann', token_file = 'ann.token', email = 'ann@example.org'"),
            "ann.email: conflicts with user_map.ann.token_file (bridge.toml:13); remove one of the \
             two",
        ),
        (
            of(&format!("account = 'ann', token_file = 'ann.token', token = '{TOKEN}'")),
            "ann.token_file: conflicts with user_map.ann.token (bridge.toml:13); remove one of the \
             two",
        ),
        (of("nikc = 'ann', account = 'x'"), "ann.nikc: unknown key; did you mean \"nick\"?"),
        (of("nicks = ['ann', 'ann_']"), "ann.nicks: unknown key; did you mean \"irc\"?"),
        (
            of("nick = 'ann', password = 'hush'"),
            "ann.password: unknown key; write token_file, a file with the user's API token: the \
             bridge needs no passwords of users",
        ),
        (
            of("nick = 'ann', room = 'dev'"),
            "ann.room: unknown key; valid keys here: account, nick, irc, token, token_file, network, email, \
             sender_mode",
        ),
    ] {
        ConfigFixture::new()
            .file("ann.token", token("ab"))
            .assert_errors(&with_people(&written), &[&format!("bridge.toml:13: user_map.{told}")]);
    }
}

#[test]
fn token_needs_the_network_where_the_person_is_known_if_there_are_several() {
    let config = |network: &str| {
        let people = format!("dave = {{ account = 'david'{network}, token = '{}' }}", token("ab"));
        let libera = "[irc.libera]\nservers = ['irc.example.net:6697']\n\
                      [[link]]\nchannel = 'libera/#dev'\nroom = 'other'\n";
        format!("{}{libera}", with_people(&format!("{people}\n")))
    };
    let settings = ConfigFixture::new().settings(&config(", network = 'libera'"));
    assert_eq!(settings.people[0].network, Some(Network::new("libera")));
    ConfigFixture::new().assert_errors(
        &config(""),
        &["bridge.toml:13: user_map.dave: does not say on which network the user is known like \
           this; add network = \"libera\", the one where that is them"],
    );
    ConfigFixture::new().assert_errors(
        &config(", network = 'ofice'"),
        &["bridge.toml:13: user_map.dave.network: \"ofice\" is not a network of this file; write \
           one of them: libera, office"],
    );
}

#[test]
fn people_who_are_there_twice_are_rejected() {
    let people = format!(
        "ann = {{ account = 'ann', token = '{TOKEN}' }}\n\
         bob = {{ account = 'bob', token = '{}' }}\n\
         Bob = 'bob_'\n\
         eve = {{ account = 'eve', token_file = 'eve.token' }}\n",
        token("ab")
    );
    ConfigFixture::new().file("eve.token", token("ab")).assert_errors(
        &with_people(&people),
        &[
            "bridge.toml:13: user_map.ann.token: is a token of the same account as the bridge's own, letschat.token; log in \
             to Let's Chat as this user, and generate their token there",
            "bridge.toml:15: user_map.Bob: the same user as user_map.bob (bridge.toml:14); write \
             one entry for both",
            "bridge.toml:16: user_map.eve.token_file: is a token of the same account as user_map.bob.token \
             (bridge.toml:14); log in to Let's Chat as this user, and generate their token there",
        ],
    );
}

#[test]
fn token_for_a_nick_is_warned_about() {
    let people = "ann = { nick = 'ann', token_file = 'ann.token' }\n";
    ConfigFixture::new().file("ann.token", token("ab")).assert_warnings(
        &with_people(people),
        &["bridge.toml:13: user_map.ann.token_file: anyone who takes the nick speaks as this user \
           in Let's Chat; write account with the user's services account, instead of the nick"],
    );
}

#[cfg(unix)]
#[test]
fn token_that_others_can_read_is_warned_about() {
    let desk = ConfigFixture::new().file("ann.token", token("ab"));
    let open = |name: &str, mode| {
        let path = desk.folder.path().join(name);
        fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    open("", 0o755);
    open("letschat.token", 0o600);
    open("ann.token", 0o644);
    desk.assert_warnings(
        &with_people("ann = { account = 'ann', token_file = 'ann.token' }"),
        &["bridge.toml:13: user_map.ann.token_file: \"ann.token\" is world-readable; chmod o-r \
           ann.token"],
    );
}
