//! Tests of registration.

use super::negotiation::{CAPS_TIMEOUT, SASL_TIMEOUT};
use super::*;
use crate::domain::SaslMechanism;

fn start() -> (Registration, Vec<RawCommand>) {
    start_with(None, true)
}

fn start_with(login: Option<SaslLogin>, secure: bool) -> (Registration, Vec<RawCommand>) {
    let identity = IrcIdentity {
        username: "bot".to_owned(),
        realname: "A bridge".to_owned(),
        password: Some("secret".into()),
        sasl: login,
        ..IrcIdentity::named("bridge")
    };
    Registration::start(&identity, (secure, true), "nonce".to_owned())
}

fn login(required: bool) -> Option<SaslLogin> {
    let (account, mechanisms) = ("bridge".to_owned(), vec![SaslMechanism::Plain]);
    Some(SaslLogin { account, password: Some("pencil".into()), mechanisms, required })
}

fn on_cap(registration: &mut Registration, subcommand: &str, list: &str) -> Vec<String> {
    events(registration.on_cap(subcommand, false, list, Instant::now()))
}

fn on_sasl(registration: &mut Registration, code: u16, words: &str) -> Vec<String> {
    events(registration.on_sasl_numeric(
        code,
        &["bridge".to_owned(), words.to_owned()],
        Instant::now(),
    ))
}

fn reasons(registration: &mut Registration) -> Vec<DisconnectKind> {
    let reason = |result| match result {
        LoginEvent::Rejected(away) => Some(away.kind),
        LoginEvent::Sts(_) | LoginEvent::LoginFailed(_) => None,
    };
    registration.take_events().into_iter().filter_map(reason).collect()
}

fn events(words: Vec<RawCommand>) -> Vec<String> {
    words.into_iter().map(|(command, params)| format!("{command} {}", params.join(" "))).collect()
}

#[test]
fn pass_comes_before_nick() {
    let first = events(start().1);
    assert_eq!(first, ["CAP LS 302", "PASS secret", "NICK bridge", "USER bot 0 * A bridge"]);
}

#[test]
fn multi_line_cap_ls_is_read_completely() {
    let (mut registration, _) = start();
    assert_eq!(
        events(registration.on_cap("LS", true, "sasl=PLAIN server-time", Instant::now())),
        [""; 0]
    );
    assert_eq!(
        on_cap(&mut registration, "LS", "message-tags x/y=1,2"),
        ["CAP REQ message-tags server-time"]
    );
    assert_eq!(on_cap(&mut registration, "ACK", "message-tags server-time"), ["CAP END"]);
    assert_eq!(on_cap(&mut registration, "ACK", "later"), [""; 0], "ended once");
}

#[test]
fn no_wanted_caps_means_no_request() {
    let (mut registration, _) = start();
    assert_eq!(on_cap(&mut registration, "LS", "draft/typing"), ["CAP END"]);
}

#[test]
fn late_caps_are_handled() {
    let (mut registration, _) = start();
    on_cap(&mut registration, "LS", "server-time");
    assert_eq!(on_cap(&mut registration, "NAK", "server-time"), ["CAP END"]);
}

#[test]
fn nak_retries_caps_one_by_one() {
    let (mut registration, _) = start();
    assert_eq!(
        on_cap(&mut registration, "LS", "batch echo-message"),
        ["CAP REQ batch echo-message"]
    );
    assert_eq!(
        on_cap(&mut registration, "NAK", "batch echo-message"),
        ["CAP REQ batch", "CAP REQ echo-message"]
    );
    assert_eq!(on_cap(&mut registration, "NAK", "batch"), [""; 0]);
    assert_eq!(on_cap(&mut registration, "ACK", "echo-message"), ["CAP END"]);
    assert!(registration.has_cap("echo-message") && !registration.has_cap("batch"));
}

