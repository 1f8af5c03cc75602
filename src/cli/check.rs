//! `letsbridge check`: reads the configuration, logs in on both sides, and tells what works.

use std::path::Path;
use std::process::ExitCode;

use super::{EXIT_CONFIG_ERROR, EXIT_FAILURE, run};
use crate::bridge::Peer;
use crate::config;
use crate::config::Settings;
use crate::domain::Endpoint;
use crate::service;
use crate::service::{ProbeReport, ServerReport};
use crate::store;
use crate::store::Look;
use crate::web;
use crate::web::SelfTestResult;

/// Checks the bridge that `config` describes.
pub(super) fn check(config: &Path) -> ExitCode {
    let (settings, warnings) = match config::load(config, std::env::vars()) {
        Ok(loaded) => loaded,
        Err(mistakes) => {
            eprintln!("{mistakes}");
            return EXIT_CONFIG_ERROR.into();
        }
    };
    println!("{}: no mistakes", config.display());
    for warning in warnings {
        println!("warning: {warning}");
    }
    let store = check_store(&settings);
    let runtime = run::build_runtime();
    let report = runtime.block_on(service::probe(&settings));
    let mut works = print_report(&settings, &report);
    if let Some(state) = &store {
        let running = *state == Look::InUse;
        works &= report_web(&settings, runtime.block_on(web::self_test(&settings, running)));
    }
    if works && store.is_some() { ExitCode::SUCCESS } else { EXIT_FAILURE.into() }
}

/// How the state directory is, if it can be used. Nothing is made there: who checks may be another user
/// than who runs the bridge.
fn check_store(settings: &Settings) -> Option<Look> {
    let directory = settings.state_dir.display();
    let found = store::look(&settings.state_dir);
    match &found {
        Ok(Look::Free | Look::Missing) => println!("{directory}: can be written"),
        Ok(Look::InUse) => println!("{directory}: in use by a bridge that is running"),
        Err(error) => println!("{error}"),
    }
    found.ok()
}

/// Tells whether what is served to people without an account can be reached. Says whether it can, or
/// nothing is to be served.
fn report_web(settings: &Settings, found: Option<SelfTestResult>) -> bool {
    let (Some(web), Some(found)) = (&settings.web, found) else { return true };
    let public = &web.public_url;
    match &found {
        SelfTestResult::Reachable => println!("{public}: leads to the bridge, at {}", web.listen),
        SelfTestResult::CannotServe(why) => println!("{why}"),
        SelfTestResult::Unreachable(why) => println!("web.public_url: {public}: {why}"),
    }
    found == SelfTestResult::Reachable
}

/// Tells what was found, server by server and link by link. Says whether all of it works.
fn print_report(settings: &Settings, report: &ProbeReport) -> bool {
    let networks = settings.networks.iter();
    let peers = networks.map(|it| (Peer::Irc(it.network.clone()), Some(it.nick.as_str())));
    let mut works = true;
    for (peer, wished) in peers.chain([(Peer::LetsChat, None)]) {
        for visit in report.servers.iter().filter(|visit| visit.peer == peer) {
            let place = visit.server.as_ref().map(|server| format!(" at {server}"));
            let (well, words) = describe_login(visit, wished);
            println!("{peer}{}: {words}", place.unwrap_or_default());
            works &= well;
        }
    }
    if report.direct_messages == Some(false) {
        works = false;
        println!(
            "{}: private messages are turned off there (private.enable): direct_messages does \
             nothing",
            Peer::LetsChat
        );
    }
    for (at, link) in settings.links.iter().enumerate() {
        let troubles: Vec<String> = [&link.channel, &link.room]
            .iter()
            .filter_map(|end| endpoint_problem(report, end))
            .collect();
        let verdict = if troubles.is_empty() { "works".to_owned() } else { troubles.join("; ") };
        println!("link[{at}] {} and {}: {verdict}", link.channel, link.room);
        works &= troubles.is_empty();
    }
    works
}

/// How a server received us, who wished to be called so; and whether that is well.
fn describe_login(visit: &ServerReport, wished: Option<&str>) -> (bool, String) {
    let name = match &visit.login {
        Some(Ok(name)) => name,
        Some(Err(why)) => return (false, why.clone()),
        None => return (false, "no answer in time".to_owned()),
    };
    let nick = match wished.filter(|wished| wished != name) {
        Some(wished) => format!("let in as {name}, for {wished} is taken"),
        None => format!("let in as {name}"),
    };
    match &visit.account {
        Some(Ok(account)) => (true, format!("{nick}, and logged in to the account {account}")),
        Some(Err(why)) => (false, format!("{nick}, but not logged in to an account: {why}")),
        None => (true, nick),
    }
}

/// What is wrong with one end of a link, and what would mend it.
fn endpoint_problem(report: &ProbeReport, end: &Endpoint) -> Option<String> {
    let why = report.endpoint_result(end).err()?;
    // Let's Chat's refusals are our own words, which say what to do; a network's are its server's.
    match end {
        Endpoint::Channel { .. } if report.endpoints.contains_key(end) => {
            Some(format!("the network says {why:?}: {}", join_remedy(&why)))
        }
        _ => Some(why),
    }
}

/// What helps where a network does not let the bridge into a channel. Servers word it as they like,
/// but say mostly which of the channel's modes is to blame.
fn join_remedy(why: &str) -> &'static str {
    const REMEDIES: &[(&[&str], &str)] = &[
        (
            &["no voice", "has neither"],
            "have an operator of the channel give the bridge voice: MODE +v, or by ChanServ",
        ),
        (&["+k", "key"], "give its link the channel's key, by `key_file` or `key`"),
        (
            &["+b", "banned"],
            "have an operator of the channel lift the ban (-b) or exempt the bridge (+e)",
        ),
        (&["+i", "invite"], "have an operator of the channel exempt the bridge (+I)"),
        (&["+l", "full"], "have an operator of the channel raise its limit (+l)"),
        (&["+z", "tls", "ssl", "secure"], "set `tls = true` for the network"),
    ];
    let why = why.to_lowercase();
    let known = REMEDIES.iter().find(|(words, _)| words.iter().any(|word| why.contains(word)));
    known.map_or("ask an operator of the channel to let the bridge in", |(_, remedy)| remedy)
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
        check("it is moderated (+m), and the bridge has no voice", "voice: MODE +v");
        check("You need to be identified with services", "ask an operator");
    }
}
