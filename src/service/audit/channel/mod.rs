//! A channel beside the ledger, where its server keeps what was said and tells
//! (<https://ircv3.net/specs/extensions/chathistory>).

mod compare;
mod findings;
mod pages;
mod reader;
mod recognise;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::CLOCKS;
use crate::bridge::{Twins, trace};
use crate::config::Settings;
use crate::domain::{Endpoint, EndpointId, Network};
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::service::sts::StsBook;
use crate::store::{Snapshot, StoreError};

pub use findings::{
    ChannelAudit, Findings, LineId, Lines, Lost, Misheard, Misplaced, Twin, Unheard,
};

use compare::{Comparison, Line, Whose};
use pages::Pages;
use reader::Reader;

/// How many deliveries are taken from the ledger at once.
const AT_ONCE: u32 = 500;

/// A channel that was compared, but for what may have become of it since; or why it could not be.
pub(super) struct Looked {
    channel: Endpoint,
    read: Result<Read, String>,
}

/// A channel that was read to its end.
struct Read {
    ledger: EndpointId,
    network: Network,
    since: Timestamp,
    kept_since: Option<Timestamp>,
    comparison: Comparison,
    left_out: u64,
}

/// Compares `channels` with the ledger, as far back as `since` and the ledger's memory go.
///
/// # Errors
/// When the store does not do its part.
pub(super) async fn look_at(
    settings: &Settings,
    channels: &[Endpoint],
    since: Option<Timestamp>,
) -> Result<Vec<Looked>, StoreError> {
    let mut looked = Vec::new();
    for network in &settings.networks {
        let is_on = |place: &&Endpoint| place.network() == Some(&network.network);
        let channels: Vec<Endpoint> = channels.iter().filter(is_on).cloned().collect();
        if channels.is_empty() {
            continue;
        }
        let mut network = network.clone();
        let named = |name: &str| Endpoint::channel(&network.network, name);
        let wanted = network.channels.iter().filter(|it| channels.contains(&named(&it.name)));
        network.channels = wanted.cloned().collect();
        let name = network.network.clone();
        let sts = Arc::new(StsBook::read(&settings.state_dir));
        let mut reader = Reader::begin(network, &channels, sts);
        let joined = reader.joined().await;
        let snapshot = Snapshot::open(&settings.state_dir)?;
        for (seat, channel) in (0..).map(EndpointId).zip(channels) {
            let read = match &joined {
                Ok(()) => {
                    let mut look = Look { settings, snapshot: &snapshot, network: &name };
                    look.look(&mut reader, (seat, &channel), since).await?
                }
                Err(why) => Err(why.clone()),
            };
            looked.push(Looked { channel, read });
        }
        drop(snapshot);
        reader.leave().await;
    }
    Ok(looked)
}

/// One look at a network's channels.
struct Look<'a> {
    settings: &'a Settings,
    snapshot: &'a Snapshot,
    network: &'a Network,
}

impl Look<'_> {
    /// Compares one channel with the ledger. The inner error says why it could not be done.
    async fn look(
        &mut self,
        reader: &mut Reader,
        (seat, channel): (EndpointId, &Endpoint),
        since: Option<Timestamp>,
    ) -> Result<Result<Read, String>, StoreError> {
        let ahead = match reader.seat(seat) {
            Ok(ahead) => ahead,
            Err(why) => return Ok(Err(why)),
        };
        let ledger = self.snapshot.endpoint_id(channel, None)?;
        let sight =
            ledger.map(|ledger| self.snapshot.channel_progress(ledger)).transpose()?.flatten();
        let (Some(ledger), Some(sight)) = (ledger, sight) else {
            return Ok(Err(
                "the bridge has never been there: the ledger does not know it".to_owned()
            ));
        };
        let since = self.beginning(sight.first_joined - ahead, since)?;
        let from = since - CLOCKS;
        // A server that finds no line by its time is asked for what follows one that we know.
        let known = self.snapshot.first_received_id(ledger, from)?;
        let kept = match kept_since(reader, seat, known.clone()).await {
            Ok(kept) => kept,
            Err(why) => return Ok(Err(why)),
        };
        let told = self.snapshot.totals(ledger, None, since)?;
        if kept.is_none() && told.delivered > 0 {
            return Ok(Err("the server shows nothing of what was said there before".to_owned()));
        }
        let mut comparison = Comparison::new(since, ahead, sight.cursor.time);
        let pages = Pages::from(from + ahead, known);
        let read = self.read(reader, (seat, ledger), pages, from, &mut comparison).await?;
        if let Err(why) = read {
            return Ok(Err(why));
        }
        let kept = kept.filter(|kept| *kept > from + ahead);
        comparison.close(kept);
        Ok(Ok(Read {
            ledger,
            network: self.network.clone(),
            since,
            kept_since: kept.map(|kept| kept - ahead).filter(|kept| *kept > since + CLOCKS),
            comparison,
            left_out: self.snapshot.skipped(ledger, since)?,
        }))
    }

    /// From when on, by our clock, the ledger can be expected to know everything: what it has
    /// forgotten, and what was said before the bridge came, is nobody's loss.
    fn beginning(
        &self,
        first: Timestamp,
        since: Option<Timestamp>,
    ) -> Result<Timestamp, StoreError> {
        let memory =
            self.settings.store.retention.and_then(|keep| SignedDuration::try_from(keep).ok());
        let memory = memory.and_then(|memory| Timestamp::now().checked_sub(memory).ok());
        let bounds = [memory, since, self.snapshot.complete_since()?];
        Ok(bounds.into_iter().flatten().fold(first, Timestamp::max))
    }

    /// Takes in all of `pages`, and the deliveries that were begun after `from`.
    async fn read(
        &self,
        reader: &mut Reader,
        (seat, ledger): (EndpointId, EndpointId),
        mut pages: Pages,
        from: Timestamp,
        comparison: &mut Comparison,
    ) -> Result<Result<(), String>, StoreError> {
        let mut twins = Twins::default();
        let mut more = true;
        while let Some((since, behind)) = pages.next() {
            let (lines, told) = match reader.page(seat, since, behind).await {
                Ok(page) => page,
                Err(why) => return Ok(Err(why)),
            };
            for (time, talk) in pages.turn(lines, told) {
                while more && comparison.wants(time) {
                    more = expect_more(self.snapshot, ledger, from, comparison)?;
                }
                let line = line(&mut twins, time, talk);
                let whose = whose(self.snapshot, self.network, ledger, &line)?;
                comparison.take(line, whose);
            }
        }
        while expect_more(self.snapshot, ledger, from, comparison)? {}
        Ok(Ok(()))
    }
}

