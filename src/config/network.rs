//! Who the bridge is on an IRC network, and how it gets there.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

/// The certificate by which we prove who we are, and its key; each in PEM, perhaps in one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The certificate, and those that vouch for it.
    pub cert_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
}

/// An account on a network.
#[derive(Debug, Clone)]
pub struct IrcAccount {
    /// Its name.
    pub name: String,
    /// Its password; a certificate may do without.
    pub password: Option<SecretString>,
}

/// What to do where a network offers no login by SASL, or refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SaslPolicy {
    /// Leave, and come back later.
    #[default]
    Required,
    /// Go on, and ask NickServ.
    Preferred,
    /// Do not try it; ask NickServ.
    Off,
}

/// A way to log in by SASL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaslMechanism {
    /// By the client certificate.
    External,
    /// By proof that we know the password.
    #[serde(rename = "scram-sha-256")]
    ScramSha256,
    /// By the password itself.
    Plain,
}

/// Services that know accounts, and how to speak to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NickservSettings {
    /// Whom to speak to.
    pub nick: String,
    /// The host or the server by which they are known, where the network does not say that they are services.
    pub host: Option<String>,
    /// What to say, with `{account}` and `{password}` in it.
    pub identify: String,
    /// How to get our nick back.
    pub regain: RegainCommand,
}

impl Default for NickservSettings {
    fn default() -> Self {
        Self {
            nick: "NickServ".to_owned(),
            host: None,
            identify: "IDENTIFY {account} {password}".to_owned(),
            regain: RegainCommand::default(),
        }
    }
}

/// How services are asked for our nick when somebody else has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegainCommand {
    /// To put out whoever has it; then we take it.
    #[default]
    Ghost,
    /// To put out whoever has it, and give it to us.
    Regain,
    /// The same, in other services' words.
    Recover,
    /// Not at all: we wait until it is free.
    Off,
}

/// A proxy on the way to a network's servers.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// What it speaks.
    pub kind: ProxyKind,
    /// A host name in its ASCII form, or an address; IPv6 without brackets.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// Who it is told that we are: a user and a password.
    pub credentials: Option<(String, SecretString)>,
}

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// SOCKS5 (RFC 1928), which is told addresses.
    Socks5,
    /// SOCKS5, which is told names and finds their addresses itself.
    Socks5h,
    /// HTTP, by `CONNECT`.
    Http,
}

impl ProxyKind {
    /// As addresses begin with it.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Socks5 => "socks5",
            Self::Socks5h => "socks5h",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for ProxySettings {
    /// Without its user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, host) = (self.kind.scheme(), &self.host);
        if host.contains(':') {
            write!(f, "{kind}://[{host}]:{}", self.port)
        } else {
            write!(f, "{kind}://{host}:{}", self.port)
        }
    }
}
