//! Settings of an IRC network for authentication and proxies.

use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

/// The client certificate and its private key; PEM files, possibly the same one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// The file with the certificate and its chain.
    pub cert_file: PathBuf,
    /// The file with the private key.
    pub key_file: PathBuf,
}

/// A services account on an IRC network.
#[derive(Debug, Clone)]
pub struct IrcAccount {
    /// The account name.
    pub name: String,
    /// The password; `None` with a client certificate.
    pub password: Option<SecretString>,
}

/// What to do if SASL is not available or fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SaslPolicy {
    /// Disconnect and retry later.
    #[default]
    Required,
    /// Continue, and log in with NickServ.
    Preferred,
    /// Do not use SASL; log in with NickServ.
    Off,
}

/// How to log in with NickServ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NickservSettings {
    /// The nick of the services, or nick@server.
    pub nick: String,
    /// The host or server that identifies the services, if WHOIS does not show that they are
    /// services.
    pub host: Option<String>,
    /// The command, with the fields `{account}` and `{password}`.
    pub identify: String,
    /// How to regain our nick.
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

/// The NickServ command that regains our nick when someone else uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegainCommand {
    /// `GHOST`: disconnects the other user; then we take the nick.
    #[default]
    Ghost,
    /// `REGAIN`: disconnects the other user and changes our nick.
    Regain,
    /// `RECOVER`: the name of `REGAIN` in other services.
    Recover,
    /// None: wait until the nick is free.
    Off,
}

/// A proxy between the bridge and the IRC servers.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// The protocol.
    pub kind: ProxyKind,
    /// A host name in its ASCII form, or an address; IPv6 without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The user and the password.
    pub credentials: Option<(String, SecretString)>,
}

/// The protocol of a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyKind {
    /// SOCKS5 (RFC 1928) with addresses: we resolve names.
    Socks5,
    /// SOCKS5 with host names: the proxy resolves them.
    Socks5h,
    /// HTTP with `CONNECT`.
    Http,
}

impl ProxyKind {
    /// The URL scheme.
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
    /// Without the credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.scheme();
        let host = &self.host;
        if host.contains(':') {
            write!(f, "{kind}://[{host}]:{}", self.port)
        } else {
            write!(f, "{kind}://{host}:{}", self.port)
        }
    }
}
