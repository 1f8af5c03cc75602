//! Accounts for people of IRC as documents for the database of Let's Chat, for servers that register nobody.
//!
//! The administrator restores the documents with `mongorestore`. Each account has a token and no password, so that
//! nobody but the bridge can use it. Id and token of a person are always the same: writing and restoring the documents
//! again changes nothing.

mod choice;
mod document;
mod id;

use std::path::Path;

use jiff::Timestamp;

use crate::config::Settings;
use crate::domain::{AccountAccess, AccountKind, AccountSecrets, LetsChatUserId, SpeakerAccount};
use crate::store;
use crate::store::{Store, StoreError};

pub use choice::{
    AccountProposal, AccountProposals, AccountWish, PersonWithAccounts, WishError, propose, resolve,
};
pub use document::DocumentError;

/// Why no documents were written.
#[derive(Debug, thiserror::Error)]
pub enum WriteAccountsError {
    /// The store cannot be used, or a running bridge uses it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The documents cannot be made.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// The list is not one of people in the store.
    #[error(transparent)]
    Wish(#[from] WishError),
}

/// Documents for the collection `users`.
#[derive(Debug)]
pub struct AccountDocuments {
    /// The documents in BSON, one after the other.
    pub bson: Vec<u8>,
    /// The accounts in them.
    pub accounts: AccountProposals,
}

/// Makes the documents of the accounts in `wishes`, or else of everybody who needs one, and keeps in the store of
/// `settings` what gives access to them. The bridge must not be running.
///
/// # Errors
/// Any [`WriteAccountsError`]. Nothing is kept then.
pub fn write_accounts(
    settings: &Settings,
    wishes: Option<&[AccountWish]>,
    now: Timestamp,
) -> Result<AccountDocuments, WriteAccountsError> {
    let directory = &settings.state_dir;
    let mut store = open_existing(directory)?;
    let key = store::load_or_create_account_key(directory)?;
    store.set_account_key(&key);
    let people = store::read_people(directory)?;
    let accounts = match wishes {
        Some(wishes) => resolve(&people, wishes, settings)?,
        None => propose(&people, settings),
    };
    let mut bson = Vec::new();
    for proposal in &accounts.proposals {
        let made = document::account_document(proposal, &key, now)?;
        bson.extend_from_slice(&made.bson);
        let account = SpeakerAccount {
            person: proposal.person,
            // The directory's person may take over an account with a uid at any time.
            kind: match proposal.uid {
                Some(_) => AccountKind::TakenOver,
                None => AccountKind::Written,
            },
            user: Some(LetsChatUserId(proposal.id.to_string().into())),
            username: proposal.username.clone(),
            display_name: proposal.nick.clone(),
            access: AccountAccess::Usable,
        };
        if account.kind == AccountKind::TakenOver {
            // A plan of the bridge, or a document without a uid.
            store.remove_account(proposal.person, AccountKind::Made)?;
        }
        let secrets = AccountSecrets { token: Some(made.token), ..AccountSecrets::default() };
        store.put_account(&account, &secrets, now)?;
    }
    store.commit()?;
    Ok(AccountDocuments { bson, accounts })
}

/// Opens the store; makes none, since nobody has spoken then.
fn open_existing(directory: &Path) -> Result<Store, StoreError> {
    // Says which file is missing.
    store::read_people(directory)?;
    Store::open(directory)
}

#[cfg(test)]
mod tests;
