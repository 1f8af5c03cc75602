//! `letsbridge upgrade`: has the running program replaced by its new version, and says what became of its connections.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use rustix::io::Errno;
use rustix::process::Pid;
use tokio::time;
use tokio::time::Instant;

use super::running::BridgeAt;
use crate::admin::{
    AdminClient, ClientError, UpgradeBegunView, UpgradeRequestBody, UpgradeStatusView, UpgradeView,
};
use crate::cli::{EXIT_CONFIG_ERROR, EXIT_FAILURE};

/// The exit code when connections had to be made anew.
const EXIT_MADE_ANEW: u8 = 3;

/// How often the new program is asked whether it is there.
const ASK_INTERVAL: Duration = Duration::from_millis(50);

/// How long a service manager may take to start the program again, once its process has ended.
const RESTART_TIMEOUT: Duration = Duration::from_secs(15);

/// The arguments of `upgrade`.
#[derive(Debug, Args)]
#[command(
    after_help = "The running process replaces its program by the one that is installed in its place now, and keeps its \
                  connections to IRC: nobody there sees the bridge leave. Nothing changes if the new version cannot \
                  take over, for example because the configuration has mistakes. See docs/upgrading.md. Exit status: 0 \
                  the new version runs, and all connections were kept; 1 it was refused or failed, no bridge runs, or \
                  this user may not control it; 2 the configuration has mistakes, or argument error; 3 the new version \
                  runs, and connections had to be made anew."
)]
pub(in crate::cli) struct UpgradeArgs {
    #[command(flatten)]
    bridge: BridgeAt,
    /// The new program, if it is not where the running one was started from
    #[arg(long)]
    program: Option<PathBuf>,
}

/// What came of it.
enum UpgradeEnd {
    /// The new program runs, and says what became of the connections.
    Done(UpgradeView),
    /// A program runs that was not handed anything.
    Restarted {
        /// Its version.
        version: String,
    },
    /// Nobody answers in time.
    Silent,
}

/// Replaces the running program, and prints what became of its connections.
pub(in crate::cli) fn upgrade(arguments: &UpgradeArgs) -> ExitCode {
    let bridge = match arguments.bridge.client() {
        Ok(bridge) => bridge,
        Err(code) => return code.into(),
    };
    let program = match arguments.program.as_deref().map(std::path::absolute).transpose() {
        Ok(program) => program,
        Err(error) => {
            eprintln!("--program: {error}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    let request = UpgradeRequestBody { program };
    let asked = bridge.try_ask(async |client| {
        let begun: UpgradeBegunView = client.post("/api/v1/upgrade", &request).await?;
        let end = wait_for_new_program(client, &begun).await;
        Ok((begun, end))
    });
    match asked {
        Ok((_, UpgradeEnd::Done(view))) => report(&view),
        Ok((begun, UpgradeEnd::Restarted { version })) => {
            eprintln!(
                "version {version} runs instead of {}, and has connected anew: its log says why",
                begun.from_version
            );
            EXIT_MADE_ANEW.into()
        }
        Ok((_, UpgradeEnd::Silent)) => {
            eprintln!("the new version does not answer: see its log, and whether the service runs");
            EXIT_FAILURE.into()
        }
        Err(ClientError::Refused(refusal)) => {
            refusal.mistakes.iter().for_each(|mistake| eprintln!("{mistake}"));
            eprintln!("{}", refusal.error);
            if refusal.mistakes.is_empty() { EXIT_FAILURE } else { EXIT_CONFIG_ERROR }.into()
        }
        Err(error) => {
            eprintln!("{error}");
            EXIT_FAILURE.into()
        }
    }
}

/// Waits until the new program, or the old one if it could not be replaced, says what became of it.
async fn wait_for_new_program(client: &AdminClient, begun: &UpgradeBegunView) -> UpgradeEnd {
    let mut deadline = Instant::now() + Duration::from_secs(begun.within_secs);
    let mut is_gone = false;
    while Instant::now() < deadline {
        if !is_gone && has_ended(begun.pid) {
            is_gone = true;
            deadline = deadline.min(Instant::now() + RESTART_TIMEOUT);
        }
        // Nobody answers while the program is being replaced.
        let status: Result<UpgradeStatusView, ClientError> = client.get("/api/v1/upgrade").await;
        match status {
            Ok(UpgradeStatusView { last: Some(last), .. }) if last.id == begun.id => {
                return UpgradeEnd::Done(last);
            }
            Ok(UpgradeStatusView { version, under_way: None, .. }) => {
                return UpgradeEnd::Restarted { version };
            }
            Ok(_) | Err(_) => time::sleep(ASK_INTERVAL).await,
        }
    }
    UpgradeEnd::Silent
}

/// Whether no process has this number.
fn has_ended(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid) == Err(Errno::SRCH))
}

fn report(view: &UpgradeView) -> ExitCode {
    let UpgradeView { from_version, to_version, kept, lost, away_ms, error, .. } = view;
    if let Some(error) = error {
        eprintln!("{error}");
        return EXIT_FAILURE.into();
    }
    let all = kept + lost.len();
    println!(
        "from version {from_version} to {to_version}: {kept} of {all} connections to IRC kept, {away_ms} ms away"
    );
    for lost in lost {
        println!("made anew: {}: {}", lost.connection, lost.reason);
    }
    if lost.is_empty() { ExitCode::SUCCESS } else { EXIT_MADE_ANEW.into() }
}
