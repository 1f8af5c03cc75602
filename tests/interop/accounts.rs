//! Accounts on real servers with real services: logging in by SASL and by NickServ, and what a login is
//! good for.

use crate::registration::{Own, Scene, open, scene, stays_away};
use crate::support::irc_client::IrcClient;
use crate::support::ircd::Daemon;
use crate::support::services::Services;

const PASSWORD: &str = "pencil+4711";

/// A server with services, which know an account called bridge.
async fn served(daemon: Daemon) -> (Scene, IrcClient, Services) {
    let scene = scene(daemon, open()).await;
    let mut ann = IrcClient::connect(scene.irc.plain(), "ann").await;
    let services = Services::start(&scene.irc, &mut ann).await;
    let mut owner = IrcClient::connect(scene.irc.plain(), "bridge").await;
    ask(&mut owner, &format!("REGISTER {PASSWORD} bridge@example.com"), "registered").await;
    owner.send("QUIT");
    owner.ended().await;
    (scene, ann, services)
}

/// Says `words` to NickServ and waits until it answers so.
async fn ask(client: &mut IrcClient, words: &str, answer: &str) -> String {
    client.send(&format!("PRIVMSG NickServ :{words}"));
    let answered = client
        .until(answer, |line| line.from == "NickServ" && line.param(1).contains(answer))
        .await;
    answered.param(1).to_owned()
}

/// NickServ says that the bridge is logged in.
async fn is_logged_in(client: &mut IrcClient) {
    assert_eq!(ask(client, "ACC bridge", "bridge ACC").await.trim_end(), "bridge ACC 3");
}

/// By the account's password: by SASL where the server knows it, and by NickServ where it does not.
pub(crate) async fn by_password(daemon: Daemon) {
    let (scene, mut ann, _services) = served(daemon).await;
    let sasl = match daemon {
        Daemon::Ngircd | Daemon::Hybrid => "off",
        Daemon::Inspircd => "required",
    };
    let network = format!("{}\nsasl = {sasl:?}\naccount_password = ", scene.plain());
    let bridge = scene.bridge(&format!("{network}{PASSWORD:?}"));
    bridge.ready().await;
    is_logged_in(&mut ann).await;
    assert!(bridge.stop().await.success());

    let bridge = scene.bridge(&format!("{network}\"charcoal\""));
    match daemon {
        // Where a login is no condition, the bridge comes in without.
        Daemon::Ngircd | Daemon::Hybrid => bridge.ready().await,
        Daemon::Inspircd => stays_away(&bridge, "account login rejected").await,
    }
    assert!(bridge.stop().await.success());
}

/// Somebody else has the nick: services put them out.
pub(crate) async fn the_nick_is_freed(daemon: Daemon) {
    let (scene, mut ann, _services) = served(daemon).await;
    ann.join("#tea").await;
    let mut holder = IrcClient::connect(scene.irc.plain(), "bridge").await;
    let bridge = scene.bridge(&format!(
        "{}\nsasl = \"preferred\"\naccount_password = {PASSWORD:?}",
        scene.plain()
    ));
    holder.ended().await;
    ann.until("the nick to be regained", |line| {
        line.command == "NICK" && line.param(0) == "bridge"
    })
    .await;
    bridge.ready().await;
    assert!(bridge.stop().await.success());
}

/// By the certificate alone, which services were told of.
#[tokio::test]
#[ignore = "needs inspircd and atheme-services installed: tests/all runs it"]
async fn by_certificate_on_inspircd() {
    let (scene, mut ann, _services) = served(Daemon::Inspircd).await;
    let own = Own::new();
    let network = format!("{}\n{}\naccount = \"bridge\"", scene.tls(), own.lines());
    let bridge = scene.bridge(&network);
    stays_away(&bridge, "account login rejected").await;
    assert!(bridge.stop().await.success());

    let mut owner = IrcClient::connect(scene.irc.plain(), "owner").await;
    ask(&mut owner, &format!("IDENTIFY bridge {PASSWORD}"), "now identified").await;
    ask(&mut owner, &format!("CERT ADD {}", own.fingerprint), "Added").await;
    let bridge = scene.bridge(&network);
    bridge.ready().await;
    is_logged_in(&mut ann).await;
    assert!(bridge.stop().await.success());
}
