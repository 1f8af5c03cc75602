//! Direct messages between users of IRC and of Let's Chat.

use letsbridge::bridge::BridgePolicy;

use crate::harness::World;
use crate::puppets::{BOB_IN, PUPPETS, says};
use crate::receipts::irc_in;
use crate::{IRC_IN, LETSCHAT_IN};

/// The login to Let's Chat with direct messages; bob is in the room.
pub(crate) const LC_IN: &str = r#"
    lc back
    lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}
    lc < 40
    lc > 42#me["account:whoami"]
    lc > 42#private["user-messages:list",{}]
    lc > 42#["rooms:list",{"skip":0,"take":5000}]
    lc < 43#me[{"id":"u0","username":"bridge"}]
    lc < 43#private[[]]
    lc < 43#[[{"id":"r1","slug":"tea"}]]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
    lc > 42#["messages:list",{"reverse":true,"room":"r1","take":1}]
    lc < 43#[[{"id":"6b0000000000000000000001","text":"old","posted":"2026-11-22T10:00:00.000Z","owner":"u1","room":"r1"}]]
    lc < 42["users:join",{"id":"u1","username":"bob","room":"r1"}]
"#;

/// The next login; the room is read from its cursor.
const LC_IN_AGAIN: &str = r#"
    lc back
    lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}
    lc < 40
    lc > 42#me["account:whoami"]
    lc > 42#private["user-messages:list",{}]
    lc > 42#["rooms:list",{"skip":0,"take":5000}]
    lc < 43#me[{"id":"u0","username":"bridge"}]
    lc < 43#private[[]]
    lc < 43#[[{"id":"r1","slug":"tea"}]]
    lc > 42#["rooms:join","r1"]
    lc < 43#[{"id":"r1","slug":"tea"}]
    lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
    lc < 43#[[]]
    lc < 42["users:join",{"id":"u1","username":"bob","room":"r1"}]
"#;

/// A world of one channel with ann in it and one room with bob in it.
fn joined() -> World {
    joined_in(World::new(&["office/#tea tea"]))
}

#[track_caller]
fn joined_in(world: World) -> World {
    let mut world = world.with_direct_messages();
    world.tell(LC_IN);
    world.tell(IRC_IN);
    world
}

#[track_caller]
fn story(rest: &str) {
    joined().tell(rest);
}

/// A world in which ann is logged in to an account.
fn joined_with_account() -> World {
    let mut world = World::new(&["office/#tea tea"]).with_direct_messages();
    world.tell(LC_IN);
    world.tell(&irc_in(CAPS));
    world.tell("irc < :ann!a@host JOIN #tea Annie :Ann");
    world
}

const CAPS: &str = "message-tags account-tag extended-join account-notify";

/// The event of a direct message from bob to the bridge.
fn bob(number: u32, text: &str) -> String {
    direct_message("u1", number, text)
}

fn direct_message(owner: &str, number: u32, text: &str) -> String {
    format!(
        r#"lc < 42["user-messages:new",{{"id":"6b00000200000000000000{number:02}","owner":"{owner}","text":"{text}","posted":"2026-11-22T12:00:00.000Z"}}]"#
    )
}

/// Let's Chat's answer to the latest call: the message is stored under this number.
fn created(number: u32) -> String {
    format!(
        r#"lc < 43#[{{"id":"6b0000030000000000{number:06}","owner":"u0","text":"x","posted":"2026-11-22T12:00:00.000Z"}}]"#
    )
}

