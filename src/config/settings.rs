//! The settings of the bridge, as loaded from a valid configuration.

use core::net::IpAddr;
use core::net::SocketAddr;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use encoding_rs::Encoding;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;
use url::Url;

use super::accounts::{AccountSettings, LetsChatSenderMode, PersonSettings};
use super::archive::ArchiveSettings;
use super::cluster::ClusterSettings;
use super::network::{ClientCertificate, IrcAccount, NickservSettings, ProxySettings, SaslPolicy};
use super::progress::ProgressSettings;
use super::sender_mode::{PuppetSettings, SenderMode};
use crate::domain::{Endpoint, FloodControl, LinkFlow, LinkPhase, Network, SaslMechanism};
use crate::translate::{Announcements, LinkFormat};

/// All settings. `Debug` shows no secrets.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The directory of the database.
    pub state_dir: PathBuf,
    /// Logging.
    pub log: LogSettings,
    /// The database.
    pub store: StoreSettings,
    /// The IRC networks, in the order of the file.
    pub networks: Vec<NetworkSettings>,
    /// The Let's Chat server.
    pub letschat: LetsChatSettings,
    /// The links between channels and rooms, in the order of the file. Each endpoint has the
    /// spelling of its first mention.
    pub links: Vec<Link>,
    /// How messages look on the other side.
    pub format: Arc<LinkFormat>,
    /// The format of each of `links`, in their order; usually `format`.
    pub link_formats: Vec<Arc<LinkFormat>>,
    /// The people of `[user_map]`, in the order of the file.
    pub people: Vec<PersonSettings>,
    /// The groups of endpoints that are linked, directly or through others. A message in one
    /// endpoint is mirrored to all others of its group. In order of first mention; each endpoint is
    /// in exactly one group.
    pub link_groups: Vec<Vec<Endpoint>>,
    /// The canary; `None` if it is off.
    pub canary: Option<CanarySettings>,
    /// The web server for files and long messages; `None` if it is off.
    pub web: Option<WebSettings>,
    /// The administrator's API.
    pub admin: AdminSettings,
    /// The archive of what is said.
    pub archive: ArchiveSettings,
    /// What people are told about the phases of links.
    pub announcements: Announcements,
    /// How the progress of a move is counted.
    pub progress: ProgressSettings,
    /// The address of the ident server (RFC 1413); `None` if it is off.
    pub ident: Option<SocketAddr>,
    /// Whether to post notices about problems.
    pub notices: bool,
    /// The minimum length of a gap to report in channels without history.
    pub min_reported_gap: Duration,
    /// How long to wait at shutdown for deliveries in flight.
    pub shutdown_timeout: Duration,
    /// Whether to stop mirroring bots that answer each other through the bridge.
    pub loop_protection: bool,
}

impl Settings {
    /// All channels and rooms: those of links, and those of the canary.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        let canary = self.canary.iter().flat_map(|canary| [&canary.channel, &canary.room]);
        self.link_groups.iter().flatten().chain(canary)
    }
}

/// Logging settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The format of a log line.
    pub format: LogOutput,
    /// A filter of `tracing`, such as `info` or `info,letsbridge::net=debug`.
    pub level: String,
}

/// The format of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogOutput {
    /// Text; with colours on a terminal.
    #[default]
    Auto,
    /// Text with colours, even without a terminal.
    Human,
    /// One JSON object per line.
    Json,
}

/// Retention and limits of the database, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// How several nodes share a store in PostgreSQL; `None` for a bridge that runs alone, over SQLite.
    pub cluster: Option<ClusterSettings>,
    /// How long to remember mirrored messages; `None` for ever.
    pub retention: Option<Duration>,
    /// The maximum size of all queues, in bytes; `None` for no limit.
    pub max_queue_size: Option<u64>,
}