/// Answers `REQ message-tags server-time batch sasl` with these lines; returns what is sent after the last
/// one.
fn after_cap_replies(answers: &[(&str, &str)]) -> (Registration, Vec<String>) {
    let (mut registration, _) = start_with(login(true), true);
    let asked = on_cap(&mut registration, "LS", "sasl=PLAIN message-tags server-time batch");
    assert_eq!(asked, ["CAP REQ message-tags server-time batch sasl"]);
    let (last, before) = answers.split_last().expect("an answer");
    for (subcommand, list) in before {
        assert_eq!(on_cap(&mut registration, subcommand, list), [""; 0], "{subcommand} {list}");
    }
    let said = on_cap(&mut registration, last.0, last.1);
    (registration, said)
}

#[test]
fn multi_line_ack_waits_for_all_caps() {
    for answers in [
        &[("ACK", "message-tags server-time"), ("ACK", "batch sasl")][..],
        &[("ACK", "sasl"), ("ACK", "batch"), ("ACK", "server-time"), ("ACK", "message-tags")],
        &[("ACK", "batch sasl"), ("NAK", "server-time"), ("ACK", "message-tags")],
        &[("NAK", "message-tags"), ("ACK", "unheard-of"), ("ACK", "sasl batch server-time")],
        &[("ACK", "~sasl =batch"), ("ACK", "-server-time message-tags"), ("DEL", "server-time")],
        &[
            ("ACK", "sasl batch"),
            ("NEW", "unheard-of"),
            ("LS", ""),
            ("ACK", "message-tags server-time"),
        ],
        &[("ACK", ""), ("ACK", "server-time sasl batch message-tags")],
    ] {
        let (registration, said) = after_cap_replies(answers);
        assert_eq!(said, ["AUTHENTICATE PLAIN"], "{answers:?}");
        assert!(registration.has_cap("batch") && registration.deadline().is_some(), "{answers:?}");
    }
}

#[test]
fn multi_line_nak_retries_caps_one_by_one() {
    let (mut registration, said) = after_cap_replies(&[("NAK", "message-tags sasl")]);
    assert_eq!(said, ["CAP REQ message-tags", "CAP REQ sasl"]);
    assert_eq!(
        on_cap(&mut registration, "NAK", "server-time batch"),
        ["CAP REQ server-time", "CAP REQ batch"]
    );
    for name in ["message-tags", "server-time", "batch"] {
        assert_eq!(on_cap(&mut registration, "NAK", name), [""; 0]);
    }
    assert_eq!(on_cap(&mut registration, "NAK", "batch server-time"), [""; 0], "asked once");
    assert_eq!(on_cap(&mut registration, "ACK", "sasl"), ["AUTHENTICATE PLAIN"]);
}

#[test]
fn partial_ack_is_retried_once_and_then_skipped() {
    let now = Instant::now();
    let (mut registration, _) = start_with(login(false), true);
    registration.on_cap("LS", false, "sasl=PLAIN batch server-time", now);
    registration.on_cap("ACK", false, "batch", now);
    assert_eq!(registration.deadline(), Some(now + CAPS_TIMEOUT));
    assert_eq!(
        events(registration.tick(now + CAPS_TIMEOUT)),
        ["CAP REQ sasl", "CAP REQ server-time"]
    );
    assert_eq!(events(registration.tick(now + CAPS_TIMEOUT * 2)), ["CAP END"]);
    assert_eq!(registration.deadline(), None);
    assert!(registration.has_cap("batch") && !registration.has_cap("server-time"));
}

#[test]
fn endless_cap_replies_take_no_memory() {
    let (mut registration, _) = start();
    for number in 0..1_000 {
        for subcommand in ["LS", "NEW", "ACK", "NAK"] {
            let list = format!("x/{number} znc.in/{number} y/{number}");
            let more = subcommand == "LS";
            assert_eq!(
                events(registration.on_cap(subcommand, more, &list, Instant::now())),
                [""; 0]
            );
        }
    }
    assert!(!format!("{registration:?}").contains("x/"));
}

#[test]
fn cap_is_requested_only_with_its_dependencies() {
    let (mut registration, _) = start();
    assert_eq!(
        on_cap(&mut registration, "LS", "labeled-response draft/chathistory batch"),
        ["CAP REQ batch"]
    );
}

