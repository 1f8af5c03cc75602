//! The configuration each IRC server is run with.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::ircd::Flood;

#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
}

/// ngIRCd as delivered, but for the number of clients and channels and, on request, the penalties.
pub(crate) fn ngircd(directory: &Path, ports: Ports, flood: Flood) -> String {
    let penalties = match flood {
        Flood::Allowed => "MaxPenaltyTime = 0",
        Flood::AsDelivered => "",
    };
    format!(
        "\
[Global]
Name = ngircd.example
Info = tests
Network = Tests
Listen = {ip}
Ports = {plain}
MotdPhrase = tests
[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
{penalties}
[Options]
DNS = no
Ident = no
PAM = no
[Operator]
Name = op
Password = hush
[SSL]
CertFile = {directory}/certificate.pem
KeyFile = {directory}/key.pem
Ports = {tls}
",
        ip = ports.plain.ip(),
        plain = ports.plain.port(),
        tls = ports.tls.port(),
        directory = directory.display(),
    )
}

/// What a bridge may meet on a network that runs InspIRCd.
const INSPIRCD_MODULES: &[&str] = &[
    "ssl_gnutls",
    "cap",
    "ircv3",
    "ircv3_accounttag",
    "ircv3_batch",
    "ircv3_capnotify",
    "ircv3_chghost",
    "ircv3_ctctags",
    "ircv3_echomessage",
    "ircv3_invitenotify",
    "ircv3_labeledresponse",
    "ircv3_msgid",
    "ircv3_servertime",
    "monitor",
    "namesx",
    "redirect",
    "services_account",
    "setname",
    "uhnames",
];

const UNLIMITED: &str = r#"fakelag="no" threshold="1000000" commandrate="1000000000" recvq="100000000" softsendq="100000000" hardsendq="200000000""#;

/// InspIRCd as delivered, but for the number of clients and, on request, the limits on flooding.
pub(crate) fn inspircd(directory: &Path, ports: Ports, flood: Flood) -> String {
    // It reads a buffer at a time, and one of the size delivered (10240) at times once a second only.
    let (limits, performance) = match flood {
        Flood::Allowed => (UNLIMITED, r#"<performance netbuffersize="65534">"#),
        Flood::AsDelivered => ("", ""),
    };
    let mut text = format!(
        r#"
<path configdir="{directory}" datadir="{directory}" logdir="{directory}" runtimedir="{directory}">
<server name="inspircd.example" description="tests" network="Tests" id="001">
<admin name="tests" nick="tests" email="tests@example.com">
<sslprofile name="own" provider="gnutls" certfile="{directory}/certificate.pem" keyfile="{directory}/key.pem">
<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">
<type name="all" classes="all">
<oper name="op" password="hush" host="*@*" type="all">
<bind address="{ip}" port="{plain}" type="clients">
<bind address="{ip}" port="{tls}" type="clients" sslprofile="own">
<connect allow="*" timeout="30" localmax="1000" globalmax="1000" maxchans="1000" resolvehostnames="no" {limits}>
{performance}
"#,
        ip = ports.plain.ip(),
        plain = ports.plain.port(),
        tls = ports.tls.port(),
        directory = directory.display(),
    );
    for module in INSPIRCD_MODULES {
        writeln!(text, r#"<module name="{module}">"#).unwrap();
    }
    text
}
