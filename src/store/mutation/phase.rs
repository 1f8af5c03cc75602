//! Changes to the tables about the phases of links, and about what was not mirrored because of them.

use jiff::Timestamp;
use rusqlite::{Result, params};

use super::Transaction;
use crate::domain::{EndpointId, LinkPhase};
use crate::store::columns::{moderation_to_sql, phase_to_sql};
use crate::store::phase_rows::{PhasePlace, PhaseTold, ToldPhase, UnheardLink, UnheardRange};

/// A change of what is known about phases.
#[derive(Debug)]
pub(in crate::store) enum PhaseMutation {
    /// People were told of the phase of a link.
    SetTold(ToldPhase),
    /// The link is no longer configured.
    ForgetLink { channel: EndpointId, room: EndpointId },
    /// What the bridge has done in a channel or room.
    SetPlace(PhasePlace),
    /// Somebody was told in a channel, under each of these identities.
    Tell { channel: EndpointId, identities: Vec<String>, told: PhaseTold },
    /// Forgets who was only reminded, before this time.
    PruneTold { before: Timestamp },
}

/// A change of what was not mirrored.
#[derive(Debug)]
pub(in crate::store) enum UnheardMutation {
    /// It was not mirrored over this link.
    Add { link: UnheardLink, message: i64 },
    /// It is delivered, or will not be.
    Remove { link: UnheardLink, message: i64 },
    /// An administrator wants what was said in this time.
    Ask { link: UnheardLink, range: UnheardRange },
    /// Nobody wants it for now.
    Unask { link: UnheardLink },
    /// Only the messages from this one on are kept.
    Trim { link: UnheardLink, first: i64 },
}

impl PhaseMutation {
    pub(super) fn execute(&self, db: Transaction<'_>) -> Result<()> {
        match self {
            Self::SetTold(told) => db.execute(
                "INSERT OR REPLACE INTO link_phase (channel, room, told_channel, told_room)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    told.channel.0,
                    told.room.0,
                    phase_to_sql(told.at_channel),
                    phase_to_sql(told.at_room)
                ],
            ),
            Self::ForgetLink { channel, room } => db.execute(
                "DELETE FROM link_phase WHERE channel = ?1 AND room = ?2",
                params![channel.0, room.0],
            ),
            Self::SetPlace(place) => db.execute(
                "INSERT OR REPLACE INTO phase_place
                     (endpoint, announced_at, topic_note, topic_shown, topic_removed, moderation)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    place.endpoint.0,
                    place.announced_at.map(Timestamp::as_millisecond),
                    place.topic_note,
                    place.is_topic_shown,
                    place.topic_removed.map(|phase: LinkPhase| phase_to_sql(phase)),
                    moderation_to_sql(place.moderation),
                ],
            ),
            Self::Tell { channel, identities, told } => {
                let times = [told.welcomed_at, told.reminded_at];
                let [welcomed, reminded] = times.map(|at| at.map(Timestamp::as_millisecond));
                identities.iter().try_for_each(|identity| {
                    db.execute(
                        "INSERT INTO phase_told (channel, identity, welcomed_at, reminded_at)
                         VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET
                             welcomed_at = COALESCE(welcomed_at, excluded.welcomed_at),
                             reminded_at = COALESCE(excluded.reminded_at, reminded_at)",
                        params![channel.0, identity, welcomed, reminded],
                    )
                })
            }
            Self::PruneTold { before } => {
                let before = before.as_millisecond();
                db.execute(
                    "DELETE FROM phase_told WHERE welcomed_at IS NULL AND reminded_at < ?1",
                    params![before],
                )
            }
        }
    }
}

impl UnheardMutation {
    pub(super) fn execute(&self, db: Transaction<'_>) -> Result<()> {
        match self {
            Self::Add { link: UnheardLink { channel, room, to_irc }, message } => db.execute(
                "INSERT OR IGNORE INTO unheard (channel, room, to_irc, message)
                 VALUES (?1, ?2, ?3, ?4)",
                params![channel.0, room.0, to_irc, message],
            ),
            Self::Remove { link: UnheardLink { channel, room, to_irc }, message } => db.execute(
                "DELETE FROM unheard
                 WHERE channel = ?1 AND room = ?2 AND to_irc = ?3 AND message = ?4",
                params![channel.0, room.0, to_irc, message],
            ),
            Self::Ask { link: UnheardLink { channel, room, to_irc }, range } => db.execute(
                "UPDATE unheard SET asked = 1
                 WHERE channel = ?1 AND room = ?2 AND to_irc = ?3 AND message IN (
                     SELECT u.message FROM unheard u JOIN message m ON m.id = u.message
                     WHERE u.channel = ?1 AND u.room = ?2 AND u.to_irc = ?3
                         AND m.sent_at >= ?4 AND m.sent_at < ?5)",
                params![
                    channel.0,
                    room.0,
                    to_irc,
                    range.from.as_millisecond(),
                    range.to.as_millisecond()
                ],
            ),
            Self::Unask { link: UnheardLink { channel, room, to_irc } } => db.execute(
                "UPDATE unheard SET asked = 0 WHERE channel = ?1 AND room = ?2 AND to_irc = ?3",
                params![channel.0, room.0, to_irc],
            ),
            Self::Trim { link: UnheardLink { channel, room, to_irc }, first } => db.execute(
                "DELETE FROM unheard
                 WHERE channel = ?1 AND room = ?2 AND to_irc = ?3 AND message < ?4",
                params![channel.0, room.0, to_irc, first],
            ),
        }
    }
}
