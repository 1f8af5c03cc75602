//! Being in a channel: what keeps us out, and how we come back.

use crate::harness::World;

/// A server that lets us in and is asked for the channel.
const ASKED: &str = "
    irc back
    irc > CAP LS 302
    irc > NICK bridge
    irc > USER bridge 0 * :A bridge
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
";

fn asked() -> World {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(ASKED);
    world
}

#[test]
fn after_a_temporary_rejection_joins_are_retried_ever_later() {
    for numeric in ["437", "471", "480", "495"] {
        asked().tell(&format!(
            "
            irc < :irc.example {numeric} bridge #tea :Come back later
            wait 5s
            irc > JOIN #tea
            irc < :irc.example {numeric} bridge #tea :Come back later
            wait 4s
            wait 6s
            irc > JOIN #tea
            irc < :irc.example {numeric} bridge #tea :Come back later
            wait 9s
            wait 11s
            irc > JOIN #tea
            "
        ));
    }
}

#[test]
fn after_a_rejection_that_only_people_can_change_joins_are_retried_rarely() {
    let numerics =
        ["403", "405", "448", "474", "475", "476", "477", "479", "485", "489", "520", "926"];
    for numeric in numerics {
        asked().tell(&format!(
            "
            irc < :irc.example {numeric} bridge #tea :No
            wait 29s
            irc < PING :x
            irc > PONG x
            wait 31s
            irc > JOIN #tea
            irc < :irc.example {numeric} bridge #tea :No
            wait 59s
            "
        ));
    }
}

#[test]
fn a_channel_for_those_with_an_account_is_asked_for_once_we_have_one() {
    asked().tell(
        "
        irc < :irc.example 477 bridge #tea :You need to be identified with services
        wait 15s
        irc < :irc.example 900 bridge bridge!b@host bridge :You are now logged in as bridge
        irc > JOIN #tea
        irc < :irc.example 477 bridge #tea :You need to be identified with services
        irc < :irc.example 900 bridge bridge!b@host bridge :You are now logged in as bridge
        wait 9s
        wait 1s
        irc > JOIN #tea
        ",
    );
}

#[test]
fn an_invitation_is_requested_where_configured() {
    let mut world = World::new(&["office/#tea tea"]).with_inviter("ChanServ");
    world.tell(ASKED);
    world.tell(
        "
        irc < :irc.example 473 bridge #tea :Cannot join channel (+i)
        irc > PRIVMSG ChanServ :INVITE #tea
        wait 10s
        irc < :ChanServ!s@services INVITE bridge :#tea
        irc > JOIN #tea
        ",
    );
}

#[test]
fn an_invitation_is_taken_where_we_mean_to_be_and_nowhere_else() {
    asked().tell(
        "
        irc < :ann!a@host INVITE bridge #tea
        irc < :irc.example 473 bridge #tea :Cannot join channel (+i)
        wait 2s
        irc < :ann!a@host INVITE bridge #trap
        irc < :ann!a@host INVITE bob #tea
        irc < :ann!a@host INVITE bridge #TEA
        irc < :ann!a@host INVITE bridge #tea
        wait 7s
        wait 1s
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc < :ann!a@host INVITE bridge #tea
        ",
    );
}

#[test]
fn a_channel_that_we_are_forwarded_to_is_not_ours() {
    let mut world = asked();
    world.tell(
        "
        irc < :irc.example 470 bridge #tea ##overflow :Forwarding to another channel
        irc < :bridge!b@host JOIN ##Overflow
        irc > PART ##Overflow
        irc < :irc.example 366 bridge ##overflow :End of /NAMES list
        irc < :ann!a@host PRIVMSG ##overflow :wrong door
        irc < :bridge!b@host PART ##overflow
        irc < :bridge!b@host JOIN #elsewhere
        wait 59s
        irc > JOIN #tea
        ",
    );
}

#[test]
fn a_channel_that_we_are_forwarded_to_may_be_another_of_ours() {
    let mut world = World::new(&["office/#tea tea", "office/#tea2 tea2"]);
    world.tell(
        "
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea,#tea2
        irc < :irc.example 470 bridge #tea #tea2 :Forwarding to another channel
        irc < :bridge!b@host JOIN #tea2
        irc < :irc.example 366 bridge #tea2 :End of /NAMES list
        ",
    );
}

