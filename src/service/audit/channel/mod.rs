//! Audits channels, on servers that provide history
//! (<https://ircv3.net/specs/extensions/chathistory>).

mod compare;
mod findings;
mod match_line;
mod pages;
mod reader;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::MAX_CLOCK_SKEW;
use crate::bridge::{DuplicateCounter, fingerprint};
use crate::config::Settings;
use crate::domain::{Endpoint, EndpointId, Network};
use crate::protocol::irc;
use crate::protocol::irc::IncomingMessage;
use crate::service::sts::StsStore;
use crate::store::{Snapshot, StoreError};

pub use findings::{
    ChannelAudit, ChannelFindings, DuplicateLine, LineFindings, LineMsgid, MissingLine,
    OutOfOrderLine, RecordedOutOfOrderLine, UnrecordedLine,
};

use compare::{AuditLine, ChannelComparison, LineOwner};
use pages::ChannelPages;
use reader::AuditReader;

/// How many deliveries are loaded from the ledger at once.
const MAX_DELIVERIES_PER_QUERY: u32 = 500;

/// The first pass over a channel, before suspects are checked again; or why it failed.
pub(super) struct ChannelScan {
    channel: Endpoint,
    result: Result<ScannedChannel, String>,
}

/// A channel that has been read to its end.
struct ScannedChannel {
    endpoint: EndpointId,
    network: Network,
    since: Timestamp,
    kept_since: Option<Timestamp>,
    comparison: ChannelComparison,
    skipped: u64,
}

/// Compares `channels` with the ledger, as far back as `since` and the ledger go.
///
/// # Errors
/// When the store cannot be read or written.
pub(super) async fn scan_channels(
    settings: &Settings,
    channels: &[Endpoint],
    since: Option<Timestamp>,
) -> Result<Vec<ChannelScan>, StoreError> {
    let mut looked = Vec::new();
    for network in &settings.networks {
        let is_on = |endpoint: &&Endpoint| endpoint.network() == Some(&network.network);
        let channels: Vec<Endpoint> = channels.iter().filter(is_on).cloned().collect();
        if channels.is_empty() {
            continue;
        }
        let mut network = network.clone();
        let named = |name: &str| Endpoint::channel(&network.network, name);
        let wanted = network.channels.iter().filter(|it| channels.contains(&named(&it.name)));
        network.channels = wanted.cloned().collect();
        let name = network.network.clone();
        let sts = Arc::new(StsStore::open_read_only(&settings.state_dir));
        let mut reader = AuditReader::start(network, &channels, sts);
        let joined = reader.wait_joined().await;
        let snapshot = Snapshot::open(&settings.state_dir)?;
        for (endpoint, channel) in (0..).map(EndpointId).zip(channels) {
            let read = match &joined {
                Ok(()) => {
                    let mut look = ChannelScanner { settings, snapshot: &snapshot, network: &name };
                    look.scan_channel(&mut reader, (endpoint, &channel), since).await?
                }
                Err(reason) => Err(reason.clone()),
            };
            looked.push(ChannelScan { channel, result: read });
        }
        drop(snapshot);
        reader.leave().await;
    }
    Ok(looked)
}

/// Scans the channels of a network.
struct ChannelScanner<'a> {
    settings: &'a Settings,
    snapshot: &'a Snapshot,
    network: &'a Network,
}

impl ChannelScanner<'_> {
    /// Compares one channel with the ledger. The inner error says why that was not possible.
    async fn scan_channel(
        &mut self,
        reader: &mut AuditReader,
        (endpoint, channel): (EndpointId, &Endpoint),
        since: Option<Timestamp>,
    ) -> Result<Result<ScannedChannel, String>, StoreError> {
        let ahead = match reader.clock_offset(endpoint) {
            Ok(ahead) => ahead,
            Err(reason) => return Ok(Err(reason)),
        };
        let ledger = self.snapshot.endpoint_id(channel, None)?;
        let sight =
            ledger.map(|ledger| self.snapshot.channel_progress(ledger)).transpose()?.flatten();
        let (Some(ledger), Some(sight)) = (ledger, sight) else {
            return Ok(Err("not in the ledger: the bridge has never joined it".to_owned()));
        };
        let since = self.compare_since(sight.first_joined - ahead, since)?;
        let from = since - MAX_CLOCK_SKEW;
        // Without lookup by time, start after a known line.
        let known = self.snapshot.first_received_id(ledger, from)?;
        let kept = match history_since(reader, endpoint, known.clone()).await {
            Ok(kept) => kept,
            Err(reason) => return Ok(Err(reason)),
        };
        let totals = self.snapshot.totals(ledger, None, since)?;
        if kept.is_none() && totals.delivered > 0 {
            return Ok(Err("the server returned no history for it".to_owned()));
        }
        let mut comparison = ChannelComparison::new(since, ahead, sight.cursor.time);
        let pages = ChannelPages::new(from + ahead, known);
        let read =
            self.read_pages(reader, (endpoint, ledger), pages, from, &mut comparison).await?;
        if let Err(reason) = read {
            return Ok(Err(reason));
        }
        let kept = kept.filter(|kept| *kept > from + ahead);
        comparison.finish_lines(kept);
        Ok(Ok(ScannedChannel {
            endpoint: ledger,
            network: self.network.clone(),
            since,
            kept_since: kept.map(|kept| kept - ahead).filter(|kept| *kept > since + MAX_CLOCK_SKEW),
            comparison,
            skipped: self.snapshot.skipped(ledger, since)?,
        }))
    }

    /// Since when, by our clock, the ledger is expected to be complete: not before it was pruned or the
    /// bridge joined.
    fn compare_since(
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

    /// Reads all of `pages`, and the deliveries started after `from`.
    async fn read_pages(
        &self,
        reader: &mut AuditReader,
        (endpoint, ledger): (EndpointId, EndpointId),
        mut pages: ChannelPages,
        from: Timestamp,
        comparison: &mut ChannelComparison,
    ) -> Result<Result<(), String>, StoreError> {
        let mut twins = DuplicateCounter::default();
        let mut more = true;
        while let Some((since, behind)) = pages.next_request() {
            let (lines, page) = match reader.fetch_page(endpoint, since, behind).await {
                Ok(page) => page,
                Err(reason) => return Ok(Err(reason)),
            };
            for (time, message) in pages.add_page(lines, page) {
                while more && comparison.needs_more_deliveries(time) {
                    more = load_expected(self.snapshot, ledger, from, comparison)?;
                }
                let line = audit_line(&mut twins, time, message);
                let owner = line_owner(self.snapshot, self.network, ledger, &line)?;
                comparison.add_line(line, owner);
            }
        }
        while load_expected(self.snapshot, ledger, from, comparison)? {}
        Ok(Ok(()))
    }
}

