use super::*;

fn begin() -> (Registration, Vec<Words>) {
    begin_with(None, true)
}

fn begin_with(login: Option<Login>, secure: bool) -> (Registration, Vec<Words>) {
    let identity = Identity {
        username: "bot".to_owned(),
        realname: "A bridge".to_owned(),
        password: Some("secret".into()),
        login,
        ..Identity::named("bridge")
    };
    Registration::begin(&identity, (secure, true), "nonce".to_owned())
}

fn login(required: bool) -> Option<Login> {
    let (account, mechanisms) = ("bridge".to_owned(), vec![Mechanism::Plain]);
    Some(Login { account, password: Some("pencil".into()), mechanisms, required })
}

fn cap(registration: &mut Registration, subcommand: &str, list: &str) -> Vec<String> {
    told(registration.cap(subcommand, false, list, Instant::now()))
}

fn sasl(registration: &mut Registration, code: u16, words: &str) -> Vec<String> {
    told(registration.sasl(code, &["bridge".to_owned(), words.to_owned()], Instant::now()))
}

fn reasons(registration: &mut Registration) -> Vec<Reason> {
    let reason = |verdict| match verdict {
        Verdict::TurnedAway(away) => Some(away.reason),
        Verdict::Sts(_) | Verdict::NotLoggedIn(_) => None,
    };
    registration.verdicts().into_iter().filter_map(reason).collect()
}

fn told(words: Vec<Words>) -> Vec<String> {
    words.into_iter().map(|(command, params)| format!("{command} {}", params.join(" "))).collect()
}

#[test]
fn the_password_comes_before_the_name() {
    let first = told(begin().1);
    assert_eq!(first, ["CAP LS 302", "PASS secret", "NICK bridge", "USER bot 0 * A bridge"]);
}

#[test]
fn a_list_of_several_lines_is_read_to_its_end() {
    let (mut registration, _) = begin();
    assert_eq!(
        told(registration.cap("LS", true, "sasl=PLAIN server-time", Instant::now())),
        [""; 0]
    );
    assert_eq!(
        cap(&mut registration, "LS", "message-tags x/y=1,2"),
        ["CAP REQ message-tags server-time"]
    );
    assert_eq!(cap(&mut registration, "ACK", "message-tags server-time"), ["CAP END"]);
    assert_eq!(cap(&mut registration, "ACK", "later"), [""; 0], "ended once");
}

#[test]
fn a_server_with_nothing_for_us_is_not_asked_for_anything() {
    let (mut registration, _) = begin();
    assert_eq!(cap(&mut registration, "LS", "draft/typing"), ["CAP END"]);
}

#[test]
fn a_server_that_changes_its_mind_is_lived_with() {
    let (mut registration, _) = begin();
    cap(&mut registration, "LS", "server-time");
    assert_eq!(cap(&mut registration, "NAK", "server-time"), ["CAP END"]);
}

#[test]
fn what_is_refused_together_is_asked_for_one_by_one() {
    let (mut registration, _) = begin();
    assert_eq!(cap(&mut registration, "LS", "batch echo-message"), ["CAP REQ batch echo-message"]);
    assert_eq!(
        cap(&mut registration, "NAK", "batch echo-message"),
        ["CAP REQ batch", "CAP REQ echo-message"]
    );
    assert_eq!(cap(&mut registration, "NAK", "batch"), [""; 0]);
    assert_eq!(cap(&mut registration, "ACK", "echo-message"), ["CAP END"]);
    assert!(registration.has("echo-message") && !registration.has("batch"));
}

/// What becomes of `REQ message-tags server-time batch sasl` with these answers; they end with what is
/// said to the last.
fn answered_by(answers: &[(&str, &str)]) -> (Registration, Vec<String>) {
    let (mut registration, _) = begin_with(login(true), true);
    let asked = cap(&mut registration, "LS", "sasl=PLAIN message-tags server-time batch");
    assert_eq!(asked, ["CAP REQ message-tags server-time batch sasl"]);
    let (last, before) = answers.split_last().expect("an answer");
    for (subcommand, list) in before {
        assert_eq!(cap(&mut registration, subcommand, list), [""; 0], "{subcommand} {list}");
    }
    let said = cap(&mut registration, last.0, last.1);
    (registration, said)
}

#[test]
fn an_answer_of_several_lines_is_collected_until_all_is_answered() {
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
        let (registration, said) = answered_by(answers);
        assert_eq!(said, ["AUTHENTICATE PLAIN"], "{answers:?}");
        assert!(registration.has("batch") && registration.deadline().is_some(), "{answers:?}");
    }
}

#[test]
fn a_refusal_of_several_lines_asks_each_by_itself() {
    let (mut registration, said) = answered_by(&[("NAK", "message-tags sasl")]);
    assert_eq!(said, ["CAP REQ message-tags", "CAP REQ sasl"]);
    assert_eq!(
        cap(&mut registration, "NAK", "server-time batch"),
        ["CAP REQ server-time", "CAP REQ batch"]
    );
    for name in ["message-tags", "server-time", "batch"] {
        assert_eq!(cap(&mut registration, "NAK", name), [""; 0]);
    }
    assert_eq!(cap(&mut registration, "NAK", "batch server-time"), [""; 0], "asked once");
    assert_eq!(cap(&mut registration, "ACK", "sasl"), ["AUTHENTICATE PLAIN"]);
}

