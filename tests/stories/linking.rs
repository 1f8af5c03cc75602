//! People of IRC link their own accounts on Let's Chat, or take over the ones that the bridge made.

use letsbridge::bridge::BridgePolicy;
use letsbridge::domain::{
    AccountSecrets, LetsChatUserId, LinkAction, LinkOffer, LinkRefusal, LinkReply, Secret,
};

use crate::LETSCHAT_IN;
use crate::harness::World;

/// A world that has a page for linking.
fn joined() -> World {
    let policy = BridgePolicy {
        link_page: Some("https://b.example/link/".to_owned()),
        ..BridgePolicy::default()
    };
    let world = World::new(&["office/#tea tea"]).with_policy(policy).with_accounts(|_| {});
    let mut world = world.without_merging().unpaced();
    world.tell(LETSCHAT_IN);
    world.tell(&crate::receipts::irc_in("message-tags account-tag"));
    world
}

/// Types `!link` in private. Returns the code, or the answer without a link.
#[track_caller]
fn code_for(world: &mut World, from: &str) -> Result<String, String> {
    world.tell_on(&format!("irc < {from} PRIVMSG bridge :!link"));
    let (sent, _) = world.sent();
    let notice = sent.iter().find(|line| line.starts_with("NOTICE ")).expect("an answer");
    match notice.split_once("https://b.example/link/") {
        Some((_, rest)) => Ok(rest.split(' ').next().expect("a code").to_owned()),
        None => Err(notice.split_once(" :").expect("a text").1.to_owned()),
    }
}

fn attach(user: &str, username: &str) -> LinkAction {
    LinkAction::Attach {
        user: LetsChatUserId(user.into()),
        username: username.to_owned(),
        display_name: username.to_owned(),
        secrets: AccountSecrets { session: Some(Secret::new("sid")), ..AccountSecrets::default() },
    }
}

const DAVE: &str = "@account=dave :dave!d@home.example";

/// dave has said something and has an account of the bridge's.
#[track_caller]
fn with_made_account() -> World {
    let mut world = joined();
    world.tell(&format!(
        r#"
        irc < {DAVE} PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#["messages:create",{{"room":"r1","text":"<dave> one"}}]
        lc < 43#[{{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
        accounts < ready dave.irc u-dave
        "#
    ));
    world
}

#[test]
fn linked_person_speaks_as_their_own_account_until_they_end_it() {
    let mut world = with_made_account();
    let code = code_for(&mut world, DAVE).expect("a link");
    let Some(LinkReply::Offer(LinkOffer { nick, network, made, own, .. })) =
        world.asks(&code, "b1", LinkAction::View)
    else {
        panic!("an offer");
    };
    assert_eq!(
        (&*nick, &*network, made.as_deref(), own),
        ("dave", "office", Some("dave.irc"), None)
    );
    let linked = world.asks(&code, "b1", attach("u-david", "david"));
    assert_eq!(linked, Some(LinkReply::Linked { username: "david".to_owned() }));
    world.tell(&format!(
        r#"
        accounts > add u-david david
        irc > NOTICE dave :what you write here is posted as david on Let's Chat from now on. If you did not want that, type !unlink
        irc < {DAVE} PRIVMSG #tea :two
        accounts > post u-david r1 two
        accounts < posted u-david 6b0000010000000000000002
        irc < {DAVE} PRIVMSG bridge :!unlink
        accounts > remove u-david
        irc > NOTICE dave :done: the bridge no longer posts as david
        irc < {DAVE} PRIVMSG #tea :three
        accounts > post u-dave r1 three
        "#
    ));
    assert_eq!(
        world.asks(&code, "b1", LinkAction::View),
        Some(LinkReply::Refused(LinkRefusal::Used))
    );
}

#[test]
fn link_is_only_for_people_whom_services_know() {
    let mut world = with_made_account();
    let answer = code_for(&mut world, ":dave!d@home.example").expect_err("no link");
    assert!(answer.starts_with("log in to services first"), "{answer}");
    let mallory = code_for(&mut world, "@account=mallory :dave!d@home.example").expect("a link");
    let Some(LinkReply::Offer(offer)) = world.asks(&mallory, "b1", LinkAction::View) else {
        panic!("an offer")
    };
    assert_eq!(offer.made, None, "not the account of dave");
}

#[test]
fn link_in_the_channel_is_answered_in_private() {
    let mut world = with_made_account();
    world.tell_on(&format!("irc < {DAVE} PRIVMSG #tea :!link"));
    let (sent, _) = world.sent();
    assert!(sent.iter().any(|line| line.starts_with("NOTICE dave :only for you")), "{sent:?}");
    assert!(!sent.iter().any(|line| line.starts_with("PRIVMSG")), "{sent:?}");
}

#[test]
fn link_opened_by_another_browser_is_of_no_use_to_it() {
    let mut world = with_made_account();
    let code = code_for(&mut world, DAVE).expect("a link");
    assert!(matches!(world.asks(&code, "b1", LinkAction::View), Some(LinkReply::Offer(_))));
    for action in [LinkAction::View, LinkAction::Try, attach("u-eve", "eve"), LinkAction::Unlink] {
        let reply = world.asks(&code, "b2", action);
        assert_eq!(reply, Some(LinkReply::Refused(LinkRefusal::OtherBrowser)));
    }
    world.quietly(900);
    let reply = world.asks(&code, "b1", LinkAction::View);
    assert_eq!(reply, Some(LinkReply::Refused(LinkRefusal::Expired)));
}

