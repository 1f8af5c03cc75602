//! How the program gets into real servers, what they say where it does not, and how it gets its nick.

use std::fs;

use data_encoding::HEXLOWER;
use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser, Setup};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::bridge::Bridge;
use crate::support::irc_client::IrcClient;
use crate::support::ircd::{Daemon, Flood, House, Ircd};

const PASSWORD: &str = "opensesame";

/// What is there to begin with.
pub(crate) struct Scene {
    pub(crate) irc: Ircd,
    pub(crate) letschat: LetsChat,
}

pub(crate) async fn scene(daemon: Daemon, house: House) -> Scene {
    let irc = Ircd::keep(daemon, house).await;
    let letschat = LetsChat::start(Setup {
        users: vec![NewUser::new("bridge", "IRC"), NewUser::new("alice", "Alice")],
        rooms: vec![NewRoom::new("tea")],
        ..Setup::default()
    });
    Scene { irc, letschat: letschat.await.unwrap() }
}

impl Scene {
    /// A bridge of `#tea` and the room tea, which has these lines about the network.
    pub(crate) fn bridge(&self, network: &str) -> Bridge {
        self.bridge_called("bridge", network)
    }

    /// The same under this nick.
    fn bridge_called(&self, nick: &str, network: &str) -> Bridge {
        Bridge::start(&format!(
            "[irc.office]\nnick = \"{nick}\"\n{network}\n\
             [letschat]\nurl = \"{}\"\ntoken = \"{}\"\n\
             [[link]]\nchannel = \"office/#tea\"\nroom = \"tea\"\n",
            self.letschat.url(),
            self.letschat.token("bridge"),
        ))
    }

    /// The lines for a server without TLS.
    pub(crate) fn plain(&self) -> String {
        format!("servers = [\"localhost:{}\"]\ntls = false", self.irc.plain().port())
    }

    /// The lines for one with it.
    pub(crate) fn tls(&self) -> String {
        let certificate = self.irc.certificate();
        format!(
            "servers = [\"localhost:{}\"]\nca_file = {:?}",
            self.irc.tls().port(),
            certificate.display().to_string()
        )
    }
}

pub(crate) fn open() -> House {
    House::open(Flood::AsDelivered)
}

/// A certificate of the bridge's own.
pub(crate) struct Own {
    directory: TempDir,
    /// Its SHA-256, in hexadecimal digits.
    pub(crate) fingerprint: String,
}

