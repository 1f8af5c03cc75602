//! What a room is notified of when its channel cannot be reached, and how a room is read once it reopens.

use crate::{IRC_IN, joined};

#[test]
fn outage_of_a_channel_is_announced_once_with_its_reason_and_end() {
    let mut world = joined();
    world.tell(
        r#"
        irc < :op!o@host KICK #tea bridge :out
        wait 5s
        irc > JOIN #tea
        irc < :irc.example 474 bridge #tea :Cannot join channel (+b)
        wait 20s
        lc > 2
        lc < 3
        wait 25s
        lc > 2
        lc < 3
        irc < PING :x
        irc > PONG x
        wait 10s
        irc > PING alive
        lc > 42#["messages:create",{"room":"r1","text":"-- cannot reach #tea on office: banned from the channel (Cannot join channel (+b)); messages from here are queued"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"x","posted":"2026-11-22T12:01:00.000Z","owner":"u0","room":"r1"}]
        wait 10s
        irc < :op!o@host INVITE bridge #tea
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        lc > 42#["messages:create",{"room":"r1","text":"-- #tea on office is reachable again"}]
        irc > PING past-1
        irc < :irc.example PONG irc.example :past-1
        lc < 43#[{"id":"6b0000200000000000000002","text":"x","posted":"2026-11-22T12:01:10.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"-- disconnected from #tea on office from 12:00:00 to 12:01:10 UTC: messages from that time are missing here"}]
        "#,
    );
    let losses = world.stats().outages;
    assert_eq!((losses.count, losses.seconds), (1, 70));
}

#[test]
fn lost_network_is_announced_in_the_room() {
    let mut world = joined();
    world.tell(
        r#"
        irc lost
        wait 25s
        lc > 2
        lc < 3
        wait 25s
        lc > 2
        lc < 3
        wait 10s
        lc > 42#["messages:create",{"room":"r1","text":"-- cannot reach #tea on office: the connection to its network was lost; messages from here are queued"}]
        lc < 43#[{"id":"6b0000200000000000000001","text":"x","posted":"2026-11-22T12:01:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
    world.tell_on(IRC_IN);
    world.tell(
        r#"
        lc > 42#["messages:create",{"room":"r1","text":"-- #tea on office is reachable again"}]
        irc > PING past-1
        "#,
    );
}

#[test]
fn page_received_after_the_room_closed_is_discarded() {
    // Another post before it has not been read yet.
    crate::story(
        r#"
        lc < 42["messages:new",{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":null,"room":{"id":"r1"}}]
        lc > 42#late["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000120000000000000000","skip":0,"take":500}]
        lc < 42["rooms:archive",{"id":"r1","slug":"tea"}]
        lc < 43#late[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        "#,
    );
}

/// The room is closed between the event of a post and the bridge's request for it.
const ASKED_TOO_LATE: &str = r#"
    lc <+ 42["messages:new",{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":null,"room":{"id":"r1"}}]
    lc < 42["rooms:archive",{"id":"r1","slug":"tea"}]
    lc > 42#late["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6b0000120000000000000000","skip":0,"take":500}]
    lc < 42["messages:new",{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":null,"room":{"id":"r1"}}]
"#;

/// The room reopens, and is read from its cursor.
const OPEN_AGAIN: &str = r#"
    lc < 42["rooms:new",{"id":"r1","slug":"tea"}]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
    lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
"#;

/// The page requested too late: it begins after the first post.
const LATE_PAGE: &str = r#"
    lc < 43#late[[{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
"#;

/// All posts are mirrored, in order.
const ALL_IN_ORDER: &str = r#"
    lc < 43#[[{"id":"6b0000110000000000000001","text":"one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000120000000000000001","text":"two","posted":"2026-11-22T12:00:02.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
    irc > PRIVMSG #tea :<bob> one
    irc > PING said-1
    irc < :irc.example PONG irc.example :said-1
    irc > PRIVMSG #tea :<bob> two
    irc > PING said-2
"#;

#[test]
fn page_requested_of_a_closed_room_is_discarded() {
    crate::story(&[ASKED_TOO_LATE, LATE_PAGE, OPEN_AGAIN, ALL_IN_ORDER].concat());
}

#[test]
fn page_requested_before_the_room_reopened_is_discarded() {
    crate::story(&[ASKED_TOO_LATE, OPEN_AGAIN, LATE_PAGE, ALL_IN_ORDER].concat());
}

#[test]
fn outdated_page_received_last_changes_nothing() {
    crate::story(&[ASKED_TOO_LATE, OPEN_AGAIN, ALL_IN_ORDER, LATE_PAGE].concat());
}

#[test]
fn outdated_rejection_of_a_page_does_not_end_the_catchup() {
    let refused = r#"lc < 43#late["Not Found"]"#;
    let mut world = joined();
    world.tell(&[ASKED_TOO_LATE, refused, OPEN_AGAIN, ALL_IN_ORDER].concat());
}

#[test]
fn room_closed_during_its_first_join_is_mirrored_from_the_second() {
    let mut world = crate::World::new(&["office/#tea tea"]);
    let (until_joined, _) = crate::LETSCHAT_IN.split_once(r##"lc < 43#[{"id":"r1""##).unwrap();
    world.tell(until_joined);
    world.tell(
        r#"
        lc <+ 43#[{"id":"r1","slug":"tea"}]
        lc < 42["rooms:archive",{"id":"r1","slug":"tea"}]
        lc > 42#a["messages:list",{"reverse":true,"room":"r1","take":1}]
        lc < 42["rooms:new",{"id":"r1","slug":"tea"}]
        lc > 42#["rooms:join","r1"]
        lc < 43#[{"id":"r1","slug":"tea"}]
        lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
        lc < 43#a[[{"id":"6b0000000000000000000001","text":"old","posted":"2026-11-22T10:00:00.000Z","owner":"u1","room":"r1"}]]
        lc < 43#[[{"id":"6b0000000000000000000002","text":"before","posted":"2026-11-22T10:00:00.000Z","owner":"u1","room":"r1"}]]
        lc lost
        "#,
    );
    world.tell(IRC_IN);
    crate::letschat_back(
        &mut world,
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000000000000000000001","text":"old","posted":"2026-11-22T10:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"},{"id":"6b0000000000000000000002","text":"before","posted":"2026-11-22T10:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":"r1"}]]
        "#,
    );
}
