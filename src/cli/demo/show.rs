//! "Show me": some people on both sides talk by themselves.

use std::sync::Arc;
use std::time::Duration;

use letsbridge_testkit::irc::VirtualUser;
use tokio::sync::watch;
use tokio::time::sleep;

use super::servers::{CHANNELS, DemoServers};
use super::tally::DemoSide;

/// How long a line takes at least, and how much longer for each character.
const PER_LINE: Duration = Duration::from_millis(500);
const PER_CHARACTER: Duration = Duration::from_millis(18);

/// What they say, in the first channel and its room.
const LINES: &[(DemoSide, &str, &str)] = &[
    (DemoSide::Irc, "erin", "morning! who has moved to Let's Chat?"),
    (DemoSide::LetsChat, "bob", "I have, on Monday. I still read everything that you write on IRC"),
    (DemoSide::Irc, "frank", "and I stay on IRC"),
    (DemoSide::LetsChat, "carla", "Good. Nobody has to move today"),
    (DemoSide::Irc, "erin", "/me pours tea for both sides"),
    (DemoSide::LetsChat, "bob", "@erin thank you!"),
    (DemoSide::Irc, "frank", "what happens to our lines when the bridge is down?"),
    (DemoSide::LetsChat, "carla", "They wait, and arrive later. Each of them once"),
    (DemoSide::LetsChat, "bob", "Try it: there are three buttons. Press one, then keep writing"),
];

/// The nicks of those on IRC.
pub(super) fn nicks() -> impl Iterator<Item = &'static str> {
    let speakers = LINES.iter().enumerate().filter(|(_, (side, ..))| *side == DemoSide::Irc);
    speakers.filter_map(|(at, (_, nick, _))| {
        let is_first = !LINES[..at].iter().any(|(_, earlier, _)| earlier == nick);
        is_first.then_some(*nick)
    })
}

/// The people on IRC. They leave when this is dropped.
struct Cast(Vec<(&'static str, VirtualUser)>);

impl Drop for Cast {
    fn drop(&mut self) {
        for (_, user) in &self.0 {
            user.quit("back to work");
        }
    }
}

/// Lets them talk, once. While Let's Chat is away, the people there wait.
pub(super) async fn talk(servers: Arc<DemoServers>, mut letschat_is_up: watch::Receiver<bool>) {
    let room = CHANNELS[0].0;
    let channel = format!("#{room}");
    let mut cast = Cast(Vec::new());
    for nick in nicks() {
        if let Some(user) = connect(&servers, nick) {
            user.join(&channel);
            cast.0.push((nick, user));
        }
    }
    for (side, name, text) in LINES {
        sleep(PER_LINE + PER_CHARACTER * u32::try_from(text.len()).unwrap_or(0)).await;
        match side {
            DemoSide::Irc => {
                let Some((_, user)) = cast.0.iter().find(|(nick, _)| nick == name) else {
                    continue;
                };
                match text.strip_prefix("/me ") {
                    Some(action) => user.action(&channel, action),
                    None => user.send(&channel, text),
                }
            }
            DemoSide::LetsChat => {
                // Its sender lives as long as the demo.
                let _ = letschat_is_up.wait_for(|up| *up).await;
                // Somebody may have archived the room: then nobody talks there.
                let _ = servers.letschat.try_post(room, name, text);
            }
        }
    }
    sleep(PER_LINE * 4).await;
}

/// A user with this nick, or a similar one where a visitor has it.
fn connect(servers: &DemoServers, nick: &str) -> Option<VirtualUser> {
    ["", "_", "__"].iter().find_map(|end| servers.irc.try_virtual_user(&format!("{nick}{end}")))
}
