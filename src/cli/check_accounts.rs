//! The part of `letsbridge check` about accounts on Let's Chat for people of IRC.

use std::collections::HashSet;

use crate::bridge::Peer;
use crate::config::{LetsChatSenderMode, Settings};
use crate::domain::{AccountAccess, AccountKind, Casemapping, SpeakerAccount};
use crate::net::rest::{RegistrationState, SignInState};
use crate::service::ProbeReport;
use crate::service::account_documents::{AccountProposal, PersonWithAccounts, propose};
use crate::service::account_probe::{AccountsReport, TokenProblem, TokenReport};
use crate::store;

/// Prints what works of the accounts. Returns whether all of it does.
pub(super) fn report_accounts(
    settings: &Settings,
    found: &AccountsReport,
    report: &ProbeReport,
) -> bool {
    // Without a database, nobody has spoken yet.
    let people = store::read_people(&settings.state_dir).unwrap_or_default();
    let mut works = true;
    if let Some(registration) = &found.registration {
        let (is_ok, text) = registration_text(registration, &people);
        println!("letschat.accounts: {text}");
        works &= is_ok;
    }
    if let Some((is_ok, text)) = found.sign_in.as_ref().and_then(sign_in_text) {
        println!("letschat.accounts: {text}");
        works &= is_ok;
    }
    if let Some(Ok(RegistrationState::Open)) = found.registration {
        println!("letschat.accounts: {}", expected_text(settings, report, &people));
    }
    for token in &found.tokens {
        let (is_ok, text) = token_text(token);
        println!("user_map {}: {text}", token.user);
        works &= is_ok;
    }
    works
}

/// Whether the bridge can get accounts, and what to do if not.
fn registration_text(
    found: &Result<RegistrationState, String>,
    people: &[PersonWithAccounts],
) -> (bool, String) {
    let is_written =
        |it: &SpeakerAccount| it.kind == AccountKind::Written && it.access == AccountAccess::Usable;
    let written = people.iter().flat_map(|(_, own)| own).filter(|it| is_written(it)).count();
    match found {
        Ok(RegistrationState::Open) => (true, "Let's Chat registers accounts".to_owned()),
        Ok(RegistrationState::Closed) if written > 0 => {
            (true, format!("Let's Chat registers nobody; {written} accounts were written for it"))
        }
        Ok(RegistrationState::Closed) => {
            let text = "Let's Chat registers nobody, so the bridge's account posts for everybody: \
                        set auth.local.enableRegistration to true in the settings of Let's Chat, or \
                        write the accounts into its database (docs/accounts.md)";
            (false, text.to_owned())
        }
        Err(why) => {
            (false, format!("cannot find out whether Let's Chat registers accounts: {why}"))
        }
    }
}

fn sign_in_text(found: &Result<SignInState, String>) -> Option<(bool, String)> {
    match found {
        Ok(SignInState::Open) => None,
        Ok(SignInState::Missing) => {
            let text = "nobody can sign in there with a password (/account/login answers 404): \
                        check the rules of the reverse proxy in front of Let's Chat";
            Some((false, text.to_owned()))
        }
        Err(why) => Some((false, format!("cannot find out whether accounts can sign in: {why}"))),
    }
}

/// For how many people the bridge would make accounts.
fn expected_text(
    settings: &Settings,
    report: &ProbeReport,
    people: &[PersonWithAccounts],
) -> String {
    let spoken = propose(people, settings);
    let is_new = |it: &&AccountProposal| {
        !people.iter().any(|(person, own)| {
            person.id == it.person && own.iter().any(|own| own.kind == AccountKind::Written)
        })
    };
    let spoken = spoken.proposals.iter().filter(is_new).count() + spoken.left_out;
    let members = unknown_members(settings, report, people);
    let max = settings.letschat.accounts.max;
    format!(
        "{spoken} people have spoken and have no account yet; of {members} more in the channels, \
         those who speak get one (at most {max} in all). Accounts cannot be removed from Let's Chat"
    )
}

/// How many members of the channels whose links use accounts have not spoken yet.
fn unknown_members(
    settings: &Settings,
    report: &ProbeReport,
    people: &[PersonWithAccounts],
) -> usize {
    let uses = settings
        .links
        .iter()
        .filter(|link| link.letschat_sender_mode == LetsChatSenderMode::Accounts);
    let mut unknown = HashSet::new();
    for channel in uses.map(|link| &link.channel) {
        let (Some(network), Some(members)) = (channel.network(), report.members.get(channel))
        else {
            continue;
        };
        let peer = Peer::Irc(network.clone());
        let is_ours = |nick: &str| {
            let mut visits = report.servers.iter().filter(|visit| visit.peer == peer);
            visits.any(|visit| matches!(&visit.login, Some(Ok(ours)) if ours == nick))
        };
        let has_spoken = |nick: &str| {
            people.iter().any(|(person, _)| {
                person.key.network == *network && Casemapping::Rfc1459.same(&person.nick, nick)
            })
        };
        let new = members.iter().filter(|nick| !is_ours(nick) && !has_spoken(nick));
        unknown.extend(new.map(|nick| (network, Casemapping::Rfc1459.fold(nick))));
    }
    unknown.len()
}

fn token_text(token: &TokenReport) -> (bool, String) {
    match &token.result {
        Ok(username) => (true, format!("the token works, for the account {username}")),
        Err(TokenProblem::Refused) => {
            let text = "Let's Chat rejects the token: its owner creates one in the menu \"Auth \
                        Tokens\"; put it into the token file. An account has one token: creating \
                        another revokes it";
            (false, text.to_owned())
        }
        Err(TokenProblem::OfAnother(username)) => (
            false,
            format!(
                "the token belongs to the account {username}: put it where it belongs, or rename the entry"
            ),
        ),
        Err(TokenProblem::NoAnswer(why)) => {
            (false, format!("the token could not be checked: {why}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_have_remedies() {
        let (is_ok, text) = registration_text(&Ok(RegistrationState::Closed), &[]);
        assert!(!is_ok && text.contains("enableRegistration") && text.contains("docs/accounts.md"));
        assert!(registration_text(&Ok(RegistrationState::Open), &[]).0);
        assert!(!registration_text(&Err("refused".to_owned()), &[]).0);
        assert_eq!(sign_in_text(&Ok(SignInState::Open)), None);
        let (is_ok, text) = sign_in_text(&Ok(SignInState::Missing)).expect("says so");
        assert!(!is_ok && text.contains("reverse proxy"), "{text}");
        let token = |result| token_text(&TokenReport { user: "ann".to_owned(), result });
        assert!(token(Ok("ann".to_owned())).0);
        for (problem, remedy) in [
            (TokenProblem::Refused, "Auth Tokens"),
            (TokenProblem::OfAnother("bob".to_owned()), "account bob"),
            (TokenProblem::NoAnswer("refused".to_owned()), "refused"),
        ] {
            let (is_ok, text) = token(Err(problem));
            assert!(!is_ok && text.contains(remedy), "{text}");
        }
    }
}
