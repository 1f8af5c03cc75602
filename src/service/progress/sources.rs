//! Where the figures come from: the links of the configuration, the ledger, and the archive.

use std::collections::HashMap;
use std::path::PathBuf;

use jiff::Timestamp;

use super::bots::BotRules;
use super::figures::{ReportedWeeks, SaidInWeek};
use super::obstacles::KnownHistory;
use super::report::PlaceProgress;
use super::who::WhoIsWho;
use super::{AskingProgram, ProgressError};
use crate::config::{Link, PersonSettings, Settings};
use crate::domain::{Casemapping, Endpoint, LinkFlow, LinkId, LinkName, LinkPhase};
use crate::store;
use crate::store::archive::{
    ArchiveActivity, ArchiveError, ArchivePersonId, ArchiveReader, ArchiveRoom, KnownMark,
};
use crate::store::{ActivityCount, ActivityKey, LedgerActivity};

/// What the configuration says.
#[derive(Debug)]
pub(super) struct ProgressRules {
    state_dir: PathBuf,
    pub(super) links: Vec<LinkRules>,
    user_map: Vec<PersonSettings>,
    pub(super) bots: BotRules,
    /// The ends of all links, and of the canary.
    configured: Vec<String>,
}

/// A link of the configuration.
#[derive(Debug)]
pub(super) struct LinkRules {
    pub(super) id: LinkId,
    channel: Endpoint,
    room: Endpoint,
    pub(super) phase: LinkPhase,
    pub(super) direction: LinkFlow,
}

/// What was said, and by whom.
#[derive(Debug)]
pub(super) struct Sources {
    /// By the folded name of the place.
    ledger: HashMap<String, Vec<(ActivityKey, ActivityCount)>>,
    archive: ArchiveSources,
    pub(super) who: WhoIsWho,
}

/// What was said at both ends of a link.
#[derive(Debug)]
pub(super) struct LinkSources {
    pub(super) irc: Vec<SaidInWeek>,
    pub(super) letschat: Vec<SaidInWeek>,
    pub(super) history: KnownHistory,
}

/// What the archive knows that the ledger does not.
#[derive(Debug, Default)]
struct ArchiveSources {
    /// By the name of the room in the configuration.
    rooms: HashMap<String, ArchivedRoom>,
    marks: Vec<(KnownMark, ArchivePersonId)>,
    /// Why there is nothing.
    missing: Option<KnownHistory>,
}

/// What the archive knows of one room.
#[derive(Debug, Default)]
struct ArchivedRoom {
    said: Vec<ArchiveActivity>,
    /// All names of the room as a place.
    places: Vec<String>,
    has_imported: bool,
}

impl ProgressRules {
    pub(super) fn new(settings: &Settings) -> Self {
        let links = settings.links.iter().filter_map(LinkRules::new).collect();
        let progress = &settings.progress;
        Self {
            state_dir: settings.state_dir.clone(),
            links,
            user_map: settings.people.clone(),
            bots: BotRules::new(&progress.bots, &progress.people),
            configured: settings.endpoints().map(|end| fold(&end.to_string())).collect(),
        }
    }

    /// The links with these names, in the order of the configuration; all of them without names.
    pub(super) fn select(&self, names: &[LinkName]) -> Result<Vec<usize>, ProgressError> {
        let is_known = |name: &&LinkName| self.links.iter().any(|link| name.is_for(&link.id));
        if let Some(name) = names.iter().find(|name| !is_known(name)) {
            let known = self.links.iter().map(|link| link.id.to_string()).collect();
            return Err(ProgressError::UnknownLink { name: name.clone(), known });
        }
        let is_wanted = |at: &usize| {
            names.is_empty() || names.iter().any(|name| name.is_for(&self.links[*at].id))
        };
        Ok((0..self.links.len()).filter(is_wanted).collect())
    }
}

impl LinkRules {
    fn new(link: &Link) -> Option<Self> {
        let (Endpoint::Channel { network, name }, Endpoint::Room(room)) =
            (&link.channel, &link.room)
        else {
            return None;
        };
        let id = LinkId { network: network.clone(), channel: name.clone(), room: room.clone() };
        let (channel, room) = (link.channel.clone(), link.room.clone());
        Some(Self { id, channel, room, phase: link.phase, direction: link.direction })
    }
}

impl Sources {
    /// Reads what was said in these weeks.
    pub(super) fn read(
        rules: &ProgressRules,
        weeks: ReportedWeeks,
        program: AskingProgram,
    ) -> Result<Self, ProgressError> {
        let read = match program {
            AskingProgram::Bridge => store::read_activity_in_same_program,
            AskingProgram::Other => store::read_activity,
        };
        let mut ledger = read(&rules.state_dir, weeks.first, weeks.at)?;
        let archive = match ArchiveSources::read(rules, &ledger, weeks) {
            Ok(archive) => archive,
            Err(ArchiveError::Missing(_)) => ArchiveSources::missing(KnownHistory::NoArchive),
            Err(error) => ArchiveSources::missing(KnownHistory::Unreadable(error.to_string())),
        };
        let archived: Vec<ArchiveActivity> =
            archive.rooms.values().flat_map(|room| room.said.iter().cloned()).collect();
        let who = WhoIsWho::new(&ledger, &archived, &archive.marks, &rules.user_map);
        let mut by_place: HashMap<String, Vec<(ActivityKey, ActivityCount)>> = HashMap::new();
        for (key, count) in ledger.counts.drain() {
            by_place.entry(fold(&key.place)).or_default().push((key, count));
        }
        Ok(Self { ledger: by_place, archive, who })
    }

