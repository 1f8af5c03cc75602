//! `letsbridge queue`: shows what waits on a link, sends what the other side has deferred, and drops what must not be
//! sent.

use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use url::form_urlencoded;

use super::running::BridgeAt;
use crate::admin::{
    AdminClient, ChangeView, ClientError, DropRequestBody, DroppedView, LinkRequestBody, QueueView,
};
use crate::cli::table;

/// The titles of the columns.
const TITLES: [&str; 6] = ["ID", "TO", "AGE", "STATE", "AUTHOR", "TEXT"];

/// The arguments of `queue`.
#[derive(Debug, Args)]
#[command(
    after_help = "LINK: its channel with or without the network (\"libera/#tea\", \"#tea\"; mind the quotes), its \
                  room (\"tea\"), or both (\"libera/#tea tea\"). STATE: queued (for its turn, or the connection), \
                  deferred (the other side has asked to wait), in flight (sent, without an answer yet), in doubt (it \
                  may have arrived before the connection was lost), held (the link is paused). Exit status: 0 done; \
                  1 no bridge runs, or it knows no such link or message; 2 argument error."
)]
pub(in crate::cli) struct QueueArgs {
    /// The link
    link: String,
    /// Send at once what the other side has deferred
    #[arg(long, conflicts_with = "drop")]
    retry: bool,
    /// Drop the message with this ID: it is never sent
    #[arg(long, value_name = "ID")]
    drop: Vec<i64>,
    /// How many messages to show
    #[arg(long, default_value_t = 100)]
    limit: usize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bridge: BridgeAt,
}

/// Does what `arguments` ask for, and shows what waits then.
pub(in crate::cli) fn queue(arguments: &QueueArgs) -> ExitCode {
    let asked = arguments
        .bridge
        .client()
        .and_then(|bridge| bridge.ask(async |client| ask(client, arguments).await));
    match asked {
        Ok(queue) if arguments.json => {
            println!("{}", serde_json::to_string(&queue).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(queue) => {
            print!("{}", text(&queue, Timestamp::now(), table::terminal_width()));
            ExitCode::SUCCESS
        }
        Err(code) => code.into(),
    }
}

async fn ask(client: &AdminClient, arguments: &QueueArgs) -> Result<QueueView, ClientError> {
    let link = &arguments.link;
    if arguments.retry {
        let body = LinkRequestBody { link: link.clone() };
        let change: ChangeView = client.post("/api/v1/links/retry", &body).await?;
        if !arguments.json {
            println!("{}", if change.changed { "sent again:" } else { "nothing was deferred" });
        }
    }
    for id in &arguments.drop {
        let body = DropRequestBody { link: link.clone(), id: *id };
        let DroppedView { dropped } = client.post("/api/v1/links/drop", &body).await?;
        if !arguments.json {
            println!(
                "dropped {}: {}: {}",
                dropped.id,
                dropped.author,
                table::printable(&dropped.text)
            );
        }
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("link", link)
        .append_pair("limit", &arguments.limit.to_string())
        .finish();
    client.get(&format!("/api/v1/links/queue?{query}")).await
}

/// What waits, for people.
fn text(queue: &QueueView, now: Timestamp, width: Option<usize>) -> String {
    if queue.waiting == 0 {
        return format!("{}: nothing waits\n", queue.link);
    }
    let rows: Vec<[String; TITLES.len()]> = queue
        .deliveries
        .iter()
        .map(|it| {
            [
                it.id.to_string(),
                if it.direction == "to_irc" { "IRC" } else { "Let's Chat" }.to_owned(),
                table::age(it.sent_at, now),
                it.state.clone(),
                it.author.clone(),
                it.text.clone(),
            ]
        })
        .collect();
    let shown = rows.len() as u64;
    let more = match queue.waiting.saturating_sub(shown) {
        0 => String::new(),
        more => format!("and {more} more: see --limit\n"),
    };
    format!(
        "{}: {} waiting\n{}{more}",
        queue.link,
        queue.waiting,
        table::render(TITLES, &rows, width)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::{DeliveryView, LinkRefView};

    fn queue(waiting: u64, count: i64) -> QueueView {
        let delivery = |id| DeliveryView {
            id,
            direction: "to_irc".to_owned(),
            author: "ann".to_owned(),
            sent_at: "2026-11-30T07:00:00Z".parse().expect("a time"),
            state: "held".to_owned(),
            text: "hello\x1b[m".to_owned(),
        };
        let link =
            LinkRefView { network: "office".into(), channel: "#tea".into(), room: "tea".into() };
        QueueView { link, waiting, deliveries: (0..count).map(delivery).collect() }
    }

    #[test]
    fn what_waits_is_a_table() {
        let now = "2026-11-30T07:01:30Z".parse().expect("a time");
        assert_eq!(text(&queue(0, 0), now, None), "office/#tea tea: nothing waits\n");
        assert_eq!(
            text(&queue(3, 1), now, None),
            "office/#tea tea: 3 waiting\n\
             ID  TO   AGE  STATE  AUTHOR  TEXT\n\
             0   IRC  1m   held   ann     hello?[m\n\
             and 2 more: see --limit\n"
        );
    }
}
