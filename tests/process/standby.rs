//! Two nodes over a PostgreSQL with a synchronous standby: commits wait for both servers.

use std::time::Duration;

use letsbridge_testkit::irc::{Caps, Setup};
use letsbridge_testkit::postgres::PostgresServer;
use tokio::time::sleep;

use crate::nodes::{Nodes, assert_mirrors, common, in_channel, in_room, lease_runs_out, texts};
use crate::program::soon;

/// What the server logs when a commit waits for the standby no longer.
const GIVEN_UP: &str = "canceling the wait for synchronous replication";

/// How often it is looked whether it has.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_nothing_is_said_while_the_standby_is_away_and_all_goes_on_after_a_failover()
{
    let primary: &'static _ = Box::leak(Box::new(PostgresServer::start()));
    // What nobody heard meanwhile is read again.
    let irc = Setup { caps: Caps::all(), history: 1_000, ..Setup::default() };
    let nodes = Nodes::with(irc, primary).await;
    // Ann says the same on both sides.
    nodes.world.configure(|toml| format!("loop_protection = false\n{}", common(toml)));
    for node in ["a", "b"] {
        nodes.configure(node, "");
    }
    let standby: &'static PostgresServer = Box::leak(Box::new(primary.start_standby()));
    primary.wait_for_standby();
    let database = &nodes.database;
    for node in ["a", "b"] {
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port(), standby.port());
        let query = "sslmode=disable&target_session_attrs=read-write";
        nodes.write_url(node, &format!("postgresql://postgres@{hosts}/{database}?{query}"));
    }
    let (mut a, b) = nodes.both().await;
    assert_mirrors(&nodes, "one").await;

    standby.crash();
    nodes.world.say_on_irc("two");
    nodes.world.say_in_letschat("two");
    a.err.says("cannot write to the database; receiving paused").await;
    lease_runs_out(&nodes, &mut a).await;
    let known = nodes.world.irc.transcript().len();
    // It has connected again, and found what is on one of the two servers only.
    let commits_alone = async {
        while !primary.log().contains(GIVEN_UP) {
            sleep(LOOK_INTERVAL).await;
        }
    };
    soon("another attempt", commits_alone).await;
    let said = nodes.world.irc.transcript();
    let said: Vec<_> = said.iter().skip(known).map(|it| it.text().into_owned()).collect();
    assert_eq!(said, [""; 0]);
    let posts = nodes.world.letschat.posts("tea");
    assert_eq!(texts(&posts), ["<ann> one"]);

    standby.go_on();
    in_channel(&nodes, "two").await;
    in_room(&nodes, "two").await;
    assert_mirrors(&nodes, "three").await;

    nodes.world.say_on_irc("four");
    nodes.world.say_in_letschat("four");
    primary.crash();
    nodes.world.say_on_irc("five");
    nodes.world.say_in_letschat("five");
    standby.promote();
    in_channel(&nodes, "five").await;
    in_room(&nodes, "five").await;
    assert_mirrors(&nodes, "six").await;
    let posts = in_room(&nodes, "six").await;
    let all: Vec<_> = texts(&posts).into_iter().filter(|it| it.starts_with("<ann>")).collect();
    let expected = ["one", "two", "three", "four", "five", "six"].map(|it| format!("<ann> {it}"));
    assert_eq!(all, expected);
    let heard = nodes.world.irc.virtual_user("ann").messages("#tea");
    let heard: Vec<_> =
        heard.iter().map(|it| it.text.as_str()).filter(|it| it.starts_with("<ann>")).collect();
    assert_eq!(heard, expected);
    for node in [a, b] {
        assert_eq!(node.stop().await.code, Some(0));
    }
}