#[test]
fn answer_to_a_direct_message_needs_no_name() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG bridge :!msg bob kettle's on
        lc > 42#["user-messages:create",{{"text":"<ann> kettle's on","user":"u1"}}]
        {}
        lc < 42["user-messages:new",{{"id":"6b0000030000000000000026","owner":"u0","text":"<ann> kettle's on","posted":"2026-11-22T12:00:00.000Z"}}]
        {}
        irc > PRIVMSG ann :<bob> coming
        irc > PING said-2
        lc > 42#["user-messages:create",{{"text":"-- sent to ann; to write to someone else: @NICK TEXT","user":"u1"}}]
        {}
        irc < :irc.example PONG irc.example :said-2
        irc < :ann!a@host PRIVMSG bridge :\x01ACTION pours\x01
        lc > 42#["user-messages:create",{{"text":"* ann pours","user":"u1"}}]
        irc > NOTICE ann :sent to bob; to write to someone else: !msg USER TEXT
        {}
        irc < :ann!a@host PRIVMSG bridge :two sugars?
        lc > 42#["user-messages:create",{{"text":"<ann> two sugars?","user":"u1"}}]
        {}
        "#,
        created(6),
        bob(1, "coming"),
        created(7),
        created(8),
        created(9),
    ));
}

#[test]
fn disabled_direct_messages_are_answered_and_not_delivered() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(
        "irc < :ann!a@host PRIVMSG bridge :!msg bob hello
        irc > NOTICE ann :nobody reads \
         private messages to the bridge. In the channel: !who lists who is on the other side, \
         !status shows the state of the bridge, !help lists the commands
        irc < \
         :ann!a@host PRIVMSG bridge :hello",
    );
    world.tell(&format!(
        r#"{}
        lc > 42#["user-messages:create",{{"text":"-- nobody reads private messages to the bridge. In a room: \"@bridge who\" lists who is on the other side, \"@bridge status\" shows the state of the bridge, \"@bridge help\" lists the commands","user":"u1"}}]
        wait 5s"#,
        bob(1, "@ann hello")
    ));
}

#[test]
fn direct_message_from_letschat_reaches_the_named_nick() {
    story(&format!(
        r"
        {}
        irc > PRIVMSG ann :<bob> one
        irc > PRIVMSG ann :<bob> two
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        {}
        irc > PRIVMSG ann :<bob> three
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        ",
        bob(1, r"@ann one\ntwo"),
        bob(2, "Ann: three"),
    ));
}

#[test]
fn direct_message_received_twice_is_delivered_once() {
    story(&format!(
        r"
        {0}
        irc > PRIVMSG ann :<bob> one
        irc > PING said-1
        {0}
        irc < :irc.example PONG irc.example :said-1
        {0}
        ",
        bob(1, "@ann one"),
    ));
}

#[test]
fn each_recipient_has_one_direct_message_in_flight() {
    story(&format!(
        r#"
        {}
        irc > PRIVMSG ann :<bob> one
        irc > PING said-1
        {}
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG ann :<bob> two
        irc > PING said-2
        irc < :irc.example PONG irc.example :said-2
        irc < :ann!a@host PRIVMSG bridge :!msg bob a
        lc > 42#["user-messages:create",{{"text":"<ann> a","user":"u1"}}]
        irc < :ann!a@host PRIVMSG bridge :!msg bob b
        {}
        lc > 42#["user-messages:create",{{"text":"<ann> b","user":"u1"}}]
        "#,
        bob(1, "@ann one"),
        bob(2, "@ann two"),
        created(6),
    ));
}

#[test]
fn ambiguous_answer_is_not_sent_and_asks_for_the_recipient() {
    let mut world = joined();
    world.tell(r#"lc < 42["users:join",{"id":"u2","username":"carl","room":"r1"}]"#);
    for (number, owner, said) in [(1, "u1", "a"), (2, "u2", "b")] {
        world.tell_on(&direct_message(owner, number, &format!("@ann {said}")));
        world.tell_on(&format!("irc < :irc.example PONG irc.example :said-{number}"));
    }
    world.sent();
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG bridge :yes
        irc > NOTICE ann :not sent: is it for bob or carl? Use !msg USER TEXT
        irc < :ann!a@host PRIVMSG bridge :!msg carl yes
        lc > 42#["user-messages:create",{"text":"<ann> yes","user":"u2"}]
        lc < 43#[{"id":"6b0000030000000000000026"}]
        irc < :ann!a@host PRIVMSG bridge :of course
        lc > 42#["user-messages:create",{"text":"<ann> of course","user":"u2"}]
        irc > NOTICE ann :sent to carl; to write to someone else: !msg USER TEXT
        "#,
    );
}

