//! The members of channels, and how the bridge learns them.

use crate::harness::World;
use crate::joined;

/// The registration at a server with many capabilities, where bob is a member already.
const TALKATIVE_IN: &str = "
    irc connects
    irc < :irc.example CAP * LS :message-tags batch account-tag extended-join account-notify chghost setname away-notify multi-prefix userhost-in-names invite-notify
    irc > CAP REQ :message-tags batch account-tag extended-join account-notify chghost setname away-notify multi-prefix userhost-in-names invite-notify
    irc < :irc.example CAP bridge ACK :message-tags batch account-tag extended-join account-notify chghost setname away-notify multi-prefix userhost-in-names invite-notify
    irc > CAP END
    irc < :irc.example 001 bridge :hello
    irc > JOIN #tea
    irc < :irc.example 005 bridge WHOX BOT=B PREFIX=(qov)~@+ CHANMODES=beI,k,l,mnt CASEMAPPING=rfc1459 :are supported
    irc > MODE bridge +B
    irc < :bridge!b@host JOIN #tea * :A bridge
    irc < :irc.example 353 bridge = #tea :bridge!b@host ~@ann!a@host
    irc < :irc.example 353 bridge = #tea :+Bob[m]!bob@home
    irc < :irc.example 366 bridge #tea :End of /NAMES list
    irc > WHO #tea %tuhnfar,52
    irc < :irc.example 354 bridge 52 b host bridge H 0 :A bridge
    irc < :irc.example 354 bridge 52 a host ann G~@ Annie :Ann of Tea
    irc < :irc.example 354 bridge 52 bob home Bob[m] H+B 0 :Bob
    irc < :irc.example 315 bridge #tea :End of /WHO list.
";

fn joined_with_caps() -> World {
    let mut world = World::new(&["office/#tea tea"]).telling_queries();
    world.tell(TALKATIVE_IN);
    world
}

#[track_caller]
fn check_members(world: &mut World, story: &str, people: &[&str]) {
    world.tell(story);
    assert_eq!(world.members("office/#tea"), people);
}

#[test]
fn members_are_known_after_names_and_who() {
    check_members(
        &mut joined_with_caps(),
        "",
        &["+Bob[m] (bob@home, Bob, bot)", "~@ann (a@host, Annie, Ann of Tea, away)"],
    );
}

#[test]
fn plain_who_reply_fills_in_members() {
    let mut world = World::new(&["office/#tea tea"]).telling_queries();
    let story = "
        irc connects
        irc < :irc.example 001 bridge :hello
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea
        irc < :irc.example 353 bridge = #tea :bridge @ann
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc > WHO #tea
        irc < :irc.example 352 bridge #tea b host irc.example bridge H :0 A bridge
        irc < :irc.example 352 bridge #tea a host irc.example ann G@ :0 Ann of Tea
        irc < :irc.example 315 bridge #tea :End of /WHO list.
    ";
    check_members(&mut world, story, &["@ann (a@host, Ann of Tea, away)"]);
}

#[test]
fn member_changes_are_followed() {
    let mut world = joined_with_caps();
    check_members(
        &mut world,
        "
        irc < :ann!a@host AWAY
        irc < :ann!a@host NICK :anna
        irc < :Bob[m]!bob@home ACCOUNT bobby
        irc < :bob{M}!bob@home CHGHOST robert cloak
        irc < :Bob[m]!robert@cloak SETNAME :Robert
        irc < :irc.example MODE #tea +k-v+o secret bob{m} BOB[M]
        irc < :eve!e@host JOIN #tea eve :Eve
        irc < :eve!e@host JOIN #other eve :Eve
        ",
        &[
            "@Bob[m] (robert@cloak, bobby, Robert, bot)",
            "eve (e@host, eve, Eve)",
            "~@anna (a@host, Annie, Ann of Tea)",
        ],
    );
    check_members(
        &mut world,
        "
        irc < :eve!e@host AWAY :tea
        irc < :Bob[m]!robert@cloak ACCOUNT *
        irc < :Bob[m]!robert@cloak PART #other :not ours
        irc < :anna!a@host PART #tea :bye
        ",
        &["@Bob[m] (robert@cloak, Robert, bot)", "eve (e@host, eve, Eve, away)"],
    );
    check_members(
        &mut world,
        "
        irc < :Bob[m]!robert@cloak KICK #tea EVE :out
        irc < :Bob[m]!robert@cloak QUIT :Quit: home
        ",
        &[],
    );
}

