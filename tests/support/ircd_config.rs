//! The configuration each IRC server is run with.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::ircd::{Flood, House};

#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) plain: SocketAddr,
    pub(crate) tls: SocketAddr,
    /// Where services come to, on a server that wants them elsewhere than people.
    pub(crate) link: SocketAddr,
}

/// The name and the password of the operator.
pub(crate) const OPERATOR: &str = "keeper";
pub(crate) const KEYS: &str = "keys";

/// What services are called, and by what they are known.
pub(crate) const SERVICES: &str = "services.example";
pub(crate) const LINK_PASSWORD: &str = "linked";

/// ngIRCd as delivered, but for the number of clients and channels, an operator, services that may
/// come, and, on request, the penalties and who is let in.
pub(crate) fn ngircd(directory: &Path, ports: Ports, house: House) -> String {
    let penalties = match house.flood {
        Flood::Allowed => "MaxPenaltyTime = 0",
        Flood::AsDelivered => "",
    };
    let password = house.password.map(|it| format!("Password = {it}")).unwrap_or_default();
    let from_one_address = house.from_one_address.unwrap_or(0);
    format!(
        "\
[Global]
Name = ngircd.example
Info = tests
Network = Tests
Listen = {ip}
Ports = {plain}
MotdPhrase = tests
{password}
[Limits]
MaxConnectionsIP = {from_one_address}
MaxJoins = 0
{penalties}
[Options]
DNS = no
Ident = no
PAM = no
[SSL]
CertFile = {directory}/certificate.pem
KeyFile = {directory}/key.pem
Ports = {tls}
[Operator]
Name = {OPERATOR}
Password = {KEYS}
[Server]
Name = {SERVICES}
MyPassword = {LINK_PASSWORD}
PeerPassword = {LINK_PASSWORD}
Passive = yes
ServiceMask = *Serv
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
    "sasl",
    "services_account",
    "setname",
    "spanningtree",
    "sslinfo",
    "uhnames",
];

const UNLIMITED: &str = r#"fakelag="no" threshold="1000000" commandrate="1000000000" recvq="100000000" softsendq="100000000" hardsendq="200000000""#;

/// InspIRCd as delivered, but for the number of clients, an operator, services that may come, and, on
/// request, the limits on flooding and who is let in.
pub(crate) fn inspircd(directory: &Path, ports: Ports, house: House) -> String {
    // It reads a buffer at a time, and one of the size delivered (10240) at times once a second only.
    let (limits, performance) = match house.flood {
        Flood::Allowed => (UNLIMITED, r#"<performance netbuffersize="65534">"#),
        Flood::AsDelivered => ("", ""),
    };
    let password = house.password.map(|it| format!("password={it:?}")).unwrap_or_default();
    let most = house.from_one_address.unwrap_or(1000);
    let mut text = format!(
        r#"
<path configdir="{directory}" datadir="{directory}" logdir="{directory}" runtimedir="{directory}">
<server name="inspircd.example" description="tests" network="Tests" id="001">
<admin name="tests" nick="tests" email="tests@example.com">
<sslprofile name="own" provider="gnutls" certfile="{directory}/certificate.pem" keyfile="{directory}/key.pem" hash="sha256">
<bind address="{ip}" port="{plain}" type="clients">
<bind address="{ip}" port="{tls}" type="clients" sslprofile="own">
<connect allow="*" timeout="30" localmax="{most}" globalmax="{most}" maxchans="1000" resolvehostnames="no" {password} {limits}>
<class name="all" commands="*" privs="*" usermodes="*" chanmodes="*">
<type name="keeper" classes="all">
<oper name="{OPERATOR}" password="{KEYS}" host="*@*" type="keeper">
<sasl target="{SERVICES}">
<bind address="{ip}" port="{link}" type="servers">
<link name="{SERVICES}" ipaddr="{ip}" port="{link}" allowmask="*" sendpass="{LINK_PASSWORD}" recvpass="{LINK_PASSWORD}">
<uline server="{SERVICES}" silent="yes">
{performance}
{more}
"#,
        ip = ports.plain.ip(),
        plain = ports.plain.port(),
        tls = ports.tls.port(),
        link = ports.link.port(),
        directory = directory.display(),
        more = house.inspircd,
    );
    for module in INSPIRCD_MODULES {
        writeln!(text, r#"<module name="{module}">"#).unwrap();
    }
    text
}

/// ircd-hybrid as delivered, but for the number of clients, an operator, no questions to an identd, and, on
/// request, the limits on flooding and who is let in.
pub(crate) fn hybrid(directory: &Path, ports: Ports, house: House) -> String {
    let most = house.from_one_address.unwrap_or(1000);
    let flood = match house.flood {
        Flood::Allowed => "flags = can_flood;",
        Flood::AsDelivered => "",
    };
    let password = house
        .password
        .map(|it| format!("password = {it:?}; encrypted = no; flags = need_password;"));
    let password = password.unwrap_or_default();
    let queue = match house.flood {
        Flood::Allowed => "sendq = 100 megabytes; recvq = 8000 bytes;",
        Flood::AsDelivered => "sendq = 100 kbytes; recvq = 2560 bytes;",
    };
    format!(
        r#"
serverinfo {{
    name = "hybrid.example"; description = "tests"; network_name = "Tests";
    default_max_clients = 512; max_nick_length = 15; max_topic_length = 300;
    tls_certificate_file = "{directory}/certificate.pem"; rsa_private_key_file = "{directory}/key.pem";
}};
admin {{ name = "tests"; email = "tests@example.com"; }};
class {{
    name = "people"; ping_time = 90 seconds; max_number = 1000; {queue}
    number_per_ip_local = {most}; number_per_ip_global = {most};
}};
listen {{ host = "{ip}"; port = {plain}; flags = tls; port = {tls}; }};
auth {{ user = "*@*"; class = "people"; {password} {flood} }};
operator {{
    name = "{OPERATOR}"; user = "*@*"; password = "{KEYS}"; encrypted = no; class = "people";
    flags = admin, kill, kline, unkline;
}};
channel {{ max_channels = 1000; }};
general {{ disable_auth = yes; throttle_count = 1000; }};
{more}
"#,
        ip = ports.plain.ip(),
        plain = ports.plain.port(),
        tls = ports.tls.port(),
        directory = directory.display(),
        more = house.hybrid,
    )
}
