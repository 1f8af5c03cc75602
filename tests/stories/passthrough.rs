//! Commands for bots on the other side are sent on a line of their own.

use letsbridge::translate::LinkFormat;

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN};

#[test]
fn bot_commands_are_passed_through_after_a_line_with_the_author() {
    let passthrough = regex::Regex::new("^(!|hubot )").ok();
    let mut world = World::new(&["office/#tea tea"])
        .with_format(LinkFormat { passthrough, ..LinkFormat::default() });
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :hubot ping
        lc > 42#["messages:create",{"room":"r1","text":"<ann>"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann>","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"hubot ping"}]
        lc < 43#[{"id":"6b0000010000000000000002","text":"hubot ping","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc < 42["messages:new",{"id":"6b0000010000000000000003","text":"PONG","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u7","username":"hubot"},"room":{"id":"r1","slug":"tea"}}]
        irc > PRIVMSG #tea :<hubot> PONG
        irc > PING said-3
        irc < :irc.example PONG irc.example :said-3
        lc < 42["messages:new",{"id":"6b0000010000000000000004","text":"!deploy","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1","slug":"tea"}}]
        irc > PRIVMSG #tea :<bob>
        irc > PING said-4
        irc < :irc.example PONG irc.example :said-4
        irc > PRIVMSG #tea :!deploy
        irc > PING said-5
        "#,
    );
}
