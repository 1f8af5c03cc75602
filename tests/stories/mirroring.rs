//! Messages on one side are mirrored to the other.

use letsbridge::translate::{ChannelFormat, LinkFormat, LongMessages};

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN, joined, story};

#[test]
fn irc_message_is_posted_to_the_room() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :kettle's on
        lc > 42#["messages:create",{"room":"r1","text":"<ann> kettle's on"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann> kettle's on","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        "#,
    );
}

#[test]
fn post_is_sent_to_irc() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"coming","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1","slug":"tea"}}]
        irc > PRIVMSG #tea :<bob> coming
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        "#,
    );
}

#[test]
fn own_post_is_not_mirrored_back() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :hello
        lc > 42#["messages:create",{"room":"r1","text":"<ann> hello"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann> hello","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"<ann> hello","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u0","username":"bridge"},"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"<ann> hello","posted":"2026-11-22T12:00:00.000Z","owner":null,"room":{"id":"r1"}}]
        "#,
    );
}

#[test]
fn own_irc_line_is_not_mirrored_back_even_late() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"coming","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1","slug":"tea"}}]
        irc > PRIVMSG #tea :<bob> coming
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        irc < :bridge!b@host PRIVMSG #tea :<bob> coming
        irc < :bridge!b@host PRIVMSG #tea :<bob> coming
        irc < :bridge!b@host PRIVMSG #tea :coming
        lc > 42#["messages:create",{"room":"r1","text":"<bridge> coming"}]
        "#,
    );
}

#[test]
fn message_of_another_client_of_the_same_user_is_mirrored() {
    story(
        r#"
        irc < :bridge!b@host PRIVMSG #tea :from my phone
        lc > 42#["messages:create",{"room":"r1","text":"<bridge> from my phone"}]
        irc < :BRIDGE!b@host PRIVMSG bob :in private
        irc < :bridge!b@host PRIVMSG bridge :to myself
        irc < :bridge!b@host NOTICE bob :in private
        "#,
    );
    for caps in
        ["server-time echo-message", "message-tags server-time batch echo-message labeled-response"]
    {
        let mut world = World::new(&["office/#tea tea"]);
        world.tell(crate::LETSCHAT_IN);
        world.tell(&crate::receipts::irc_in(caps));
        let label = if caps.contains("label") { "@label=2.1 " } else { "" };
        world.tell(&format!(
            r#"
            irc < :bridge!b@host PRIVMSG #tea :from my phone
            lc > 42#["messages:create",{{"room":"r1","text":"<bridge> from my phone"}}]
            lc < 43#[{{"id":"6b0000200000000000000002","text":"x","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}}]
            lc < 42["messages:new",{{"id":"6b0000300000000000000001","text":"hello","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]
            irc > {label}PRIVMSG #tea :<bob> hello
            irc <+ :bridge!b@host PRIVMSG #tea :and again
            irc < {label}:bridge!b@host PRIVMSG #tea :<bob> hello
            lc > 42#["messages:create",{{"room":"r1","text":"<bridge> and again"}}]
            "#
        ));
    }
}

#[test]
fn author_without_a_name_is_not_mistaken_for_the_bridge() {
    story(
        r#"
        irc < :!@ PRIVMSG #tea :one
        irc < : PRIVMSG #tea :two
        irc < PRIVMSG #tea :three
        irc < :!user@host PRIVMSG #tea :four
        irc < :@host NOTICE #tea :five
        irc < :irc.example PRIVMSG #tea :six
        irc < :!user@host JOIN #tea
        irc < :ann!a@host NICK :
        irc < :bridge!b@host NICK :
        irc < @+draft/nick=bo\sb :ann!a@host PRIVMSG #tea :seven
        lc > 42#["messages:create",{"room":"r1","text":"<ann> seven"}]
        "#,
    );
}

#[test]
fn second_message_waits_until_the_first_has_arrived() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #Tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn messages_actions_and_notices_are_rendered_differently() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :\x01ACTION pours\x01
        lc > 42#["messages:create",{"room":"r1","text":"* ann pours"}]
        lc < 43#[{"id":"6b0000010000000000000001","text":"* ann pours","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        irc < :serv!s@host NOTICE #tea :the server restarts
        lc > 42#["messages:create",{"room":"r1","text":"-serv- the server restarts"}]
        irc < :ann!a@host PRIVMSG #tea :\x01VERSION\x01
        irc < :ann!a@host PRIVMSG bridge :a word in private
        irc < :irc.example NOTICE * :*** Looking up your hostname
        "#,
    );
}

#[test]
fn multiline_post_is_sent_line_by_line_before_its_ping() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"one\n\ntwo\r\n/QUIT","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PRIVMSG #tea :<bob> two
        irc > PRIVMSG #tea :<bob> /QUIT
        irc > PING said-1
        "#,
    );
}

