//! `letsbridge init`: what it writes, and that it leaves nothing behind when something fails.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use letsbridge_testkit::irc;
use letsbridge_testkit::letschat::{self, NewUser};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use crate::harness::{BRIDGE, World};
use crate::program::{End, Start, soon};

mod mistakes;

const PASSWORD: &str = "Kettle+Pass/4801";

/// Two servers, and no configuration yet.
async fn newcomer(irc: irc::Setup) -> World {
    newcomer_of(irc, letschat::Setup::default()).await
}

/// The same with a Let's Chat of another kind.
async fn newcomer_of(irc: irc::Setup, letschat: letschat::Setup) -> World {
    let world = World::with(irc, letschat).await;
    fs::remove_file(world.path().join("bridge.toml")).unwrap();
    fs::remove_file(world.path().join("letschat.token")).unwrap();
    let account = NewUser { password: Some(PASSWORD.to_owned()), ..NewUser::new("ferry", "Ferry") };
    world.letschat.add_user(account);
    world
}

/// `init` with an answer to everything, each changed by `change`.
fn init(world: &World, change: &[(&str, &str)]) -> Start {
    let address = world.irc.address().to_string();
    let url = world.letschat.url();
    let mut answers = vec![
        ("--irc-server", address.as_str()),
        ("--irc-tls", "no"),
        ("--nick", BRIDGE),
        ("--state-dir", "state"),
        ("--letschat-url", &url),
        ("--letschat-user", "ferry"),
        ("--link", "#tea=tea"),
    ];
    for (flag, answer) in change {
        answers.retain(|(other, _)| other != flag);
        if *answer != "<none>" {
            answers.push((flag, answer));
        }
    }
    let answers = answers.into_iter().flat_map(|(flag, answer)| [flag, answer]);
    let arguments: Vec<&str> =
        ["init"].into_iter().chain(answers).filter(|it| !it.is_empty()).collect();
    world.letsbridge(&arguments).env("LETSCHAT_PASSWORD", PASSWORD)
}

/// The names of the files in the folder of the configuration.
fn files(world: &World) -> Vec<String> {
    let names = fs::read_dir(world.path()).unwrap().map(|it| it.unwrap().file_name());
    let mut names: Vec<String> = names.map(|it| it.into_string().unwrap()).collect();
    names.retain(|name| name != "notify");
    names.sort();
    names
}

/// `init` must fail with `code`, say each of `words`, and leave nothing behind.
async fn fails(world: &World, change: &[(&str, &str)], code: i32, words: &[&str]) {
    let before = files(world);
    let End { code: exit, out, err } = init(world, change).ends().await;
    let said = format!("{out}{err}");
    assert_eq!(exit, Some(code), "{said}");
    for words in words {
        assert!(said.contains(words), "{words:?} is missing:\n{said}");
    }
    assert!(err.ends_with("nothing was written\n"), "{err}");
    assert!(!said.contains(PASSWORD), "{said}");
    assert_eq!(files(world), before);
}

