//! What the configuration means, once it is known to be free of mistakes.

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

use super::network::{
    ClientCertificate, IrcAccount, NickservSettings, ProxySettings, SaslMechanism, SaslPolicy,
};
use super::sender_mode::{PuppetSettings, SenderMode};
use crate::domain::{Endpoint, Network};
use crate::translate::LinkFormat;

/// Everything that the bridge was told. Its `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the bridge keeps what must survive it.
    pub state_dir: PathBuf,
    /// How it tells what it does.
    pub log: LogSettings,
    /// What it remembers, and for how long.
    pub store: StoreSettings,
    /// The IRC networks, in the order of the file.
    pub networks: Vec<NetworkSettings>,
    /// The Let's Chat server.
    pub letschat: LetsChatSettings,
    /// Which channel is mirrored with which room, in the order of the file. A place is spelled the
    /// same throughout, as at its first mention.
    pub links: Vec<Link>,
    /// How what is said at one end of a link is shown at the other.
    pub format: Arc<LinkFormat>,
    /// The same for each of `links`, in their order: most often that.
    pub link_formats: Vec<Arc<LinkFormat>>,
    /// The places that are joined, directly or through others: what is said in one is mirrored to
    /// each of the others. In order of first mention; every place of `links` is in exactly one.
    pub link_groups: Vec<Vec<Endpoint>>,
    /// What it serves to people without an account; `None` where it serves nothing.
    pub web: Option<WebSettings>,
    /// Where it tells servers whose connections are whose (RFC 1413); `None` where it does not.
    pub ident: Option<SocketAddr>,
    /// Whether to tell people of what is missing on their side.
    pub notices: bool,
    /// For how long a channel must have gone unheard for people to be told of it, where nobody knows
    /// whether anything was said.
    pub min_reported_gap: Duration,
    /// How long a stopping bridge lets what is under way settle.
    pub shutdown_timeout: Duration,
    /// Whether two programs that answer each other through the bridge are parted for a while.
    pub loop_protection: bool,
}

/// How the bridge tells what it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// The shape of a line.
    pub format: LogFormat,
    /// A filter of `tracing`, such as `info` or `info,letsbridge::net=debug`.
    pub level: String,
}

/// The shape of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text; with colours on a terminal.
    #[default]
    Auto,
    /// Text with colours, wherever it goes.
    Human,
    /// One JSON object a line.
    Json,
}

/// What is remembered, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// How long the ledger knows a message that has been mirrored; `None` for ever.
    pub retention: Option<Duration>,
    /// How many bytes may wait to be delivered; `None` for any number.
    pub max_queue_size: Option<u64>,
}

/// How files and long messages of Let's Chat are served to people without an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSettings {
    /// What the links begin with. Its path ends with `/`.
    pub public_url: Url,
    /// Where to listen, without TLS.
    pub listen: SocketAddr,
    /// How long a link lives.
    pub link_expiry: Duration,
    /// The largest file that is passed on, in bytes.
    pub max_file_size: u64,
    /// How much of the disk may be taken by the files that were asked for lately, in bytes. At least
    /// `largest`.
    pub cache_size: u64,
    /// How often one address may ask for something; `None` for as often as it likes.
    pub requests_per_minute: Option<u64>,
    /// Who is believed when they say for whom they ask (`X-Forwarded-For`).
    pub trusted_proxies: Vec<IpNet>,
}

/// One IRC network, and who the bridge is on it.
#[derive(Debug, Clone)]
pub struct NetworkSettings {
    /// Its name in the configuration.
    pub network: Network,
    /// Its servers, to be tried in this order. Never empty.
    pub servers: Vec<HostPort>,
    /// Whom to believe that they are the server; `None` speaks without TLS.
    pub tls: Option<TlsTrust>,
    /// The address of this machine to come from; `None` leaves that to the system.
    pub bind: Option<IpAddr>,
    /// The proxy on the way to the servers.
    pub proxy: Option<ProxySettings>,
    /// The certificate by which we prove who we are.
    pub client_certificate: Option<ClientCertificate>,
    /// The account to log in to.
    pub account: Option<IrcAccount>,
    /// What to do without a login by SASL.
    pub sasl: SaslPolicy,
    /// How to log in by SASL, what is tried first coming first.
    pub sasl_mechanisms: Vec<SaslMechanism>,
    /// Services, and how to speak to them.
    pub nickserv: NickservSettings,
    /// What to say once we are let in, before any channel is joined.
    pub on_connect: Vec<SecretString>,
    /// The server's password (`PASS`).
    pub password: Option<SecretString>,
    /// Whether passwords may be said to servers without TLS that are not on this machine.
    pub allow_plaintext_auth: bool,
    /// The nick to ask for.
    pub nick: String,
    /// The nicks to ask for where somebody has that one.
    pub alt_nicks: Vec<String>,
    /// The user name (`USER`).
    pub username: String,
    /// The real name (`USER`).
    pub realname: String,
    /// How to read a line that is not UTF-8. Always a superset of ASCII.
    pub fallback_charset: &'static Encoding,
    /// How to read and write its lines instead: a superset of ASCII, or ISO-2022-JP.
    pub charset: Option<&'static Encoding>,
    /// Whom to ask for an invitation to a channel that is for invited people only (mode `+i`).
    pub request_invite_from: Option<String>,
    /// How fast to speak.
    pub flood_control: FloodControl,
    /// What to do with lines of which nobody can tell whether they arrived.
    pub unconfirmed: UnconfirmedPolicy,
    /// How far back to look for what was said while the bridge was away.
    pub catch_up: CatchUpPolicy,
    /// The most messages of one channel's backlog to mirror; `None` for all.
    pub catch_up_limit: Option<u64>,
    /// By whom it is said what people of Let's Chat have said.
    pub sender_mode: SenderMode,
    /// How the nick is made that stands for one of them, where that was written: `{user}` in it is
    /// their user name.
    pub nick_template: Option<String>,
    /// What holds for the connections of their own, where they have such.
    pub puppets: PuppetSettings,
    /// Whether people there and on Let's Chat can talk in private.
    pub direct_messages: bool,
    /// The channels of all links to this network, each once, in order of first mention.
    pub channels: Vec<ChannelSettings>,
}

