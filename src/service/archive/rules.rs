//! What of the ledger belongs into the archive: what people say in linked channels and rooms, and no rule keeps back.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Settings;
use crate::domain::{Endpoint, Message};
use crate::protocol::letschat::LetsChatUser;
use crate::store::archive::ArchiveRules;
use crate::translate::{BotCommand, LinkFormat, is_blank};

/// The bridge's own account on Let's Chat, once it is known. Clones share it.
#[derive(Debug, Clone, Default)]
pub(in crate::service) struct OwnAccount(Arc<Mutex<Option<LetsChatUser>>>);

impl OwnAccount {
    /// The bridge has logged in as this.
    pub(in crate::service) fn set(&self, account: &LetsChatUser) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(account.clone());
    }

    fn get(&self) -> Option<LetsChatUser> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The rooms that show what is said in a channel or room, each with the formats of the links between.
type Reach = Vec<(Endpoint, Vec<Arc<LinkFormat>>)>;

/// The rules of a configuration.
#[derive(Debug)]
pub(super) struct LinkedRules {
    reach: HashMap<Endpoint, Reach>,
    /// The formats of the links of each channel and room.
    links: HashMap<Endpoint, Vec<Arc<LinkFormat>>>,
    own: OwnAccount,
}

impl LinkedRules {
    pub(super) fn new(settings: &Settings, own: OwnAccount) -> Self {
        let mut links: HashMap<&Endpoint, Vec<(&Endpoint, &Arc<LinkFormat>)>> = HashMap::new();
        for (link, format) in settings.links.iter().zip(&settings.link_formats) {
            links.entry(&link.channel).or_default().push((&link.room, format));
            links.entry(&link.room).or_default().push((&link.channel, format));
        }
        let reach = links.keys().map(|start| ((*start).clone(), reach_of(start, &links)));
        let reach = reach.collect();
        let formats = links.into_iter().map(|(endpoint, links)| {
            let formats = links.into_iter().map(|(_, format)| Arc::clone(format));
            (endpoint.clone(), formats.collect())
        });
        Self { reach, links: formats.collect(), own }
    }

    /// Whether the message is meant for the bridge, or is the bridge's own.
    fn is_of_the_bridge(&self, source: &Endpoint, message: &Message) -> bool {
        if matches!(source, Endpoint::Channel { .. }) {
            return BotCommand::parse_in_channel(&message.body).is_some();
        }
        let Some(own) = self.own.get() else { return false };
        let names = [Some(&own.username), own.display_name.as_ref()];
        message.author.account.as_ref() == Some(&own.id)
            || BotCommand::parse_in_room(&message.body, names.into_iter().flatten()).is_some()
    }
}

/// Where a path has come to, from where, and the formats of its links.
type LinkPath<'p> = (&'p Endpoint, Option<&'p Endpoint>, Vec<Arc<LinkFormat>>);

/// All rooms that can be reached from `start`. Links form no circles.
fn reach_of(
    start: &Endpoint,
    links: &HashMap<&Endpoint, Vec<(&Endpoint, &Arc<LinkFormat>)>>,
) -> Reach {
    let mut reach = Vec::new();
    if matches!(start, Endpoint::Room(_)) {
        reach.push((start.clone(), Vec::new()));
    }
    let mut ahead: Vec<LinkPath<'_>> = vec![(start, None, Vec::new())];
    while let Some((at, before, path)) = ahead.pop() {
        for (next, format) in links.get(at).into_iter().flatten() {
            if Some(*next) == before {
                continue;
            }
            let mut longer = path.clone();
            longer.push(Arc::clone(format));
            if matches!(next, Endpoint::Room(_)) {
                reach.push(((*next).clone(), longer.clone()));
            }
            ahead.push((next, Some(at), longer));
        }
    }
    reach
}

impl ArchiveRules for LinkedRules {
    fn rooms_of(&self, source: &Endpoint, message: &Message) -> Vec<Endpoint> {
        let Some(reach) = self.reach.get(source) else { return Vec::new() };
        if is_blank(&message.body) || self.is_of_the_bridge(source, message) {
            return Vec::new();
        }
        let is_ignored = |path: &[Arc<LinkFormat>]| {
            path.iter().any(|format| format.rules.ignores(message, source))
        };
        let own = self.links.get(source);
        // What a rule keeps from going anywhere is not archived for its own room either.
        if own.is_some_and(|formats| {
            formats.iter().all(|format| format.rules.ignores(message, source))
        }) {
            return Vec::new();
        }
        let shown = reach.iter().filter(|(_, path)| !is_ignored(path));
        shown.map(|(room, _)| room.clone()).collect()
    }
}
