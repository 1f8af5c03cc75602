//! The phases of links: what people were told of them, and what the bridge has done because of them.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::columns::{moderation_from_sql, phase_from_sql, time_from_sql};
use super::mutation::{Mutation, PhaseMutation};
use super::phase_rows::{PhasePlace, PhaseTold, ToldPhase};
use super::{Store, StoreError};
use crate::domain::EndpointId;

impl Store {
    /// What people were last told of the phase of each link, also of those that are no longer configured.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn told_phases(&self) -> Result<Vec<ToldPhase>, StoreError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT channel, room, told_channel, told_room FROM link_phase")?;
        let rows = statement.query_map([], |row| {
            Ok(ToldPhase {
                channel: EndpointId(row.get(0)?),
                room: EndpointId(row.get(1)?),
                at_channel: phase_from_sql(row.get(2)?),
                at_room: phase_from_sql(row.get(3)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records what people were told of the phase of a link.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_told_phase(&mut self, told: ToldPhase) -> Result<(), StoreError> {
        self.apply(Mutation::Phase(PhaseMutation::SetTold(told)))
    }

    /// The link is no longer configured: once it is again, it is a new one.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn forget_told_phase(
        &mut self,
        channel: EndpointId,
        room: EndpointId,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::Phase(PhaseMutation::ForgetLink { channel, room }))
    }

    /// What the bridge has done in each channel and room because of the phases of its links.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn phase_places(&self) -> Result<Vec<PhasePlace>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT endpoint, announced_at, topic_note, topic_shown, topic_removed, moderation
             FROM phase_place",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(PhasePlace {
                endpoint: EndpointId(row.get(0)?),
                announced_at: row.get::<_, Option<i64>>(1)?.map(time_from_sql),
                topic_note: row.get(2)?,
                is_topic_shown: row.get(3)?,
                topic_removed: row.get::<_, Option<i64>>(4)?.map(phase_from_sql),
                moderation: moderation_from_sql(row.get(5)?),
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records what the bridge has done in a channel or room.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_phase_place(&mut self, place: &PhasePlace) -> Result<(), StoreError> {
        self.apply(Mutation::Phase(PhaseMutation::SetPlace(place.clone())))
    }

    /// When somebody with one of these identities was last told in a channel.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn phase_told(
        &self,
        channel: EndpointId,
        identities: &[String],
    ) -> Result<PhaseTold, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT welcomed_at, reminded_at FROM phase_told WHERE channel = ?1 AND identity = ?2",
        )?;
        let mut told = PhaseTold::default();
        for identity in identities {
            let found = statement
                .query_row(params![channel.0, identity], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((welcomed, reminded)) = found else { continue };
            let time = |at: Option<i64>| at.map(time_from_sql);
            told.welcomed_at = told.welcomed_at.max(time(welcomed));
            told.reminded_at = told.reminded_at.max(time(reminded));
        }
        Ok(told)
    }

    /// Records that somebody with these identities was told in a channel. What is `None` stays as it is.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_phase_told(
        &mut self,
        channel: EndpointId,
        identities: Vec<String>,
        told: PhaseTold,
    ) -> Result<(), StoreError> {
        self.apply(Mutation::Phase(PhaseMutation::Tell { channel, identities, told }))
    }

    /// How many identities were told in a channel.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn phase_told_count(&self, channel: EndpointId) -> Result<u64, StoreError> {
        Ok(self
            .connection
            .prepare_cached("SELECT COUNT(*) FROM phase_told WHERE channel = ?1")?
            .query_row([channel.0], |row| row.get::<_, i64>(0))?
            .unsigned_abs())
    }

    /// Forgets who was only reminded, and not since this time. Returns whether there may be somebody.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn prune_phase_told(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let is_any: bool = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM phase_told WHERE welcomed_at IS NULL AND reminded_at < ?1)",
            )?
            .query_row([before.as_millisecond()], |row| row.get(0))?;
        if is_any {
            self.apply(Mutation::Phase(PhaseMutation::PruneTold { before }))
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Endpoint, LinkPhase, Network};
    use crate::store::ChannelModeration;

    fn store() -> (Store, EndpointId, EndpointId) {
        let mut store = Store::in_memory().expect("a store in memory");
        let channel = Endpoint::channel(&Network::new("office"), "#tea");
        let channel = store.endpoint_id(&channel).expect("works");
        let room = store.endpoint_id(&Endpoint::room("tea")).expect("works");
        (store, channel, room)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn what_was_told_of_a_link_is_kept_until_it_is_forgotten() {
        let (mut store, channel, room) = store();
        let (at_channel, at_room) = (LinkPhase::Moving, LinkPhase::Closed);
        let told = ToldPhase { channel, room, at_channel, at_room };
        store.set_told_phase(ToldPhase { at_room: LinkPhase::Together, ..told }).expect("works");
        store.set_told_phase(told).expect("works");
        assert_eq!(store.told_phases().expect("works"), [told]);
        store.forget_told_phase(channel, room).expect("works");
        assert_eq!(store.told_phases().expect("works"), []);
    }

    #[test]
    fn place_is_kept_as_it_was_set() {
        let (mut store, channel, _) = store();
        for moderation in [
            ChannelModeration::None,
            ChannelModeration::Asked,
            ChannelModeration::Set,
            ChannelModeration::LeftToOperators,
        ] {
            let place = PhasePlace {
                announced_at: Some(at(7)),
                topic_note: Some("moved".to_owned()),
                is_topic_shown: true,
                topic_removed: Some(LinkPhase::IrcReadOnly),
                moderation,
                ..PhasePlace::new(channel)
            };
            store.set_phase_place(&place).expect("works");
            assert_eq!(store.phase_places().expect("works"), [place]);
        }
    }

    #[test]
    fn welcome_is_kept_for_ever_and_a_reminder_until_it_is_old() {
        let (mut store, channel, _) = store();
        let ids = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let welcomed = PhaseTold { welcomed_at: Some(at(1)), reminded_at: None };
        let reminded = PhaseTold { welcomed_at: None, reminded_at: Some(at(2)) };
        store.set_phase_told(channel, ids(&["nick ann", "account ann"]), welcomed).expect("works");
        store.set_phase_told(channel, ids(&["nick ann", "nick bob"]), reminded).expect("works");
        let both = PhaseTold { welcomed_at: Some(at(1)), reminded_at: Some(at(2)) };
        let told =
            |store: &Store, names: &[&str]| store.phase_told(channel, &ids(names)).expect("works");
        assert_eq!(told(&store, &["account joe", "nick ann"]), both);
        assert_eq!(told(&store, &["account ann"]), welcomed);
        assert_eq!(told(&store, &["nick bob"]), reminded);
        assert_eq!(store.phase_told_count(channel).expect("works"), 3);
        store.prune_phase_told(at(2)).expect("works");
        assert_eq!(told(&store, &["nick bob"]), reminded);
        store.prune_phase_told(at(3)).expect("works");
        assert_eq!(told(&store, &["nick bob"]), PhaseTold::default());
        assert_eq!(told(&store, &["nick ann"]), both);
    }
}