#[test]
fn message_after_an_unknown_name_reaches_nobody() {
    let mut world = joined();
    world.tell_on(&bob(1, "@ann psst"));
    world.tell_on("irc < :irc.example PONG irc.example :said-1");
    world.sent();
    world.tell(
        "
        irc < :ann!a@host PRIVMSG bridge :!msg carl the secret is
        irc > NOTICE ann :not sent: no one is called carl in the rooms linked with your channels; !who lists the people there
        irc < :ann!a@host PRIVMSG bridge :42
        irc > NOTICE ann :not sent: it is no longer clear that this is for carl; to write to someone, use !msg USER TEXT
        ",
    );
}

#[test]
fn help_and_who_are_answered_in_direct_messages() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG bridge :!help
        irc > NOTICE ann :!msg USER TEXT sends a private message to someone in a linked room. After that, messages without a name go to the same person; !who lists the people there
        irc < :ann!a@host PRIVMSG bridge :!who
        irc > NOTICE ann :you can write to bob
        irc < :ann!a@host PRIVMSG bridge :hello?
        irc > NOTICE ann :!msg USER TEXT sends a private message to someone in a linked room. After that, messages without a name go to the same person; !who lists the people there
        irc < :ann!a@host PRIVMSG bridge :!msg bob
        irc > NOTICE ann :usage: !msg USER TEXT
        {}
        lc > 42#["user-messages:create",{{"text":"-- you can write to ann","user":"u1"}}]
        "#,
        bob(1, "@bridge who"),
    ));
}

#[test]
fn direct_messages_are_limited_to_members_of_linked_endpoints() {
    let mut world = joined();
    world.tell(
        "
        irc < :eve!e@host PRIVMSG bridge :!msg bob hello
        irc > NOTICE eve :not sent: you must be in a channel that the bridge is in
        ",
    );
    // Carl is on Let's Chat, but in no linked room.
    world.tell(&direct_message("u2", 1, "@ann hello"));
    world.tell(
        "
        irc < :ann!a@host PRIVMSG bridge :!msg carl hello
        irc > NOTICE ann :not sent: no one is called carl in the rooms linked with your channels; !who lists the people there
        ",
    );
}

#[test]
fn members_of_unlinked_endpoints_cannot_message_each_other() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]).with_direct_messages();
    world.tell_on(
        r#"
        lc back
        lc < 0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}
        lc < 40
        lc < 43#[{"id":"u0","username":"bridge"}]
        lc < 43#[[]]
        lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r2","slug":"dev"}]]
        lc < 43#[{"id":"r1","slug":"tea"}]
        lc < 43#[{"id":"r2","slug":"dev"}]
        lc < 43#[[]]
        lc < 43#[[]]
        lc < 42["users:join",{"id":"u1","username":"bob","room":"r1"}]
        lc < 42["users:join",{"id":"u2","username":"carl","room":"r2"}]
        irc back
        irc < :irc.example 001 bridge :hello
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 353 bridge = #tea :bridge ann
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc < :bridge!b@host JOIN #dev
        irc < :irc.example 353 bridge = #dev :bridge
        irc < :irc.example 366 bridge #dev :End of /NAMES list
        "#,
    );
    world.sent();
    world.tell(
        "
        irc < :ann!a@host PRIVMSG bridge :!who
        irc > NOTICE ann :you can write to bob
        irc < :ann!a@host PRIVMSG bridge :!msg carl hello
        irc > NOTICE ann :not sent: no one is called carl in the rooms linked with your channels; !who lists the people there
        ",
    );
}

