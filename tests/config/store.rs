//! Where the database is, and how several nodes share it.

use super::*;

fn store(lines: &str) -> String {
    format!("{MINIMAL}\n[store]\n{lines}\n")
}

#[test]
fn bridge_runs_alone_by_default() {
    let settings = ConfigFixture::new().settings(&store("retention = \"7d\""));
    assert_eq!(settings.store.cluster, None);
}

#[test]
fn url_is_a_secret_from_a_file_the_file_or_a_variable() {
    let url = "postgresql://me:hush@db.example.org/bridge?sslmode=verify-full";
    let fixture = ConfigFixture::new().file("store.url", format!("{url}\n"));
    let inline = format!("url = \"{url}\"");
    let variable = ConfigFixture::new().variable("LETSBRIDGE__STORE__URL", url);
    for settings in [
        fixture.settings(&store("url_file = \"store.url\"")),
        fixture.settings(&store(&inline)),
        variable.settings(MINIMAL),
    ] {
        let cluster = settings.store.cluster.clone().unwrap();
        assert_eq!(cluster.url.expose(), url);
        assert_eq!((cluster.node, cluster.share_keys), (None, true));
        assert!(!format!("{settings:?}").contains("hush"), "{settings:?}");
    }
    let text = store(&format!("{inline}\nnode = \"bridge-a\"\nshare_keys = false"));
    let cluster = fixture.settings(&text).store.cluster.unwrap();
    assert_eq!((cluster.node.as_deref(), cluster.share_keys), (Some("bridge-a"), false));
}

#[test]
fn mistakes_are_told_without_the_url() {
    let line = MINIMAL.lines().count() + 3;
    let example = "write it like \"postgresql://letsbridge:PASSWORD@db.example.org/letsbridge?sslmode=verify-full\"";
    for (lines, mistake) in [
        (
            "url = \"mysql://me:hush@db/bridge\"",
            format!("store.url: is not a URL that begins with postgresql://; {example}"),
        ),
        ("url = \"postgresql://me:hush@db\"", format!("store.url: names no database; {example}")),
        (
            "url = \"postgresql://me:hush@db/bridge?sslmode=yes\"",
            "store.url: has sslmode=\"yes\"; use disable, allow, prefer, require, verify-ca, verify-full"
                .to_owned(),
        ),
        (
            "url = \"postgresql://me:hush@db/bridge?sslrootcert=ca.pem\"",
            "store.url: has sslrootcert=\"ca.pem\"; write an absolute path, like \
             \"sslrootcert=/etc/letsbridge/db-ca.pem\""
                .to_owned(),
        ),
        (
            "url = \"postgresql://me:hush@db/bridge?sslrootcert=/nowhere/ca.pem\"",
            "store.url: cannot read \"/nowhere/ca.pem\" (No such file or directory (os error 2)); create it, or \
             fix the path"
                .to_owned(),
        ),
        (
            "node = \"bridge-a\"",
            "store.node: a bridge that runs alone is no node; write url_file = \"store.url\" in [store], a file \
             with the URL of the PostgreSQL database that the nodes share, or remove it"
                .to_owned(),
        ),
        (
            "url = 5432",
            "store.url: expected text, found a number; put it in quotes".to_owned(),
        ),
        (
            "url = \"postgresql://me:hush@db/bridge\"\nnode = \"büro 1\"",
            "store.node: \"büro 1\" is not the name of a node; write at most 63 letters, digits, dots, hyphens \
             and underscores, like \"bridge-a\""
                .to_owned(),
        ),
    ] {
        let at = line + lines.lines().count() - 1;
        let mistake = format!("bridge.toml:{at}: {mistake}");
        ConfigFixture::new().assert_errors(&store(lines), &[&mistake]);
    }
}
