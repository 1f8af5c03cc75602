//! Nodes that are stopped while PostgreSQL is away, and while they wait or take over.

use letsbridge_testkit::postgres::PostgresProxy;

use crate::nodes::{Nodes, assert_mirrors, common, in_channel, is_up, lease_runs_out};
use crate::program::soon;

/// How PostgreSQL goes away.
#[derive(Clone, Copy, Debug)]
enum Loss {
    Killed,
    StandsStill,
    CutOff,
}

const LOSSES: [Loss; 3] = [Loss::Killed, Loss::StandsStill, Loss::CutOff];

/// Two nodes, and a PostgreSQL that can go away.
struct Setting {
    nodes: Nodes,
    proxy: PostgresProxy,
}

impl Setting {
    async fn new() -> Self {
        let nodes = Nodes::with_own_server().await;
        let proxy = PostgresProxy::start(nodes.server);
        let (port, cut) = (nodes.server.port().to_string(), proxy.port().to_string());
        nodes.world.configure(|toml| common(toml).replace("\"10s\"", "\"1s\""));
        for node in ["a", "b"] {
            let url = nodes.server.url(&nodes.database).replace(&port, &cut);
            nodes.write_url(node, &url);
            nodes.configure(node, "");
        }
        Self { nodes, proxy }
    }

    fn lose(&self, loss: Loss) {
        match loss {
            Loss::Killed => self.nodes.server.crash(),
            Loss::StandsStill => self.nodes.server.stand_still(),
            Loss::CutOff => self.proxy.set_cut_off(true),
        }
    }

    fn bring_back(&self, loss: Loss) {
        match loss {
            Loss::Killed => self.nodes.server.go_on(),
            Loss::StandsStill => self.nodes.server.move_again(),
            Loss::CutOff => self.proxy.set_cut_off(false),
        }
    }

    /// How much the IRC server has been told.
    fn told(&self) -> usize {
        self.nodes.world.irc.transcript().len()
    }

    /// What it has been told after that.
    fn after(&self, known: usize) -> Vec<String> {
        let said = self.nodes.world.irc.transcript();
        said.iter().skip(known).map(|it| it.text().into_owned()).collect()
    }
}

async fn active_node_stops(loss: Loss) {
    let setting = Setting::new().await;
    let mut a = setting.nodes.run("a").start();
    is_up(&mut a).await;
    assert_mirrors(&setting.nodes, "before").await;
    setting.lose(loss);
    lease_runs_out(&setting.nodes, &mut a).await;
    let known = setting.told();
    setting.nodes.world.say_in_letschat("meanwhile");
    let end = a.stop().await;
    assert_eq!(end.code, Some(0), "{loss:?}: {}", end.err);
    for words in ["shutting down", "shutdown timed out; exiting without closing connections"] {
        assert!(end.err.contains(words), "{loss:?}: {words}: {}", end.err);
    }
    // Not even a goodbye, which it may not say any more.
    assert_eq!(setting.after(known), [""; 0], "{loss:?}");
    // The next start continues from there.
    setting.bring_back(loss);
    let mut a = setting.nodes.run("a").start();
    is_up(&mut a).await;
    in_channel(&setting.nodes, "meanwhile").await;
    assert_mirrors(&setting.nodes, "after").await;
    assert_eq!(a.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_active_node_stops_without_a_word_while_postgresql_is_away() {
    let [killed, stands_still, cut_off] = LOSSES;
    tokio::join!(
        active_node_stops(killed),
        active_node_stops(stands_still),
        active_node_stops(cut_off),
    );
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_waiting_node_stops_while_postgresql_is_there_or_away() {
    let setting = Setting::new().await;
    let (a, mut b) = setting.nodes.both().await;
    assert_eq!(b.stop().await.code, Some(0));
    for loss in LOSSES {
        b = setting.nodes.run("b").start();
        b.err.says("this node (b) waits: a is the active one").await;
        setting.lose(loss);
        b.err.says("cannot follow PostgreSQL; trying again").await;
        let end = b.stop().await;
        assert_eq!(end.code, Some(0), "{loss:?}: {}", end.err);
        assert!(end.err.contains("stopped"), "{loss:?}: {}", end.err);
        assert!(!end.err.contains("timed out; exiting"), "{loss:?}: {}", end.err);
        // One that has never reached it stops as well.
        let mut b = setting.nodes.run("b").start();
        b.err.says("this node (b)").await;
        let end = b.stop().await;
        assert_eq!(end.code, Some(0), "{loss:?}: {}", end.err);
        assert!(!end.err.contains("timed out; exiting"), "{loss:?}: {}", end.err);
        setting.bring_back(loss);
        assert_mirrors(&setting.nodes, &format!("{loss:?}")).await;
    }
    assert_eq!(a.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_node_stops_while_it_takes_over() {
    let setting = Setting::new().await;
    let (a, mut b) = setting.nodes.both().await;
    let known = setting.told();
    a.signal("KILL").await;
    drop(a.ends().await);
    b.err.says("this node (b) takes over").await;
    let end = b.stop().await;
    assert_eq!(end.code, Some(0), "{}", end.err);
    assert!(end.err.contains("stopped") && !end.err.contains("all links up"), "{}", end.err);
    assert_eq!(setting.after(known), [""; 0]);
    let mut a = setting.nodes.run("a").start();
    is_up(&mut a).await;
    assert_mirrors(&setting.nodes, "after").await;
    // What it has waits for nobody else.
    setting.lose(Loss::StandsStill);
    let a = soon("its end", a.stop()).await;
    assert_eq!(a.code, Some(0), "{}", a.err);
    setting.bring_back(Loss::StandsStill);
}