#[test]
fn rejected_message_does_not_stop_later_ones() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"one","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        lc < 42["messages:new",{"id":"6b0000010000000000000002","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> one
        irc > PING said-1
        irc < :irc.example 404 bridge #tea :Cannot send to channel
        irc < :irc.example PONG irc.example :said-1
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-2
        "#,
    );
    crate::join_both(World::new(&["office/#tea tea"]).without_merging()).tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc refuses "Bad Request"
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        "#,
    );
}

#[test]
fn rejected_post_is_searched_for_and_sent_once_more() {
    // The database failed after it had stored the post.
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :one
        irc < :ann!a@host PRIVMSG #tea :two
        lc > 42#["messages:create",{"room":"r1","text":"<ann> one"}]
        lc < 43#["Bad Request"]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffc40000000000000000","skip":0,"take":500}]
        lc < 43#[[{"id":"6b0000200000000000000001","text":"<ann> one","posted":"2026-11-22T12:00:01.000Z","owner":{"id":"u0","username":"bridge"}}]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        lc < 43#["Bad Request"]
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffe40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        wait 1s
        lc > 42#["messages:list",{"expand":"owner","reverse":false,"room":"r1","since_id":"6affffe40000000000000000","skip":0,"take":500}]
        lc < 43#[[]]
        lc > 42#["messages:create",{"room":"r1","text":"<ann> two"}]
        lc < 43#[{"id":"6b0000200000000000000002","text":"<ann> two","posted":"2026-11-22T12:00:01.000Z","owner":"u0","room":"r1"}]
        "#,
    );
}

#[test]
fn irc_message_received_while_letschat_is_down_is_queued() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(IRC_IN);
    world.tell("irc < :ann!a@host PRIVMSG #tea :anyone?");
    world.tell(&format!(
        "{LETSCHAT_IN}\n{}",
        r#"lc > 42#["messages:create",{"room":"r1","text":"<ann> anyone?"}]"#
    ));
}

#[test]
fn message_reaches_all_other_endpoints_of_its_group() {
    let mut world = World::new(&["office/#tea tea home/#tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world.tell(&IRC_IN.replace("irc ", "irc2 ").replace("irc2 in", "irc in"));
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :hello
        lc > 42#["messages:create",{"room":"r1","text":"<ann> hello"}]
        irc2 > PRIVMSG #tea :<a\u200bnn> hello
        irc2 > PING said-2
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"hi","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> hi
        irc > PING said-3
        irc2 < :irc.example PONG irc.example :said-2
        irc2 > PRIVMSG #tea :<bob> hi
        irc2 > PING said-4
        irc2 < :carl!c@host PRIVMSG #tea :\x01ACTION waves\x01
        irc < :irc.example PONG irc.example :said-3
        irc > PRIVMSG #tea :\x01ACTION carl waves\x01
        irc > PING said-5
        "#,
    );
}

#[test]
fn text_never_becomes_a_command_on_the_other_network() {
    story(
        r#"
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"\r\nQUIT :bye\r\n\u0000x","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob\r\nQUIT"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob QUIT> QUIT :bye
        irc > PRIVMSG #tea :<bob QUIT> x
        irc > PING said-1
        "#,
    );
}

#[test]
fn long_paste_obeys_flood_control_and_pongs_come_first() {
    let channel = ChannelFormat { long_messages: LongMessages::All, ..ChannelFormat::default() };
    let manners = LinkFormat { channel, ..LinkFormat::default() };
    let mut world = World::new(&["office/#tea tea"]).with_format(manners);
    world.tell(LETSCHAT_IN);
    world.tell(&IRC_IN.replace("irc > JOIN", "wait 1s\nirc > JOIN"));
    world.tell(
        r#"
        wait 8s
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"1\n2\n3\n4\n5\n6\n7","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> 1
        irc > PRIVMSG #tea :<bob> 2
        irc > PRIVMSG #tea :<bob> 3
        irc < PING :x
        irc > PONG x
        wait 2s
        irc > PRIVMSG #tea :<bob> 4
        irc > PING said-1
        irc < :irc.example PONG irc.example :said-1
        wait 2s
        irc > PRIVMSG #tea :<bob> 5
        irc > PRIVMSG #tea :<bob> 6
        wait 2s
        irc > PRIVMSG #tea :<bob> 7
        irc > PING said-1
        "#,
    );
}

#[test]
fn quiet_channel_does_not_wait_for_a_busy_one() {
    let mut world = World::new(&["office/#tea tea", "office/#dev dev"]);
    world.tell(
        r#"
        lc connects
        lc < 43#[[{"id":"r1","slug":"tea"},{"id":"r2","slug":"dev"}]]
        lc > 42#tea["rooms:join","r1"]
        lc > 42#c["rooms:join","r2"]
        lc < 43#tea[{"id":"r1","slug":"tea"}]
        lc > 42#d["messages:list",{"reverse":true,"room":"r1","take":1}]
        lc < 43#c[{"id":"r2","slug":"dev"}]
        lc > 42#["messages:list",{"reverse":true,"room":"r2","take":1}]
        lc < 43#d[[]]
        lc < 43#[[]]
        irc connects
        irc < :irc.example 001 bridge :hello
        wait 1s
        irc > JOIN #tea,#dev
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc < :bridge!b@host JOIN #dev
        irc < :irc.example 366 bridge #dev :End of /NAMES list
        wait 8s
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"1\n2\n3\n4\n5\n6\n7\n8\n9","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> 1
        irc > PRIVMSG #tea :<bob> 2
        irc > PRIVMSG #tea :<bob> 3
        lc < 42["messages:new",{"id":"6b0000010000000000000002","text":"me too","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r2"}}]
        irc > PRIVMSG #dev :<bob> me too
        irc > PING said-2
        "#,
    );
}