    /// What was said at both ends of a link.
    pub(super) fn of_link(&mut self, rules: &ProgressRules, at: usize) -> LinkSources {
        let link = &rules.links[at];
        let mut irc = self.in_ledger(&link.channel);
        let mut letschat = self.in_ledger(&link.room);
        let room = self.archive.rooms.get(&*link.id.room);
        let channel = fold(&link.channel.to_string());
        for said in room.iter().flat_map(|room| &room.said) {
            let place = fold(&said.place);
            let side = if place == channel {
                &mut irc
            } else if room.is_some_and(|room| room.places.contains(&place)) {
                &mut letschat
            } else {
                continue;
            };
            let who = (!said.name.is_empty()).then(|| self.who.of_archived(said));
            side.push(SaidInWeek {
                who,
                name: said.name.clone(),
                week: said.week,
                count: said.count,
            });
        }
        let history = match (&self.archive.missing, room) {
            (Some(missing), _) => missing.clone(),
            (None, Some(room)) if room.has_imported => KnownHistory::Imported,
            (None, _) => KnownHistory::None,
        };
        LinkSources { irc, letschat, history }
    }

    fn in_ledger(&mut self, end: &Endpoint) -> Vec<SaidInWeek> {
        let known = self.ledger.get(&fold(&end.to_string())).into_iter().flatten();
        let who = &mut self.who;
        let said = known.map(|(key, count)| {
            let is_named = !key.name.is_empty();
            let author = is_named.then(|| who.of_author(end, &key.name, key.account.as_deref()));
            SaidInWeek { who: author, name: key.name.clone(), week: key.week, count: *count }
        });
        said.collect()
    }

    /// The channels and rooms of which the ledger knows something, and the configuration nothing.
    pub(super) fn no_longer_linked(
        &self,
        rules: &ProgressRules,
        now: Timestamp,
    ) -> Vec<PlaceProgress> {
        let unlinked = self.ledger.iter().filter(|(place, _)| !rules.configured.contains(place));
        let mut places: Vec<PlaceProgress> = unlinked
            .filter_map(|(_, said)| {
                Some(PlaceProgress {
                    place: said.first()?.0.place.clone(),
                    lines: said.iter().map(|(_, count)| count.lines).sum(),
                    last: said.iter().map(|(_, count)| count.last).max()?.min(now),
                })
            })
            .collect();
        places.sort_by(|a, b| a.place.cmp(&b.place));
        places
    }
}

impl ArchiveSources {
    fn missing(why: KnownHistory) -> Self {
        Self { missing: Some(why), ..Self::default() }
    }

    fn read(
        rules: &ProgressRules,
        ledger: &LedgerActivity,
        weeks: ReportedWeeks,
    ) -> Result<Self, ArchiveError> {
        let reader = ArchiveReader::open(&rules.state_dir)?;
        let known = reader.rooms()?;
        let until = begin_of_ledger(ledger);
        let mut rooms: HashMap<String, ArchivedRoom> = HashMap::new();
        for link in &rules.links {
            let name = link.id.room.to_string();
            if rooms.contains_key(&name) {
                continue;
            }
            let place = link.room.to_string();
            let remote_id = ledger.room_ids.get(&place).map(String::as_str);
            let mut room = ArchivedRoom { places: vec![fold(&place)], ..ArchivedRoom::default() };
            for found in known.iter().filter(|found| is_room(found, &name, remote_id)) {
                let other_names = found.remote_id.iter().chain([&found.slug]);
                room.places.extend(other_names.map(|name| fold(&format!("letschat/{name}"))));
                let end = |at: &str| {
                    let at = fold(at);
                    let at = if room.places.contains(&at) { &room.places[0] } else { &at };
                    until.get(at).copied().unwrap_or(Timestamp::MAX)
                };
                room.said.extend(reader.activity(found.id, weeks.first.start(), &end)?);
                room.has_imported |= reader.has_imported(found.id)?;
            }
            rooms.insert(name, room);
        }
        Ok(Self { rooms, marks: reader.known_marks()?, missing: None })
    }
}

/// Whether it is the room with this name in the configuration and, once that is known, this id.
fn is_room(found: &ArchiveRoom, name: &str, remote_id: Option<&str>) -> bool {
    let is_same_id =
        found.remote_id.as_deref().is_some_and(|id| Some(id) == remote_id || id == name);
    let may_be_same = found.remote_id.is_none() || remote_id.is_none();
    is_same_id || (found.slug == name && may_be_same)
}

/// When the ledger begins with each place, folded. What is older is counted from the archive.
fn begin_of_ledger(ledger: &LedgerActivity) -> HashMap<String, Timestamp> {
    let mut begin: HashMap<String, Timestamp> = HashMap::new();
    for (key, count) in &ledger.counts {
        let first = begin.entry(fold(&key.place)).or_insert(count.first);
        *first = count.first.min(*first);
    }
    begin.extend(ledger.older.iter().map(|place| (fold(place), Timestamp::MIN)));
    begin
}

fn fold(place: &str) -> String {
    Casemapping::default().fold(place)
}
