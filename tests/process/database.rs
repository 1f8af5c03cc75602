//! What PostgreSQL must be like for a node, and what of it is refused: with words, and exit status 2.

use std::fs;

use letsbridge_testkit::postgres::PostgresServer;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::nodes::Nodes;

/// Checks that a node refuses to start, and that `check` says the same.
async fn assert_refused(nodes: &Nodes, url: &str, words: &str) {
    nodes.write_url("a", url);
    for command in ["run", "check"] {
        let end = nodes.command("a", &[command]).ends().await;
        let said = end.out + &end.err;
        assert_eq!(end.code, Some(2), "{command} {url}: {said}");
        assert!(said.contains(words), "{command} {url}: {words}: {said}");
    }
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_standby_is_refused() {
    let nodes = Nodes::with_own_server().await;
    let standby = nodes.server.start_standby();
    assert_refused(&nodes, &standby.url(&nodes.database), "takes no writes (it is a standby)")
        .await;
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_second_node_of_a_name_is_refused() {
    let nodes = Nodes::new().await;
    let (a, b) = nodes.both().await;
    // The configuration of a second machine, where somebody has forgotten to change the name.
    nodes.configure("c", "");
    nodes.write_url("c", &nodes.server.url(&nodes.database));
    for name in ["a", "b"] {
        let file = nodes.directory("c").join("bridge.toml");
        let toml = fs::read_to_string(nodes.directory(name).join("bridge.toml")).unwrap();
        fs::write(file, toml).unwrap();
        let second = nodes.run("c").ends().await;
        assert_eq!(second.code, Some(2), "{}", second.err);
        let words = format!("a node named {name} is connected to PostgreSQL");
        assert!(second.err.contains(&words), "{}", second.err);
    }
    // After a crash, the name is free.
    b.signal("KILL").await;
    drop(b.ends().await);
    let mut b = nodes.run("b").start();
    b.err.says("this node (b) waits: a is the active one").await;
    for node in [a, b] {
        assert_eq!(node.stop().await.code, Some(0));
    }
}

/// An authority, and a certificate of `localhost` with its key, all as PEM.
fn identity() -> [String; 3] {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    [authority.pem(), certificate.pem(), key.serialize_pem()]
}

#[tokio::test]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_tls_is_as_sslmode_says() {
    let [authority, certificate, key] = identity();
    let server = Box::leak(Box::new(PostgresServer::start_with_tls(&certificate, &key)));
    let nodes = Nodes::over(server).await;
    let [other, ..] = identity();
    let file = |name: &str, content: &str| {
        nodes.world.write(name, content);
        nodes.world.path().join(name).display().to_string()
    };
    let ours = format!("&sslrootcert={}", file("ours.pem", &authority));
    let other = format!("&sslrootcert={}", file("other.pem", &other));
    let (port, database) = (server.port(), &nodes.database);
    let at = |host: &str, parameters: &str| {
        format!("postgresql://postgres@{host}:{port}/{database}?sslmode={parameters}")
    };
    for (host, parameters) in [
        ("localhost", format!("verify-full{ours}")),
        ("127.0.0.1", format!("verify-ca{ours}")),
        ("127.0.0.1", "require".to_owned()),
        ("127.0.0.1", "prefer".to_owned()),
        ("127.0.0.1", "disable".to_owned()),
    ] {
        nodes.write_url("a", &at(host, &parameters));
        let check = nodes.command("a", &["check"]).ends().await;
        assert_eq!(check.code, Some(0), "{host} {parameters}: {}{}", check.out, check.err);
    }
    let words = "has not the TLS that `sslmode` demands";
    for (host, parameters) in [
        ("127.0.0.1", format!("verify-full{ours}")),
        ("localhost", format!("verify-full{other}")),
        ("localhost", format!("verify-ca{other}")),
        ("localhost", format!("require{other}")),
    ] {
        assert_refused(&nodes, &at(host, &parameters), words).await;
    }
    // A server without TLS.
    let plain = PostgresServer::shared();
    let url = format!(
        "postgresql://postgres@localhost:{}/postgres?sslmode=verify-full{ours}",
        plain.port()
    );
    assert_refused(&nodes, &url, "server does not support TLS").await;
    // With TLS, a node runs.
    nodes.write_url("a", &at("localhost", &format!("verify-full{ours}")));
    let mut a = nodes.run("a").start();
    a.err.says("all links up").await;
    let sessions = server.sql(
        database,
        "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
         WHERE datname = current_database() AND ssl",
    );
    assert_ne!(sessions, "0");
    assert_eq!(a.stop().await.code, Some(0));
}