impl Own {
    pub(crate) fn new() -> Self {
        let own = rcgen::generate_simple_self_signed(["bridge".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let pem = own.cert.pem() + &own.signing_key.serialize_pem();
        fs::write(directory.path().join("bridge.pem"), pem).unwrap();
        let digest = Sha256::digest(own.cert.der());
        let fingerprint = HEXLOWER.encode(&digest);
        Self { directory, fingerprint }
    }

    /// The lines for a network to which it is shown.
    pub(crate) fn lines(&self) -> String {
        format!("cert_file = {:?}", self.directory.path().join("bridge.pem").display().to_string())
    }
}

/// The bridge says that it stays outside for this reason, and comes back after minutes, not before.
pub(crate) async fn stays_away(bridge: &Bridge, reason: &str) {
    let said = bridge.says(&format!("irc office: {reason}")).await;
    let again = said.trim_end().rsplit("retrying in ").next().unwrap();
    assert!(again.ends_with('m'), "{said}");
}

/// A server with a password: who has it is let in, and who has not is told so, and is in no hurry.
pub(crate) async fn a_password(daemon: Daemon) {
    let scene = scene(daemon, House { password: Some(PASSWORD), ..open() }).await;
    let refused = match daemon {
        Daemon::Ngircd | Daemon::Hybrid => "wrong server password",
        // It says no more.
        Daemon::Inspircd => "connections from this host are not allowed",
    };
    for wrong in ["", "\npassword = \"openbarley\""] {
        let bridge = scene.bridge(&(scene.plain() + wrong));
        stays_away(&bridge, refused).await;
        assert!(bridge.stop().await.success());
    }
    let bridge = scene.bridge(&format!("{}\npassword = {PASSWORD:?}", scene.plain()));
    bridge.ready().await;
    let mut ann = IrcClient::connect_with(scene.irc.plain(), "ann", PASSWORD).await;
    ann.join("#tea").await;
    scene.letschat.post("tea", "alice", "kettle's on");
    assert_eq!(ann.heard("#tea", 1).await[0].text, "<alice> kettle's on");
    assert!(bridge.stop().await.success());
}

/// With a nick that is not a valid user name, the bridge registers under a user name that the server accepts.
pub(crate) async fn a_nick_that_is_no_user_name(daemon: Daemon) {
    let scene = scene(daemon, open()).await;
    for nick in ["tea-pot", "[tea]", "`x_^"] {
        let bridge = scene.bridge_called(nick, &scene.plain());
        bridge.ready().await;
        assert!(bridge.stop().await.success());
    }
}

/// ircd-hybrid refuses a user name before it says anything else, and the bridge names the key.
#[tokio::test]
#[ignore = "needs ircd-hybrid installed: tests/all runs it"]
async fn hybrid_refuses_a_user_name_in_words_that_are_understood() {
    let scene = scene(Daemon::Hybrid, open()).await;
    let bridge = scene.bridge(&format!("{}\nusername = \"tea-pot\"", scene.plain()));
    stays_away(&bridge, "invalid username").await;
    assert!(bridge.stop().await.success());
}

/// TLS, by a certificate that signed itself.
pub(crate) async fn over_tls(daemon: Daemon) {
    let scene = scene(daemon, open()).await;
    let bridge = scene.bridge(&scene.tls());
    bridge.ready().await;
    assert!(bridge.stop().await.success());
    // The user of a connection without an ident reply.
    let port = scene.irc.tls().port();
    let bridge = scene.bridge(&format!("servers = [\"localhost:{port}\"]"));
    bridge.says("irc office: ").await;
    assert!(bridge.stop().await.success());
}

/// Without SASL there, who must log in stays outside.
pub(crate) async fn no_sasl(daemon: Daemon) {
    let scene = scene(daemon, open()).await;
    let bridge = scene.bridge(&format!("{}\naccount_password = \"pencil\"", scene.plain()));
    bridge.says("irc office: SASL not offered").await;
    assert!(bridge.stop().await.success());
    // And who would like to, but need not, goes on.
    let account = "account_password = \"pencil\"\nsasl = \"preferred\"";
    let bridge = scene.bridge(&format!("{}\n{account}", scene.plain()));
    bridge.ready().await;
    assert!(bridge.stop().await.success());
}

/// The nick is somebody else's, until they leave or are put out.
pub(crate) async fn the_nick_is_regained(daemon: Daemon) {
    let scene = scene(daemon, open()).await;
    let mut ann = IrcClient::connect(scene.irc.plain(), "ann").await;
    ann.keep_order().await;
    ann.join("#tea").await;
    for put_out in [false, true] {
        let mut holder = IrcClient::connect(scene.irc.plain(), "bridge").await;
        holder.join("#tea").await;
        let bridge = scene.bridge(&scene.plain());
        bridge.ready().await;
        if put_out {
            ann.send("KILL bridge :mistaken for another");
        } else {
            holder.send("QUIT :it is yours");
        }
        let renamed = ann.until("the nick to be regained", |line| line.command == "NICK").await;
        assert_eq!((renamed.from.as_str(), renamed.param(0)), ("bridge_", "bridge"));
        holder.ended().await;
        assert!(bridge.stop().await.success());
    }
}

/// An operator bans the bridge while it is in, and it is told the same at the door.
pub(crate) async fn a_ban(daemon: Daemon) {
    let scene = scene(daemon, open()).await;
    let mut ann = IrcClient::connect(scene.irc.plain(), "ann").await;
    ann.keep_order().await;
    let bridge = scene.bridge(&scene.plain());
    bridge.ready().await;
    match daemon {
        Daemon::Ngircd => ann.send("KLINE *!*bridge@* 3600 :no bridges here"),
        Daemon::Inspircd => ann.send("KLINE *bridge@127.0.0.1 1h :no bridges here"),
        Daemon::Hybrid => ann.send("KLINE *bridge@127.0.0.1 :no bridges here"),
    }
    stays_away(&bridge, "banned from the server").await;
    assert!(bridge.stop().await.success());
    let bridge = scene.bridge(&scene.plain());
    stays_away(&bridge, "banned from the server").await;
    assert!(bridge.stop().await.success());
}

/// An operator puts the bridge out.
pub(crate) async fn a_kill(daemon: Daemon) {
    let scene = scene(daemon, open()).await;
    let mut ann = IrcClient::connect(scene.irc.plain(), "ann").await;
    ann.keep_order().await;
    let bridge = scene.bridge(&scene.plain());
    bridge.ready().await;
    ann.send("KILL bridge :behave");
    bridge.says("irc office: killed by an operator").await;
    assert!(bridge.stop().await.success());
}

/// As many come from here already as the server bears.
pub(crate) async fn too_many(daemon: Daemon) {
    let scene = scene(daemon, House { from_one_address: Some(3), ..open() }).await;
    let mut there = Vec::new();
    for nick in ["ann", "bob", "carol"] {
        there.push(IrcClient::connect(scene.irc.plain(), nick).await);
    }
    let bridge = scene.bridge(&scene.plain());
    bridge.says("irc office: too many connections from this host").await;
    assert!(bridge.stop().await.success());
}

/// The server sees the bridge's certificate, and knows an operator by it.
#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn inspircd_sees_the_client_certificate() {
    let scene = scene(Daemon::Inspircd, open()).await;
    let own = Own::new();
    let bridge = scene.bridge(&format!("{}\n{}\nsasl = \"off\"", scene.tls(), own.lines()));
    bridge.ready().await;
    let mut ann = IrcClient::connect(scene.irc.plain(), "ann").await;
    ann.send("WHOIS bridge");
    let shown = ann.until("the certificate", |line| line.command == "276").await;
    assert!(shown.params.last().unwrap().ends_with(&own.fingerprint), "{shown:?}");
    assert!(bridge.stop().await.success());
}

/// Bans of other kinds, and throttles, in InspIRCd's own words.
#[tokio::test]
#[ignore = "needs ngircd and inspircd installed: tests/all runs it"]
async fn inspircd_turns_away_in_words_that_are_understood() {
    const CONNBAN: &str = "<module name=\"connectban\">\
        <connectban threshold=\"1\" banduration=\"1h\" bootwait=\"0\">";
    const CONNFLOOD: &str = "<module name=\"connflood\">\
        <connflood period=\"60\" maxconns=\"1\" timeout=\"60\" quitmsg=\"Throttled\" bootwait=\"0\">";
    const ZLINE: &str = "<badip ipmask=\"127.0.0.1\" reason=\"no bridges here\">";
    const KLINE: &str = "<badhost host=\"*bridge@*\" reason=\"no bridges here\">";
    const BADNICK: &str = "<badnick nick=\"bridge\" reason=\"not that name\">";
    for (inspircd, reason) in [
        (CONNBAN, "connection throttled"),
        (CONNFLOOD, "connection throttled"),
        (ZLINE, "banned from the server"),
        (KLINE, "banned from the server"),
    ] {
        let scene = scene(Daemon::Inspircd, House { inspircd, ..open() }).await;
        let bridge = scene.bridge(&scene.plain());
        bridge.says(&format!("irc office: {reason}")).await;
        assert!(bridge.stop().await.success());
    }
    // A name that is not to be had is no ban.
    let scene = scene(Daemon::Inspircd, House { inspircd: BADNICK, ..open() }).await;
    let mut ann = IrcClient::connect(scene.irc.plain(), "ann").await;
    ann.join("#tea").await;
    let bridge = scene.bridge(&(scene.plain() + "\nalt_nicks = [\"ferry\"]"));
    ann.until("the bridge under another name", |line| line.from == "ferry").await;
    assert!(bridge.stop().await.success());
}