#[test]
fn tags_and_prefix_of_a_line_update_its_author() {
    let mut world = joined_with_caps();
    check_members(
        &mut world,
        "
        irc < @account=bobby :Bob[m]!bob@cloak PRIVMSG #tea :hello
        irc < :ann!a@host PRIVMSG #tea :I am logged out
        irc < @account=ghost :ghost!g@host PRIVMSG #tea :from outside
        ",
        &["+Bob[m] (bob@cloak, bobby, Bob, bot)", "~@ann (a@host, Ann of Tea, away)"],
    );
}

#[test]
fn rejoin_forgets_members_who_have_left() {
    let mut world = joined_with_caps();
    check_members(
        &mut world,
        "
        irc < :ann!a@host KICK #tea bridge :out
        ",
        &[],
    );
    check_members(
        &mut world,
        "
        wait 5s
        irc > JOIN #tea
        irc < :bridge!b@host JOIN #tea * :A bridge
        irc < :irc.example 353 bridge = #tea :bridge!b@host eve!e@host
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc > WHO #tea %tuhnfar,52
        irc < :irc.example 315 bridge #tea :End of /WHO list.
        ",
        &["eve (e@host)"],
    );
}

#[test]
fn netsplit_removes_members_until_they_return() {
    let mut world = joined_with_caps();
    check_members(
        &mut world,
        "
        irc < :irc.example BATCH +s netsplit a.example b.example
        irc < @batch=s :ann!a@host QUIT :a.example b.example
        irc < :irc.example BATCH -s
        irc < :Bob[m]!bob@home QUIT :a.example b.example
        ",
        &[],
    );
    check_members(
        &mut world,
        "
        irc < :irc.example BATCH +j netjoin a.example b.example
        irc < @batch=j :ann!a@host JOIN #tea Annie :Ann of Tea
        irc < :irc.example BATCH -j
        irc < :Bob[m]!bob@home JOIN #tea * :Bob
        irc < :irc.example MODE #tea +qo ann ann
        ",
        &["Bob[m] (bob@home, Bob)", "~@ann (a@host, Annie, Ann of Tea)"],
    );
}

#[test]
fn channel_that_the_bridge_is_not_in_has_no_members() {
    let mut world = joined();
    assert_eq!(world.members("office/#tea"), ["ann"]);
    check_members(&mut world, "irc lost", &[]);
}

#[test]
fn second_names_reply_replaces_the_members() {
    let mut world = joined_with_caps();
    check_members(
        &mut world,
        "
        irc < :irc.example 353 bridge = #tea :bridge!b@host eve!e@host
        irc < :irc.example 366 bridge #tea :End of /NAMES list
        irc < :irc.example 353 bridge = #other :bridge!b@host joe!j@host
        irc < :irc.example 366 bridge #other :End of /NAMES list
        ",
        &["eve (e@host)"],
    );
}

#[test]
fn played_back_events_do_not_change_members() {
    let mut world = joined_with_caps();
    check_members(
        &mut world,
        "
        irc < :irc.example BATCH +h chathistory #tea
        irc < @batch=h :eve!e@host JOIN #tea
        irc < @batch=h :ann!a@host QUIT :gone
        irc < @batch=h;time=2026-11-22T09:00:00.000Z;account=then :Bob[m]!b@then PRIVMSG #tea :old
        irc < :irc.example BATCH -h
        ",
        &["+Bob[m] (bob@home, Bob, bot)", "~@ann (a@host, Annie, Ann of Tea, away)"],
    );
}
