//! `letsbridge progress`: shows how far people have moved from IRC to Let's Chat, and what to do next.

mod text;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use url::form_urlencoded;

use super::control::BridgeAt;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, people, table};
use crate::admin::{self, ClientError};
use crate::config;
use crate::domain::LinkName;
use crate::service::progress::{
    AskingProgram, DEFAULT_WEEKS, ProgressError, ProgressQuestion, ProgressReader, ProgressReport,
    WEEKS,
};

/// The arguments of `progress`.
#[derive(Debug, Args)]
#[command(
    after_help = "For each link: what was said in which week on which side and by how many people, who speaks where, who \
                  is linked, which bots there are, what is in the way, and which phase suits. The figures come from the \
                  database and the archive; weeks begin on Mondays, 00:00 UTC. It works while the bridge runs, and while \
                  it is stopped; only a running one knows whether links work. docs/progress.md explains the figures, and \
                  the JSON. Exit status: 0 done; 1 the database cannot be read, there is no such link, or the file cannot \
                  be written; 2 configuration or argument error."
)]
pub(super) struct ProgressArgs {
    /// Only these links: channel with or without the network ("libera/#tea", "#tea"; mind the quotes), room ("tea"), or
    /// both ("libera/#tea tea")
    #[arg(value_name = "LINK")]
    links: Vec<String>,
    /// How many weeks, from 4 to 260
    #[arg(long, value_name = "N", default_value_t = DEFAULT_WEEKS, value_parser = weeks)]
    weeks: u32,
    /// Print JSON, as GET /api/v1/progress answers it
    #[arg(long, conflicts_with = "html")]
    json: bool,
    /// Write one HTML file with charts, which needs nothing else; - for standard output
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    bridge: BridgeAt,
}

fn weeks(text: &str) -> Result<u32, String> {
    let weeks = text.parse().ok().filter(|weeks| WEEKS.contains(weeks));
    weeks.ok_or_else(|| format!("write a number from {} to {}", WEEKS.start(), WEEKS.end()))
}

/// Shows how far people have moved.
pub(super) fn progress(arguments: &ProgressArgs) -> ExitCode {
    let report = match ask(arguments) {
        Ok(report) => report,
        Err(code) => return code.into(),
    };
    let written = if arguments.json {
        print(&(serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"))
    } else if let Some(file) = &arguments.html {
        let html = admin::progress_file(&report);
        if file.as_os_str() == "-" { print(&html) } else { write_file(file, &html) }
    } else {
        print(&text::render(&report, table::terminal_width()))
    };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("{words}");
            EXIT_FAILURE.into()
        }
    }
}

fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    written.map_err(|error| format!("cannot write to standard output ({error})"))
}

fn write_file(file: &std::path::Path, html: &str) -> Result<(), String> {
    std::fs::write(file, html)
        .map_err(|error| format!("{}: cannot be written ({error})", file.display()))?;
    println!("{}: written", file.display());
    Ok(())
}

/// Asks the running bridge, or reads its files if none runs. Prints why that does not work, and returns the exit code
/// then.
fn ask(arguments: &ProgressArgs) -> Result<ProgressReport, u8> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("weeks", &arguments.weeks.to_string());
    for link in &arguments.links {
        query.append_pair("link", link);
    }
    let path = format!("{}?{}", admin::PROGRESS_PATH, query.finish());
    let bridge = arguments.bridge.client()?;
    match bridge.try_ask(async |client| client.get::<ProgressReport>(&path).await) {
        Err(ClientError::NotRunning(_)) if !arguments.bridge.has_socket() => read(arguments),
        asked => asked.map_err(|error| {
            eprintln!("{error}");
            EXIT_FAILURE
        }),
    }
}

/// Reads the files of a bridge that does not run.
fn read(arguments: &ProgressArgs) -> Result<ProgressReport, u8> {
    let path = arguments.bridge.config_or_usual();
    let (settings, _) = config::load(&path, std::env::vars()).map_err(|mistakes| {
        eprintln!("{mistakes}");
        EXIT_CONFIG_ERROR
    })?;
    let question = ProgressQuestion {
        weeks: arguments.weeks,
        links: arguments.links.iter().map(|name| LinkName::new(name)).collect(),
        now: Timestamp::now(),
        troubles: None,
    };
    ProgressReader::new(&settings).read(&question, AskingProgram::Other).map_err(|error| {
        match error {
            ProgressError::Store(error) => people::say_why_not_read(&settings.state_dir, &error),
            error @ ProgressError::UnknownLink { .. } => eprintln!("{error}"),
        }
        EXIT_FAILURE
    })
}
