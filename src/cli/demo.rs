//! `letsbridge demo`: starts an IRC server and a Let's Chat on this machine, with a bridge between them.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::config;
use crate::config::Settings;
use crate::domain::{Endpoint, FloodControl, Network};
use crate::service;
use crate::store::{Store, StoreError};
use letsbridge_testkit::irc;
use letsbridge_testkit::irc::{Caps, IrcServer};
use letsbridge_testkit::letschat;
use letsbridge_testkit::letschat::{LetsChat, NewRoom, NewUser};

use super::signals::ShutdownSignal;
use super::{EXIT_FAILURE, logging, run};

/// How long the bridge waits for deliveries in flight at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// The names and topics of the channels and rooms. A channel and its room have the same name.
const CHANNELS: &[(&str, &str)] = &[
    ("lobby", "Say hello to the other side"),
    ("kitchen", "Tea, biscuits, and who left the fridge open"),
    ("dev", "Development"),
];

/// The user name of the bridge in Let's Chat, and its nick on IRC.
const BOT_NAME: &str = "letsbridge";

/// The user names and display names that visitors of the page can choose.
const USERS: &[(&str, &str)] = &[("ann", "Ann"), ("bob", "Bob"), ("carla", "Carla")];

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("cannot listen on port {port} ({error}); choose another with {option}")]
    Port { port: u16, option: &'static str, error: std::io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Start(#[from] service::StartError),
}

