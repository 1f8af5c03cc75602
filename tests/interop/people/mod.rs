//! People's own accounts, asked for in the same way of a real Let's Chat, of two recorded ones and of ours:
//! registration, sessions, settings, and posts over REST. `tests/data/letschat/people-*.jsonl` holds what the
//! recorded ones answered.
//!
//! - `LETSCHAT_URL`: the address of the real one, plain HTTP, which must let people register and make private
//!   rooms (`rooms.private`)
//! - `LETSCHAT_RECORD`: a file to write its answers to
//!
//! It makes accounts and rooms of its own, each time under new names, and leaves them behind.

mod recorder;
mod script;

use std::net::SocketAddr;

use letsbridge_testkit::letschat::{LetsChat, MongooseVersion, Setup};
use serde_json::Value;

use recorder::Recorder;

#[tokio::test]
async fn people_are_answered_as_the_server_of_2016_did() {
    let answers = of_double(MongooseVersion::V4_6).await;
    same(&answers, include_str!("../../data/letschat/people-4.6.jsonl"));
}

#[tokio::test]
async fn people_are_answered_as_a_fresh_install_does() {
    let answers = of_double(MongooseVersion::V4_13).await;
    same(&answers, include_str!("../../data/letschat/people-4.13.jsonl"));
}

#[tokio::test]
#[ignore = "needs a Let's Chat: LETSCHAT_URL names it"]
async fn needs_letschat_people_are_answered_as_ours_does() {
    let url = std::env::var("LETSCHAT_URL").expect("LETSCHAT_URL is set");
    let host = url.strip_prefix("http://").expect("plain http").trim_end_matches('/');
    let address = tokio::net::lookup_host(host).await.unwrap().next().expect("an address");
    let answers = of(address).await;
    if let Ok(file) = std::env::var("LETSCHAT_RECORD") {
        std::fs::write(file, lines(&answers)).unwrap();
    }
    // Only the server of 2016 says whose a new message is.
    let is_fresh = answers
        .iter()
        .any(|answer| answer["event"]["owner"].is_null() && answer["what"] == "told of a post");
    let flavour = if is_fresh { MongooseVersion::V4_13 } else { MongooseVersion::V4_6 };
    same(&answers, &lines(&of_double(flavour).await));
}

async fn of_double(mongoose: MongooseVersion) -> Vec<Value> {
    let chat = LetsChat::start(Setup { mongoose, ..Setup::default() }).await.unwrap();
    of(chat.address()).await
}

async fn of(address: SocketAddr) -> Vec<Value> {
    let mut recorder = Recorder::new(address);
    script::run(&mut recorder).await;
    recorder.answers
}

fn lines(answers: &[Value]) -> String {
    answers.iter().map(|answer| format!("{answer}\n")).collect()
}

/// Fails at the first answer that is another.
fn same(answers: &[Value], recorded: &str) {
    let recorded: Vec<Value> =
        recorded.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (answer, recorded) in answers.iter().zip(&recorded) {
        assert_eq!(answer, recorded, "{}", recorded["what"]);
    }
    assert_eq!(answers.len(), recorded.len());
}
