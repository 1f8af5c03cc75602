//! How the server is set up.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio_rustls::rustls::ServerConfig;

use super::caps::Caps;
use super::casemapping::Casemapping;

/// What kind of server to start. By default a plain one on a free port of loopback, without
/// capabilities.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where it listens. Port 0 takes a free one.
    pub bind: SocketAddr,
    /// The server's own name, the source of its numerics.
    pub name: String,
    /// ISUPPORT `NETWORK`.
    pub network: String,
    /// Whether it knows the command `CAP` at all, which very old servers do not.
    pub speaks_cap: bool,
    /// The capabilities it offers.
    pub caps: Caps,
    /// More capabilities, by name and perhaps `=value`, which it offers and grants but which do
    /// nothing, as servers have them by the dozen.
    pub vendor_caps: Vec<String>,
    /// How it folds nicks and channel names.
    pub casemapping: Casemapping,
    /// The longest line in bytes, CR and LF included and tags not: ISUPPORT `LINELEN`. Every line
    /// is cut to it, with the source that the server puts before it.
    pub linelen: usize,
    /// The longest nick in bytes.
    pub nicklen: usize,
    /// The longest channel name in bytes.
    pub channellen: usize,
    /// How many channels one client may be in.
    pub channel_limit: usize,
    /// Whether it refuses text that is not UTF-8 (<https://ircv3.net/specs/extensions/utf8-only>).
    pub utf8_only: bool,
    /// What `PASS` must say.
    pub password: Option<String>,
    /// Who can log in with SASL PLAIN.
    pub accounts: Vec<Account>,
    /// How the host of a client at this address is shown to others; a cloak, say.
    pub host_of: fn(IpAddr) -> String,
    /// Speaks TLS on its port, with this certificate.
    pub tls: Option<Arc<ServerConfig>>,
    /// Disconnects clients that send too fast.
    pub flood: Option<FloodLimit>,
    /// How long a client may be silent before it is sent a `PING`, and then again
    /// before it is disconnected.
    pub ping_every: Duration,
    /// How many bytes may wait for a client that does not read before it is disconnected.
    pub sendq: usize,
    /// How many messages of each channel are kept.
    pub history: usize,
    /// How many messages one `CHATHISTORY` may ask for.
    pub chathistory_limit: usize,
    /// The message of the day; 422 when empty.
    pub motd: Vec<String>,
    /// How many of the lines that clients have sent are kept for
    /// [`IrcServer::transcript`](super::IrcServer::transcript).
    pub transcript: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            name: "irc.example".to_owned(),
            network: "Example".to_owned(),
            speaks_cap: true,
            caps: Caps::none(),
            vendor_caps: Vec::new(),
            casemapping: Casemapping::Ascii,
            linelen: 512,
            nicklen: 30,
            channellen: 50,
            channel_limit: 100,
            utf8_only: false,
            password: None,
            accounts: Vec::new(),
            host_of: address_itself,
            tls: None,
            flood: None,
            ping_every: Duration::from_secs(120),
            sendq: 8 << 20,
            history: 1000,
            chathistory_limit: 100,
            motd: vec!["Be kind.".to_owned()],
            transcript: 100_000,
        }
    }
}

/// A name and a password for SASL PLAIN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's name, as others see it.
    pub name: String,
    /// What opens it.
    pub password: String,
}

/// More than `lines` lines within `window` are an Excess Flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloodLimit {
    /// How many lines are allowed.
    pub lines: usize,
    /// In which time.
    pub window: Duration,
}

/// Shows an address as it is; a colon never comes first, for it would end the parameter.
fn address_itself(address: IpAddr) -> String {
    let text = address.to_string();
    if text.starts_with(':') { format!("0{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_one_parameter() {
        assert_eq!(address_itself(IpAddr::from([127, 0, 0, 1])), "127.0.0.1");
        assert_eq!(address_itself("::1".parse().expect("an address")), "0::1");
    }
}