#[test]
fn direct_message_to_a_user_who_left_is_rejected() {
    let mut world = joined();
    world.tell(r#"lc < 42["users:leave",{"id":"u1","username":"bob","room":"r1"}]"#);
    world.tell(
        "
        irc < :ann!a@host PRIVMSG bridge :!msg bob hello
        irc > NOTICE ann :not sent: no one is called bob in the rooms linked with your channels; !who lists the people there
        ",
    );
}

#[test]
fn queued_direct_message_is_not_sent_to_a_later_owner_of_the_nick() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        {}
        irc > PRIVMSG ann :<bob> one
        irc > PING said-1
        {}
        irc < :ann!a@host QUIT :bye
        irc < :ann!e@elsewhere JOIN #tea
        irc < :irc.example PONG irc.example :said-1
        wait 1s
        lc > 42#["user-messages:create",{{"text":"-- your message \"two\" did not reach ann: the bridge lost track of them, and the nick may belong to someone else now","user":"u1"}}]
        {}
        lc > 42#["user-messages:create",{{"text":"-- not sent: it is no longer clear that this is for ann; to write to someone, use @NICK TEXT","user":"u1"}}]
        "#,
        bob(1, "@ann one"),
        bob(2, "@ann two"),
        bob(3, "are you there?"),
    ));
    // The new owner is another user, who can be addressed.
    world.tell(&format!(
        "
        {}
        irc > PRIVMSG ann :<bob> who are you?
        irc > PING said-3
        ",
        bob(4, "@ann who are you?"),
    ));
}

#[test]
fn nick_change_keeps_the_conversation() {
    let mut world = joined();
    world.tell(&format!(
        r"
        {}
        irc > PRIVMSG ann :<bob> one
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc < :ann!a@host NICK :anna
        irc < :eve!e@host JOIN #tea
        irc < :eve!e@host NICK :ann
        ",
        bob(1, "@ann one"),
    ));
    world.tell_on(&bob(2, "two"));
    world.tell_on("wait 9s");
    let (irc, letschat) = world.sent();
    assert_eq!(irc, ["PRIVMSG anna :<bob> two", "PING said-2"]);
    assert!(letschat[0].contains("sent to anna"), "{letschat:?}");
}

#[test]
fn conversation_with_an_account_survives_a_restart() {
    let mut world = joined_with_account();
    world.tell_on(&bob(1, "@ann one"));
    world.tell_on("wait 9s");
    let (irc, _) = world.sent();
    assert_eq!(irc, ["PRIVMSG ann :<bob> one", "PING said-1"]);
    // There was no answer, so it may have arrived.
    world.tell("restart");
    world.tell(LC_IN_AGAIN);
    world.tell(&irc_in(CAPS));
    world.tell(
        "
        irc < :irc.example PONG irc.example past-1
        irc < :ann!a@elsewhere JOIN #tea eve :Eve
        irc < :annie!a@host JOIN #tea Annie :Ann
        irc > PRIVMSG annie :<bob> (resent) one
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        ",
    );
    // And her answer without a name goes to the same user.
    world.tell_on("irc < @account=Annie :annie!a@host PRIVMSG bridge :two");
    let (_, letschat) = world.sent();
    assert!(letschat[0].contains(r#"{"text":"<annie> two","user":"u1"}"#), "{letschat:?}");
}

#[test]
fn conversation_with_a_nick_alone_ends_with_a_restart() {
    let mut world = joined();
    world.tell_on(&bob(1, "@ann one"));
    world.sent();
    world.tell("restart");
    world.tell(IRC_IN);
    world.tell_on("irc < :irc.example PONG irc.example past-1");
    world.sent();
    world.tell(LC_IN_AGAIN);
    world.tell(&format!(
        r#"
        wait 10s
        lc > 42#["user-messages:create",{{"text":"-- your message \"one\" may not have reached ann: the connection was lost during sending, and the nick may belong to someone else now","user":"u1"}}]
        {}
        lc > 42#["user-messages:create",{{"text":"-- not sent: it is no longer clear that this is for ann; to write to someone, use @NICK TEXT","user":"u1"}}]
        "#,
        bob(2, "two"),
    ));
}

#[test]
fn lines_that_wait_for_flood_control_are_not_sent_to_a_new_owner_of_the_nick() {
    let mut world = World::new(&["office/#tea tea"]).with_direct_messages();
    world.tell(LC_IN);
    world.tell_on(IRC_IN);
    let lines = vec!["line"; 20].join(r"\n");
    world.tell_on(&bob(1, &format!("@ann {lines}")));
    let (irc, _) = world.sent();
    assert!(irc.len() < 20, "the rest waits for the pace: {irc:?}");
    world.tell_on("irc < :ann!a@host NICK :anna");
    world.tell_on("irc < :eve!e@host JOIN #tea");
    world.tell_on("irc < :eve!e@host NICK :ann");
    world.tell_on("wait 59s");
    let (irc, letschat) = world.sent();
    assert!(!irc.iter().any(|line| line.starts_with("PRIVMSG")), "{irc:?}");
    assert!(letschat.iter().any(|line| line.contains("did not reach ann")), "{letschat:?}");
}

#[test]
fn direct_message_in_doubt_is_resent_and_marked() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG bridge :!msg bob one
        lc > 42#["user-messages:create",{{"text":"<ann> one","user":"u1"}}]
        lc lost
        {LC_IN_AGAIN}
        lc > 42#["user-messages:create",{{"text":"<ann> (resent) one","user":"u1"}}]
        {}
        "#,
        created(6),
    ));
}

