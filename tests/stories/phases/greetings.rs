//! Who on IRC is told where the room is, or that nobody hears them: each person once, or once a day.

use letsbridge::bridge::BridgePolicy;
use letsbridge::domain::{LinkFlow, LinkPhase};

use super::{in_phase, pass_hours, reload_into, settle, world};
use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN_AGAIN, join_both};

const WELCOME: &str = "we are moving from #tea to Let's Chat: https://chat.example/#!/room/r1 (room tea). Until then, both show the same";

/// The bridge is killed, and both connections are back.
fn restart(world: &mut World) {
    world.tell("restart");
    world.tell_on(LETSCHAT_IN_AGAIN);
    let (_, sent) = world.sent();
    assert!(sent.last().unwrap().contains("messages:list"), "{sent:?}");
    world.tell("lc < 43#[[]]");
    world.tell(IRC_IN);
}

#[test]
fn who_joins_or_speaks_while_the_team_moves_is_welcomed_once_ever() {
    let mut world = in_phase(LinkPhase::Moving);
    world.tell(&format!("irc < :eve!e@host JOIN #tea\nirc > NOTICE eve :{WELCOME}"));
    world.tell(
        "irc < :eve!e@host PART #tea
         irc < :eve!e@host JOIN #tea
         irc < :Eve!e@host NICK evening
         irc < :evening!e@host PART #tea
         irc < :evening!e@host JOIN #tea",
    );
    restart(&mut world);
    world.tell("irc < :EVENING!e@host JOIN #tea");
    reload_into(&mut world, LinkPhase::Together);
    settle(&mut world);
    reload_into(&mut world, LinkPhase::Moving);
    settle(&mut world);
    world.tell("irc < :eve!e@host JOIN #tea");
    // Ann was there before.
    world.tell_on("irc < :ann!a@host PRIVMSG #tea :hello");
    let (irc, _) = world.sent();
    assert_eq!(irc, [format!("NOTICE ann :{WELCOME}")]);
}

#[test]
fn account_is_one_person_under_any_nick() {
    let mut world = world().begun_with(LinkPhase::Moving, LinkFlow::Both);
    world.tell_on(crate::LETSCHAT_IN);
    world.tell_on(
        "irc connects
         irc < :irc.example CAP * LS :extended-join account-notify
         irc > CAP REQ :extended-join account-notify
         irc < :irc.example CAP * ACK :extended-join account-notify
         irc > CAP END
         irc < :irc.example 001 bridge :hello
         irc > JOIN #tea
         irc < :bridge!b@host JOIN #tea * :A bridge
         irc < :irc.example 353 bridge = #tea :bridge
         irc < :irc.example 366 bridge #tea :End of /NAMES list",
    );
    world.sent();
    world.tell(&format!(
        "irc < :eve!e@host JOIN #tea eve :Eve
         irc > NOTICE eve :{WELCOME}
         irc < :phone!p@elsewhere JOIN #tea Eve :Eve
         irc < :joe!j@host JOIN #tea * :Joe
         irc > NOTICE joe :{WELCOME}
         irc < :joe!j@host ACCOUNT joseph
         irc < :joe!j@host PART #tea
         irc < :sepp!j@host JOIN #tea joseph :Joe"
    ));
}

#[test]
fn nicks_are_the_same_as_the_server_says() {
    for (mapping, is_same) in [("rfc1459", true), ("ascii", false)] {
        let mut world = world().begun_with(LinkPhase::Moving, LinkFlow::Both);
        world.tell_on(crate::LETSCHAT_IN);
        world.tell_on(&IRC_IN.replace(
            "irc > JOIN",
            &format!(
                "irc < :irc.example 005 bridge CASEMAPPING={mapping} :are supported\nirc > JOIN"
            ),
        ));
        world.tell_on("irc < :eve[x]!e@host JOIN #tea\nirc < :eve[x]!e@host PART #tea");
        world.tell_on("irc < :EVE{X}!e@host JOIN #tea");
        let (irc, _) = world.sent();
        let notices = irc.iter().filter(|line| line.starts_with("NOTICE ")).count();
        assert_eq!(notices, if is_same { 1 } else { 2 }, "{mapping}: {irc:?}");
    }
}

