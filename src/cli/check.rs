//! `letsbridge check`: reads the configuration, logs in on both sides, and reports which links work.

use std::path::Path;
use std::process::ExitCode;

use super::check_accounts::report_accounts;
use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::admin::ClusterView;
use crate::bridge::Peer;
use crate::config;
use crate::config::Settings;
use crate::domain::Endpoint;
use crate::service;
use crate::service::account_probe::probe_accounts;
use crate::service::cluster::cluster_config;
use crate::service::{ProbeReport, ServerReport};
use crate::store;
use crate::store::{ClusterCheck, Look, StoredCluster};
use crate::web;
use crate::web::SelfTestResult;

/// Checks the configuration file `config` and the servers in it.
pub(super) fn check(config: &Path) -> ExitCode {
    let (settings, warnings) = match config::load(config, std::env::vars()) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    println!("{}: configuration OK", config.display());
    for warning in warnings {
        println!("warning: {warning}");
    }
    let store = check_store(&settings);
    let runtime = run::build_runtime();
    let database = runtime.block_on(check_cluster(&settings));
    let report = runtime.block_on(service::probe(&settings));
    let mut works = print_report(&settings, &report);
    if let Some(found) = runtime.block_on(probe_accounts(&settings)) {
        works &= report_accounts(&settings, &found, &report);
    }
    if let Some(state) = &store {
        let running = *state == Look::InUse;
        works &= report_web(&settings, runtime.block_on(web::self_test(&settings, running)));
    }
    if let Err(code) = database {
        return code.into();
    }
    if works && store.is_some() { ExitCode::SUCCESS } else { EXIT_FAILURE.into() }
}

/// Prints the state of the state directory, and returns it if the bridge can use it. Creates nothing
/// there: `check` may run as another user than the bridge.
fn check_store(settings: &Settings) -> Option<Look> {
    let directory = settings.state_dir.display();
    let found = store::look(&settings.state_dir);
    match &found {
        Ok(Look::Free | Look::Missing) => println!("{directory}: writable"),
        Ok(Look::InUse) => println!("{directory}: in use by a running bridge"),
        Err(error) => println!("{error}"),
    }
    found.ok()
}

/// Prints how the store in PostgreSQL is. Fails with the exit status of `run` if this node cannot use it.
async fn check_cluster(settings: &Settings) -> Result<(), u8> {
    let cluster = match cluster_config(settings) {
        Ok(None) => return Ok(()),
        Ok(Some(cluster)) => cluster,
        Err(error) => {
            println!("{error}");
            return Err(EXIT_CONFIG_ERROR);
        }
    };
    let server = cluster.url.server();
    let node = &cluster.node;
    let ClusterCheck { version, store } =
        match store::check_cluster(&cluster, &settings.state_dir).await {
            Ok(found) => found,
            Err(error) => {
                println!("{error}");
                let code = if error.is_lasting() { EXIT_CONFIG_ERROR } else { EXIT_FAILURE };
                return Err(code);
            }
        };
    let Some(StoredCluster { schema_version, nodes }) = store else {
        println!(
            "PostgreSQL {version} at {server}: holds no store yet; the first node that starts makes it"
        );
        return Ok(());
    };
    let active = ClusterView::new(&nodes).nodes.into_iter().find(|it| it.active);
    let active = active.map_or_else(|| "none".to_owned(), |it| it.name);
    println!(
        "PostgreSQL {version} at {server}: holds the store, of schema version {schema_version}; this node is {node}, the \
         active one is {active}"
    );
    Ok(())
}

/// Prints whether the web server is reachable. Returns whether it is, or is turned off.
fn report_web(settings: &Settings, found: Option<SelfTestResult>) -> bool {
    let (Some(web), Some(found)) = (&settings.web, found) else { return true };
    let public = &web.public_url;
    match &found {
        SelfTestResult::Reachable => println!("{public}: reachable ({})", web.listen),
        SelfTestResult::CannotServe(why) => println!("{why}"),
        SelfTestResult::Unreachable(why) => println!("web.public_url: {public}: {why}"),
    }
    if settings.archive.enabled {
        println!("archive: its pages are at {public}archive");
    }
    found == SelfTestResult::Reachable
}