#[tokio::test]
async fn unattended_run_writes_a_configuration_that_works() {
    let world = newcomer(irc::Setup::default()).await;
    let End { code, out, err } = init(&world, &[]).ends().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("\nletschat: connected as ferry\n"), "{out}");
    assert!(out.contains("\nlink[0] local/#tea and letschat/tea: OK\n"), "{out}");
    assert!(out.contains("letsbridge run "), "{out}");
    let token = world.letschat.token("ferry");
    assert!(!out.contains(PASSWORD) && !out.contains(&token), "{out}");
    for (name, mode, content) in
        [("letschat.token", 0o600, token.as_str()), ("bridge.toml", 0o644, "token_file")]
    {
        let path = world.path().join(name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{name}");
        assert!(fs::read_to_string(&path).unwrap().contains(content), "{name}");
    }
    assert_eq!(files(&world), ["bridge.toml", "letschat.token"]);

    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(!out.contains("warning"), "{out}");
    let bridge = world.bridge().await;
    world.say_on_irc("kettle's on");
    assert_eq!(world.room(1).await, ["<ann> kettle's on"]);
    world.say_in_letschat("biscuits?");
    assert!(world.channel(1).await[0].contains("biscuits?"));
    assert_eq!(bridge.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_token_and_passwords_are_read_from_files() {
    let account = irc::Account { name: "ferry".to_owned(), password: "Irc+Pass/4802".to_owned() };
    let setup = irc::Setup {
        caps: irc::Caps::none().with(irc::Cap::Sasl),
        accounts: vec![account],
        password: Some("Server+Pass/4803".to_owned()),
        ..irc::Setup::default()
    };
    let world = newcomer(setup).await;
    let token = world.letschat.token("ferry");
    world.write("own.token", &token);
    world.write("irc.account", "Irc+Pass/4802\n");
    world.write("irc.password", "Server+Pass/4803\n");
    let answers = [
        ("--letschat-user", "<none>"),
        ("--token-file", "own.token"),
        ("--irc-account", "ferry"),
        ("--irc-account-password-file", "irc.account"),
        ("--irc-password-file", "irc.password"),
    ];
    let End { code, out, err } = init(&world, &answers).ends().await;
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("logged in to account ferry"), "{out}");
    assert_eq!(world.letschat.token("ferry"), token, "no token was made");
    let toml = fs::read_to_string(world.path().join("bridge.toml")).unwrap();
    for line in [
        "token_file = \"own.token\"",
        "account_password_file = \"irc.account\"",
        "\npassword_file = \"irc.password\"",
    ] {
        assert!(toml.contains(line), "{toml}");
    }
    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
}

#[tokio::test]
async fn without_a_terminal_the_missing_flags_are_named() {
    let world = newcomer(irc::Setup::default()).await;
    let missing = [("--link", "<none>"), ("--letschat-user", "<none>"), ("--irc-server", "<none>")];
    let words = ["Missing: --irc-server, --letschat-user or --token-file", "--link"];
    fails(&world, &missing, 2, &words).await;
    let account = [("--irc-account", "ferry")];
    fails(&world, &account, 2, &["Missing: --irc-account-password-file"]).await;
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let world = newcomer(irc::Setup::default()).await;
    world.write("letschat.token", "mine");
    let words = ["letschat.token exists already", "--token-file", "--save-token"];
    fails(&world, &[], 2, &words).await;
    world.write("bridge.toml", "mine");
    fails(&world, &[], 2, &["bridge.toml exists already", "--config"]).await;
    fails(&world, &[("--config", "no/bridge.toml")], 2, &["create the directory first"]).await;
    for name in ["letschat.token", "bridge.toml"] {
        assert_eq!(fs::read_to_string(world.path().join(name)).unwrap(), "mine");
    }
    // Elsewhere it works.
    let other = [("--config", "other.toml"), ("--save-token", "other.token")];
    let End { code, out, .. } = init(&world, &other).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("letsbridge run --config other.toml"), "{out}");
    let End { code, out, .. } = world.letsbridge(&["check", "--config", "other.toml"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
}

#[tokio::test]
async fn wrong_answers_leave_nothing_behind() {
    let world = newcomer(irc::Setup::default()).await;
    let token = world.letschat.token("ferry");
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let url = format!("http://{nobody}");
    let irc = format!("http://{}", world.irc.address());
    for (flag, answer, code, words) in [
        ("--irc-server", nobody.as_str(), 1, "nothing listens on this port"),
        (
            "--irc-server",
            "irc://x",
            2,
            "--irc-server: \"irc://x\" is a URL; write only host and port",
        ),
        ("--irc-tls", "yes", 1, "set `tls = false`"),
        ("--nick", "9lives", 2, "--nick: \"9lives\" starts with a digit"),
        ("--letschat-url", &url, 1, "letschat: cannot connect to 127.0.0.1"),
        ("--letschat-url", &irc, 1, "an IRC server answers, not Let's Chat: check the port"),
        ("--letschat-url", "chat", 2, "--letschat-url: \"chat\" does not start with https://"),
        ("--letschat-user", "nobody", 1, "rejected the user name or the password"),
        ("--link", "tea", 2, "is not #CHANNEL=ROOM"),
        ("--link", "#tea=Tea Room", 2, "--link: \"Tea Room\" is neither a room slug nor a room id"),
        (
            "--link",
            "#tea=tee",
            1,
            "letschat: there is no room \"tee\"; visible rooms: tea. Correct --link, or",
        ),
    ] {
        fails(&world, &[(flag, answer)], code, &[words]).await;
    }
    world.irc.faults().refuse_nicks(432, 20);
    fails(&world, &[], 1, &["irc local: "]).await;
    assert_eq!(world.letschat.token("ferry"), token, "the earlier token still works");
}

#[tokio::test]
async fn wrong_token_is_reported_as_by_check() {
    let world = newcomer(irc::Setup::default()).await;
    world.write("old.token", &world.letschat.token("ferry"));
    world.letschat.new_token("ferry");
    let answers = [("--letschat-user", "<none>"), ("--token-file", "old.token")];
    let words = "letschat: Let's Chat rejected the token: create one in its menu \"Auth Tokens\"";
    fails(&world, &answers, 1, &[words]).await;
    // If the administrator wants so, the file is written nevertheless.
    let answers = [&answers[..], &[("--accept-problems", "")]].concat();
    let End { code, out, .. } = init(&world, &answers).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(files(&world), ["bridge.toml", "old.token"]);
}

#[tokio::test]
async fn a_missing_room_is_created_at_the_end() {
    let world = newcomer(irc::Setup::default()).await;
    world.irc.faults().refuse_joins("#tea", 474, 1);
    let answers = [("--link", "#tea=tee"), ("--create-rooms", "")];
    let token = world.letschat.token("ferry");
    fails(&world, &answers, 1, &["lift the ban", "the account's earlier token still works"]).await;
    assert_eq!(world.letschat.token("ferry"), token);
    let End { code, out, .. } = init(&world, &answers).ends().await;
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("letschat: created the room tee"), "{out}");
    assert!(!world.letschat.room_id("tee").is_empty());
    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
}

#[tokio::test]
async fn interrupted_while_it_logs_in() {
    let world = newcomer(irc::Setup::default()).await;
    world.irc.faults().stall();
    let mut run = init(&world, &[]).start();
    run.out.says("connecting to").await;
    run.signal("INT").await;
    let End { code, err, .. } = run.ends().await;
    assert_eq!((code, err.as_str()), (Some(130), "\ninterrupted\nnothing was written\n"));
    assert_eq!(files(&world), [""; 0]);
}

/// An IRC server that lets `visitors` in and lists so many channels; later ones get no answer.
async fn listing_server(channels: usize, visitors: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut silent = Vec::new();
        for visitor in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            if visitor >= visitors {
                silent.push(stream);
                continue;
            }
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await.unwrap_or(0) > 0 {
                if line.starts_with("USER") {
                    stream
                        .write_all(b":x 001 bridge :Welcome\r\n:x 422 bridge :No MOTD\r\n")
                        .await
                        .unwrap();
                } else if line.starts_with("LIST") {
                    let row =
                        |n: usize| format!(":x 322 bridge #channel{n} {} :about\r\n", n % 500);
                    let rows: String = (0..channels).map(row).collect();
                    stream.write_all(rows.as_bytes()).await.unwrap();
                    stream.write_all(b":x 323 bridge :End\r\n").await.unwrap();
                } else if line.starts_with("QUIT") {
                    break;
                }
                line.clear();
            }
        }
    });
    address
}

