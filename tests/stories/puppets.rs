//! Let's Chat users with an IRC connection of their own.

use letsbridge::bridge::{NickSource, PuppetStats};
use letsbridge::translate::{LinkFormat, StatusNotices, Verbosity};

use crate::harness::World;
use crate::receipts::irc_in;
use crate::{IRC_IN, LETSCHAT_IN};

pub(crate) const PUPPETS: NickSource = NickSource::Puppet { ban_fallback: false, show_away: true };

/// The registration of bob's puppet.
pub(crate) const BOB_IN: &str = r#"
    bob back
    bob > CAP LS 302
    bob > NICK bob|lc
    bob > USER bob 0 * bob
    bob < :irc.example 421 * CAP :Unknown command
    bob < :irc.example 001 bob|lc :hello
    bob > JOIN #tea
    bob < :bob|lc!bob@host JOIN #tea
    bob < :irc.example 353 bob|lc = #tea :bridge ann bob|lc
    bob < :irc.example 366 bob|lc #tea :End of /NAMES list
    irc < :bob|lc!bob@host JOIN #tea
"#;

#[track_caller]
pub(crate) fn says(world: &mut World, number: u32, text: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"id-bob","username":"bob"}},"room":{{"id":"r1"}}}}]"#
    ));
}

/// A world in which bob has posted once and his puppet has joined the channel.
#[track_caller]
fn joined_with(source: NickSource) -> World {
    let mut world = World::new(&["office/#tea tea"]).with_nicks(source, "{user}|lc");
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    says(&mut world, 1, "hello");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> hello
        irc > PING said-1
        irc < :irc.example PONG irc.example said-1
        bob called bob|lc
        "#,
    );
    world.tell(BOB_IN);
    world
}

#[track_caller]
fn joined() -> World {
    joined_with(PUPPETS)
}

#[test]
fn bot_sends_for_a_user_until_their_puppet_has_joined() {
    let mut world = joined();
    says(&mut world, 2, "now it is me");
    world.tell(
        r#"
        bob > PRIVMSG #tea :now it is me
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :now it is me
        bob < :irc.example PONG irc.example said-2
        "#,
    );
}

#[test]
fn puppet_is_not_mirrored_back_but_similar_nicks_are() {
    let mut world = joined();
    says(&mut world, 2, "it is me");
    world.tell(
        r#"
        bob > PRIVMSG #tea :it is me
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :it is me
        irc < :eve|lc!eve@host PRIVMSG #tea :and me
        lc > 42#["messages:create",{"room":"r1","text":"<eve|lc> and me"}]
        bob < :irc.example PONG irc.example said-2
        bob < :ann!a@host PRIVMSG #tea :what a puppet hears is nobody's
        irc < :bob|lc!bob@host NICK robert
        irc < :robert!bob@host PRIVMSG #tea :services made me
        bob < :bob|lc!bob@host NICK robert
        irc < :robert!bob@host PRIVMSG #tea :and I know it
        "#,
    );
}

#[test]
fn joins_and_quits_of_puppets_are_not_announced() {
    let mut world = joined();
    says(&mut world, 2, "it is me");
    world.tell(
        r#"
        bob > PRIVMSG #tea :it is me
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :it is me
        bob < :irc.example PONG irc.example said-2
        irc < :bob|lc!bob@host QUIT :bye
        bob lost
        wait 10s
        "#,
    );
}

#[test]
fn one_message_is_in_flight_among_bot_and_puppets() {
    let mut world = joined();
    says(&mut world, 2, "one");
    world.tell_on(
        r#"lc < 42["messages:new",{"id":"6b0000010000000000000003","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"id-eve","username":"eve"},"room":{"id":"r1"}}]"#,
    );
    world.tell(
        r#"
        bob > PRIVMSG #tea :one
        bob > PING said-2
        bob < :irc.example PONG irc.example said-2
        irc > PRIVMSG #tea :<eve> two
        irc > PING said-3
        eve called eve|lc
        "#,
    );
}

#[test]
fn lost_puppet_resends_only_what_the_bot_has_not_seen() {
    for (seen, then) in [
        ("irc < :bob|lc!bob@host PRIVMSG #tea :one\nirc < :bob|lc!bob@host PRIVMSG #tea :two", ""),
        (
            "irc < :bob|lc!bob@host PRIVMSG #tea :one",
            "irc > PRIVMSG #tea :<bob> two\nirc > PING said-2\nbob called bob|lc",
        ),
        (
            "",
            "irc > PRIVMSG #tea :<bob> one\nirc > PRIVMSG #tea :<bob> two\nirc > PING said-2\nbob called bob|lc",
        ),
    ] {
        // The bot sees its QUIT before its connection is lost, or after.
        for (before, after) in [
            ("irc < :bob|lc!bob@host QUIT :Killed", ""),
            ("", "irc < :bob|lc!bob@host QUIT :Killed"),
        ] {
            let mut world = joined();
            says(&mut world, 2, "one\\ntwo");
            world.tell(&format!(
                "bob > PRIVMSG #tea :one
                 bob > PRIVMSG #tea :two
                 bob > PING said-2
                 {seen}
                 {before}
                 bob lost
                 {after}
                 {then}"
            ));
        }
    }
}

