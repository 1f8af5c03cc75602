//! The runs. They wait for something most of the time, so that several can go on side by side: `--test-threads 6`.

use letsbridge_testkit::irc::{Cap, Caps};

use super::{Manner, run, shake, trouble, upgrade};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_however_often_it_is_killed_on_a_plain_server() {
    run(Manner::plain()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_however_often_it_is_killed_on_a_server_that_confirms() {
    run(Manner { caps: Caps::all().without(Cap::ChatHistory), ..Manner::plain() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_however_often_it_is_killed_on_a_server_that_keeps_what_was_said()
 {
    run(Manner::keeps()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_however_often_it_is_killed_where_people_speak_by_accounts() {
    run(Manner { has_accounts: true, ..Manner::keeps() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_however_often_it_is_killed_where_people_of_a_plain_server_speak_by_accounts()
 {
    run(Manner { has_accounts: true, ..Manner::plain() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_however_often_the_power_is_on_a_plain_server() {
    run(Manner { loses_power: true, ..Manner::plain() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_repeated_however_often_the_power_is_on_a_server_that_keeps_what_was_said()
 {
    run(Manner { has_accounts: true, loses_power: true, ..Manner::keeps() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_a_plain_server_restarts_and_everything_stands_still_now_and_then() {
    shake(Manner::plain()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_while_a_server_that_keeps_what_was_said_restarts_and_everything_stands_still()
 {
    shake(Manner::keeps()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_seen_however_often_it_is_upgraded_on_a_plain_server() {
    upgrade(Manner::plain()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_seen_however_often_it_is_upgraded_on_a_server_that_keeps_what_was_said()
{
    upgrade(Manner { has_accounts: true, ..Manner::keeps() }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_nothing_is_lost_however_often_it_is_killed_with_its_store_in_postgresql() {
    run(Manner { in_postgresql: true, ..Manner::plain() }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_nothing_is_lost_or_repeated_where_people_speak_by_accounts_kept_in_postgresql()
 {
    run(Manner { in_postgresql: true, has_accounts: true, ..Manner::keeps() }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_nothing_is_lost_whatever_happens_to_two_nodes_on_a_plain_server() {
    trouble(Manner { in_postgresql: true, ..Manner::plain() }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs postgresql: tests/all runs it"]
async fn needs_postgres_nothing_is_lost_or_repeated_whatever_happens_to_two_nodes_where_people_speak_by_accounts()
 {
    // On a server that keeps what was said.
    trouble(Manner { in_postgresql: true, has_accounts: true, ..Manner::keeps() }).await;
}