#[test]
fn a_server_that_answers_for_some_only_is_asked_once_more_and_then_gone_on_without() {
    let now = Instant::now();
    let (mut registration, _) = begin_with(login(false), true);
    registration.cap("LS", false, "sasl=PLAIN batch server-time", now);
    registration.cap("ACK", false, "batch", now);
    assert_eq!(registration.deadline(), Some(now + CAPS_PATIENCE));
    assert_eq!(
        told(registration.tick(now + CAPS_PATIENCE)),
        ["CAP REQ sasl", "CAP REQ server-time"]
    );
    assert_eq!(told(registration.tick(now + CAPS_PATIENCE * 2)), ["CAP END"]);
    assert_eq!(registration.deadline(), None);
    assert!(registration.has("batch") && !registration.has("server-time"));
}

#[test]
fn a_server_that_offers_grants_and_refuses_without_end_takes_no_memory() {
    let (mut registration, _) = begin();
    for number in 0..1_000 {
        for subcommand in ["LS", "NEW", "ACK", "NAK"] {
            let list = format!("x/{number} znc.in/{number} y/{number}");
            let more = subcommand == "LS";
            assert_eq!(told(registration.cap(subcommand, more, &list, Instant::now())), [""; 0]);
        }
    }
    assert!(!format!("{registration:?}").contains("x/"));
}

#[test]
fn nothing_is_asked_for_that_is_of_no_use_alone() {
    let (mut registration, _) = begin();
    assert_eq!(
        cap(&mut registration, "LS", "labeled-response draft/chathistory batch"),
        ["CAP REQ batch"]
    );
}

#[test]
fn what_a_server_says_of_what_it_grants_is_kept() {
    let (mut registration, _) = begin();
    cap(&mut registration, "LS", "batch message-tags draft/multiline=max-bytes=4096 sasl=PLAIN");
    assert_eq!(registration.value("draft/multiline"), None, "not granted yet");
    cap(&mut registration, "ACK", "batch message-tags draft/multiline");
    assert_eq!(registration.value("draft/multiline"), Some("max-bytes=4096"));
    assert_eq!(registration.value("sasl"), None);
}

#[test]
fn what_comes_later_is_asked_for_and_what_goes_is_let_go() {
    let (mut registration, _) = begin();
    cap(&mut registration, "LS", "server-time");
    cap(&mut registration, "ACK", "server-time");
    assert_eq!(cap(&mut registration, "NEW", "batch server-time unheard-of"), ["CAP REQ batch"]);
    assert_eq!(cap(&mut registration, "ACK", "batch"), [""; 0]);
    assert!(registration.has("batch"));
    cap(&mut registration, "DEL", "batch");
    assert!(!registration.has("batch"));
    assert_eq!(cap(&mut registration, "NEW", "batch"), ["CAP REQ batch"]);
}

#[test]
fn a_login_comes_before_the_end() {
    let (mut registration, _) = begin_with(login(true), true);
    assert_eq!(
        cap(&mut registration, "LS", "sasl=PLAIN server-time"),
        ["CAP REQ server-time sasl"]
    );
    assert_eq!(cap(&mut registration, "ACK", "server-time sasl"), ["AUTHENTICATE PLAIN"]);
    let response = told(registration.challenged("+", Instant::now()));
    assert_eq!(response, ["AUTHENTICATE YnJpZGdlAGJyaWRnZQBwZW5jaWw="]);
    assert_eq!(sasl(&mut registration, 903, "successful"), ["CAP END"]);
    assert!(registration.is_logged_in());
    assert_eq!(registration.registered(), None);
}

#[test]
fn without_the_login_that_is_required_we_leave() {
    let (mut registration, _) = begin_with(login(true), true);
    assert_eq!(cap(&mut registration, "LS", "server-time"), ["CAP REQ server-time"]);
    assert_eq!(cap(&mut registration, "ACK", "server-time"), [""; 0]);
    assert_eq!(reasons(&mut registration), [Reason::NoLogin]);

    let (mut registration, _) = begin_with(login(true), true);
    cap(&mut registration, "LS", "sasl=PLAIN");
    cap(&mut registration, "ACK", "sasl");
    assert_eq!(sasl(&mut registration, 904, "failed"), [""; 0]);
    assert_eq!(reasons(&mut registration), [Reason::Login]);

    let (mut registration, _) = begin_with(login(true), true);
    let away = registration.registered().map(|away| away.reason);
    assert_eq!(away, Some(Reason::NoLogin), "it knows no CAP at all");
}