/// Settings of the web server, which serves files and long messages to people without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSettings {
    /// The public address of the server. Its path ends with `/`.
    pub public_url: Url,
    /// The address to listen on, without TLS.
    pub listen: SocketAddr,
    /// How long a link is valid.
    pub link_expiry: Duration,
    /// The maximum size of a file, in bytes.
    pub max_file_size: u64,
    /// The maximum size of the file cache on disk, in bytes. At least `max_file_size`.
    pub cache_size: u64,
    /// The maximum number of requests per minute and client address; `None` for no limit.
    pub requests_per_minute: Option<u64>,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
}

/// Settings of the administrator's API, which also has a Unix socket in `state_dir`.
#[derive(Debug, Clone, Default)]
pub struct AdminSettings {
    /// The address to listen on, without TLS; `None` for the Unix socket alone.
    pub listen: Option<SocketAddr>,
    /// Whoever has it may use the API at `listen`. `None`, only on loopback: everybody on this machine may.
    pub token: Option<SecretString>,
    /// The names of hosts in the addresses by which browsers reach `listen`, besides `localhost`. In lower case.
    pub allowed_hosts: Vec<String>,
}

/// The settings of one IRC network.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// Its name in the configuration.
    pub network: Network,
    /// The servers, in the order to try them. Never empty.
    pub servers: Vec<HostPort>,
    /// How to verify the server's certificate; `None` to connect without TLS.
    pub tls: Option<TlsTrust>,
    /// The local address to connect from; `None` lets the system choose.
    pub bind: Option<IpAddr>,
    /// The proxy between the bridge and the servers.
    pub proxy: Option<ProxySettings>,
    /// The client certificate.
    pub client_certificate: Option<ClientCertificate>,
    /// The services account to log in to.
    pub account: Option<IrcAccount>,
    /// What to do if SASL is not available or fails.
    pub sasl: SaslPolicy,
    /// The SASL mechanisms, in the order to try them.
    pub sasl_mechanisms: Vec<SaslMechanism>,
    /// How to log in with NickServ.
    pub nickserv: NickservSettings,
    /// Commands to send after connecting, before joining channels.
    pub on_connect: Vec<SecretString>,
    /// The server's password (`PASS`).
    pub password: Option<SecretString>,
    /// Whether to send passwords without TLS to servers that are not on this machine.
    pub allow_plaintext_auth: bool,
    /// The preferred nick.
    pub nick: String,
    /// The alternative nicks.
    pub alt_nicks: Vec<String>,
    /// The user name (`USER`).
    pub username: String,
    /// The real name (`USER`).
    pub realname: String,
    /// How to decode lines that are not UTF-8. Always a superset of ASCII.
    pub fallback_charset: &'static Encoding,
    /// How to decode and encode all lines instead: a superset of ASCII, or ISO-2022-JP.
    pub charset: Option<&'static Encoding>,
    /// The service to ask for invitations to invite-only channels (mode `+i`).
    pub request_invite_from: Option<String>,
    /// How fast to send.
    pub flood_control: FloodControl,
    /// What to do with lines that may or may not have arrived.
    pub unconfirmed: UnconfirmedPolicy,
    /// How far to look back for missed messages.
    pub catch_up: CatchUpPolicy,
    /// The maximum number of missed messages to mirror per channel; `None` for all.
    pub catch_up_limit: Option<u64>,
    /// How messages of Let's Chat users are sent.
    pub sender_mode: SenderMode,
    /// The template for the nicks of Let's Chat users, if it is set; `{user}` is replaced with the
    /// user name.
    pub nick_template: Option<String>,
    /// The settings of puppets.
    pub puppets: PuppetSettings,
    /// Whether users on both sides can send each other private messages.
    pub direct_messages: bool,
    /// The channels of all links to this network, without duplicates, in order of first mention.
    pub channels: Vec<ChannelSettings>,
}

impl NetworkSettings {
    /// How messages of Let's Chat users are sent to `channel`.
    #[must_use]
    pub fn sender_mode_in(&self, channel: &ChannelSettings) -> SenderMode {
        channel.sender_mode.unwrap_or(self.sender_mode)
    }