#[tokio::test]
async fn interrupted_after_the_token_was_made() {
    let world = newcomer(irc::Setup::default()).await;
    world.letschat.faults().inject(100, letschat::Fault::SwallowAck);
    let mut run = init(&world, &[]).start();
    run.out.says("trying the rooms").await;
    assert!(world.letschat.has_token("ferry"));
    run.signal("INT").await;
    let End { code, err, .. } = run.ends().await;
    assert_eq!(code, Some(130));
    let words = "letschat: the new token was revoked; the account's earlier token was revoked as well: a \
                 bridge that used it needs a new one\n";
    assert!(err.contains(words), "{err}");
    assert!(!world.letschat.has_token("ferry"));
    assert_eq!(files(&world), [""; 0]);
}

#[tokio::test]
async fn self_signed_certificate_is_pinned_only_on_request() {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let tls = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let tls = tls.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = Arc::new(tls.with_single_cert(vec![own.cert.der().clone()], key.into()).unwrap());
    let world = newcomer(irc::Setup { tls: Some(tls), ..irc::Setup::default() }).await;
    // So that the tests do not depend on the authorities of this machine.
    world.write(
        "other.pem",
        &rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem(),
    );
    let answers = [("--irc-tls", "yes"), ("--irc-ca-file", "other.pem")];
    let words = "not signed by a trusted authority; its SHA-256 is ";
    fails(&world, &answers, 1, &[words]).await;
    let End { out, err, .. } = init(&world, &answers).ends().await;
    let said = out + &err;
    let pin = &said[said.find(words).unwrap() + words.len()..][..64];
    let End { code, out, .. } =
        init(&world, &[("--irc-tls", "yes"), ("--irc-pin", pin)]).ends().await;
    assert_eq!(code, Some(0), "{out}");
    let toml = fs::read_to_string(world.path().join("bridge.toml")).unwrap();
    assert!(toml.contains(&format!("pin_sha256 = \"{pin}\"")), "{toml}");
}

