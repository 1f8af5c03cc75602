//! Whom accounts are written for, and what is kept of them.

use std::collections::HashSet;
use std::fs;

use bson::Document;
use tempfile::TempDir;

use super::*;
use crate::config;
use crate::domain::{Identity, Network, PersonId, PersonKey};

/// A configuration with these settings of the accounts, and a folder for its state.
fn settings(accounts: &str) -> (TempDir, Settings) {
    let folder = tempfile::tempdir().expect("a directory");
    let toml = format!(
        "state_dir = \"state\"\n[irc.office]\nservers = [\"localhost\"]\n[letschat]\n\
         url = \"https://chat.example.org\"\nsender_mode = \"accounts\"\n\
         token = \"NTZiOWQyYzdhMWIyYzNkNGU1ZjYwNzE4OjAwMTEyMjMzNDQ1NTY2Nzc4ODk5YWFiYmNjZGRlZWZm\
         MDAxMTIyMzM0NDU1NjY3Nw==\"\n[letschat.accounts]\n{accounts}\n\
         [user_map]\neve = {{ nick = \"eve\", email = \"eve@example.org\" }}\n\
         [[link]]\nchannel = \"office/#dev\"\nroom = \"dev\"\n"
    );
    let path = folder.path().join("bridge.toml");
    fs::write(&path, toml).expect("can be written");
    let (settings, _) = config::load(&path, std::iter::empty()).expect("is valid");
    (folder, settings)
}

fn speak(store: &mut Store, identity: Identity, nick: &str, lines: u64) -> PersonId {
    let key = PersonKey { network: Network::new("office"), identity };
    let id = store.insert_person(&key, nick, Timestamp::UNIX_EPOCH).expect("works");
    store.set_person_spoke(id, nick, lines, Timestamp::UNIX_EPOCH).expect("works");
    id
}

/// Ann with a services account, bob and eve without, and dave, who has an account.
fn fill(settings: &Settings) {
    let mut store = Store::open(&settings.state_dir).expect("opens");
    speak(&mut store, Identity::Account("ann".into()), "Ann", 1);
    speak(&mut store, Identity::Nick("bob".into()), "bob", 5);
    speak(&mut store, Identity::Nick("eve".into()), "eve", 1);
    let dave = speak(&mut store, Identity::Nick("dave".into()), "dave", 5);
    let account = SpeakerAccount {
        person: dave,
        kind: AccountKind::Linked,
        user: Some(LetsChatUserId("6b0ce5fe0006383f06160b49".into())),
        username: "bob.irc".to_owned(),
        display_name: "Dave".to_owned(),
        access: AccountAccess::Usable,
    };
    let now = Timestamp::UNIX_EPOCH;
    store.put_account(&account, &AccountSecrets::default(), now).expect("works");
    store.commit().expect("works");
}

fn lines(accounts: &AccountProposals) -> Vec<String> {
    accounts.proposals.iter().map(ToString::to_string).collect()
}

fn proposed(accounts: &str) -> (Vec<String>, usize) {
    let (_folder, settings) = settings(accounts);
    fill(&settings);
    let people = store::read_people(&settings.state_dir).expect("reads");
    let found = propose(&people, &settings);
    (lines(&found), found.left_out)
}

#[test]
fn people_without_an_account_are_proposed() {
    let ann = "office/Ann ann.irc - ann.irc@irc.invalid".to_owned();
    // Dave has the first name.
    let bob = "office/bob bob2.irc - bob2.irc@irc.invalid".to_owned();
    let eve = "office/eve eve.irc - eve@example.org".to_owned();
    let all = vec![ann.clone(), bob.clone(), eve];
    assert_eq!(proposed(""), (all, 0));
    assert_eq!(proposed("accounts_for = \"registered\""), (vec![ann.clone()], 0));
    assert_eq!(proposed("after_lines = 2"), (vec![bob], 0));
    assert_eq!(proposed("max = 1"), (vec![ann], 2));
}

fn wish(line: &str) -> AccountWish {
    line.parse().expect("is a line")
}