    /// The nick template for `mode`.
    #[must_use]
    pub fn nick_template_for(&self, mode: SenderMode) -> &str {
        self.nick_template.as_deref().unwrap_or_else(|| mode.default_nick_template())
    }
}

/// What to do with lines that may or may not have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnconfirmedPolicy {
    /// Send them again: nothing is lost, but something may appear twice.
    #[default]
    Resend,
    /// Drop them: nothing appears twice, but something may be lost.
    Drop,
}

/// The settings of one channel.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    /// Its name, as spelled at its first mention.
    pub name: String,
    /// Its key (mode `+k`).
    pub key: Option<SecretString>,
    /// How to decode its lines that are not UTF-8; `None` for the network's setting.
    pub fallback_charset: Option<&'static Encoding>,
    /// How to decode and encode all its lines instead; `None` for the network's setting.
    pub charset: Option<&'static Encoding>,
    /// How messages of Let's Chat users are sent there; `None` for the network's setting.
    pub sender_mode: Option<SenderMode>,
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A host name in its ASCII form, or an address; IPv6 without brackets.
    pub host: String,
    /// Its TCP port. Never 0.
    pub port: u16,
}

impl HostPort {
    /// Whether it is on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for HostPort {
    /// As in the configuration: an IPv6 address is in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How to verify a server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsTrust {
    /// The system's trusted authorities must have signed it.
    System,
    /// An authority in this PEM file must have signed it.
    CaFile(PathBuf),
    /// It must have this fingerprint; the signature does not matter.
    Pin(CertificatePin),
}

/// The SHA-256 of a certificate's DER, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificatePin([u8; 32]);

impl CertificatePin {
    /// Creates a pin from a digest.
    #[must_use]
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            write!(f, "{}{byte:02X}", if index == 0 { "" } else { ":" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for CertificatePin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificatePin({self})")
    }
}

/// The settings of the Let's Chat server.
#[derive(Debug, Clone)]
pub struct LetsChatSettings {
    /// Its address, `http` or `https`. Its path ends with `/`, so that `join("rooms")` appends to
    /// it.
    pub url: Url,
    /// How to verify the server's certificate; not used with `http`.
    pub tls_trust: TlsTrust,
    /// The bridge's API token.
    pub token: SecretString,
    /// The rooms of all links, without duplicates, in order of first mention.
    pub rooms: Vec<RoomSettings>,
    /// How far to look back for missed messages.
    pub catch_up: CatchUpPolicy,
    /// The maximum number of missed messages to mirror per room; `None` for all.
    pub catch_up_limit: Option<u64>,
    /// How people of IRC are shown, unless a link or a person has another setting.
    pub sender_mode: LetsChatSenderMode,
    /// The accounts of people of IRC.
    pub accounts: AccountSettings,
    /// Whether the bridge's account says once in each room what it is.
    pub announce: bool,
}

/// The settings of one room.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// Its slug or id.
    pub name: String,
    /// Its password, if it has one.
    pub password: Option<SecretString>,
}

/// How far to look back for messages that the bridge missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUpPolicy {
    /// Messages younger than this.
    MaxAge(Duration),
    /// All messages since the bridge was last connected.
    All,
    /// No messages.
    Off,
}

/// A link between a channel and a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The channel.
    pub channel: Endpoint,
    /// The room.
    pub room: Endpoint,
    /// How people of the channel are shown in the room.
    pub letschat_sender_mode: LetsChatSenderMode,
    /// How far its people have moved from IRC to Let's Chat.
    pub phase: LinkPhase,
    /// In which directions it mirrors, as far as its phase does.
    pub direction: LinkFlow,
}

/// Settings of the canary: messages of the bridge's own that test whether messages arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanarySettings {
    /// Its channel, which belongs to no link.
    pub channel: Endpoint,
    /// Its room, which belongs to no link.
    pub room: Endpoint,
    /// The time between two rounds. At least 10 s.
    pub interval: Duration,
    /// How long a message may take. At least 1 s, and at most `interval`.
    pub timeout: Duration,
}