#[tokio::test]
async fn a_newcomer_answers_questions() {
    let setup = irc::Setup { password: Some("opensesame".to_owned()), ..irc::Setup::default() };
    let world = newcomer(setup).await;
    let mut terminal = world.letsbridge(&["init", "--state-dir", "state"]).on_terminal();
    terminal.answers("IRC server", &world.irc.address().to_string()).await;
    terminal.answers("with TLS? [Y/n]", "n").await;
    terminal.answers("Nick of the bridge [letsbridge]", "9lives").await;
    terminal.shows("starts with a digit").await;
    terminal.answers("Nick of the bridge [letsbridge]", BRIDGE).await;
    terminal.answers("Account on IRC", "").await;
    terminal.shows("wrong server password").await;
    terminal.answers("Password of the IRC server", "opensesame").await;
    terminal.shows("irc local: connected as bridge").await;
    terminal.answers("Address of Let's Chat", &world.letschat.url()).await;
    terminal.answers("User name", "ferry").await;
    terminal.answers("Password of the account ferry", "wrong-password").await;
    terminal.shows("rejected the user name or the password").await;
    terminal.answers("instead [ferry]", "").await;
    terminal.answers("Password of the account ferry", PASSWORD).await;
    terminal.shows("Rooms: tea").await;
    terminal.answers("Channel to link", "#tea").await;
    terminal.answers("Room for #tea [tea]", "").await;
    terminal.answers("Another channel to link", "#dev").await;
    terminal.answers("Room for #dev [dev]", "").await;
    terminal.answers("There is no room \"dev\". Create it? [Y/n]", "").await;
    terminal.answers("Another channel to link", "").await;
    terminal.answers("Go on? [Y/n]", "").await;
    let (code, shown) = terminal.ends().await;
    assert_eq!(code, Some(0), "{shown}");
    for secret in [PASSWORD, "wrong-password", "opensesame", &world.letschat.token("ferry")] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(files(&world), ["bridge.toml", "irc.password", "letschat.token"]);
    let End { code, out, .. } = world.letsbridge(&["check"]).ends().await;
    assert_eq!(code, Some(0), "{out}");
}

#[tokio::test]
async fn a_list_of_50_000_channels_is_offered_in_part() {
    let world = newcomer(irc::Setup::default()).await;
    let server = listing_server(50_000, 1).await.to_string();
    let user = ["--letschat-url", &world.letschat.url(), "--letschat-user", "ferry"];
    let irc = ["--irc-server", &server, "--irc-tls", "no", "--nick", BRIDGE, "--irc-account", ""];
    let arguments = [&["init"][..], &irc, &user].concat();
    let start = world.letsbridge(&arguments).env("LETSCHAT_PASSWORD", PASSWORD);
    let mut terminal = start.on_terminal();
    terminal.shows("(499) and 49980 more").await;
    soon("the question", terminal.answers("Channel to link", "\u{4}")).await;
    // The end of the input, as by Ctrl-D, ends it.
    terminal.answers("", "\u{4}").await;
}

#[tokio::test]
async fn interrupted_at_the_password() {
    let world = newcomer(irc::Setup::default()).await;
    let server = world.irc.address().to_string();
    let url = world.letschat.url();
    let answers = ["--irc-tls", "no", "--irc-account", "", "--letschat-url", &url];
    let arguments = [&["init", "--irc-server", &server, "--nick", BRIDGE][..], &answers].concat();
    let mut terminal = world.letsbridge(&arguments).on_terminal();
    terminal.answers("User name", "ferry").await;
    terminal.shows("Password of the account ferry").await;
    assert!(!terminal.echoes());
    terminal.signal_interrupt();
    terminal.shows("nothing was written").await;
    assert!(terminal.echoes(), "the terminal is as before");
    let (code, shown) = terminal.ends().await;
    assert_eq!(code, Some(130), "{shown}");
    assert_eq!(files(&world), [""; 0]);
}

#[tokio::test]
async fn links_that_do_not_work_can_be_chosen_again() {
    let world = newcomer(irc::Setup::default()).await;
    let server = world.irc.address().to_string();
    let url = world.letschat.url();
    let letschat = ["--letschat-url", &url, "--letschat-user", "ferry", "--state-dir", "state"];
    let irc = ["--irc-server", &server, "--irc-tls", "no", "--nick", BRIDGE, "--irc-account", ""];
    let arguments = [&["init"][..], &irc, &letschat].concat();
    let start = world.letsbridge(&arguments).env("LETSCHAT_PASSWORD", PASSWORD);
    let mut terminal = start.on_terminal();
    let token = world.letschat.token("ferry");
    world.irc.faults().refuse_joins("#secret", 473, 1);
    terminal.answers("Channel to link", "#secret").await;
    terminal.answers("Room for #secret", "#tea").await;
    terminal.shows("write only \"tea\"").await;
    terminal.answers("Channel to link", "#secret").await;
    terminal.answers("Room for #secret", "tea").await;
    terminal.answers("Another channel", "").await;
    terminal.shows("exempt the bridge (+I)").await;
    terminal.answers("all the same? [y/N]", "").await;
    terminal.answers("Choose the links again? [Y/n]", "").await;
    assert_eq!(world.letschat.token("ferry"), token, "no token was made yet");
    terminal.answers("Channel to link", "#tea").await;
    terminal.answers("Room for #tea", "").await;
    terminal.answers("Another channel", "").await;
    terminal.shows("an earlier token of this account stops working").await;
    terminal.answers("Go on?", "").await;
    let (code, shown) = terminal.ends().await;
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("Go on?").count(), 1, "one token is made");
    assert_ne!(world.letschat.token("ferry"), token);
}