#[test]
fn disconnect_for_flooding_slows_down_sending() {
    let mut world = World::new(&["office/#tea tea"]);
    world.tell(LETSCHAT_IN);
    world.tell(
        r#"
        irc connects
        irc < ERROR :Closing Link: bridge[host] (Excess Flood)
        irc closed: connection rejected: Closing Link: bridge[host] (Excess Flood)
        irc lost
        wait 8s
        "#,
    );
    world.tell(&IRC_IN.replace("irc > JOIN", "wait 4s\nirc > JOIN"));
    world.tell(
        r#"
        wait 15s
        lc > 2
        lc < 3
        lc < 42["messages:new",{"id":"6b0000010000000000000001","text":"1\n2\n3\n4","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u1","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> 1
        irc > PRIVMSG #tea :<bob> 2
        wait 2s
        irc > PRIVMSG #tea :<bob> 3
        wait 2s
        irc > PRIVMSG #tea :<bob> 4
        wait 2s
        irc > PING said-1
        "#,
    );
}

#[test]
fn long_text_is_split_for_the_length_of_our_visible_host() {
    let mut world = joined();
    let text = "x".repeat(500);
    let cloak = "c".repeat(60);
    for (at, (change, fits)) in [
        (String::new(), 469),
        (format!("irc < :irc.example 396 bridge {cloak} :is now your hidden host"), 413),
        ("irc < :bridge!b@host CHGHOST bot elsewhere".to_owned(), 462),
    ]
    .into_iter()
    .enumerate()
    {
        let (first, second) = text.split_at(fits);
        world.tell(&format!(
            r#"
            {change}
            lc < 42["messages:new",{{"id":"6b000001000000000000000{at}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u1","username":"bob"}},"room":{{"id":"r1"}}}}]
            irc > PRIVMSG #tea :<bob> {first}
            irc > PRIVMSG #tea :<bob> {second}
            irc > PING said-{ticket}
            irc < :irc.example PONG irc.example :said-{ticket}
            "#,
            ticket = at + 1,
        ));
    }
}

#[test]
fn ctcp_query_is_answered_unless_sent_to_a_channel() {
    story(
        r#"
        irc < :ann!a@host PRIVMSG #tea :\x01VERSION\x01
        irc < :bridge!b@host PRIVMSG bridge :\x01VERSION\x01
        irc < :ann!a@host NOTICE bridge :\x01VERSION irssi\x01
        irc < :ann!a@host PRIVMSG bridge :hello?
        irc < :ann!a@host PRIVMSG Bridge :\x01PING 17\x01
        irc > NOTICE ann :\x01PING 17\x01
        irc < @time=2026-11-22T12:00:01.000Z :ann!a@host PRIVMSG bridge :\x01TIME\x01
        irc > NOTICE ann :\x01TIME 2026-11-22T12:00:01Z\x01
        irc < :ann!a@host PRIVMSG bridge :\x01CLIENTINFO\x01
        irc > NOTICE ann :\x01CLIENTINFO ACTION CLIENTINFO PING SOURCE TIME VERSION\x01
        irc < :eve!e@host PRIVMSG bridge :\x01VERSION\x01
        "#,
    );
}