#[test]
fn direct_message_in_doubt_is_not_resent_with_unconfirmed_drop() {
    let mut world = World::new(&["office/#tea tea"]).with_direct_messages().with_drop_unconfirmed();
    world.tell(LC_IN);
    world.tell(IRC_IN);
    world.tell(&format!(
        r#"
        irc < :ann!a@host PRIVMSG bridge :!msg bob one
        lc > 42#["user-messages:create",{{"text":"<ann> one","user":"u1"}}]
        lc lost
        {LC_IN_AGAIN}
        wait 1s
        irc > NOTICE ann :your message "one" may not have reached bob: the connection was lost during sending; not resent
        "#,
    ));
}

#[test]
fn rejected_direct_message_is_reported_to_its_author() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        {}
        irc > PRIVMSG ann :<bob> one
        irc > PING said-1
        irc < :irc.example 401 bridge ann :No such nick/channel
        irc < :irc.example PONG irc.example :said-1
        wait 1s
        lc > 42#["user-messages:create",{{"text":"-- your message \"one\" did not reach ann: No such nick/channel","user":"u1"}}]
        irc < :ann!a@host PRIVMSG bridge :!msg bob two
        lc > 42#["user-messages:create",{{"text":"<ann> two","user":"u1"}}]
        lc < 43#["Bad Request"]
        lc > 42#["user-messages:create",{{"text":"<ann> (resent) two","user":"u1"}}]
        lc < 43#["Bad Request"]
        wait 1s
        irc > NOTICE ann :your message "two" did not reach bob: Bad Request
        "#,
        bob(1, "@ann one"),
    ));
}

#[test]
fn direct_messages_disabled_on_letschat_are_reported() {
    let mut world = World::new(&["office/#tea tea"]).with_direct_messages();
    world.tell(&LC_IN.replace("lc < 43#private[[]]", ""));
    world.tell(IRC_IN);
    world.tell_on("wait 30s");
    world.sent();
    world.tell(
        "
        irc < :ann!a@host PRIVMSG bridge :!msg bob hello
        irc > NOTICE ann :not sent to bob: private messages are disabled in Let's Chat
        ",
    );
}

#[test]
fn direct_message_to_a_disconnected_side_is_reported() {
    let mut world = joined();
    world.tell(
        "
        lc lost
        irc < :ann!a@host PRIVMSG bridge :!msg bob hello
        irc > NOTICE ann :not sent: the other side is unreachable, so is bob
        ",
    );
}

#[test]
fn too_many_direct_messages_are_reported_once() {
    let mut world = joined_in(World::new(&["office/#tea tea"]).unpaced());
    for number in 1..=12 {
        world.tell_on(&format!("irc < :ann!a@host PRIVMSG bridge :!msg bob {number}"));
    }
    let (irc, letschat) = world.sent();
    assert_eq!(irc, ["NOTICE ann :not sent: too many messages. Try again in 3 seconds"]);
    assert_eq!(letschat.len(), 1);
    world.tell_on("wait 3s");
    world.tell_on("irc < :ann!a@host PRIVMSG bridge :and more");
    let (irc, _) = world.sent();
    let asked = "NOTICE ann :not sent: it is no longer clear that this is for bob; to write to someone, use !msg USER TEXT";
    assert_eq!(irc, [asked]);
}