/// Prints the result for each server and each link. Returns whether all of them work.
pub(super) fn print_report(settings: &Settings, report: &ProbeReport) -> bool {
    let networks = settings.networks.iter();
    let peers = networks.map(|it| (Peer::Irc(it.network.clone()), Some(it.nick.as_str())));
    let mut works = true;
    for (peer, wanted_nick) in peers.chain([(Peer::LetsChat, None)]) {
        for visit in report.servers.iter().filter(|visit| visit.peer == peer) {
            let place = visit.server.as_ref().map(|server| format!(" at {server}"));
            let (is_ok, text) = describe_login(visit, wanted_nick);
            println!("{peer}{}: {text}", place.unwrap_or_default());
            works &= is_ok;
        }
    }
    if report.direct_messages == Some(false) {
        works = false;
        println!(
            "{}: private messages are disabled (private.enable): direct_messages has no effect",
            Peer::LetsChat
        );
    }
    for (at, link) in settings.links.iter().enumerate() {
        let (is_ok, verdict) = describe_ends(report, [&link.channel, &link.room]);
        println!("link[{at}] {} and {}: {verdict}", link.channel, link.room);
        works &= is_ok;
    }
    if let Some(canary) = &settings.canary {
        let (is_ok, verdict) = describe_ends(report, [&canary.channel, &canary.room]);
        println!("canary {} and {}: {verdict}", canary.channel, canary.room);
        works &= is_ok;
    }
    works
}

/// Whether both ends of a link can be joined, and what is wrong with them.
fn describe_ends(report: &ProbeReport, ends: [&Endpoint; 2]) -> (bool, String) {
    let problems: Vec<String> =
        ends.into_iter().filter_map(|end| endpoint_problem(report, end)).collect();
    let verdict = if problems.is_empty() { "OK".to_owned() } else { problems.join("; ") };
    (problems.is_empty(), verdict)
}

/// Whether the login to a server worked, and a description. `wanted_nick` is the configured nick.
pub(super) fn describe_login(visit: &ServerReport, wanted_nick: Option<&str>) -> (bool, String) {
    let name = match &visit.login {
        Some(Ok(name)) => name,
        Some(Err(why)) => return (false, why.clone()),
        None => return (false, "timed out".to_owned()),
    };
    let nick = match wanted_nick.filter(|wanted| wanted != name) {
        Some(wanted) if wanted.starts_with(name) => {
            format!("connected as {name} (the server cuts {wanted} to that length)")
        }
        Some(wanted) => format!("connected as {name} ({wanted} is in use)"),
        None => format!("connected as {name}"),
    };
    match &visit.account {
        Some(Ok(account)) => (true, format!("{nick}, logged in to account {account}")),
        Some(Err(why)) => (false, format!("{nick}, not logged in to an account: {why}")),
        None => (true, nick),
    }
}

/// The problem with one end of a link, and how to fix it. `None` if there is none.
fn endpoint_problem(report: &ProbeReport, end: &Endpoint) -> Option<String> {
    let why = report.endpoint_result(end).err()?;
    // Our own errors about Let's Chat say what to do. Errors of an IRC server do not.
    match end {
        Endpoint::Channel { .. } if report.endpoints.contains_key(end) => {
            Some(format!("the server says {why:?}: {}", join_remedy(&why)))
        }
        _ => Some(why),
    }
}

/// What to do if the server does not let the bridge join a channel. The texts of servers differ, but most
/// of them name the channel mode.
fn join_remedy(why: &str) -> &'static str {
    const REMEDIES: &[(&[&str], &str)] = &[
        (
            &["no voice", "has neither"],
            "ask a channel operator to give the bridge voice (MODE +v, or ChanServ)",
        ),
        (&["+k", "key"], "set the channel's key in the link (`key_file` or `key`)"),
        (
            &["+b", "banned"],
            "ask a channel operator to lift the ban (-b) or exempt the bridge (+e)",
        ),
        (
            &["+i", "invite"],
            "ask a channel operator to exempt the bridge (+I), or set `request_invite_from`",
        ),
        (&["+l", "full"], "ask a channel operator to raise the limit (+l)"),
        (&["+z", "tls", "ssl", "secure"], "set `tls = true` for the network"),
    ];
    let why = why.to_lowercase();
    let known = REMEDIES.iter().find(|(phrases, _)| phrases.iter().any(|word| why.contains(word)));
    known.map_or("ask a channel operator to let the bridge join", |(_, remedy)| remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(why: &str, helps: &str) {
        assert!(join_remedy(why).contains(helps), "{why}: {}", join_remedy(why));
    }

    #[test]
    fn join_remedy_matches_common_server_wordings() {
        check("Cannot join channel (+b)", "lift the ban");
        check("Cannot join channel (you're banned)", "lift the ban");
        check("Cannot join channel (+k) -- Wrong channel key", "`key_file`");
        check("Cannot join channel (incorrect channel key)", "`key_file`");
        check("Cannot join channel (invite only)", "(+I)");
        check("Cannot join channel (channel is full)", "(+l)");
        check("Cannot join channel; SSL users only (+z)", "tls = true");
        check("it is moderated (+m), and the bridge has no voice", "voice (MODE +v");
        check("You need to be identified with services", "ask a channel operator to let");
    }
}
