//! Who has a puppet, under which nick, and where it stands.

use jiff::{SignedDuration, Timestamp};

use super::{Choice, Faded, Puppet, Puppets, Standing};
use crate::domain::{EndpointId, LetsChatUserId};
use crate::protocol::irc::{LeaveReason, MembershipEvent};

/// How long a nick is still known as that of a puppet which had it.
const FADING: SignedDuration = SignedDuration::from_secs(60);

impl Puppets {
    /// None yet; people see of them who is away, if they are to.
    pub(in crate::bridge) fn new(shows_away: bool) -> Self {
        Self { shows_away, ..Self::default() }
    }

    /// Who is to speak at `place` for `account`.
    pub(in crate::bridge) fn choose(
        &mut self,
        account: &LetsChatUserId,
        place: EndpointId,
    ) -> Choice {
        let Puppet { places, gone, .. } = self.people.entry(account.clone()).or_default();
        match places.get(&place) {
            // In the other half of a network that broke in two, or killed: we shall hear of it.
            Some(Standing::In) if gone.contains(&place) => Choice::Bridge,
            Some(Standing::In) => Choice::Puppet,
            Some(Standing::PutOut) => Choice::Nobody,
            Some(Standing::Called) => Choice::Bridge,
            None => {
                places.insert(place, Standing::Called);
                Choice::Call
            }
        }
    }

    /// Whose puppet has the nick, or had it a moment ago.
    pub(in crate::bridge) fn owner(&self, nick: &str, now: Timestamp) -> Option<&LetsChatUserId> {
        self.find(nick, now, |_| true)
    }

    /// Whose puppet is heard under the nick at `place`: not one that the bridge has seen leave it.
    pub(super) fn speaker(
        &self,
        nick: &str,
        place: EndpointId,
        now: Timestamp,
    ) -> Option<&LetsChatUserId> {
        self.find(nick, now, |puppet| !puppet.gone.contains(&place))
    }

    fn find(
        &self,
        nick: &str,
        now: Timestamp,
        is: impl Fn(&Puppet) -> bool,
    ) -> Option<&LetsChatUserId> {
        let living = self.people.iter().find(|(_, puppet)| puppet.has(nick) && is(puppet));
        let faded = || self.fading.iter().find(|it| it.nick == nick && it.until > now);
        living.map(|(account, _)| account).or_else(|| faded().map(|it| &it.account))
    }

    /// Whether somebody's puppet goes by `nick`.
    pub(in crate::bridge) fn has(&self, nick: &str) -> bool {
        self.people.values().any(|puppet| puppet.has(nick))
    }

    /// Whose puppets have a nick.
    pub(in crate::bridge) fn named(&self) -> impl Iterator<Item = &LetsChatUserId> {
        self.people.iter().filter(|(_, it)| !it.nicks.is_empty()).map(|(account, _)| account)
    }

    /// The server has let it in.
    pub(super) fn begin(&mut self, account: &LetsChatUserId, nick: &str, now: Timestamp) {
        self.rename(account, nick, now);
        let puppet = self.people.entry(account.clone()).or_default();
        (puppet.away, puppet.perhaps_away) = (false, Some(now));
    }

    /// Its connection says that it goes by `nick` from now on.
    pub(super) fn rename(&mut self, account: &LetsChatUserId, nick: &str, now: Timestamp) {
        let puppet = self.people.entry(account.clone()).or_default();
        // The bridge has been told already, and hears no more under the one before.
        let known = puppet.has(nick);
        let before = std::mem::replace(&mut puppet.nicks, vec![nick.to_owned()]);
        if !known {
            self.fade(account, before, now);
        }
    }

    pub(super) fn fade(&mut self, account: &LetsChatUserId, nicks: Vec<String>, now: Timestamp) {
        self.fading.retain(|it| it.until > now);
        let faded = |nick| Faded { nick, account: account.clone(), until: now + FADING };
        self.fading.extend(nicks.into_iter().map(faded));
    }

    pub(super) fn stand(
        &mut self,
        account: &LetsChatUserId,
        place: EndpointId,
        standing: Standing,
    ) {
        let puppet = self.people.entry(account.clone()).or_default();
        puppet.places.insert(place, standing);
        if standing == Standing::In {
            puppet.gone.remove(&place);
        }
    }

    /// What the bridge sees of people may be of puppets.
    pub(in crate::bridge) fn look(&mut self, presence: &MembershipEvent) {
        match presence {
            MembershipEvent::Joined { endpoint: place, user: who, .. } => {
                for puppet in self.people.values_mut().filter(|puppet| puppet.has(&who.nick)) {
                    puppet.gone.remove(place);
                }
            }
            MembershipEvent::Names { endpoint: place, members, .. } => {
                let gone = self.people.values_mut().filter(|puppet| puppet.gone.contains(place));
                for puppet in gone {
                    if members.iter().any(|member| puppet.has(&member.user.nick)) {
                        puppet.gone.remove(place);
                    }
                }
            }
            MembershipEvent::UserChanged { before, now, .. } if before.nick != now.nick => {
                self.fading.retain(|it| it.nick != before.nick);
                let renamed = self.people.values_mut().find(|puppet| puppet.has(&before.nick));
                if let Some(puppet) = renamed.filter(|puppet| !puppet.has(&now.nick)) {
                    // Its own connection tells so too; a line of it may reach us before.
                    puppet.nicks.insert(0, now.nick.clone());
                }
            }
            _ => {}
        }
    }

    /// The bridge has seen `nick` leave `places`.
    pub(super) fn seen_off(&mut self, nick: &str, places: &[EndpointId], how: &LeaveReason) {
        if let Some(puppet) = self.people.values_mut().find(|puppet| puppet.has(nick)) {
            puppet.gone.extend(places);
        }
        if matches!(how, LeaveReason::Quit { .. } | LeaveReason::Netsplit { .. }) {
            self.fading.retain(|it| it.nick != nick);
        }
    }
}

impl Puppet {
    pub(super) fn has(&self, nick: &str) -> bool {
        self.nicks.iter().any(|it| it == nick)
    }

    /// Whether the bridge has seen it leave every channel in which it can have spoken.
    pub(super) fn is_gone(&self) -> bool {
        let inside = self.places.iter().filter(|(_, standing)| **standing == Standing::In);
        inside.into_iter().all(|(place, _)| self.gone.contains(place))
    }
}
