//! What becomes of whoever has lost a connection, and of the others.

use std::time::Duration;

use tokio::time::Instant;

use super::Pool;
use super::conversation::Over;
use crate::bridge::{Happening, PuppetEnd};
use crate::domain::LetsChatUserId;
use crate::protocol::irc::{DisconnectKind, DisconnectReason};
use crate::service::connection::in_words;
use crate::service::door::Door;
use crate::service::engine::Item;
use crate::service::patience::{Outcome, Patience};

/// How long whoever was lost waits the first time.
const WAIT: Duration = Duration::from_secs(15);

/// How long nobody is given a connection after one that did not last, the first time.
const TROUBLE: Duration = Duration::from_secs(5);

/// A connection that ends sooner than this has not lasted.
const BRIEF: Duration = Duration::from_secs(20);

/// What is remembered of who had one.
pub(super) struct Past {
    patience: Patience,
    /// When they may have another.
    pub(super) again_at: Instant,
    /// The way to go on with, where the server turned them away.
    pub(super) door: Option<Door>,
}

impl Pool {
    pub(super) async fn ended(&mut self, over: Over) {
        let Over { account, door, let_in, away, elsewhere, why } = over;
        let Some(live) = self.live.remove(&account) else { return };
        let (now, lasted) = (Instant::now(), live.began.elapsed());
        let end = match &away {
            _ if live.leaving => PuppetEnd::Left,
            Some(_) => PuppetEnd::TurnedAway,
            None => PuppetEnd::Lost,
        };
        let wait = match end {
            PuppetEnd::Left => Duration::ZERO,
            PuppetEnd::Lost | PuppetEnd::TurnedAway => {
                let past = self.past.entry(account.clone()).or_insert_with(Past::new);
                past.door = away.is_some().then_some(door);
                past.patience.after(Outcome {
                    let_in,
                    lasted,
                    away: away.as_ref().map(Into::into),
                    elsewhere,
                })
            }
        };
        if let Some(past) = self.past.get_mut(&account) {
            past.again_at = now + wait;
        }
        self.tell(&account, end, (&why, away.as_ref()), wait);
        if end != PuppetEnd::Left {
            let away = away.as_ref().filter(|away| concerns_all(away)).map(Into::into);
            self.pause(now, Outcome { let_in, lasted, away, elsewhere });
        }
        let lost = Happening::PuppetLost(self.network.network.clone(), account, end);
        // Nobody hears it when the engine is gone.
        let _ = self.inbox.send(Item::Happened(lost)).await;
    }

    /// Lets nobody have a connection for a while after one that did not last, or where the server has
    /// something against all of us.
    fn pause(&mut self, now: Instant, outcome: Outcome) {
        if outcome.lasted >= BRIEF && outcome.away.is_none() {
            self.trouble = trouble();
            return;
        }
        let wait = self.trouble.after(outcome);
        self.free_at = self.free_at.max(now + wait);
    }

    fn tell(
        &self,
        account: &LetsChatUserId,
        end: PuppetEnd,
        (why, away): (&str, Option<&DisconnectReason>),
        wait: Duration,
    ) {
        let network = &self.network.network;
        match end {
            PuppetEnd::Left => tracing::info!(%network, %account, "a puppet has left"),
            PuppetEnd::Lost => {
                let not_before = in_words(wait);
                tracing::info!(%network, %account, why, not_before, "a puppet is lost");
            }
            PuppetEnd::TurnedAway => {
                let (not_before, remedy) = (in_words(wait), away.and_then(DisconnectReason::help));
                tracing::warn!(
                    %network,
                    %account,
                    why,
                    remedy,
                    not_before,
                    "a puppet is turned away: the bridge speaks for them"
                );
            }
        }
    }
}

impl Past {
    fn new() -> Self {
        Self { patience: patience(WAIT), again_at: Instant::now(), door: None }
    }
}

/// How long nobody is given a connection after one that did not last.
pub(super) fn trouble() -> Patience {
    patience(TROUBLE)
}

fn patience(first: Duration) -> Patience {
    Patience::from(first, fastrand::u64(..))
}

/// Whether a server that says so has nothing against this one, but against all of us.
fn concerns_all(away: &DisconnectReason) -> bool {
    matches!(
        away.kind,
        DisconnectKind::Throttled | DisconnectKind::TooManyConnections | DisconnectKind::ServerFull
    )
}
