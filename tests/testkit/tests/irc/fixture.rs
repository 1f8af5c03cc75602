//! A channel to make faults in.

use letsbridge_testkit::irc::{IrcServer, VirtualUser};

use crate::client::{Client, server, soon};

/// A server on which bob is in #tea, and ann after him.
pub(crate) async fn tea_room() -> (IrcServer, VirtualUser, Client) {
    let server = server().await;
    let bob = server.virtual_user("bob");
    bob.join("#tea");
    let ann = Client::in_channel(&server, "ann", "#tea").await;
    (server, bob, ann)
}

/// Bob hears these messages in #tea, and no others.
pub(crate) async fn expect_messages(bob: &VirtualUser, texts: &[&str]) {
    let heard = soon(bob.wait_for_messages("#tea", |heard| heard.len() >= texts.len())).await;
    assert_eq!(heard.iter().map(|heard| heard.text.as_str()).collect::<Vec<_>>(), texts);
}

/// Bob sees a line that ends so.
pub(crate) async fn expect_line(bob: &VirtualUser, end: &str) {
    soon(bob.wait_for_lines(|saw| saw.iter().any(|line| line.ends_with(end)))).await;
}
