use serde_json::json;

use super::raw::{Request, Response, fetch};
use super::*;

const FORM: &str = "application/x-www-form-urlencoded";

async fn request(
    chat: &LetsChat,
    method: &str,
    path: &str,
    body: Option<(&str, Vec<u8>)>,
) -> Option<Response> {
    let auth = Some(format!("Bearer {}", chat.token("alice")));
    fetch(chat.address(), &Request { method, path, auth, body, cookie: None }).await
}

async fn get(chat: &LetsChat, path: &str) -> Response {
    request(chat, "GET", path, None).await.unwrap()
}

async fn post(chat: &LetsChat, path: &str, kind: &str, body: &str) -> Response {
    request(chat, "POST", path, Some((kind, body.into()))).await.unwrap()
}

/// A multipart body with one file.
fn multipart(kind: &str, fields: &[(&str, &str)]) -> (&'static str, Vec<u8>) {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!(
            "--xx\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    body.push_str(&format!(
        "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a dot.png\"\r\n\
         Content-Type: {kind}\r\n\r\nPNG\r\n--xx--\r\n"
    ));
    ("multipart/form-data; boundary=xx", body.into_bytes())
}

#[tokio::test]
async fn who_asks_is_known_by_a_token_in_either_way() {
    let chat = start(setup()).await;
    let token = chat.token("alice");
    let basic = |both: String| {
        Some(format!(
            "Basic {}",
            base64::Engine::encode(&base64::engine::general_purpose::STANDARD, both)
        ))
    };
    chat.revoke_token("bob");
    let stranger = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{}:x", "0".repeat(24)),
    );
    for (auth, status, challenge) in [
        (Some(format!("Bearer {token}")), 200, None),
        (basic(format!("{token}:anything")), 200, None),
        (basic(format!("{token}:")), 401, Some(r#"Basic realm="Users""#)),
        (basic(token.clone()), 400, None),
        (Some(format!("Token {token}")), 401, None),
        (
            Some(format!("Bearer {stranger}")),
            401,
            Some(r#"Bearer realm="Users", error="invalid_token""#),
        ),
        (None, 401, None),
    ] {
        let request =
            Request { method: "GET", path: "/account", auth: auth.clone(), ..Request::default() };
        let answer = fetch(chat.address(), &request).await.unwrap();
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (status, challenge),
            "{auth:?}"
        );
        assert!(answer.complete);
    }
}

#[tokio::test]
async fn a_malformed_token_gets_half_an_answer_and_a_revoked_one_a_page() {
    let chat = start(setup()).await;
    let token = chat.token("alice");
    chat.revoke_token("alice");
    let with = |token: &str| Request {
        method: "GET",
        path: "/account",
        auth: Some(format!("Bearer {token}")),
        ..Request::default()
    };
    let malformed = fetch(chat.address(), &with("nonsense")).await.unwrap();
    assert_eq!(
        (malformed.status, malformed.text().as_str(), malformed.complete),
        (401, "Unauthorized", false)
    );
    let revoked = fetch(chat.address(), &with(&token)).await.unwrap();
    assert_eq!(
        (revoked.status, revoked.header("content-type")),
        (500, Some("text/html; charset=utf-8"))
    );
}

#[tokio::test]
async fn a_room_is_named_by_slug_or_id_and_an_archived_one_is_not_found() {
    let chat = start(setup()).await;
    for name in ["tea".to_owned(), chat.room_id("tea")] {
        assert_eq!(get(&chat, &format!("/rooms/{name}")).await.json()["slug"], "tea");
    }
    chat.archive_room("tea");
    for path in ["/rooms/tea", "/rooms/tea/messages", "/rooms/tea/users", "/rooms/tea/files"] {
        assert_eq!(get(&chat, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_message_may_come_as_a_form_or_as_json_up_to_100_kb() {
    let chat = start(setup()).await;
    assert_eq!(post(&chat, "/rooms/tea/messages", FORM, "text=a+b").await.status, 201);
    let answer = post(
        &chat,
        "/messages",
        "application/json",
        &json!({"room": chat.room_id("tea"), "text": "c"}).to_string(),
    )
    .await;
    assert_eq!((answer.status, &answer.json()["text"]), (201, &json!("c")));
    assert_eq!(texts(&chat, "tea"), ["a b", "c"]);
    let long = |length: usize| format!("text={}", "x".repeat(length - 5));
    assert_eq!(post(&chat, "/rooms/tea/messages", FORM, &long(102_400)).await.status, 201);
    assert_eq!(post(&chat, "/rooms/tea/messages", FORM, &long(102_401)).await.status, 413);
    assert_eq!(post(&chat, "/rooms/tea/messages", "application/json", "{").await.status, 400);
}

#[tokio::test]
async fn a_path_that_is_not_there_is_a_page() {
    let chat = start(setup()).await;
    let answer = get(&chat, "/nowhere").await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (404, Some("text/html; charset=utf-8"))
    );
    assert!(answer.text().contains("Cannot GET /nowhere"));
}

#[tokio::test]
async fn a_picture_is_kept_and_posted_and_given_back() {
    let chat = start(setup()).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let body = multipart("image/png", &[("post", "true")]);
    let made = request(&chat, "POST", "/rooms/tea/files", Some(body)).await.unwrap();
    assert_eq!(made.status, 201);
    let file = made.json();
    assert_eq!((&file["name"], &file["size"]), (&json!("a dot.png"), &json!("0kb")));
    assert_eq!(bob.event("files:new").await["owner"]["username"], "alice");
    let url = file["url"].as_str().unwrap();
    assert_eq!(bob.event("messages:new").await["text"], format!("upload://{url}"));
    let given = get(&chat, &format!("/{url}")).await;
    assert_eq!((given.header("content-type"), given.text().as_str()), (Some("image/png"), "PNG"));
    assert_eq!(
        get(&chat, "/rooms/tea/files?expand=owner").await.json()[0]["owner"]["username"],
        "alice"
    );
    for (path, status) in [("/files/zzz/x", 400), ("/files/000000000000000000000000/x", 404)] {
        assert_eq!(get(&chat, path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn only_pictures_may_be_uploaded() {
    let chat = start(setup()).await;
    let body = multipart("text/plain", &[]);
    assert_eq!(request(&chat, "POST", "/rooms/tea/files", Some(body)).await.unwrap().status, 400);
    assert_eq!(get(&chat, "/rooms/tea/files").await.json(), json!([]));
}

#[tokio::test]
async fn posting_an_upload_crashes_a_fresh_install_after_the_file_is_kept() {
    let chat = start(Setup { mongoose: MongooseVersion::V4_13, ..setup() }).await;
    let mut bob = join(&chat, "bob", "tea").await;
    let body = multipart("image/png", &[("post", "true")]);
    assert!(request(&chat, "POST", "/rooms/tea/files", Some(body)).await.is_none());
    bob.received_until_closed().await;
    assert_eq!(get(&chat, "/rooms/tea/files").await.json()[0]["name"], "a dot.png");
    assert!(chat.posts("tea").is_empty());
}

#[tokio::test]
async fn where_files_are_off_their_paths_are_not_there() {
    let chat = start(Setup { files: false, ..setup() }).await;
    for path in ["/rooms/tea/files", "/files/000000000000000000000000/x"] {
        assert_eq!(get(&chat, path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn over_rest_a_token_makes_another() {
    let chat = start(setup()).await;
    let made = post(&chat, "/account/token/generate", FORM, "").await;
    assert_eq!(made.json()["token"], chat.token("alice"));
    assert_eq!(post(&chat, "/account/token/revoke", FORM, "").await.json()["status"], "success");
}

#[tokio::test]
async fn the_page_and_the_tokens_are_for_those_at_this_machine() {
    let chat = start(Setup { page: true, page_excludes: vec!["bob".to_owned()], ..setup() }).await;
    for (path, kind) in
        [("/", "text/html"), ("/app.js", "text/javascript"), ("/style.css", "text/css")]
    {
        assert!(get(&chat, path).await.header("content-type").unwrap().starts_with(kind), "{path}");
    }
    let people = get(&chat, "/demo/people").await.json();
    assert_eq!(
        (&people[0]["username"], &people[0]["token"]),
        (&json!("alice"), &json!(chat.token("alice")))
    );
    assert_eq!(people.as_array().unwrap().len(), 1);
    let mut stream = tokio::net::TcpStream::connect(chat.address()).await.unwrap();
    let elsewhere = b"GET /demo/people HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, elsewhere).await.unwrap();
    let mut answer = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
    let without = start(setup()).await;
    assert_eq!(get(&without, "/demo/people").await.status, 404);
}