/// When the first line was said that the server keeps; `None` if it keeps none.
async fn kept_since(
    reader: &mut Reader,
    seat: EndpointId,
    known: Option<String>,
) -> Result<Option<Timestamp>, String> {
    let (_, told) = reader.page(seat, Timestamp::UNIX_EPOCH, (known, false)).await?;
    Ok(told.span.map(|(oldest, _)| oldest))
}

/// Lets the comparison expect some more of the deliveries that were begun after `from`. Says whether
/// there were any.
fn expect_more(
    snapshot: &Snapshot,
    ledger: EndpointId,
    from: Timestamp,
    comparison: &mut Comparison,
) -> Result<bool, StoreError> {
    // What was begun by another clock before it was said, or for long, is expected too.
    let spoken = snapshot.sent_deliveries(ledger, comparison.last(), from - CLOCKS, AT_ONCE)?;
    let any = !spoken.is_empty();
    spoken.into_iter().for_each(|spoken| comparison.expect(spoken));
    Ok(any)
}

fn line(twins: &mut Twins, time: Timestamp, talk: IncomingMessage) -> Line {
    let trace = trace(&talk, time);
    let trace = (trace, twins.number(time, trace));
    let IncomingMessage { author, kind, text, message_ref: mark, .. } = talk;
    Line {
        id: mark.msgid,
        time,
        nick: author.name,
        kind,
        text: irc::strip_formatting(&text),
        trace,
    }
}

/// Whose `line` is, as far as the ledger tells.
fn whose(
    snapshot: &Snapshot,
    network: &Network,
    ledger: EndpointId,
    line: &Line,
) -> Result<Whose, StoreError> {
    if let Some(id) = &line.id {
        if let Some(number) = snapshot.receive_order(ledger, id)? {
            return Ok(Whose::Heard(Some(number)));
        }
        if let Some(ticket) = snapshot.delivery_by_remote_id(ledger, id)? {
            return Ok(Whose::Ours(Some(ticket)));
        }
    }
    if snapshot.owned_nick(network, &line.nick, line.time)? {
        return Ok(Whose::Ours(None));
    }
    let (trace, number) = line.trace;
    let known = number <= snapshot.count_fingerprints(ledger, trace, line.id.is_some())?;
    Ok(if known { Whose::Heard(None) } else { Whose::Unheard })
}

impl Looked {
    /// Whether the ledger must be asked again, a moment later.
    pub(super) fn is_suspicious(&self) -> bool {
        self.read.as_ref().is_ok_and(|read| read.comparison.is_suspicious())
    }

    /// What was found.
    ///
    /// # Errors
    /// When the store does not do its part.
    pub(super) fn conclude(self, settings: &Settings) -> Result<ChannelAudit, StoreError> {
        let Self { channel, read } = self;
        let found = match read {
            Ok(read) => Ok(read.conclude(settings)?),
            Err(why) => Err(why),
        };
        Ok(ChannelAudit { channel, found })
    }
}

impl Read {
    /// Looks at the ledger once more, as it is now, for what it did not know.
    fn conclude(self, settings: &Settings) -> Result<Findings, StoreError> {
        let Self { ledger, network, since, kept_since, mut comparison, left_out } = self;
        let snapshot = Snapshot::open(&settings.state_dir)?;
        let cursor = snapshot.channel_progress(ledger)?.map_or(since, |sight| sight.cursor.time);
        while expect_more(&snapshot, ledger, since, &mut comparison)? {}
        let mut broken = Ok(());
        let lines = comparison.conclude(cursor, |line| {
            whose(&snapshot, &network, ledger, line).unwrap_or_else(|error| {
                broken = Err(error);
                Whose::Unheard
            })
        });
        broken?;
        Ok(Findings { since, kept_since, left_out, lines })
    }
}
