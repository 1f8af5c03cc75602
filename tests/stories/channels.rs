//! Joining channels: rejections, kicks, invitations, forwards and names.

use crate::harness::World;

/// The registration, up to the JOIN of the channel.
const ASKED: &str = "
    irc connects
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
";

fn registered() -> World {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(ASKED);
    world
}

#[test]
fn temporarily_rejected_join_is_retried_with_growing_delays() {
    for numeric in ["437", "471", "480", "495"] {
        registered().tell(&format!(
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
fn join_that_only_an_operator_can_allow_is_retried_rarely() {
    let numerics =
        ["403", "405", "448", "474", "475", "476", "477", "479", "485", "489", "520", "926"];
    for numeric in numerics {
        registered().tell(&format!(
            "
            irc < :irc.example {numeric} bridge #tea :No
            wait 29s
            irc < PING :x
            irc > PONG x
            wait 31s
            irc > JOIN #tea
            irc > PING alive
            irc < :irc.example {numeric} bridge #tea :No
            wait 59s
            "
        ));
    }
}

#[test]
fn channel_that_requires_an_account_is_joined_after_login() {
    registered().tell(
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
fn invite_only_channel_is_joined_by_a_requested_invitation() {
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
fn invitation_is_accepted_only_for_configured_channels() {
    registered().tell(
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
fn channel_reached_by_a_forward_is_left_again() {
    let mut world = registered();
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
fn forward_to_another_configured_channel_joins_it() {
    let mut world = World::new(&["office/#tea tea", "office/#tea2 tea2"]);
    world.tell(
        "
        irc connects
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea,#tea2
        irc < :irc.example 470 bridge #tea #tea2 :Forwarding to another channel
        irc < :bridge!b@host JOIN #tea2
        irc < :irc.example 366 bridge #tea2 :End of /NAMES list
        ",
    );
}

#[test]
fn repeated_kicks_delay_each_rejoin_more() {
    let mut world = registered();
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
fn channel_name_too_long_for_the_server_is_not_retried() {
    registered().tell(
        "
        irc < :irc.example 005 bridge CHANNELLEN=3 :are supported by this server
        irc < :irc.example 403 bridge #tea :No such channel
        wait 60s
        irc > PING alive
        irc < :irc.example PONG irc.example alive
        wait 59s
        ",
    );
}

#[test]
fn channel_missing_from_whois_is_checked_and_rejoined() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]).unpaced().telling_queries();
    world.tell(
        "
        irc connects
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
    for _ in 0..9 {
        world.tell("wait 60s\nirc > PING alive\nirc < :irc.example PONG irc.example alive");
    }
    world.tell(
        "
        wait 60s
        irc > PING alive
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
fn error_of_not_being_in_a_channel_is_checked_with_names() {
    let mut world = joined_telling_queries();
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

fn joined_telling_queries() -> World {
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
fn join_rejected_for_too_many_targets_is_split() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]);
    world.tell(
        "
        irc connects
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea,#dev
        irc < :irc.example 407 bridge #tea,#dev :Too many targets
        irc > JOIN #tea
        irc > JOIN #dev
        ",
    );
}

#[test]
fn message_to_operators_only_is_not_mirrored() {
    let mut world = crate::joined();
    world.tell(
        "
        irc < :irc.example 005 bridge STATUSMSG=@+ :are supported by this server
        irc < :ann!a@host PRIVMSG @#tea :between us
        irc < :ann!a@host NOTICE +#tea :between us
        ",
    );
}

#[test]
fn safe_channel_is_used_under_its_full_name() {
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
fn withdrawn_isupport_tokens_restore_the_defaults() {
    let mut world = World::new(&["office/#tea tea"]);
    let welcome = "irc < :irc.example 001 bridge :hello";
    let told = "irc < :irc.example 005 bridge CHANTYPES= PREFIX= :are supported
                irc < :irc.example 005 bridge -CHANTYPES -PREFIX :are supported";
    world.tell(&ASKED.replace(welcome, &format!("{told}\n{welcome}")));
}

#[test]
fn nonsensical_isupport_tokens_do_not_stop_mirroring() {
    for told in [
        "CASEMAPPING=klingon CHANTYPES=# NICKLEN=0 CHANNELLEN=0 LINELEN=1 PREFIX=(ov)#& CHANMODES=,,,",
        "CASEMAPPING= NICKLEN=-1 CHANNELLEN=99999999999999999999 LINELEN= PREFIX=@+ CHANMODES=a,b,c,d,e,f",
        "MONITOR=0 TARGMAX=JOIN:0,PRIVMSG: CHATHISTORY=-1 MSGREFTYPES= BOT=* WHOX=0 STATUSMSG=#",
        "= == - -= =- PREFIX=(((( PREFIX=()) CHANTYPES=##### casemapping=ascii MODES=x TOPICLEN=0",
        "-CASEMAPPING -NICKLEN -LINELEN -PREFIX -CHANMODES -MONITOR -TARGMAX -UNKNOWN -CHANTYPES",
    ] {
        let mut world = crate::joined();
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
fn recreated_safe_channel_is_joined_under_its_new_name() {
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