#[test]
fn list_decides_who_is_called_what() {
    let (_folder, settings) = settings("");
    fill(&settings);
    let people = store::read_people(&settings.state_dir).expect("reads");
    let resolve = |wished: &[&str]| {
        let wishes: Vec<AccountWish> = wished.iter().map(|line| wish(line)).collect();
        resolve(&people, &wishes, &settings)
    };
    let found = resolve(&["ANN ann.team ann a@x.org", "office/bob", "dave"]).expect("works");
    let wanted = ["office/Ann ann.team ann a@x.org", "office/bob bob2.irc - bob2.irc@irc.invalid"];
    assert_eq!(lines(&found), wanted);
    assert_eq!(found.have_one, ["dave"]);
    for (wished, reason) in [
        (&["nobody"][..], "nobody has last spoken"),
        (&["home/ann"], "nobody has last spoken"),
        (&["ann", "Ann"], "listed twice"),
        (&["ann bob.irc"], "is taken"),
        (&["bob bob2 uid"], "log in to services"),
        (&["ann x1 - a@x.org", "bob x2 - A@x.org"], "is taken"),
    ] {
        let error = resolve(wished).expect_err("must not pass");
        assert!(error.reason.contains(reason), "{error}");
    }
    // What is printed can be read.
    let all = propose(&people, &settings);
    let wishes: Vec<AccountWish> = lines(&all).iter().map(|line| wish(line)).collect();
    assert_eq!(super::resolve(&people, &wishes, &settings), Ok(all));
}

/// The ids, and the accounts in the store with their tokens.
fn written(
    settings: &Settings,
    wishes: Option<&[AccountWish]>,
) -> (Vec<String>, Vec<(SpeakerAccount, AccountSecrets)>) {
    let made = write_accounts(settings, wishes, Timestamp::UNIX_EPOCH).expect("works");
    let (mut rest, mut ids) = (&made.bson[..], Vec::new());
    while !rest.is_empty() {
        let document = Document::from_reader(&mut rest).expect("is BSON");
        ids.push(document.get_object_id("_id").expect("is there").to_hex());
    }
    let mut store = Store::open(&settings.state_dir).expect("opens");
    let key = store::load_or_create_account_key(&settings.state_dir).expect("is there");
    store.set_account_key(&key);
    (ids, store.speaker_accounts().expect("reads"))
}

#[test]
fn writing_again_gives_the_same_accounts_and_tokens() {
    let (_folder, settings) = settings("");
    fill(&settings);
    let (ids, accounts) = written(&settings, None);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 3);
    let written_ones = accounts.iter().filter(|(it, _)| it.kind == AccountKind::Written);
    for ((account, secrets), id) in written_ones.zip(&ids) {
        assert_eq!(account.access, AccountAccess::Usable);
        assert_eq!(account.user.as_ref().map(|user| &*user.0), Some(&**id));
        assert!(secrets.token.is_some() && secrets.password.is_none());
    }
    // Started too early, the bridge was refused.
    let mut store = Store::open(&settings.state_dir).expect("opens");
    let lost = SpeakerAccount { access: AccountAccess::Lost, ..accounts[0].0.clone() };
    let none = AccountSecrets::default();
    store.put_account(&lost, &none, Timestamp::UNIX_EPOCH).expect("works");
    speak(&mut store, Identity::Nick("zoe".into()), "zoe", 1);
    store.commit().expect("works");
    drop(store);
    let (again, accounts_again) = written(&settings, None);
    assert_eq!(again[..3], ids);
    assert_eq!(again.len(), 4, "zoe, too");
    assert_eq!(accounts_again[..4], accounts);
}

#[test]
fn account_with_a_uid_counts_as_its_persons_own() {
    let (_folder, settings) = settings("");
    fill(&settings);
    let wishes = [wish("ann ann.team ann")];
    let (ids, accounts) = written(&settings, Some(&wishes));
    assert_eq!((ids.len(), accounts.len()), (1, 2));
    assert_eq!(accounts[0].0.kind, AccountKind::TakenOver);
    assert_eq!(written(&settings, Some(&wishes)), (ids, accounts), "again");
    let people = store::read_people(&settings.state_dir).expect("reads");
    assert!(!lines(&propose(&people, &settings)).iter().any(|line| line.contains("Ann")));
}

#[test]
fn nothing_is_written_beside_a_running_bridge_or_without_a_store() {
    let (_folder, settings) = settings("");
    let now = Timestamp::UNIX_EPOCH;
    assert!(write_accounts(&settings, None, now).is_err());
    assert!(!settings.state_dir.exists());
    fill(&settings);
    let _bridge = Store::open(&settings.state_dir).expect("opens");
    let error = write_accounts(&settings, None, now).expect_err("must not work");
    assert!(matches!(error, WriteAccountsError::Store(StoreError::InUse(_))), "{error}");
}
