//! With RELAYMSG, messages of Let's Chat users appear under nicks of their own.

use letsbridge::bridge::NickSource;

use crate::LETSCHAT_IN;
use crate::harness::World;
use crate::receipts::irc_in;

const CAPS: &str = "message-tags batch echo-message labeled-response draft/relaymsg";

/// The registration at a server with RELAYMSG and these further `caps`.
fn back(caps: &str) -> String {
    irc_in(caps).replace(&format!("LS :{caps}"), &format!("LS :{caps}=/"))
}

#[track_caller]
fn joined(caps: &str) -> World {
    let mut world = World::new(&["office/#tea tea"]).with_nicks(NickSource::Relaymsg, "{user}/lc");
    world.tell(LETSCHAT_IN);
    world.tell(&back(caps));
    world
}

#[track_caller]
fn says(world: &mut World, who: &str, number: u32, text: &str) {
    world.tell_on(&format!(
        r#"lc < 42["messages:new",{{"id":"6b00000100000000{number:08}","text":"{text}","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"id-{who}","username":"{who}"}},"room":{{"id":"r1"}}}}]"#
    ));
}

#[test]
fn each_author_has_a_relayed_nick_and_no_echo_is_mirrored() {
    let mut world = joined(CAPS);
    says(&mut world, "bob", 1, "one\\ntwo");
    says(&mut world, "mary.ann", 2, "three");
    world.tell(
        r#"
        irc > @label=1.1 RELAYMSG #tea bob/lc one
        irc < @label=1.1;msgid=a;draft/relaymsg=bridge :bob/lc!~u@host PRIVMSG #tea :one
        irc > @label=1.2 RELAYMSG #tea bob/lc two
        irc < @label=1.2;draft/relaymsg=bridge :bob/lc!~u@host PRIVMSG #tea :two
        irc > @label=2.1 RELAYMSG #tea mary_ann/lc three
        irc < @label=2.1;draft/relaymsg=bridge :mary_ann/lc!~u@host PRIVMSG #tea :three
        irc < @draft/relaymsg=other :bob/elsewhere!~u@host PRIVMSG #tea :I am not of yours
        lc > 42#["messages:create",{"room":"r1","text":"<bob/elsewhere> I am not of yours"}]
        "#,
    );
}

#[test]
fn relayed_nicks_are_unique_and_stable() {
    let mut world = joined(CAPS);
    for (number, who, nick) in [(1, "a.b", "a_b/lc"), (2, "a_b", "a_b2/lc"), (3, "a.b", "a_b/lc")] {
        says(&mut world, who, number, "hi");
        world.tell(&format!(
            "irc > @label={number}.1 RELAYMSG #tea {nick} hi
             irc < @label={number}.1;draft/relaymsg=bridge :{nick}!~u@host PRIVMSG #tea :hi"
        ));
    }
}

#[test]
fn rejected_relayed_nick_makes_the_bridge_send_under_its_own() {
    let mut world = joined(CAPS);
    says(&mut world, "bob", 1, "one");
    says(&mut world, "eve", 2, "two");
    says(&mut world, "bob", 3, "three");
    world.tell(
        r#"
        irc > @label=1.1 RELAYMSG #tea bob/lc one
        irc < @label=1.1 :irc.example FAIL RELAYMSG INVALID_NICK :Invalid nickname
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> one
        irc > @label=2.1 RELAYMSG #tea eve/lc two
        irc < @label=2.1;draft/relaymsg=bridge :eve/lc!~u@host PRIVMSG #tea :two
        irc > @label=3.1 PRIVMSG #tea :<bob> three
        "#,
    );
}

#[test]
fn missing_right_to_relay_makes_the_bridge_send_under_its_own_nick_for_a_while() {
    let mut world = joined(CAPS);
    says(&mut world, "bob", 1, "one");
    says(&mut world, "eve", 2, "two");
    world.tell(
        r#"
        irc > @label=1.1 RELAYMSG #tea bob/lc one
        irc < @label=1.1 :irc.example FAIL RELAYMSG PRIVS_NEEDED :You cannot relay messages to this channel
        irc > @label=1.1 PRIVMSG #tea :<bob> one
        irc < @label=1.1 :bridge!b@host PRIVMSG #tea :<bob> one
        irc > @label=2.1 PRIVMSG #tea :<eve> two
        irc < @label=2.1 :bridge!b@host PRIVMSG #tea :<eve> two
        "#,
    );
}

#[test]
fn message_of_a_muted_user_is_rejected() {
    let mut world = joined(CAPS);
    says(&mut world, "bob", 1, "one");
    says(&mut world, "eve", 2, "two");
    world.tell(
        r#"
        irc > @label=1.1 RELAYMSG #tea bob/lc one
        irc < @label=1.1 :irc.example FAIL RELAYMSG BANNED :bob/lc is banned from relaying to the channel
        irc > @label=2.1 RELAYMSG #tea eve/lc two
        "#,
    );
}

#[test]
fn rejection_before_the_pong_counts_without_labels_and_echoes() {
    let mut world = joined("message-tags draft/relaymsg");
    says(&mut world, "bob", 1, "one\\ntwo");
    world.tell(
        r#"
        irc > RELAYMSG #tea bob/lc one
        irc > RELAYMSG #tea bob/lc two
        irc > PING said-1
        irc < :irc.example 421 bridge RELAYMSG :Unknown command
        irc < :irc.example 421 bridge RELAYMSG :Unknown command
        irc < :irc.example PONG irc.example said-1
        irc > PRIVMSG #tea :<bob> one
        irc > PRIVMSG #tea :<bob> two
        irc > PING said-1
        "#,
    );
}

#[test]
fn relayed_line_in_doubt_is_found_in_the_history_by_its_sender() {
    let caps = "message-tags server-time batch echo-message labeled-response draft/chathistory draft/relaymsg";
    for (by, then) in [
        (
            "bridge",
            "irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.499Z 500
             irc < @label=past.2 :irc.example BATCH +k chathistory #tea
             irc < :irc.example BATCH -k",
        ),
        (
            "other",
            r#"lc > 42#["messages:create",{"room":"r1","text":"<bob/lc> one"}]
             irc > @label=past.2 CHATHISTORY AFTER #tea timestamp=2026-11-22T12:00:00.499Z 500
             irc < @label=past.2 :irc.example BATCH +k chathistory #tea
             irc < :irc.example BATCH -k
             irc > @label=1.1 RELAYMSG #tea bob/lc :(resent) one"#,
        ),
    ] {
        let mut world = joined(caps);
        says(&mut world, "bob", 1, "one");
        world.tell("irc > @label=1.1 RELAYMSG #tea bob/lc one\nirc lost");
        world.tell_on(&back(caps));
        world.tell(&format!(
            "irc > @label=past.1 CHATHISTORY AFTER #tea timestamp=2026-11-22T11:59:59.999Z 500
             irc < @label=past.1 :irc.example BATCH +h chathistory #tea
             irc < @batch=h;msgid=m1;time=2026-11-22T12:00:00.500Z;draft/relaymsg={by} :bob/lc!~u@host PRIVMSG #tea :one
             irc < :irc.example BATCH -h
             {then}"
        ));
    }
}
