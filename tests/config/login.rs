//! Accounts, certificates, proxies: who the bridge is on a network, and how it gets there.

use letsbridge::config::{ProxyKind, SaslPolicy};
use letsbridge::domain::SaslMechanism;

use super::*;

#[test]
fn sasl_is_required_by_default() {
    let desk = ConfigFixture::new().file("a", "pass word\n");
    let network = |lines: &str| desk.settings(&with(lines, "", "")).networks.remove(0);
    let account = network("account_password_file = 'a'");
    assert_eq!(account.sasl, SaslPolicy::Required);
    assert_eq!(account.sasl_mechanisms, [SaslMechanism::ScramSha256, SaslMechanism::Plain]);
    let Some(config::IrcAccount { name, password: Some(password) }) = &account.account else {
        panic!("an account with a password")
    };
    assert_eq!((name.as_str(), password.expose_secret()), ("letsbridge", "pass word"));
    assert!(!format!("{account:?}").contains("pass word"));
    let other = network("account = 'ann'\naccount_password = 'hush'\nsasl = 'off'");
    assert_eq!((other.account.unwrap().name.as_str(), other.sasl), ("ann", SaslPolicy::Off));
    assert_eq!(network("").sasl, SaslPolicy::Off);
}

#[test]
fn external_is_tried_first_with_a_certificate() {
    let desk = ConfigFixture::new().file("bridge.pem", client_certificate()).file("a", "hush");
    let network = |lines: &str| desk.settings(&with(lines, "", "")).networks.remove(0);
    let alone = network("cert_file = 'bridge.pem'");
    assert_eq!(
        (alone.sasl_mechanisms, alone.sasl),
        (vec![SaslMechanism::External], SaslPolicy::Required)
    );
    let own = alone.client_certificate.unwrap();
    assert_eq!(own.cert_file, own.key_file, "in one file");
    let both = network("cert_file = 'bridge.pem'\naccount_password_file = 'a'");
    assert_eq!(both.sasl_mechanisms[0], SaslMechanism::External);
    assert_eq!(both.sasl_mechanisms.len(), 3);
}

#[test]
fn incomplete_login_settings_are_rejected() {
    ConfigFixture::new().file("bridge.pem", certificate()).file("empty.pem", "").assert_errors(
        &with(
            "account = 'ann'\nsasl = 'must'\nsasl_mechanisms = ['external', 'digest-md5']\n\
             cert_file = 'bridge.pem'\nnickserv = 'Nick Serv'\nnickserv_identify = 'AUTH me'",
            "",
            "",
        ),
        &[
            "bridge.toml:5: irc.office.sasl: \"must\" is not a valid value; use \"required\" or \
             \"preferred\" or \"off\"",
            "bridge.toml:6: irc.office.sasl_mechanisms[1]: \"digest-md5\" is not a valid value; \
             use \"external\" or \"scram-sha-256\" or \"plain\"",
            "bridge.toml:7: irc.office.cert_file: \"bridge.pem\" contains no private key without a \
             passphrase; it must be PEM, with -----BEGIN PRIVATE KEY-----",
            "bridge.toml:8: irc.office.nickserv: \"Nick Serv\" contains ' ', which a nick cannot; \
             remove ' '",
            "bridge.toml:9: irc.office.nickserv_identify: \"AUTH me\" does not contain {password}; \
             write it like \"IDENTIFY {account} {password}\"",
        ],
    );
    ConfigFixture::new().assert_errors(
        &with("account = 'ann'\nkey_file = 'k'", "", ""),
        &[
            "bridge.toml:4: irc.office.account: an account without a password; add \
             account_password_file = \"office.account\" (a file with the password), or cert_file \
             with a client certificate registered for the account",
            "bridge.toml:5: irc.office.key_file: a key without a certificate; add cert_file = \
             \"bridge.pem\", the certificate for this key",
        ],
    );
    ConfigFixture::new().assert_errors(
        &with("sasl = 'required'\nsasl_mechanisms = ['external']", "", ""),
        &[
            "bridge.toml:4: irc.office.sasl: no account configured; add account and \
             account_password_file, or cert_file with a client certificate",
            "bridge.toml:5: irc.office.sasl_mechanisms: \"external\" needs a client certificate; \
             add cert_file, or remove \"external\"",
        ],
    );
    ConfigFixture::new().file("bridge.pem", client_certificate()).assert_errors(
        &with("tls = false\ncert_file = 'bridge.pem'", "", ""),
        &["bridge.toml:5: irc.office.cert_file: a client certificate needs TLS, but tls = false; \
           remove one of the two"],
    );
}

