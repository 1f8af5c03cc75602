//! The program is replaced by another version, and goes on with its connections to IRC.

use crate::harness::World;
use crate::puppets::{BOB_IN, PUPPETS};
use crate::{LETSCHAT_IN, LETSCHAT_IN_AGAIN, joined, joined_unpaced};

/// The next login to Let's Chat, where nothing was said meanwhile.
#[track_caller]
fn letschat_in_again(world: &mut World) {
    world.tell_on(LETSCHAT_IN_AGAIN);
    world.tell_on(
        r#"
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        "#,
    );
}

/// The registration at a server that tells accounts only in answer to WHO.
const WHOX_IN: &str = "
    irc connects
    irc < :irc.example CAP * LS :multi-prefix account-notify away-notify
    irc > CAP REQ :account-notify away-notify multi-prefix
    irc < :irc.example CAP bridge ACK :account-notify away-notify multi-prefix
    irc > CAP END
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
    irc < :irc.example 004 bridge irc.example ngircd-26.1 abc def
    irc < :irc.example 005 bridge WHOX PREFIX=(qov)~@+ CHANMODES=beI,k,l,mnt CASEMAPPING=ascii :are supported
    irc < :bridge!b@host JOIN #tea
    irc < :irc.example 353 bridge = #tea :bridge ~@ann +bob
    irc < :irc.example 366 bridge #tea :End of /NAMES list
    irc > WHO #tea %tuhnfar,52
    irc < :irc.example 354 bridge 52 b host bridge H 0 :A bridge
    irc < :irc.example 354 bridge 52 a host ann G~@ Annie :Ann of Tea
    irc < :irc.example 354 bridge 52 bob home bob H+ 0 :Bob
    irc < :irc.example 315 bridge #tea :End of /WHO list.
";

#[test]
fn upgraded_bridge_goes_on_without_joining_and_asks_only_for_topics_and_modes() {
    let mut world = joined_unpaced();
    world.tell("upgrade\nirc > PING alive\nirc > TOPIC #tea");
    world.tell(
        "irc < :irc.example PONG irc.example :alive\nirc < :irc.example 331 bridge #tea :No topic",
    );
    letschat_in_again(&mut world);
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :kettle's on
        lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]
        "#,
    );
    assert_eq!(world.gaps().count, 0);
}

#[test]
fn long_absence_is_no_gap_because_the_lines_have_waited() {
    let mut world = joined();
    world.tell("upgrade 300s\nirc > PING alive");
    world.tell_on("irc < :ann!a@host PRIVMSG #tea :kettle's on\nirc > TOPIC #tea");
    letschat_in_again(&mut world);
    world.tell(r#"lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]"#);
    assert_eq!(world.gaps().count, 0);
}

#[test]
fn members_with_their_accounts_are_known_from_the_first_line_on() {
    let mut world = World::new(&["office/#tea tea"]).telling_queries();
    world.tell(WHOX_IN);
    let before = world.members("office/#tea");
    assert_eq!(before, ["+bob (bob@home, Bob)", "~@ann (a@host, Annie, Ann of Tea, away)"]);
    world.tell("upgrade\nirc > PING alive\nirc > TOPIC #tea");
    assert_eq!(world.members("office/#tea"), before);
    world.tell(
        "
        irc < :bob!bob@home ACCOUNT bobby
        irc < :ann!a@host AWAY
        irc < :eve!e@host JOIN #tea
        irc < :irc.example MODE #tea -q+v ann eve
        ",
    );
    let after =
        ["+bob (bob@home, bobby, Bob)", "+eve (e@host)", "@ann (a@host, Annie, Ann of Tea)"];
    assert_eq!(world.members("office/#tea"), after);
}

#[test]
fn nick_that_services_have_changed_is_known_after_the_upgrade() {
    let mut world = joined_unpaced();
    // The line has waited in the machine.
    world.tell("hand over\nupgrade\nirc > PING alive\nirc > TOPIC #tea");
    world.tell(
        "
        irc < :bridge!b@host NICK :Guest17
        irc > ISON bridge
        irc < :Guest17!b@host PRIVMSG #tea :that was me
        irc < :irc.example 353 Guest17 = #tea :Guest17 ann
        irc < :irc.example 366 Guest17 #tea :End of /NAMES list
        ",
    );
    world.tell("upgrade\nirc > PING alive\nirc > ISON bridge\nirc > TOPIC #tea");
    assert_eq!(world.members("office/#tea"), ["ann"]);
    // It is not fought for, even if it is free.
    world.tell("irc < :irc.example 303 Guest17 :");
}

#[test]
fn half_of_a_netsplit_is_not_handed_over() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(
        "
        irc connects
        irc < :irc.example CAP * LS :message-tags batch
        irc > CAP REQ :message-tags batch
        irc < :irc.example CAP bridge ACK :message-tags batch
        irc > CAP END
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 353 bridge = #tea :bridge ann bob
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc < :irc.example BATCH +s netsplit a.example b.example
        irc < @batch=s :ann!a@host QUIT :a.example b.example
        hand over
        irc < @batch=s :bob!b@host QUIT :a.example b.example
        irc < :irc.example BATCH -s
        upgrade
        irc > PING alive
        irc > TOPIC #tea
        ",
    );
    assert_eq!(world.members("office/#tea"), [""; 0]);
    world.tell("irc < :ann!a@host JOIN #tea");
    assert_eq!(world.members("office/#tea"), ["ann (a@host)"]);
}

