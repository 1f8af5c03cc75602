//! Stories: what the bridge does, told in the lines that both networks send and receive.
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod addresses;
mod canary;
mod channels;
mod clocks;
mod control;
mod damaged;
mod direct;
mod disconnect_reasons;
mod failures;
mod foreign_lines;
mod harness;
mod irc_catchup;
mod letschat_catchup;
mod life_signs;
mod linking;
mod logging_in;
mod loops;
mod members;
mod mirroring;
mod multiline;
mod nick;
mod outages;
mod passthrough;
mod phases;
mod public_links;
mod puppet_logins;
mod puppets;
mod queue_limit;
mod random;
mod receipts;
mod registration;
mod relaymsg;
mod reload;
mod rendering;
mod restored;
mod status_notices;
#[path = "../support/store.rs"]
mod store;
mod text;
mod upgrade;

use harness::World;

/// The login to Let's Chat, with one room that was never read before.
const LETSCHAT_IN: &str = r#"
    lc connects
    lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r9","slug":"other"}]]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
    lc < 43#[[{"id":"6b0000000000000000000001","text":"old","posted":"2026-11-22T10:00:00.000Z","owner":"u1","room":"r1"}]]
"#;

/// The next login to Let's Chat, up to where the room is read from its cursor.
const LETSCHAT_IN_AGAIN: &str = r#"
    lc connects
    lc < 43#[[{"id":"r1","slug":"tea"}]]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
"#;

/// The registration at an IRC server without capabilities, and the join.
const IRC_IN: &str = r#"
    irc connects
    irc < :irc.example 421 * CAP :Unknown command
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
    irc < :bridge!b@host JOIN #tea
    irc < :irc.example 353 bridge = #tea :bridge ann
    irc < :irc.example 366 bridge #tea :End of /NAMES list
"#;

/// A world of one channel and one room, both joined.
#[track_caller]
fn joined() -> World {
    join_both(World::new(&["office/#tea tea"]))
}

/// … without flood control, for stories whose lines depend on the exact time, and for those that
/// look at everything that was sent at once.
#[track_caller]
fn joined_unpaced() -> World {
    join_both(World::new(&["office/#tea tea"]).unpaced())
}

/// Both connections of this world are up, and the channel and the room are joined.
#[track_caller]
fn join_both(mut world: World) -> World {
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}

/// A story that begins when the channel and the room are joined.
#[track_caller]
fn story(rest: &str) {
    joined().tell(rest);
}

/// The next login to Let's Chat, and a story that begins where the room is read.
#[track_caller]
fn letschat_back(world: &mut World, rest: &str) {
    world.tell(&format!("{LETSCHAT_IN_AGAIN}\n{rest}"));
}