#[test]
fn on_connect_commands_are_validated_and_hidden() {
    let desk =
        ConfigFixture::new().file("c", "# to the operators\n\nOPER me hush\nMODE {nick} +x\n");
    let network = desk.settings(&with("on_connect_file = 'c'", "", "")).networks.remove(0);
    let said: Vec<&str> = network.on_connect.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(said, ["OPER me hush", "MODE {nick} +x"]);
    assert!(!format!("{network:?}").contains("hush"));

    ConfigFixture::new().file("c", "OPER me hush\n/oper me hush\nQUIT hush\n").assert_errors(
        &with("on_connect_file = 'c'", "", ""),
        &[
            "bridge.toml:4: irc.office.on_connect_file: line 2 of \"c\" starts with /oper, which \
             only IRC clients understand; write a raw IRC command, like \"MODE {nick} +x\"",
            "bridge.toml:4: irc.office.on_connect_file: line 3 of \"c\" uses QUIT, which the \
             bridge sends itself; remove it",
        ],
    );
}

#[test]
fn proxy_is_read_with_its_credentials() {
    let desk = ConfigFixture::new().file("p", "hush\n");
    let lines = "bind = '192.0.2.7'\nproxy = 'socks5h://me@[::1]'\nproxy_password_file = 'p'";
    let network = desk.settings(&with(lines, "", "")).networks.remove(0);
    assert_eq!(network.bind.unwrap().to_string(), "192.0.2.7");
    let proxy = network.proxy.as_ref().unwrap();
    assert_eq!(
        (proxy.kind, proxy.to_string().as_str()),
        (ProxyKind::Socks5h, "socks5h://[::1]:1080")
    );
    let (user, password) = proxy.credentials.as_ref().unwrap();
    assert_eq!((user.as_str(), password.expose_secret()), ("me", "hush"));
    assert!(!format!("{network:?}").contains("hush"));
    desk.assert_errors(
        &with("bind = 'eth0'\nproxy = 'socks5://me:hush@proxy'", "", ""),
        &[
            "bridge.toml:4: irc.office.bind: \"eth0\" is not an IP address; write an address of \
             this machine, like \"192.0.2.7\" or \"2001:db8::7\"",
            "bridge.toml:5: irc.office.proxy: the address has a password; put it in a file and \
             set proxy_password_file",
        ],
    );
    desk.assert_errors(
        &with("proxy = 'socks5://me@proxy'", "", ""),
        &["bridge.toml:4: irc.office.proxy: a user without a password; add proxy_password_file, a \
           file with the password"],
    );
    desk.assert_errors(
        &with("proxy_password_file = 'p'", "", ""),
        &["bridge.toml:4: irc.office.proxy_password_file: a password without a proxy; add proxy = \
           \"socks5h://bridge@proxy.example.org:1080\""],
    );
}

#[test]
fn password_withheld_without_tls_causes_a_warning() {
    let warnings = |lines: &str| {
        let desk = ConfigFixture::new();
        let (_, found) = desk.load(&with(lines, "", "")).unwrap();
        desk.lines(&found)
    };
    let account = "tls = false\naccount_password = 'hush'";
    let remedy = "set tls = true, or allow_plaintext_auth = true if nobody can read the connection";
    for (lines, found) in [
        (account.to_owned(), "SCRAM-SHA-256"),
        (format!("{account}\nsasl_mechanisms = ['plain']"), "does not log in"),
        (format!("{account}\nsasl = 'off'"), "does not log in"),
        ("tls = false\npassword = 'hush'".to_owned(), "the server's password"),
        (
            "tls = false\nwebirc_password = 'hush'\nsender_mode = 'puppets'".to_owned(),
            "webirc_password",
        ),
    ] {
        let said = warnings(&lines);
        assert!(
            said.iter()
                .any(|it| it.contains("office.tls: ") && it.contains(found) && it.contains(remedy)),
            "{lines}: {said:?}"
        );
    }
    for lines in [
        format!("{account}\nallow_plaintext_auth = true"),
        "tls = false".to_owned(),
        "account_password = 'hush'\npassword = 'hush'".to_owned(),
    ] {
        assert!(!warnings(&lines).iter().any(|it| it.contains("allow_plaintext_auth")), "{lines}");
    }
}

#[test]
fn this_machine_itself_is_no_way_on_which_anybody_listens() {
    for (server, here) in [
        ("localhost", true),
        ("LocalHost", true),
        ("127.0.0.1", true),
        ("127.8.9.10", true),
        ("::1", true),
        ("::ffff:127.0.0.1", true),
        ("localhost.example.org", false),
        ("127.0.0.1.example.org", false),
        ("192.168.0.1", false),
        ("0.0.0.0", false),
        ("irc.example.org", false),
    ] {
        let server = config::HostPort { host: server.to_owned(), port: 6667 };
        assert_eq!(server.is_loopback(), here, "{server}");
    }
}
