//! Files in a room become public links on IRC.

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, joined};

const ID: &str = "6b035f6d8d054a41e16a0570";

fn joined_with_links(conversation: &str) -> World {
    let mut world = World::new(&[conversation]).unpaced().with_public_links();
    world.tell(LETSCHAT_IN);
    world
}

#[test]
fn file_in_the_room_becomes_a_public_link() {
    let mut world = joined_with_links("office/#tea tea");
    world.tell(IRC_IN);
    let link = world.link(ID, "a b.png");
    world.tell(&format!(
        r#"
        lc < 42["messages:new",{{"id":"6b0000010000000000000001","text":"upload://files/{ID}/a%20b.png","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1","slug":"tea"}}}}]
        irc > PRIVMSG #tea :<bob> {link}
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        lc < 42["messages:new",{{"id":"6b0000010000000000000002","text":"see https://chat.example/files/{ID}/a%20b.png","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1","slug":"tea"}}}}]
        irc > PRIVMSG #tea :<bob> see {link}
        irc > PING said-2
        "#
    ));
}

#[test]
fn file_reference_stays_without_public_links() {
    joined().tell(&format!(
        r#"
        lc < 42["messages:new",{{"id":"6b0000010000000000000001","text":"upload://files/{ID}/a.png","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1","slug":"tea"}}}}]
        irc > PRIVMSG #tea :<bob> upload://files/{ID}/a.png
        irc > PING said-1
        "#
    ));
}

/// Otherwise, a user of IRC who knows the id of a file could have it published.
#[test]
fn irc_message_never_becomes_a_public_link() {
    let mut world = joined_with_links("office/#tea tea office/#coffee");
    world.tell_on(
        &IRC_IN.replace("JOIN #tea\n    irc < :bridge", "JOIN #tea,#coffee\n    irc < :bridge"),
    );
    let (text, post) = (format!("upload://files/{ID}/a.png"), "6b0000010000000000000001");
    world.tell_on("irc < :bridge!b@host JOIN #coffee");
    world.tell_on("irc < :irc.example 366 bridge #coffee :End of /NAMES list");
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG #tea :{text}
        lc > 42#["messages:create",{{"room":"r1","text":"<ann> {text}"}}]
        irc > PRIVMSG #coffee :<ann> {text}
        irc > PING said-2
        lc < 43#[{{"id":"{post}","text":"<ann> {text}","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
        lc < 42["messages:new",{{"id":"{post}","text":"<ann> {text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u0","username":"bridge"}},"room":{{"id":"r1"}}}}]
        "#
    ));
}