#[test]
fn link_is_explained_where_people_can_link_their_accounts() {
    let link_page = Some("https://bridge.example/link/".to_owned());
    let policy = BridgePolicy { link_page, ..BridgePolicy::default() };
    let world = world().with_policy(policy).begun_with(LinkPhase::Moving, LinkFlow::Both);
    join_both(world).tell(&format!(
        "irc < :eve!e@host JOIN #tea
         irc > NOTICE eve :{WELCOME}. If you have an account there, type !link: then what you write on IRC is posted as you"
    ));
}

#[test]
fn services_bots_and_returning_users_are_not_welcomed() {
    let mut world = in_phase(LinkPhase::Moving);
    world.tell_on(
        "irc < :ChanServ!s@services.example JOIN #tea
         irc < :ann!a@host QUIT :a.example b.example
         irc < :ann!a@host JOIN #tea
         irc < :ann!a@host NOTICE #tea :I am back",
    );
    let (irc, _) = world.sent();
    assert_eq!(irc, [""; 0]);
}

#[test]
fn crowd_is_welcomed_slowly_and_after_messages() {
    let mut world = in_phase(LinkPhase::Moving);
    for number in 0..500 {
        world.tell_on(&format!("irc < :n{number}!n@host JOIN #tea"));
    }
    let notices = |world: &mut World| {
        let (irc, _) = world.sent();
        irc.iter().filter(|line| line.starts_with("NOTICE n")).count()
    };
    assert_eq!(notices(&mut world), 3);
    world.quietly(20);
    assert_eq!(notices(&mut world), 10);
    // A message is on its way.
    world.tell_on(&super::bob(1, "hi"));
    world.sent();
    world.tell_on("wait 20s");
    let (irc, _) = world.sent();
    assert!(irc.iter().all(|line| !line.starts_with("NOTICE")), "{irc:?}");
    world.tell_on("irc < :irc.example PONG irc.example :said-1");
    world.quietly(1_000);
    // The queue is bounded.
    assert!(notices(&mut world) < 200);
    world.tell_on("irc < :n499!n@host PRIVMSG #tea :hello");
    assert_eq!(notices(&mut world), 1);
}

#[test]
fn who_is_not_heard_is_reminded_once_a_day() {
    let mut world = in_phase(LinkPhase::IrcReadOnly);
    let reminder = "irc > NOTICE ann :#tea is read-only: nobody in Let's Chat sees what you write here. Write in the room tea: https://chat.example/#!/room/r1";
    let says = "irc < :ann!a@host PRIVMSG #tea :hello";
    world.tell("irc < :eve!e@host JOIN #tea");
    world.tell(&format!("{says}\n{reminder}\n{says}"));
    restart(&mut world);
    world.tell(says);
    pass_hours(&mut world, 24);
    world.tell(&format!("{says}\n{reminder}\n{says}"));
}

#[test]
fn who_comes_to_a_closed_channel_is_answered_and_so_are_commands() {
    let mut world = in_phase(LinkPhase::Closed);
    let closed = ":#tea is closed: nobody in Let's Chat sees what is written here. We are in the room tea: https://chat.example/#!/room/r1";
    world.tell(&format!(
        "irc < :eve!e@host JOIN #tea
         irc > NOTICE eve {closed}
         irc < :eve!e@host PRIVMSG #tea :hello?
         irc < :ann!a@host PRIVMSG #tea :!who
         irc > NOTICE ann :room tea: no one
         irc < :ann!a@host PRIVMSG #tea :hello
         irc > NOTICE ann {closed}"
    ));
}

#[test]
fn nobody_is_told_anything_while_both_sides_are_equal() {
    in_phase(LinkPhase::Together).tell("irc < :eve!e@host JOIN #tea");
}