#[test]
fn account_of_the_bridge_or_of_somebody_else_cannot_be_linked() {
    let mut world = with_made_account();
    let code = code_for(&mut world, DAVE).expect("a link");
    for user in ["u0", "u-dave"] {
        let reply = world.asks(&code, "b1", attach(user, "x"));
        assert!(matches!(reply, Some(LinkReply::Failed(_))), "{reply:?}");
    }
}

#[test]
fn person_takes_over_the_account_that_was_made_for_them() {
    let mut world = with_made_account();
    let code = code_for(&mut world, DAVE).expect("a link");
    let take_over = LinkAction::TakeOver {
        username: "david".to_owned(),
        email: "david@example.org".to_owned(),
        password: Secret::new("their own"),
    };
    assert_eq!(world.asks(&code, "b1", take_over.clone()), None);
    world.tell(
        "accounts > hand over u-dave david\naccounts < not handed over this user name is taken",
    );
    assert_eq!(world.replies.pop(), Some(LinkReply::Failed("this user name is taken".to_owned())));
    assert_eq!(world.asks(&code, "b1", take_over), None);
    world.tell(&format!(
        r#"
        accounts > hand over u-dave david
        accounts < handed over david u-dave
        irc > NOTICE dave :what you write here is posted as david on Let's Chat from now on. If you did not want that, type !unlink
        irc < {DAVE} PRIVMSG #tea :two
        accounts > post u-dave r1 two
        accounts < posted u-dave 6b0000010000000000000002
        lc < 42["messages:new",{{"id":"6b0000010000000000000002","text":"two","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u-dave","username":"david"}},"room":{{"id":"r1"}}}}]
        lc < 42["messages:new",{{"id":"6b0000010000000000000003","text":"typed","posted":"2026-11-22T12:00:00.000Z","owner":{{"id":"u-dave","username":"david"}},"room":{{"id":"r1"}}}}]
        irc > PRIVMSG #tea :<david> typed
        irc > PING said-3
        irc < :irc.example PONG irc.example said-3
        "#
    ));
    assert_eq!(world.replies.pop(), Some(LinkReply::Linked { username: "david".to_owned() }));
}

#[test]
fn revoked_access_falls_back_to_the_bot_and_is_told_to_its_owner() {
    let mut world = with_made_account();
    let code = code_for(&mut world, DAVE).expect("a link");
    world.asks(&code, "b1", attach("u-david", "david"));
    world.sent();
    world.tell_on("accounts > add u-david david");
    world.tell(&format!(
        r#"
        irc < {DAVE} PRIVMSG #tea :two
        accounts > post u-david r1 two
        accounts < no session u-david
        lc > 42#["messages:create",{{"room":"r1","text":"<dave> two"}}]
        lc < 43#[{{"id":"6b0000010000000000000002","text":"<dave> two","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
        accounts < lost u-david
        irc > NOTICE dave :Let's Chat no longer lets the bridge post as david (revoked). Your messages are posted by the bridge again. !link links an account anew
        "#
    ));
}

#[test]
fn people_are_mentioned_by_the_name_of_the_other_side() {
    let mut world = with_made_account();
    world.tell(&format!("irc < {DAVE} JOIN #tea"));
    let code = code_for(&mut world, DAVE).expect("a link");
    world.asks(&code, "b1", attach("u-david", "david"));
    world.sent();
    world.tell_on("accounts > add u-david david");
    world.tell(
        r#"
        irc < :ann!a@host PRIVMSG #tea :dave: tea?
        accounts > register ann.irc as ann
        lc > 42#["messages:create",{"room":"r1","text":"<ann> @david tea?"}]
        lc < 43#[{"id":"6b0000010000000000000002","text":"<ann> @david tea?","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}]
        accounts < ready ann.irc u-ann
        irc < :ann!a@host PRIVMSG #tea :or later, @dave
        accounts > post u-ann r1 or later, @david
        accounts < posted u-ann 6b0000010000000000000003
        lc < 42["messages:new",{"id":"6b0000010000000000000004","text":"@david tea!","posted":"2026-11-22T12:00:00.000Z","owner":{"id":"u-bob","username":"bob"},"room":{"id":"r1"}}]
        irc > PRIVMSG #tea :<bob> dave: tea!
        irc > PING said-4
        "#,
    );
}

#[test]
fn account_that_becomes_ready_after_its_person_has_linked_another_is_kept_for_later() {
    let mut world = joined();
    world.tell(&format!(
        r#"
        irc < {DAVE} PRIVMSG #tea :one
        accounts > register dave.irc as dave
        lc > 42#["messages:create",{{"room":"r1","text":"<dave> one"}}]
        lc < 43#[{{"id":"6b0000010000000000000001","text":"<dave> one","posted":"2026-11-22T12:00:00.000Z","owner":"u0","room":"r1"}}]
        "#
    ));
    let code = code_for(&mut world, DAVE).expect("a link");
    world.asks(&code, "b1", attach("u-david", "david"));
    world.sent();
    world.tell(&format!(
        r#"
        accounts > add u-david david
        accounts < ready dave.irc u-dave
        irc < {DAVE} PRIVMSG bridge :!unlink
        accounts > remove u-david
        irc > NOTICE dave :done: the bridge no longer posts as david
        irc < {DAVE} PRIVMSG #tea :two
        accounts > post u-dave r1 two
        "#
    ));
}