#[test]
fn after_repeated_kicks_the_bridge_rejoins_ever_later() {
    let mut world = asked();
    let mut waits = Vec::new();
    for _ in 0..6 {
        world.tell_on(
            "
            irc < :bridge!b@host JOIN #tea
            irc < :irc.example 366 bridge #tea :End of /NAMES list
            irc < :op!o@host KICK #tea bridge :out
            ",
        );
        let mut waited = 0;
        loop {
            world.tell_on("wait 1s");
            waited += 1;
            let (irc, _) = world.sent();
            if irc.iter().any(|line| line == "JOIN #tea") {
                break;
            }
            world.tell_on("irc < PING :x");
        }
        waits.push(waited);
    }
    assert!(waits.is_sorted() && waits[0] <= 5 && waits[5] >= 80, "{waits:?}");
}

#[test]
fn a_name_that_the_network_does_not_know_is_not_asked_for_again() {
    asked().tell(
        "
        irc < :irc.example 005 bridge CHANNELLEN=3 :are supported by this server
        irc < :irc.example 403 bridge #tea :No such channel
        wait 59s
        irc < PING :x
        irc > PONG x
        wait 59s
        ",
    );
}

#[test]
fn the_server_is_asked_where_we_are_and_is_believed() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]).unpaced().telling_queries();
    world.tell(
        "
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea,#dev
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc > WHO #tea
        irc < :irc.example 315 bridge #tea :End of /WHO list.
        irc < :bridge!b@host JOIN #dev
        irc < :irc.example 366 bridge #dev :End of /NAMES list
        irc > WHO #dev
        irc < :irc.example 315 bridge #dev :End of /WHO list.
        ",
    );
    for _ in 0..11 {
        world.tell("wait 54s\nirc < PING :x\nirc > PONG x");
    }
    world.tell(
        "
        wait 6s
        irc > WHOIS bridge
        irc < :irc.example 319 bridge bridge :!@#tea #other
        irc < :irc.example 318 bridge bridge :End of /WHOIS list.
        irc > NAMES #dev
        irc < :irc.example 353 bridge = #dev :ann
        irc < :irc.example 366 bridge #dev :End of /NAMES list.
        wait 5s
        irc > JOIN #dev
        ",
    );
}

#[test]
fn a_server_that_hides_a_channel_is_asked_for_that_alone() {
    let mut world = seated_curious();
    world.tell(
        "
        irc < :irc.example 442 bridge #tea :You're not on that channel
        irc > NAMES #tea
        irc < :irc.example 442 bridge #tea :You're not on that channel
        irc < :irc.example 353 bridge = #tea :ann @bridge
        irc < :irc.example 366 bridge #tea :End of /NAMES list.
        irc < :irc.example 366 bridge #tea :End of /NAMES list.
        irc < :irc.example 442 bridge #elsewhere :You're not on that channel
        ",
    );
}

fn seated_curious() -> World {
    let mut world = World::new(&["office/#tea tea"]).telling_queries();
    world.tell(ASKED);
    world.tell(
        "
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc > WHO #tea
        irc < :irc.example 315 bridge #tea :End of /WHO list.
        ",
    );
    world
}

#[test]
fn a_server_that_takes_one_channel_at_a_time_is_asked_so() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]);
    world.tell(
        "
        irc back
        irc > CAP LS 302
        irc > NICK bridge
        irc > USER bridge 0 * :A bridge
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea,#dev
        irc < :irc.example 407 bridge #tea,#dev :Too many targets
        irc > JOIN #tea
        irc > JOIN #dev
        ",
    );
}

#[test]
fn a_message_to_ranked_members_only_is_not_mirrored() {
    let mut world = crate::seated();
    world.tell(
        "
        irc < :irc.example 005 bridge STATUSMSG=@+ :are supported by this server
        irc < :ann!a@host PRIVMSG @#tea :between us
        irc < :ann!a@host NOTICE +#tea :between us
        ",
    );
}