#[test]
fn too_long_direct_message_is_not_delivered() {
    let mut world = joined();
    world.tell_on(&bob(1, &format!("@ann {}", r"x\n".repeat(21))));
    let (irc, letschat) = world.sent();
    assert!(irc.is_empty());
    assert!(letschat[0].contains("too long"), "{letschat:?}");
}

#[test]
fn encrypted_direct_message_is_not_delivered() {
    story(&format!(
        r#"
        {}
        lc > 42#["user-messages:create",{{"text":"-- not sent: encrypted messages cannot be bridged","user":"u1"}}]
        "#,
        bob(1, "?OTR:AAMC"),
    ));
}

#[test]
fn direct_message_to_a_puppet_reaches_its_user() {
    let world = World::new(&["office/#tea tea"]).with_direct_messages();
    let mut world = world.with_nicks(PUPPETS, "{user}|lc");
    world.tell(&LC_IN.replace(r#""u1","username""#, r#""id-bob","username""#));
    world.tell(IRC_IN);
    says(&mut world, 1, "hello");
    world.tell(
        "
        irc > PRIVMSG #tea :<bob> hello
        irc > PING said-1
        irc < :irc.example PONG irc.example said-1
        bob called bob|lc
        ",
    );
    world.tell(BOB_IN);
    world.tell(&format!(
        r#"
        bob < :ann!a@host PRIVMSG bob|lc :psst: over here
        lc > 42#["user-messages:create",{{"text":"<ann> psst: over here","user":"id-bob"}}]
        {}
        irc < :ann!a@host PRIVMSG bridge :or there
        lc > 42#["user-messages:create",{{"text":"<ann> or there","user":"id-bob"}}]
        irc > NOTICE ann :sent to bob; to write to someone else: !msg USER TEXT
        bob < :eve!e@host PRIVMSG bob|lc :hello
        irc > NOTICE eve :not sent: you must be in a channel that the bridge is in
        "#,
        created(6),
    ));
}

#[test]
fn repeating_bot_in_a_direct_loop_is_silenced() {
    let policy = BridgePolicy { loop_protection: true, ..BridgePolicy::default() };
    let mut world = World::new(&["office/#tea tea"]).with_direct_messages().with_policy(policy);
    world.tell(LC_IN);
    world.tell(IRC_IN);
    let (mut crossed, mut came_back) = (0, 0);
    for number in 1..40 {
        world.tell_on("irc < :ann!a@host PRIVMSG bridge :bob: what?");
        world.tell_on(&bob(number, "ann: what?"));
        world.tell_on("wait 3s");
        let (irc, letschat) = world.sent();
        came_back += irc.iter().filter(|line| line.ends_with("what?")).count();
        for line in &irc {
            if let Some(token) = line.strip_prefix("PING said-") {
                world.tell_on(&format!("irc < :irc.example PONG irc.example :said-{token}"));
            }
        }
        for line in &letschat {
            if let Some((id, _)) =
                line.strip_prefix("42").and_then(|it| it.split_once("[\"user-messages:create"))
            {
                let answer = created(id.parse().unwrap());
                world.tell_on(&answer.replace("43#", &format!("43{id}")));
                crossed += usize::from(line.contains("<ann> what?"));
            }
        }
    }
    assert!(crossed == 39 && (3..20).contains(&came_back), "{crossed} and {came_back} of 39");
}

#[test]
fn direct_message_to_the_account_of_somebody_on_irc_reaches_them() {
    let mut world = joined_in(World::new(&["office/#tea tea"]).with_accounts(|_| {}));
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        accounts > register ann.irc as ann
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < ready ann.irc u-ann
        "#,
    );
    world.tell(&format!(
        "{}\nirc > PRIVMSG ann :<bob> hello\nirc > PING said-2",
        bob(1, "@ann.irc hello")
    ));
}
