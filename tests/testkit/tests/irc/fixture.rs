//! A channel to make mischief in.

use letsbridge_testkit::irc::{IrcServer, Person};

use crate::client::{Client, server, soon};

/// A server on which bob is in #tea, and ann after him.
pub(crate) async fn tea() -> (IrcServer, Person, Client) {
    let server = server().await;
    let bob = server.person("bob");
    bob.join("#tea");
    let ann = Client::in_channel(&server, "ann", "#tea").await;
    (server, bob, ann)
}

/// Bob hears these messages in #tea, and no others.
pub(crate) async fn hears(bob: &Person, texts: &[&str]) {
    let heard = soon(bob.hears("#tea", |heard| heard.len() >= texts.len())).await;
    assert_eq!(heard.iter().map(|heard| heard.text.as_str()).collect::<Vec<_>>(), texts);
}

/// Bob sees a line that ends so.
pub(crate) async fn sees(bob: &Person, end: &str) {
    soon(bob.sees(|saw| saw.iter().any(|line| line.ends_with(end)))).await;
}
