//! The people of IRC have been here before the visitor: each has said hello, and so has an account in Let's Chat.

use std::time::Duration;

use letsbridge_testkit::irc::VirtualUser;
use letsbridge_testkit::letschat::Post;
use tokio::time::{sleep, timeout};

use super::servers::{BOT_NAME, DemoServers, HALL, VISITOR};
use super::show;

/// How long all of them may take. Without accounts the demo works, too: the bridge's account posts the first line of
/// each.
const PATIENCE: Duration = Duration::from_secs(6);

/// How long somebody waits before they say hello again.
const AGAIN: Duration = Duration::from_millis(40);

const GREETING: &str = "hello, it is me";

/// Somebody on IRC, who leaves when this is dropped.
struct Guest(VirtualUser);

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.quit("see you in the other channels");
    }
}

/// Lets everybody say hello until what they say is posted by an account of their own.
pub(super) async fn say_hello(servers: &DemoServers) {
    let all = async {
        for nick in show::nicks().chain([VISITOR]) {
            greet(servers, nick).await;
        }
    };
    // Those who have no account by then get it as everybody else: when they speak.
    let _ = timeout(PATIENCE, all).await;
}

async fn greet(servers: &DemoServers, nick: &str) {
    let Some(user) = servers.irc.try_virtual_user(nick) else { return };
    let guest = Guest(user);
    let channel = format!("#{HALL}");
    guest.0.join(&channel);
    loop {
        let before = servers.letschat.post_count(HALL);
        let greeting = |posts: &[Post]| {
            let new = posts.get(before..).unwrap_or_default();
            new.iter().find(|post| post.text.ends_with(GREETING)).map(|post| post.owner.clone())
        };
        guest.0.send(&channel, GREETING);
        let posts = servers.letschat.wait_for_posts(HALL, |posts| greeting(posts).is_some()).await;
        if greeting(&posts).is_some_and(|owner| owner != BOT_NAME) {
            return;
        }
        sleep(AGAIN).await;
    }
}