#[test]
fn without_a_login_that_is_only_preferred_we_go_on() {
    let (mut registration, _) = begin_with(login(false), true);
    cap(&mut registration, "LS", "sasl=PLAIN");
    cap(&mut registration, "ACK", "sasl");
    assert_eq!(sasl(&mut registration, 904, "failed"), ["CAP END"]);
    assert_eq!(registration.verdicts(), [Verdict::NotLoggedIn("failed".to_owned())]);
    assert_eq!(registration.registered(), None);
}

#[test]
fn a_server_that_does_not_answer_the_login_is_not_waited_for() {
    let now = Instant::now();
    let (mut registration, _) = begin_with(login(false), true);
    registration.cap("LS", false, "sasl", now);
    registration.cap("ACK", false, "sasl", now);
    assert_eq!(registration.deadline(), Some(now + LOGIN_PATIENCE));
    assert_eq!(told(registration.tick(now)), [""; 0]);
    assert_eq!(told(registration.tick(now + LOGIN_PATIENCE)), ["CAP END"]);
    assert_eq!(registration.deadline(), None);
}

#[test]
fn who_is_back_or_has_logged_us_out_is_logged_in_to_again() {
    let (mut registration, _) = begin_with(login(false), true);
    assert_eq!(cap(&mut registration, "LS", ""), ["CAP END"]);
    assert_eq!(registration.registered(), None);
    assert_eq!(cap(&mut registration, "NEW", "sasl=PLAIN"), ["CAP REQ sasl"]);
    assert_eq!(cap(&mut registration, "ACK", "sasl"), ["AUTHENTICATE PLAIN"]);
    assert_eq!(sasl(&mut registration, 903, "successful"), [""; 0]);
    cap(&mut registration, "DEL", "sasl");
    assert_eq!(told(registration.logged_out(Instant::now())), [""; 0], "not without sasl");
    assert_eq!(cap(&mut registration, "NEW", "sasl=PLAIN"), ["CAP REQ sasl"]);
    assert_eq!(cap(&mut registration, "ACK", "sasl"), ["AUTHENTICATE PLAIN"]);
    assert_eq!(sasl(&mut registration, 904, "failed"), [""; 0]);
    assert_eq!(reasons(&mut registration), [], "no reason to leave");
}

#[test]
fn a_server_that_wants_tls_is_told_no_more() {
    let (mut registration, _) = begin_with(login(true), false);
    assert_eq!(cap(&mut registration, "LS", "sasl=PLAIN sts=port=6697"), [""; 0]);
    assert_eq!(reasons(&mut registration), [Reason::Insecure { port: 6697 }]);
}

#[test]
fn for_how_long_it_wants_tls_is_believed_over_tls_alone() {
    for (secure, verdicts) in [(true, vec![Verdict::Sts(Sts { seconds: 300 })]), (false, vec![])] {
        let (mut registration, _) = begin_with(None, secure);
        assert_eq!(cap(&mut registration, "LS", "sts=duration=300,preload"), ["CAP END"]);
        assert_eq!(registration.verdicts(), verdicts);
    }
}

#[test]
fn a_server_that_has_none_of_our_nicks_is_left() {
    let (mut registration, _) = begin();
    let tries = (0..100).take_while(|_| !registration.nick_refused(false, "in use").is_empty());
    assert_eq!(tries.count(), 19);
    assert_eq!(reasons(&mut registration), [Reason::Nick]);
}

fn begin_in_the_clear(password: bool, login: Option<Login>) -> (Registration, Vec<Words>) {
    let password = password.then(|| "secret".into());
    let identity = Identity { password, login, ..Identity::named("bridge") };
    Registration::begin(&identity, (false, false), "nonce".to_owned())
}

#[test]
fn without_tls_the_servers_password_is_not_said() {
    let (mut listing, first) = begin_in_the_clear(true, None);
    assert_eq!(told(first), ["CAP LS 302", "NICK bridge", "USER bridge 0 * bridge"]);
    assert_eq!(cap(&mut listing, "LS", "server-time"), [""; 0]);
    assert_eq!(reasons(&mut listing), [Reason::InTheClear]);
    let (mut knows_no_cap, _) = begin_in_the_clear(true, None);
    assert_eq!(knows_no_cap.registered().map(|away| away.reason), Some(Reason::InTheClear));
    let (mut moved, _) = begin_in_the_clear(true, None);
    cap(&mut moved, "LS", "sts=port=6697");
    assert_eq!(reasons(&mut moved), [Reason::Insecure { port: 6697 }], "there it is said");
}

#[test]
fn without_tls_the_accounts_password_is_not_said() {
    let offer = |registration: &mut Registration| {
        cap(registration, "LS", "sasl=PLAIN");
        cap(registration, "ACK", "sasl")
    };
    let (mut required, _) = begin_in_the_clear(false, login(true));
    assert_eq!(offer(&mut required), [""; 0]);
    assert_eq!(reasons(&mut required), [Reason::InTheClear]);
    let (mut preferred, _) = begin_in_the_clear(false, login(false));
    assert_eq!(offer(&mut preferred), ["CAP END"]);
    let why = "the password itself is not said without TLS".to_owned();
    assert_eq!(preferred.verdicts(), [Verdict::NotLoggedIn(why)]);
}