#[test]
fn session_that_is_busy_for_too_long_says_goodbye() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(
        "
        irc connects
        irc < :irc.example 421 * CAP :Unknown command
        hand over
        irc > QUIT :the bridge is restarting
        ",
    );
}

#[test]
fn message_that_was_held_back_by_the_rate_limit_is_sent_once() {
    let mut world = joined();
    let post = |number: u32| {
        format!(
            r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"no {number}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"id-bob","username":"bob"}},"room":{{"id":"r1"}}}}]"#
        )
    };
    world.tell_on(&post(1));
    world.tell(
        "
        irc > PRIVMSG #tea :<bob> no 1
        irc > PING said-1
        hand over
        irc < :irc.example PONG irc.example said-1
        upgrade
        irc > PING alive
        irc > TOPIC #tea
        ",
    );
}

#[test]
fn message_in_doubt_is_looked_for_and_marked() {
    let mut world = joined_unpaced();
    world.tell_on(
        r#"lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"id-bob","username":"bob"},"room":{"id":"r1"}}]"#,
    );
    world.tell(
        "
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        upgrade
        irc > PING alive
        irc > TOPIC #tea
        irc > PING past-1
        irc < :irc.example PONG irc.example past-1
        irc > PRIVMSG #tea :<bob> (resent) one
        irc > PING said-1
        irc < :irc.example PONG irc.example said-1
        ",
    );
    assert_eq!(world.gaps().count, 0);
}

#[test]
fn channels_that_are_gone_are_left_and_new_ones_joined() {
    let mut world = joined_unpaced();
    world.tell("hand over");
    world.set_links(&["office/#coffee coffee"]);
    world.tell(
        "
        upgrade
        irc > PING alive
        irc > PART #tea :no longer linked
        irc > JOIN #coffee
        ",
    );
}

#[test]
fn puppet_goes_on_and_its_lines_are_not_taken_for_those_of_others() {
    let mut world = World::new(&["office/#tea tea"]).with_nicks(PUPPETS, "{user}|lc").unpaced();
    world.tell(LETSCHAT_IN);
    world.tell(crate::IRC_IN);
    crate::puppets::says(&mut world, 1, "hello");
    world.tell(
        "
        irc > PRIVMSG #tea :<bob> hello
        irc > PING said-1
        irc < :irc.example PONG irc.example said-1
        bob called bob|lc
        ",
    );
    world.tell(BOB_IN);
    crate::puppets::says(&mut world, 2, "two");
    world.tell(
        "
        bob > PRIVMSG #tea :two
        bob > PING said-2
        bob < :irc.example PONG irc.example said-2
        upgrade
        bob > PING alive
        irc > PING alive
        irc > TOPIC #tea
        irc < :bob|lc!bob@host PRIVMSG #tea :two
        ",
    );
}