/// Runs the demo until a signal stops it.
pub(super) fn demo(irc_port: u16, letschat_port: u16) -> ExitCode {
    let quiet = config::LogSettings { format: config::LogFormat::Auto, level: "warn".to_owned() };
    if let Err(error) = logging::init(&quiet) {
        eprintln!("{error}");
        return EXIT_FAILURE.into();
    }
    match run::build_runtime().block_on(run_until_stopped(irc_port, letschat_port)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}

async fn run_until_stopped(irc_port: u16, letschat_port: u16) -> Result<(), DemoError> {
    let irc = IrcServer::start(irc_setup(irc_port)).await;
    let irc =
        irc.map_err(|error| DemoError::Port { port: irc_port, option: "--irc-port", error })?;
    let option = "--letschat-port";
    let letschat = LetsChat::start(letschat_setup(letschat_port)).await;
    let letschat =
        letschat.map_err(|error| DemoError::Port { port: letschat_port, option, error })?;

    let mut stop = ShutdownSignal::listen(SHUTDOWN_TIMEOUT);
    let settings = settings(&irc, &letschat);
    // The demo stores nothing: its servers do not either.
    let mut running = service::start(settings, Store::in_memory()?)?;
    let mut status = running.status();
    let joined = status.wait_for(|status| status.joined == status.total);
    tokio::select! {
        _ = joined => print_instructions(&irc, &letschat),
        outcome = running.wait_end() => return Ok(outcome?),
        () = stop.recv() => return Ok(running.stop().await?),
    }
    tokio::select! {
        outcome = running.wait_end() => Ok(outcome?),
        () = stop.recv() => Ok(running.stop().await?),
    }
}

/// Prints how to connect to the demo.
fn print_instructions(irc: &IrcServer, letschat: &LetsChat) {
    let port = irc.address().port();
    let port_option = if port == 6667 { String::new() } else { format!(" -p {port}") };
    let pairs: Vec<String> = CHANNELS
        .iter()
        .map(|(name, _)| format!("#{name} on IRC and {name:?} in Let's Chat"))
        .collect();
    println!(
        "\nAn IRC server and a Let's Chat are running, with a bridge between them:\n  {}\n\n\
         Let's Chat   open http://localhost:{} in a browser\n\
         IRC          irssi -c localhost{port_option}, then: /join #lobby\n\n\
         Messages on one side appear on the other. Press Ctrl-C to stop; nothing is saved.\n",
        pairs.join("\n  "),
        letschat.address().port(),
    );
}

fn irc_setup(port: u16) -> irc::Setup {
    irc::Setup {
        bind: loopback(port),
        name: "irc.demo.example".to_owned(),
        network: "Demo".to_owned(),
        caps: Caps::all(),
        motd: vec![
            "The IRC side of letsbridge's demo.".to_owned(),
            "Join #lobby, #kitchen or #dev: messages there appear in Let's Chat.".to_owned(),
        ],
        ..irc::Setup::default()
    }
}

fn letschat_setup(port: u16) -> letschat::Setup {
    let person = |(username, name): &(&str, &str)| NewUser::new(username, name);
    letschat::Setup {
        bind: loopback(port),
        users: [(BOT_NAME, "IRC")].iter().chain(USERS).map(person).collect(),
        rooms: CHANNELS
            .iter()
            .map(|(slug, about)| NewRoom {
                description: Some((*about).to_owned()),
                ..NewRoom::new(slug)
            })
            .collect(),
        page: true,
        page_excludes: vec![BOT_NAME.to_owned()],
        ..letschat::Setup::default()
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn settings(irc: &IrcServer, letschat: &LetsChat) -> Settings {
    let network = Network::new("demo");
    let links: Vec<config::Link> = CHANNELS
        .iter()
        .map(|(name, _)| config::Link {
            channel: Endpoint::channel(&network, &format!("#{name}")),
            room: Endpoint::room(name),
        })
        .collect();
    let channel = |(name, _): &(&str, &str)| config::ChannelSettings {
        name: format!("#{name}"),
        key: None,
        fallback_charset: None,
        charset: None,
        sender_mode: None,
    };
    let room = |(name, _): &(&str, &str)| config::RoomSettings {
        name: (*name).to_owned(),
        password: None,
    };
    Settings {
        state_dir: std::env::temp_dir(),
        web: None,
        ident: None,
        notices: true,
        min_reported_gap: std::time::Duration::from_secs(60),
        loop_protection: true,
        format: Arc::default(),
        link_formats: Vec::new(),
        log: config::LogSettings { format: config::LogFormat::Auto, level: "warn".to_owned() },
        store: config::StoreSettings { retention: None, max_queue_size: None },
        networks: vec![config::NetworkSettings {
            network,
            servers: vec![config::HostPort {
                host: irc.address().ip().to_string(),
                port: irc.address().port(),
            }],
            tls: None,
            bind: None,
            proxy: None,
            client_certificate: None,
            account: None,
            sasl: config::SaslPolicy::Off,
            sasl_mechanisms: Vec::new(),
            allow_plaintext_auth: false,
            nickserv: config::NickservSettings::default(),
            on_connect: Vec::new(),
            alt_nicks: Vec::new(),
            password: None,
            nick: BOT_NAME.to_owned(),
            username: BOT_NAME.to_owned(),
            realname: "The bridge to Let's Chat".to_owned(),
            fallback_charset: encoding_rs::WINDOWS_1252,
            charset: None,
            request_invite_from: None,
            flood_control: FloodControl::Off,
            unconfirmed: config::UnconfirmedPolicy::Resend,
            catch_up: config::CatchUpPolicy::All,
            catch_up_limit: None,
            sender_mode: config::SenderMode::Bot,
            puppets: config::PuppetSettings::default(),
            nick_template: None,
            direct_messages: false,
            channels: CHANNELS.iter().map(channel).collect(),
        }],
        letschat: config::LetsChatSettings {
            url: letschat.url().parse().expect("the demo's own address"),
            tls_trust: config::TlsTrust::System,
            token: letschat.token(BOT_NAME).into(),
            rooms: CHANNELS.iter().map(room).collect(),
            catch_up: config::CatchUpPolicy::All,
            catch_up_limit: None,
        },
        link_groups: links
            .iter()
            .map(|link| vec![link.channel.clone(), link.room.clone()])
            .collect(),
        links,
        shutdown_timeout: SHUTDOWN_TIMEOUT,
    }
}
