//! The ids of written accounts, which follow from their people.

use sha2::{Digest, Sha256};

use crate::domain::{Identity, ObjectId, PersonKey};

/// What the digests of this file begin with, so that they are like no other digests.
const PURPOSE: &str = "letsbridge: id of an account on Let's Chat";

/// The ids for the account of a person, always the same. The first is meant; the others are for when somebody else has
/// it, who was known by that name before.
pub(super) fn account_ids(person: &PersonKey) -> impl Iterator<Item = ObjectId> {
    let (kind, name) = match &person.identity {
        Identity::Account(name) => ("account", name),
        Identity::Nick(name) => ("nick", name),
    };
    // No name contains a NUL.
    let text = [PURPOSE, person.network.as_str(), kind, name].join("\0");
    (0..100_u32).map(move |number| {
        let digest = Sha256::digest(format!("{text}\0{number}").as_bytes());
        let mut id = [0; 12];
        id.copy_from_slice(&digest[..12]);
        ObjectId(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Network;

    #[test]
    fn each_person_has_other_ids_always_the_same() {
        let person =
            |network: &str, identity| PersonKey { network: Network::new(network), identity };
        let first = |person: &PersonKey| account_ids(person).next().expect("never empty");
        let ann = || "ann".to_owned();
        let people = [
            person("office", Identity::Account(ann())),
            person("office", Identity::Nick(ann())),
            person("home", Identity::Nick(ann())),
        ];
        let ids: Vec<ObjectId> = people.iter().map(first).collect();
        assert_eq!(ids, people.iter().map(first).collect::<Vec<_>>());
        assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
        assert_eq!(account_ids(&people[0]).nth(1), account_ids(&people[0]).nth(1));
        assert_ne!(account_ids(&people[0]).nth(1), Some(ids[0]));
    }
}