/// The time of the oldest line in the server's history; `None` if there is none.
async fn history_since(
    reader: &mut AuditReader,
    endpoint: EndpointId,
    known: Option<String>,
) -> Result<Option<Timestamp>, String> {
    let (_, page) = reader.fetch_page(endpoint, Timestamp::UNIX_EPOCH, (known, false)).await?;
    Ok(page.span.map(|(oldest, _)| oldest))
}

/// Adds more expected deliveries that were started after `from`. Returns whether there were any.
fn load_expected(
    snapshot: &Snapshot,
    ledger: EndpointId,
    from: Timestamp,
    comparison: &mut ChannelComparison,
) -> Result<bool, StoreError> {
    // Allow for clock differences and for deliveries started long before.
    let deliveries = snapshot.sent_deliveries(
        ledger,
        comparison.last_expected(),
        from - MAX_CLOCK_SKEW,
        MAX_DELIVERIES_PER_QUERY,
    )?;
    let any = !deliveries.is_empty();
    deliveries.into_iter().for_each(|delivery| comparison.expect_delivery(delivery));
    Ok(any)
}

fn audit_line(
    twins: &mut DuplicateCounter,
    time: Timestamp,
    message: IncomingMessage,
) -> AuditLine {
    let trace = fingerprint(&message, time);
    let trace = (trace, twins.next_ordinal(time, trace));
    let IncomingMessage { author, kind, text, message_ref, .. } = message;
    AuditLine {
        msgid: message_ref.msgid,
        time,
        nick: author.name,
        kind,
        text: irc::strip_formatting(&text),
        fingerprint: trace,
    }
}

/// The author of `line`, according to the ledger.
fn line_owner(
    snapshot: &Snapshot,
    network: &Network,
    ledger: EndpointId,
    line: &AuditLine,
) -> Result<LineOwner, StoreError> {
    if let Some(id) = &line.msgid {
        if let Some(number) = snapshot.receive_order(ledger, id)? {
            return Ok(LineOwner::Recorded(Some(number)));
        }
        if let Some(delivery) = snapshot.delivery_by_remote_id(ledger, id)? {
            return Ok(LineOwner::Own(Some(delivery)));
        }
    }
    if snapshot.owned_nick(network, &line.nick, line.time)? {
        return Ok(LineOwner::Own(None));
    }
    let (fingerprint, number) = line.fingerprint;
    let known = number <= snapshot.count_fingerprints(ledger, fingerprint, line.msgid.is_some())?;
    Ok(if known { LineOwner::Recorded(None) } else { LineOwner::Unrecorded })
}

impl ChannelScan {
    /// Whether the ledger must be consulted again, a moment later.
    pub(super) fn has_suspects(&self) -> bool {
        self.result.as_ref().is_ok_and(|read| read.comparison.has_suspects())
    }

    /// The findings.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn finish(self, settings: &Settings) -> Result<ChannelAudit, StoreError> {
        let Self { channel, result: read } = self;
        let found = match read {
            Ok(read) => Ok(read.finish(settings)?),
            Err(reason) => Err(reason),
        };
        Ok(ChannelAudit { channel, result: found })
    }
}

impl ScannedChannel {
    /// Consults the ledger again about suspects.
    fn finish(self, settings: &Settings) -> Result<ChannelFindings, StoreError> {
        let Self {
            endpoint: ledger,
            network,
            since,
            kept_since,
            mut comparison,
            skipped: left_out,
        } = self;
        let snapshot = Snapshot::open(&settings.state_dir)?;
        let cursor = snapshot.channel_progress(ledger)?.map_or(since, |sight| sight.cursor.time);
        while load_expected(&snapshot, ledger, since, &mut comparison)? {}
        let mut broken = Ok(());
        let lines = comparison.finish(cursor, |line| {
            line_owner(&snapshot, &network, ledger, line).unwrap_or_else(|error| {
                broken = Err(error);
                LineOwner::Unrecorded
            })
        });
        broken?;
        Ok(ChannelFindings { since, kept_since, skipped: left_out, lines })
    }
}
