//! Registration, and what people change about their own accounts.

use letsbridge_testkit::letschat::AccountView;
use serde_json::{Value, json};

use super::raw::{Request, Response, fetch};
use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

/// Sends a form with this session's cookie.
pub(super) async fn send(chat: &LetsChat, path: &str, form: &str, cookie: &str) -> Response {
    let cookie = Some(cookie).filter(|cookie| !cookie.is_empty());
    let body = Some((FORM, form.into()));
    let request = Request { method: "POST", path, auth: None, cookie, body };
    fetch(chat.address(), &request).await.unwrap()
}

/// Signs in. The status, and the cookie that comes with it.
pub(super) async fn sign_in(chat: &LetsChat, username: &str, password: &str) -> (u16, String) {
    let form = format!("username={username}&password={password}");
    let answer = send(chat, "/account/login", &form, "").await;
    (answer.status, answer.cookie().unwrap_or_default().to_owned())
}

/// The form of the registration page, with other values for some of its fields.
fn form(changes: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("username", "dave"),
        ("email", "dave@irc.invalid"),
        ("password", "kettle-on"),
        ("password-confirm", "kettle-on"),
        ("firstName", "dave"),
        ("lastName", "IRC"),
        ("displayName", "dave"),
    ];
    for (name, value) in changes {
        let field = fields.iter_mut().find(|(other, _)| other == name).unwrap();
        field.1 = value;
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn view(chat: &LetsChat, username: &str) -> AccountView {
    chat.accounts().into_iter().find(|account| account.username == username).unwrap()
}

#[tokio::test]
async fn whoever_registers_can_sign_in_and_post() {
    let chat = start(setup()).await;
    let made = send(&chat, "/account/register", &form(&[("username", "Dave")]), "").await;
    let message = "You've been registered, please try logging in now!";
    assert_eq!((made.status, made.json()), (201, json!({"status": "success", "message": message})));
    assert_eq!((chat.registrations(), chat.logins()), (1, 0));
    let account = view(&chat, "dave");
    assert_eq!(
        (account.display_name.as_str(), account.email.as_str()),
        ("dave", "dave@irc.invalid")
    );
    assert!(!chat.has_token("dave") && chat.is_password("dave", "kettle-on"));
    let (status, cookie) = sign_in(&chat, "DAVE", "kettle-on").await;
    assert_eq!((status, chat.logins()), (200, 1));
    assert_eq!(send(&chat, "/rooms/tea/messages", "text=hi", &cookie).await.status, 201);
    let post = chat.posts("tea").remove(0);
    assert_eq!((post.owner.as_str(), post.text.as_str()), ("dave", "hi"));
    assert_eq!(post.owner_id(), account.id);
}

#[tokio::test]
async fn a_registration_may_come_as_json() {
    let chat = start(setup()).await;
    let body = json!({
        "username": "dave", "email": "d@irc.invalid", "password": "kettle-on",
        "passwordConfirm": "kettle-on", "firstname": "d", "lastname": "IRC", "displayname": "Dave",
    });
    let body = Some(("application/json", body.to_string().into()));
    let request = Request { method: "POST", path: "/account/register", body, ..Request::default() };
    assert_eq!(fetch(chat.address(), &request).await.unwrap().status, 201);
    assert_eq!(view(&chat, "dave").display_name, "Dave");
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_told_in_the_servers_words() {
    let long = "x".repeat(65);
    let invalid = format!("Path `password` is invalid ({long}).");
    let both = |field: &'static str| [("password", field), ("password-confirm", field)];
    for (mongoose, changes, message) in [
        (MongooseVersion::V4_13, &[("username", "alice")][..], "Expected username to be unique"),
        (
            MongooseVersion::V4_13,
            &[("username", "ALICE"), ("email", "Bob@example.com")],
            "Expected username to be unique Expected email to be unique",
        ),
        (MongooseVersion::V4_6, &[("username", "alice")], "Email has already been taken"),
        (MongooseVersion::V4_6, &[("email", "bob@example.com")], "Email has already been taken"),
        (MongooseVersion::V4_6, &[("username", "A|b")], "Path `username` is invalid (a|b)."),
        (MongooseVersion::V4_13, &[("email", "foo")], "invalid email address"),
        (MongooseVersion::V4_13, &both("abc"), "Path `password` is invalid (abc)."),
        (MongooseVersion::V4_13, &[("password", "kettle-off")], "Password not confirmed"),
        (MongooseVersion::V4_13, &[("displayName", " ")], "Path `displayName` is required."),
        (
            MongooseVersion::V4_13,
            &[("username", "alice"), ("email", "foo")],
            "invalid email address Expected username to be unique",
        ),
    ] {
        let chat = start(Setup { mongoose, ..setup() }).await;
        let answer = send(&chat, "/account/register", &form(changes), "").await;
        assert_eq!(
            (answer.status, answer.json()),
            (400, json!({"status": "error", "message": message})),
            "{changes:?}"
        );
    }
    let chat = start(setup()).await;
    let changes = [("password", long.as_str()), ("password-confirm", long.as_str())];
    let answer = send(&chat, "/account/register", &form(&changes), "").await;
    assert_eq!((answer.status, &answer.json()["message"]), (400, &json!(invalid)));
    assert_eq!(chat.registrations(), 0);
}

#[tokio::test]
async fn nobody_registers_where_it_is_closed_or_while_signed_in() {
    let chat = start(Setup { registration: false, ..setup() }).await;
    let denied = (403, json!({"status": "error", "message": "Permission denied"}));
    let register = async |cookie: &str| {
        let answer = send(&chat, "/account/register", &form(&[]), cookie).await;
        (answer.status, answer.json())
    };
    assert_eq!(register("").await, denied);
    chat.set_registration(true);
    assert_eq!(register(&chat.new_session("alice")).await, denied);
    assert_eq!(register("").await.0, 201);
}

#[tokio::test]
async fn settings_are_changed_with_the_password_and_the_session_goes_on() {
    let chat = start(setup()).await;
    chat.set_account_password("alice", Some("kettle-on"));
    let cookie = chat.new_session("alice");
    let mut bob = connect(&chat, "bob").await;
    let form = "username=Ally&email=Ally@example.com&password=kettle-on&new-password=kettle-off";
    let answer = send(&chat, "/account/settings", form, &cookie).await;
    assert_eq!((answer.status, &answer.json()["username"]), (200, &json!("ally")));
    assert_eq!(bob.event("users:update").await, answer.json());
    assert_eq!(view(&chat, "ally").email, "ally@example.com");
    assert_eq!(send(&chat, "/rooms/tea/messages", "text=hi", &cookie).await.status, 201);
    assert_eq!(sign_in(&chat, "ally", "kettle-on").await.0, 401);
    assert_eq!(sign_in(&chat, "ally", "kettle-off").await.0, 200);
}

#[tokio::test]
async fn settings_that_are_taken_or_invalid_change_nothing() {
    for mongoose in [MongooseVersion::V4_6, MongooseVersion::V4_13] {
        let chat = start(Setup { mongoose, ..setup() }).await;
        chat.set_account_password("alice", Some("kettle-on"));
        let before = chat.accounts();
        let cookie = chat.new_session("alice");
        for change in ["username=bob", "email=bob@example.com", "email=foo", "new-password=abc"] {
            let form = format!("password=kettle-on&{change}");
            let answer = send(&chat, "/account/settings", &form, &cookie).await;
            assert_eq!(answer.status, 400, "{change}");
            assert_eq!(answer.json()["message"], "Unable to update your account.", "{change}");
            let name = if mongoose == MongooseVersion::V4_6 && change.contains("bob") {
                "MongoError"
            } else {
                "ValidationError"
            };
            assert_eq!(answer.json()["errors"]["name"], name, "{change}");
        }
        assert_eq!(chat.accounts(), before);
    }
}

#[tokio::test]
async fn a_wrong_password_for_settings_counts_as_one_for_signing_in() {
    let chat = start(setup()).await;
    chat.set_account_password("alice", Some("kettle-on"));
    let cookie = chat.new_session("alice");
    for password in ["", "other", "other", "kettle-on"] {
        let form = format!("password={password}&username=x");
        let answer = send(&chat, "/account/settings", &form, &cookie).await;
        assert_eq!(
            (answer.status, answer.json()["message"].as_str().unwrap()),
            (401, "Incorrect login credentials.")
        );
    }
    assert_eq!(sign_in(&chat, "alice", "kettle-on").await.0, 403);
    chat.unlock_accounts();
    assert_eq!(sign_in(&chat, "alice", "kettle-on").await.0, 200);
}

#[tokio::test]
async fn a_websocket_with_a_token_changes_no_settings_and_one_with_a_session_does() {
    let chat = start(setup()).await;
    chat.set_account_password("alice", Some("kettle-on"));
    let change = json!({"password": "kettle-on", "username": "ally"});
    let refused = connect(&chat, "alice").await.call("account:settings", &change).await;
    let message = "Cannot change account settings when using token authentication.";
    assert_eq!(refused, json!({"status": "error", "message": message}));
    let mut alice = Client::by_session(chat.address(), &chat.new_session("alice")).await;
    assert_eq!(alice.call("account:settings", &change).await["username"], "ally");
    let denied = alice.call("account:register", &json!({})).await;
    assert_eq!(denied["message"], "Permission denied");
}

#[tokio::test]
async fn a_profile_is_changed_with_a_session_and_everybody_is_told() {
    let chat = start(setup()).await;
    let mut bob = connect(&chat, "bob").await;
    let cookie = chat.new_session("alice");
    let answer = send(&chat, "/account/profile", "displayName=+Ally+", &cookie).await;
    assert_eq!((answer.status, &answer.json()["displayName"]), (200, &json!("Ally")));
    assert_eq!(bob.event("users:update").await["displayName"], "Ally");
    let blank = send(&chat, "/account/profile", "displayName=+", &cookie).await;
    assert_eq!((blank.status, &blank.json()["status"]), (200, &Value::from("error")));
    assert_eq!(view(&chat, "alice").display_name, "Ally");
}