#[test]
fn a_safe_channel_is_called_by_the_name_that_the_server_gives() {
    let mut world = World::new(&["office/!tea tea"]);
    world.tell(crate::LETSCHAT_IN);
    world.tell(&ASKED.replace("#tea", "!tea"));
    world.tell(
        r#"
        irc < :bridge!b@host JOIN :!ABCDEtea
        irc < :irc.example 353 bridge @ !ABCDEtea :@bridge ann
        irc < :irc.example 366 bridge !ABCDEtea :End
        irc < :ann!a@host PRIVMSG !ABCDEtea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG !ABCDEtea :<bob> two
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        irc < :ann!a@host KICK !abcdetea bridge :out
        wait 5s
        irc > JOIN !ABCDEtea
        "#,
    );
}

#[test]
fn a_server_that_takes_back_what_it_says_of_channels_means_the_usual() {
    let mut world = World::new(&["office/#tea tea"]);
    let welcome = "irc < :irc.example 001 bridge :hello";
    let told = "irc < :irc.example 005 bridge CHANTYPES= PREFIX= :are supported
                irc < :irc.example 005 bridge -CHANTYPES -PREFIX :are supported";
    world.tell(&ASKED.replace(welcome, &format!("{told}\n{welcome}")));
}

#[test]
fn whatever_a_server_says_of_itself_people_go_on_talking() {
    for told in [
        "CASEMAPPING=klingon CHANTYPES=# NICKLEN=0 CHANNELLEN=0 LINELEN=1 PREFIX=(ov)#& CHANMODES=,,,",
        "CASEMAPPING= NICKLEN=-1 CHANNELLEN=99999999999999999999 LINELEN= PREFIX=@+ CHANMODES=a,b,c,d,e,f",
        "MONITOR=0 TARGMAX=JOIN:0,PRIVMSG: CHATHISTORY=-1 MSGREFTYPES= BOT=* WHOX=0 STATUSMSG=#",
        "= == - -= =- PREFIX=(((( PREFIX=()) CHANTYPES=##### casemapping=ascii MODES=x TOPICLEN=0",
        "-CASEMAPPING -NICKLEN -LINELEN -PREFIX -CHANMODES -MONITOR -TARGMAX -UNKNOWN -CHANTYPES",
    ] {
        let mut world = crate::seated();
        world.tell(&format!(
            r#"
            irc < :irc.example 005 bridge {told} :are supported by this server
            irc < :irc.example 005 bridge
            irc < :irc.example 005
            irc < :ann!a@host MODE #tea +o-v+zzzz ann bob
            irc < :ann!a@host PRIVMSG #tea :one
            lc > 42#["messages:create",{{"room":"r1","text":"<ann> one"}}]
            lc < 42["messages:new",{{"id":"6b0000010000000000000001","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]
            irc > PRIVMSG #tea :<bob> two
            irc > PING said-2
            irc < :irc.example PONG irc.example :said-2
            irc < :ann!a@host KICK #tea bridge :out
            wait 5s
            irc > JOIN #tea
            "#
        ));
    }
}

#[test]
fn a_safe_channel_that_was_made_anew_has_another_name() {
    let mut world = World::new(&["office/!tea tea"]);
    world.tell(crate::LETSCHAT_IN);
    world.tell(&ASKED.replace("#tea", "!tea"));
    world.tell(
        r#"
        irc < :bridge!b@host JOIN :!ABCDEtea
        irc < :irc.example 353 bridge @ !ABCDEtea :@bridge ann
        irc < :irc.example 366 bridge !ABCDEtea :End
        irc < :ann!a@host KICK !ABCDEtea bridge :out
        wait 5s
        irc > JOIN !ABCDEtea
        irc < :irc.example 403 bridge !ABCDEtea :No such channel
        irc > JOIN !tea
        irc < :bridge!b@host JOIN :!FGHIJtea
        irc < :irc.example 353 bridge @ !FGHIJtea :@bridge ann
        irc < :irc.example 366 bridge !FGHIJtea :End
        irc < :ann!a@host PRIVMSG !FGHIJtea :one
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        "#,
    );
}