#[test]
fn lost_puppet_that_has_not_quit_yet_delays_the_resend() {
    let mut world = joined();
    says(&mut world, 2, "one");
    says(&mut world, 3, "two");
    world.tell(
        r#"
        bob > PRIVMSG #tea :one
        bob > PING said-2
        bob lost
        wait 6s
        irc < PING :x
        irc > PONG x
        wait 6s
        irc < PING :y
        irc > PONG y
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-2
        bob called bob|lc
        "#,
    );
}

#[test]
fn equal_lines_of_a_lost_puppet_are_distinguished_by_their_count() {
    let mut world = joined();
    says(&mut world, 2, "yes");
    says(&mut world, 3, "yes");
    world.tell(
        r#"
        bob > PRIVMSG #tea :yes
        bob > PING said-2
        bob < :irc.example PONG irc.example said-2
        bob > PRIVMSG #tea :yes
        bob > PING said-3
        irc < :bob|lc!bob@host PRIVMSG #tea :yes
        irc < :bob|lc!bob@host QUIT :Killed
        bob lost
        irc > PRIVMSG #tea :<bob> yes
        irc > PING said-3
        bob called bob|lc
        "#,
    );
}

#[test]
fn command_for_a_lost_puppet_is_not_sent_on_the_next() {
    // The disk was slow: the bridge learns in one turn that bob has posted, and that his connection was lost
    // and replaced.
    let mut world = joined();
    world.tell_on(
        r#"lc <+ 42["messages:new",{"id":"6b0000010000000000000002","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"id-bob","username":"bob"},"room":{"id":"r1"}}]"#,
    );
    let in_again = BOB_IN.replace("bob back", "bob lost and back");
    let (before, _) = in_again.split_once("irc <").expect("the bridge sees him come");
    world.tell(&format!("{before}\nirc > PRIVMSG #tea :<bob> two\nirc > PING said-2"));
}

/// The report in the room that a message of bob was not delivered.
const TOLD: &str = r#"lc > 42#["messages:create",{"room":"r1","text":"-- @bob: the message \"but\" was not delivered to #tea on office: an operator removed you from the channel"}]"#;

#[test]
fn messages_of_a_kicked_puppet_are_rejected_until_it_rejoins() {
    let mut world = joined();
    world.tell(
        r#"
        bob < :op!o@host KICK #tea bob|lc :enough
        irc < :op!o@host KICK #tea bob|lc :enough
        "#,
    );
    says(&mut world, 2, "but");
    world.tell(&format!("wait 10s\nbob > JOIN #tea\n{TOLD}"));
    world.tell(
        r#"
        bob < :bob|lc!bob@host JOIN #tea
        bob < :irc.example 366 bob|lc #tea :End of /NAMES list
        irc < :bob|lc!bob@host JOIN #tea
        "#,
    );
    says(&mut world, 3, "sorry");
    world.tell("bob > PRIVMSG #tea :sorry\nbob > PING said-4");
}

#[test]
fn messages_of_a_banned_puppet_are_rejected() {
    let mut world = joined();
    world.tell(
        r#"
        bob < :op!o@host KICK #tea bob|lc :enough
        irc < :op!o@host KICK #tea bob|lc :enough
        wait 6s
        bob > JOIN #tea
        bob < :irc.example 474 bob|lc #tea :Cannot join channel (+b)
        "#,
    );
    says(&mut world, 2, "but");
    world.tell(&format!("wait 10s\n{TOLD}"));
}

#[test]
fn bot_sends_for_a_kicked_puppet_with_ban_fallback() {
    let mut world = joined_with(NickSource::Puppet { ban_fallback: true, show_away: true });
    world.tell(
        r#"
        bob < :op!o@host KICK #tea bob|lc :enough
        irc < :op!o@host KICK #tea bob|lc :enough
        "#,
    );
    says(&mut world, 2, "but");
    world.tell("irc > PRIVMSG #tea :<bob> but\nirc > PING said-2");
}

#[test]
fn messages_of_a_muted_puppet_are_rejected() {
    let mut world = joined();
    says(&mut world, 2, "but");
    says(&mut world, 3, "hm");
    world.tell(
        r#"
        bob > PRIVMSG #tea :but
        bob > PING said-2
        bob < :irc.example 404 bob|lc #tea :Cannot send to channel
        bob < :irc.example PONG irc.example said-2
        bob > PRIVMSG #tea :hm
        bob > PING said-3
        "#,
    );
}