impl NetworkSettings {
    /// By whom it is said in `channel`.
    #[must_use]
    pub fn sender_mode_in(&self, channel: &ChannelSettings) -> SenderMode {
        channel.sender_mode.unwrap_or(self.sender_mode)
    }

    /// How nicks are made for `mode`.
    #[must_use]
    pub fn nick_template_for(&self, mode: SenderMode) -> &str {
        self.nick_template.as_deref().unwrap_or_else(|| mode.default_nick_template())
    }
}

/// How fast to speak to an IRC server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FloodControl {
    /// As servers of its kind allow, once it has said what it is.
    #[default]
    Auto,
    /// As most servers allow.
    Standard,
    /// As Solanum allows, and charybdis.
    Solanum,
    /// As ircd-hybrid allows.
    Hybrid,
    /// As InspIRCd allows.
    Inspircd,
    /// As UnrealIRCd allows.
    Unrealircd,
    /// As ngIRCd allows.
    Ngircd,
    /// As Ergo allows.
    Ergo,
    /// As ircu allows, and its like.
    Ircu,
    /// As soju, a bouncer, hands on.
    Soju,
    /// As fast as the connection goes, for a server that exempts the bridge.
    Off,
}

/// What to do with lines of which nobody can tell whether they arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnconfirmedPolicy {
    /// Say them again: nothing is lost, something may be seen twice.
    #[default]
    Resend,
    /// Leave it at that: nothing is seen twice, something may be lost.
    Drop,
}

/// A channel to sit in.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    /// Its name, as it is spelled at its first mention.
    pub name: String,
    /// Its key (mode `+k`).
    pub key: Option<SecretString>,
    /// How to read a line there that is not UTF-8; `None` for as on its network.
    pub fallback_charset: Option<&'static Encoding>,
    /// How to read and write lines there instead.
    pub charset: Option<&'static Encoding>,
    /// By whom it is said there what people of Let's Chat have said; `None` for as on its network.
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
    /// Whether it is this machine itself.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host.eq_ignore_ascii_case("localhost")
            || address.is_ok_and(|address| address.to_canonical().is_loopback())
    }
}

impl fmt::Display for HostPort {
    /// As in the configuration: an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Whom to believe that they are the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsTrust {
    /// Who is vouched for by an authority that this machine trusts.
    System,
    /// Who is vouched for by an authority in this PEM file, and nobody else.
    CaFile(PathBuf),
    /// Who shows this very certificate, whoever vouches for it.
    Pin(CertificatePin),
}

/// The SHA-256 of a certificate's DER, as `openssl x509 -fingerprint -sha256` prints it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CertificatePin([u8; 32]);

impl CertificatePin {
    /// The pin with this digest.
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

/// The Let's Chat server, and who the bridge is on it.
#[derive(Debug, Clone)]
pub struct LetsChatSettings {
    /// Its address, `http` or `https`. Its path ends with `/`, so that `join("rooms")` goes below it.
    pub url: Url,
    /// Whom to believe that they are the server; without meaning for `http`.
    pub tls_trust: TlsTrust,
    /// The bridge's API token.
    pub token: SecretString,
    /// The rooms of all links, each once, in order of first mention.
    pub rooms: Vec<RoomSettings>,
    /// How far back to look for what was said while the bridge was away.
    pub catch_up: CatchUpPolicy,
    /// The most messages of one room's backlog to mirror; `None` for all.
    pub catch_up_limit: Option<u64>,
}

/// A room to sit in.
#[derive(Debug, Clone)]
pub struct RoomSettings {
    /// Its slug or id.
    pub name: String,
    /// Its password, where it has one.
    pub password: Option<SecretString>,
}

/// How far back to look for what was said while the bridge was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUpPolicy {
    /// What is younger than this.
    MaxAge(Duration),
    /// Everything since the bridge was last there.
    All,
    /// Nothing.
    Off,
}

/// A channel and a room that mirror each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The channel.
    pub channel: Endpoint,
    /// The room.
    pub room: Endpoint,
}