#[test]
fn value_of_a_granted_cap_is_kept() {
    let (mut registration, _) = start();
    on_cap(&mut registration, "LS", "batch message-tags draft/multiline=max-bytes=4096 sasl=PLAIN");
    assert_eq!(registration.cap_value("draft/multiline"), None, "not granted yet");
    on_cap(&mut registration, "ACK", "batch message-tags draft/multiline");
    assert_eq!(registration.cap_value("draft/multiline"), Some("max-bytes=4096"));
    assert_eq!(registration.cap_value("sasl"), None);
}

#[test]
fn cap_new_is_requested_and_cap_del_is_dropped() {
    let (mut registration, _) = start();
    on_cap(&mut registration, "LS", "server-time");
    on_cap(&mut registration, "ACK", "server-time");
    assert_eq!(on_cap(&mut registration, "NEW", "batch server-time unheard-of"), ["CAP REQ batch"]);
    assert_eq!(on_cap(&mut registration, "ACK", "batch"), [""; 0]);
    assert!(registration.has_cap("batch"));
    on_cap(&mut registration, "DEL", "batch");
    assert!(!registration.has_cap("batch"));
    assert_eq!(on_cap(&mut registration, "NEW", "batch"), ["CAP REQ batch"]);
}

#[test]
fn sasl_comes_before_cap_end() {
    let (mut registration, _) = start_with(login(true), true);
    assert_eq!(
        on_cap(&mut registration, "LS", "sasl=PLAIN server-time"),
        ["CAP REQ server-time sasl"]
    );
    assert_eq!(on_cap(&mut registration, "ACK", "server-time sasl"), ["AUTHENTICATE PLAIN"]);
    let response = events(registration.on_authenticate("+", Instant::now()));
    assert_eq!(response, ["AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw="]);
    assert_eq!(on_sasl(&mut registration, 903, "successful"), ["CAP END"]);
    assert!(registration.is_logged_in());
    assert_eq!(registration.on_welcome(), None);
}

#[test]
fn failed_required_login_disconnects() {
    let (mut registration, _) = start_with(login(true), true);
    assert_eq!(on_cap(&mut registration, "LS", "server-time"), ["CAP REQ server-time"]);
    assert_eq!(on_cap(&mut registration, "ACK", "server-time"), [""; 0]);
    assert_eq!(reasons(&mut registration), [DisconnectKind::SaslUnavailable]);

    let (mut registration, _) = start_with(login(true), true);
    on_cap(&mut registration, "LS", "sasl=PLAIN");
    on_cap(&mut registration, "ACK", "sasl");
    assert_eq!(on_sasl(&mut registration, 904, "failed"), [""; 0]);
    assert_eq!(reasons(&mut registration), [DisconnectKind::LoginFailed]);

    let (mut registration, _) = start_with(login(true), true);
    let away = registration.on_welcome().map(|away| away.kind);
    assert_eq!(away, Some(DisconnectKind::SaslUnavailable), "it knows no CAP at all");
}

#[test]
fn failed_preferred_login_continues() {
    let (mut registration, _) = start_with(login(false), true);
    on_cap(&mut registration, "LS", "sasl=PLAIN");
    on_cap(&mut registration, "ACK", "sasl");
    assert_eq!(on_sasl(&mut registration, 904, "failed"), ["CAP END"]);
    assert_eq!(registration.take_events(), [LoginEvent::LoginFailed("failed".to_owned())]);
    assert_eq!(registration.on_welcome(), None);
}

#[test]
fn sasl_times_out() {
    let now = Instant::now();
    let (mut registration, _) = start_with(login(false), true);
    registration.on_cap("LS", false, "sasl", now);
    registration.on_cap("ACK", false, "sasl", now);
    assert_eq!(registration.deadline(), Some(now + SASL_TIMEOUT));
    assert_eq!(events(registration.tick(now)), [""; 0]);
    assert_eq!(events(registration.tick(now + SASL_TIMEOUT)), ["CAP END"]);
    assert_eq!(registration.deadline(), None);
}