#[test]
fn lines_of_a_puppet_are_recognised_in_the_history_after_a_restart() {
    let caps = "message-tags server-time batch echo-message labeled-response draft/chathistory";
    let mut world = World::new(&["office/#tea tea"]).with_nicks(PUPPETS, "{user}|lc");
    world.tell(LETSCHAT_IN);
    world.tell(&irc_in(caps));
    says(&mut world, 1, "hello");
    world.tell(
        r#"
        irc > @label=1.1 PRIVMSG #tea :<bob> hello
        irc < @label=1.1;msgid=m1;time=2026-11-22T12:00:00.000Z :bridge!b@host PRIVMSG #tea :<bob> hello
        bob called bob|lc
        "#,
    );
    world.tell(BOB_IN);
    says(&mut world, 2, "one");
    // Both connections are lost, and the line in flight may have arrived.
    world.tell("bob > PRIVMSG #tea :one\nbob > PING said-2\nrestart");
    world.tell_on(&irc_in(caps));
    world.tell(
        r#"
        irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
        irc < @label=past.1 :irc.example BATCH +h chathistory #tea
        irc < @batch=h;msgid=m1;time=2026-11-22T12:00:00.000Z :bridge!b@host PRIVMSG #tea :<bob> hello
        irc < @batch=h;msgid=m2;time=2026-11-22T12:00:00.500Z :bob|lc!bob@host PRIVMSG #tea :one
        irc < :irc.example BATCH -h
        irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.499Z 500
        irc < @label=past.2 :irc.example BATCH +k chathistory #tea
        irc < :irc.example BATCH -k
        irc < :ann!a@host PRIVMSG #tea :after
        "#,
    );
}

#[test]
fn user_who_takes_a_former_puppet_nick_is_mirrored() {
    let quit = "irc < :bob|lc!bob@host QUIT :Killed";
    for story in [format!("{quit}\nbob lost"), format!("bob lost\n{quit}")] {
        let mut world = joined();
        world.tell(&story);
        world.tell(
            r#"
            irc < :bob|lc!eve@evil JOIN #tea
            irc < :bob|lc!eve@evil PRIVMSG #tea :now I am bob
            lc > 42#["messages:create",{"room":"r1","text":"<bob|lc> now I am bob"}]
            "#,
        );
    }
    // Likewise after a nick change.
    for (one, other) in [("bob", "irc"), ("irc", "bob")] {
        let mut world = joined();
        world.tell(&format!(
            r#"
            {one} < :bob|lc!bob@host NICK robert
            {other} < :bob|lc!bob@host NICK robert
            irc < :bob|lc!eve@evil JOIN #tea
            irc < :bob|lc!eve@evil PRIVMSG #tea :now I am bob
            lc > 42#["messages:create",{{"room":"r1","text":"<bob|lc> now I am bob"}}]
            irc < :robert!bob@host PRIVMSG #tea :it is me
            "#,
        ));
    }
}

#[test]
fn bot_sends_for_a_puppet_on_the_other_side_of_a_netsplit() {
    let mut world = joined();
    world.tell("irc < :bob|lc!bob@host QUIT :irc.example hub.example");
    says(&mut world, 2, "do you hear me");
    world.tell(
        r#"
        irc > PRIVMSG #tea :<bob> do you hear me
        irc > PING said-2
        irc < :irc.example PONG irc.example said-2
        irc < :bob|lc!bob@host JOIN #tea
        irc < :bob|lc!bob@host PRIVMSG #tea :this is mine
        "#,
    );
    says(&mut world, 3, "and now");
    world.tell("bob > PRIVMSG #tea :and now\nbob > PING said-3");
}

#[test]
fn bot_sends_for_a_killed_puppet_and_counts_the_kill() {
    let mut world = joined();
    says(&mut world, 2, "one");
    world.tell(
        r#"
        bob > PRIVMSG #tea :one
        bob > PING said-2
        irc < :bob|lc!bob@host PRIVMSG #tea :one
        irc < :bob|lc!bob@host QUIT :Killed (op (go away))
        bob < ERROR :Closing link: (bob@host) [Killed (op (go away))]
        bob closed: killed by an operator: Closing link: (bob@host) [Killed (op (go away))]
        bob lost
        "#,
    );
    says(&mut world, 3, "still here");
    world.tell("bob called bob|lc\nirc > PRIVMSG #tea :<bob> still here\nirc > PING said-3");
    let connections = world.stats().puppets.values().next().copied();
    assert_eq!(connections, Some(PuppetStats { connected: 1, lost: 0, rejected: 1 }));
}

