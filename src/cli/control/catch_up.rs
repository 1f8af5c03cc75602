//! `letsbridge catch-up`: delivers what a link did not mirror, because of its phase or its direction.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::running::BridgeAt;
use crate::admin::{CatchUpRequestBody, CatchUpSideView, CatchUpView, SideView};
use crate::cli::EXIT_CONFIG_ERROR;
use crate::cli::audit::parse_since;

/// The arguments of `catch-up`.
#[derive(Debug, Args)]
#[command(
    after_help = "LINK: its channel with or without the network (\"libera/#tea\", \"#tea\"; mind the quotes), its \
                  room (\"tea\"), or both (\"libera/#tea tea\"). The link must mirror that way again: change its \
                  phase, and reload. Each message is delivered once, with the time when it was sent; what is said \
                  meanwhile goes in between. Exit status: 0 done, or nothing to do; 1 no bridge runs, it knows no such \
                  link, or the link does not mirror that way; 2 argument error."
)]
pub(in crate::cli) struct CatchUpArgs {
    /// The link
    link: String,
    /// What was sent since an age like "7d" or a time like "2026-11-22T10:00:00Z"
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    from: Timestamp,
    /// What was sent before this age or time
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    to: Option<Timestamp>,
    /// Only what was said on this side
    #[arg(long)]
    side: Option<SideArg>,
    /// Only show how much it is
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    bridge: BridgeAt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SideArg {
    /// In the channel
    Irc,
    /// In the room
    Letschat,
}

/// Delivers what `arguments` ask for.
pub(in crate::cli) fn catch_up(arguments: &CatchUpArgs) -> ExitCode {
    if arguments.to.is_some_and(|to| to <= arguments.from) {
        eprintln!("--to is not after --from, so nothing was sent between them: exchange them");
        return EXIT_CONFIG_ERROR.into();
    }
    let body = CatchUpRequestBody {
        link: arguments.link.clone(),
        from: arguments.from,
        to: arguments.to,
        side: arguments.side.map(|side| match side {
            SideArg::Irc => SideView::Irc,
            SideArg::Letschat => SideView::LetsChat,
        }),
        dry_run: arguments.dry_run,
    };
    let asked = arguments.bridge.client().and_then(|bridge| {
        bridge.ask(async |client| client.post::<CatchUpView>("/api/v1/links/catch-up", &body).await)
    });
    match asked {
        Ok(view) if arguments.json => {
            println!("{}", serde_json::to_string(&view).unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(view) => {
            print!("{}", text(&view));
            ExitCode::SUCCESS
        }
        Err(code) => code.into(),
    }
}

/// What is delivered, for people.
fn text(view: &CatchUpView) -> String {
    let lines = view.sides.iter().map(|side| format!("{}: {}\n", view.link, side_text(side, view)));
    lines.collect()
}

fn side_text(count: &CatchUpSideView, view: &CatchUpView) -> String {
    let (from, to) = match count.side {
        SideView::Irc => ("the channel", "the room"),
        SideView::LetsChat => ("the room", "the channel"),
    };
    let messages = match count.messages {
        0 => return format!("nothing from {from} waits to be delivered to {to}"),
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    };
    let verb = match (view.dry_run, count.messages) {
        (true, _) => "would be delivered",
        (false, 1) => "is delivered",
        (false, _) => "are delivered",
    };
    let span = match (count.first, count.last) {
        (Some(first), Some(last)) => {
            format!(", sent {} to {}", first.strftime("%F %R"), last.strftime("%F %R UTC"))
        }
        _ => String::new(),
    };
    format!("{messages} from {from}{span}, {verb} to {to}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::LinkRefView;

    #[test]
    fn each_side_has_a_line() {
        let link =
            LinkRefView { network: "office".into(), channel: "#tea".into(), room: "tea".into() };
        let at = |time: &str| Some(time.parse().expect("a time"));
        let side = |side, messages| CatchUpSideView {
            side,
            messages,
            first: at("2026-11-22T10:00:00Z").filter(|_| messages > 0),
            last: at("2026-11-23T09:30:00Z").filter(|_| messages > 0),
        };
        let sides = vec![side(SideView::Irc, 12), side(SideView::LetsChat, 0)];
        let mut view = CatchUpView { link, dry_run: false, sides };
        assert_eq!(
            text(&view),
            "office/#tea tea: 12 messages from the channel, sent 2026-11-22 10:00 to 2026-11-23 09:30 UTC, are \
             delivered to the room\n\
             office/#tea tea: nothing from the room waits to be delivered to the channel\n"
        );
        view.dry_run = true;
        view.sides = vec![side(SideView::LetsChat, 1)];
        assert!(text(&view).contains("1 message from the room"), "{}", text(&view));
        assert!(text(&view).ends_with("would be delivered to the channel\n"), "{}", text(&view));
    }
}