#[test]
fn sasl_repeats_after_logout_or_late_cap() {
    let (mut registration, _) = start_with(login(false), true);
    assert_eq!(on_cap(&mut registration, "LS", ""), ["CAP END"]);
    assert_eq!(registration.on_welcome(), None);
    assert_eq!(on_cap(&mut registration, "NEW", "sasl=PLAIN"), ["CAP REQ sasl"]);
    assert_eq!(on_cap(&mut registration, "ACK", "sasl"), ["AUTHENTICATE PLAIN"]);
    assert_eq!(on_sasl(&mut registration, 903, "successful"), [""; 0]);
    on_cap(&mut registration, "DEL", "sasl");
    assert_eq!(events(registration.on_logged_out(Instant::now())), [""; 0], "not without sasl");
    assert_eq!(on_cap(&mut registration, "NEW", "sasl=PLAIN"), ["CAP REQ sasl"]);
    assert_eq!(on_cap(&mut registration, "ACK", "sasl"), ["AUTHENTICATE PLAIN"]);
    assert_eq!(on_sasl(&mut registration, 904, "failed"), [""; 0]);
    assert_eq!(reasons(&mut registration), [], "no reason to leave");
}

#[test]
fn sts_port_ends_an_insecure_login() {
    let (mut registration, _) = start_with(login(true), false);
    assert_eq!(on_cap(&mut registration, "LS", "sasl=PLAIN sts=port=6697"), [""; 0]);
    assert_eq!(reasons(&mut registration), [DisconnectKind::StsUpgrade { port: 6697 }]);
}

#[test]
fn sts_duration_is_accepted_only_over_tls() {
    for (secure, results) in
        [(true, vec![LoginEvent::Sts(StsPolicy { duration_secs: 300 })]), (false, vec![])]
    {
        let (mut registration, _) = start_with(None, secure);
        assert_eq!(on_cap(&mut registration, "LS", "sts=duration=300,preload"), ["CAP END"]);
        assert_eq!(registration.take_events(), results);
    }
}

#[test]
fn exhausted_nicks_disconnect() {
    let (mut registration, _) = start();
    let tries = (0..100).take_while(|_| !registration.on_nick_rejected(false, "in use").is_empty());
    assert_eq!(tries.count(), 19);
    assert_eq!(reasons(&mut registration), [DisconnectKind::NoUsableNick]);
}

fn begin_in_the_clear(password: bool, login: Option<SaslLogin>) -> (Registration, Vec<RawCommand>) {
    let password = password.then(|| "secret".into());
    let identity = IrcIdentity { password, sasl: login, ..IrcIdentity::named("bridge") };
    Registration::start(&identity, (false, false), "nonce".to_owned())
}

#[test]
fn without_tls_the_servers_password_is_not_said() {
    let (mut listing, first) = begin_in_the_clear(true, None);
    assert_eq!(events(first), ["CAP LS 302", "NICK bridge", "USER bridge 0 * bridge"]);
    assert_eq!(on_cap(&mut listing, "LS", "server-time"), [""; 0]);
    assert_eq!(reasons(&mut listing), [DisconnectKind::InTheClear]);
    let (mut knows_no_cap, _) = begin_in_the_clear(true, None);
    assert_eq!(knows_no_cap.on_welcome().map(|away| away.kind), Some(DisconnectKind::InTheClear));
    let (mut moved, _) = begin_in_the_clear(true, None);
    on_cap(&mut moved, "LS", "sts=port=6697");
    assert_eq!(
        reasons(&mut moved),
        [DisconnectKind::StsUpgrade { port: 6697 }],
        "there it is said"
    );
}

#[test]
fn without_tls_the_accounts_password_is_not_said() {
    let offer = |registration: &mut Registration| {
        on_cap(registration, "LS", "sasl=PLAIN");
        on_cap(registration, "ACK", "sasl")
    };
    let (mut required, _) = begin_in_the_clear(false, login(true));
    assert_eq!(offer(&mut required), [""; 0]);
    assert_eq!(reasons(&mut required), [DisconnectKind::InTheClear]);
    let (mut preferred, _) = begin_in_the_clear(false, login(false));
    assert_eq!(offer(&mut preferred), ["CAP END"]);
    let reason = "the plaintext password is not sent without TLS".to_owned();
    assert_eq!(preferred.take_events(), [LoginEvent::LoginFailed(reason)]);
}