const SHOWN_AWAY: &str = "bob > AWAY :not in any Let's Chat room";

/// A world without announcements of joins, in which bob can have a puppet.
#[track_caller]
fn joined_without_notices(away: bool) -> World {
    let quiet = StatusNotices { joins: Verbosity::Off, ..StatusNotices::default() };
    let source = NickSource::Puppet { ban_fallback: false, show_away: away };
    let mut world = World::new(&["office/#tea tea"])
        .with_format(LinkFormat { status_notices: quiet, ..LinkFormat::default() })
        .with_nicks(source, "{user}|lc");
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}

/// Bob joins the room, or leaves it.
fn bob(event: &str) -> String {
    format!(r#"lc < 42["{event}",{{"id":"id-bob","username":"bob","room":"r1"}}]"#)
}

#[track_caller]
fn bob_speaks(world: &mut World) {
    says(world, 1, "hello");
    world.tell(
        "bob called bob|lc
         irc > PRIVMSG #tea :<bob> hello
         irc > PING said-1
         irc < :irc.example PONG irc.example said-1",
    );
}

#[test]
fn puppet_is_away_while_its_user_is_in_no_room() {
    let mut world = joined_without_notices(true);
    let (comes, goes) = (bob("users:join"), bob("users:leave"));
    world.tell(&comes);
    bob_speaks(&mut world);
    world.tell(BOB_IN);
    // Reloading the page of Let's Chat.
    world.tell(&goes);
    world.quietly(100);
    world.tell(&comes);
    world.quietly(300);
    world.tell(&goes);
    world.quietly(130);
    world.tell(SHOWN_AWAY);
    world.quietly(600);
    world.tell(&format!("{comes}\nbob > AWAY\n{goes}"));
    world.quietly(130);
    world.tell(SHOWN_AWAY);
    says(&mut world, 2, "from my phone");
    world.tell(
        "bob > AWAY
         bob > PRIVMSG #tea :from my phone
         bob > PING said-2
         bob < :irc.example PONG irc.example said-2",
    );
    world.quietly(130);
    world.tell(SHOWN_AWAY);
}

#[test]
fn puppet_of_an_absent_user_is_away_after_it_connects() {
    let mut world = joined_without_notices(true);
    world.tell(&bob("users:join"));
    bob_speaks(&mut world);
    world.tell(&bob("users:leave"));
    world.tell(BOB_IN);
    world.quietly(130);
    world.tell(SHOWN_AWAY);
}

#[test]
fn puppet_is_not_away_while_presence_is_unknown() {
    let mut world = joined_without_notices(true);
    bob_speaks(&mut world);
    world.tell(BOB_IN);
    world.quietly(300);
    world.tell(&bob("users:join"));
    world.tell(&bob("users:leave"));
    world.tell("lc lost");
    world.quietly(300);
    world.tell("");
}

#[test]
fn puppet_is_never_away_with_show_away_off() {
    let mut world = joined_without_notices(false);
    world.tell(&bob("users:join"));
    bob_speaks(&mut world);
    world.tell(BOB_IN);
    world.tell(&bob("users:leave"));
    world.quietly(300);
    world.tell("");
}

/// The logins on both sides, with two channels and two rooms.
const TWO_IN: &str = r#"
    lc connects
    lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r2","slug":"pie"}]]
    lc > 42#tea["rooms:join","r1"]
    lc > 42#["rooms:join","r2"]
    lc < 43#tea[{"id":"r1","slug":"tea"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
    lc < 43#[[]]
    lc < 43#[{"id":"r2","slug":"pie"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r2","take":1}]
    lc < 43#[[]]
    irc connects
    irc < :irc.example 421 * CAP :Unknown command
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea,#pie
    irc < :bridge!b@host JOIN #tea
    irc < :irc.example 366 bridge #tea :End of /NAMES list
    irc < :bridge!b@host JOIN #pie
    irc < :irc.example 366 bridge #pie :End of /NAMES list
"#;

#[test]
fn sender_mode_is_set_per_channel() {
    let mut world = World::new(&["office/#tea tea", "office/#pie pie"]).with_nicks_in(
        "office/#tea",
        PUPPETS,
        "{user}|lc",
    );
    world.tell(TWO_IN);
    for (number, room) in [(1, "r1"), (2, "r2")] {
        world.tell_on(&format!(
            r#"lc < 42["messages:new",{{"id":"6b0000010000000000{number:06}","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"id-bob","username":"bob"}},"room":{{"id":"{room}"}}}}]"#
        ));
    }
    world.tell(
        r#"
        bob called bob|lc
        irc > PRIVMSG #tea :<bob> hi
        irc > PING said-1
        irc > PRIVMSG #pie :<bob> hi
        irc > PING said-2
        "#,
    );
}
