//! Handles the end of puppet sessions, and when they may reconnect.

use std::time::Duration;

use tokio::time::Instant;

use super::PuppetPool;
use super::session::SessionEnd;
use crate::bridge::{Event, PuppetEnd};
use crate::domain::LetsChatUserId;
use crate::protocol::irc::{DisconnectKind, DisconnectReason};
use crate::service::connector::Connector;
use crate::service::messages::EngineInput;
use crate::service::reconnect::{ConnectionOutcome, ReconnectDelay};
use crate::service::supervisor::format_delay;

/// First delay before a puppet reconnects.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(15);

/// First pause for the whole pool after a session that failed early.
const FIRST_PAUSE_DELAY: Duration = Duration::from_secs(5);

/// A shorter session counts as failed early.
const MIN_LIFETIME: Duration = Duration::from_secs(20);

/// When and how a puppet may reconnect.
pub(super) struct RetryState {
    delay: ReconnectDelay,
    /// Not before this time.
    pub(super) retry_at: Instant,
    /// The connector to continue with, after a rejection.
    pub(super) connector: Option<Connector>,
}

impl PuppetPool {
    pub(super) async fn on_session_end(&mut self, over: SessionEnd) {
        let SessionEnd {
            user: account,
            connector,
            login_succeeded,
            rejection,
            try_other_server,
            reason,
        } = over;
        let Some(live) = self.connections.remove(&account) else { return };
        let now = Instant::now();
        let lasted = live.started_at.elapsed();
        let end = match &rejection {
            _ if live.quitting => PuppetEnd::NotNeeded,
            Some(_) => PuppetEnd::Rejected,
            None => PuppetEnd::ConnectionLost,
        };
        let wait = match end {
            PuppetEnd::NotNeeded => Duration::ZERO,
            PuppetEnd::ConnectionLost | PuppetEnd::Rejected => {
                let past = self.retries.entry(account.clone()).or_insert_with(RetryState::new);
                past.connector = rejection.is_some().then_some(connector);
                past.delay.next_delay(ConnectionOutcome {
                    login_succeeded,
                    lasted,
                    rejection: rejection.as_ref().map(Into::into),
                    try_other_server,
                })
            }
        };
        if let Some(past) = self.retries.get_mut(&account) {
            past.retry_at = now + wait;
        }
        self.log_end(&account, end, (&reason, rejection.as_ref()), wait);
        if end != PuppetEnd::NotNeeded {
            let rejection =
                rejection.as_ref().filter(|rejection| affects_all(rejection)).map(Into::into);
            self.pause_connecting(
                now,
                ConnectionOutcome { login_succeeded, lasted, rejection, try_other_server },
            );
        }
        let lost = Event::PuppetDisconnected(self.network.network.clone(), account, end);
        // Fails only when the engine is gone.
        let _ = self.inbox.send(EngineInput::Event(lost)).await;
    }

    /// Pauses the whole pool after a session that failed early, or if the rejection concerns all of our
    /// connections.
    fn pause_connecting(&mut self, now: Instant, outcome: ConnectionOutcome) {
        if outcome.lasted >= MIN_LIFETIME && outcome.rejection.is_none() {
            self.pause_delay = pool_pause_delay();
            return;
        }
        let wait = self.pause_delay.next_delay(outcome);
        self.next_connect_at = self.next_connect_at.max(now + wait);
    }

    fn log_end(
        &self,
        account: &LetsChatUserId,
        end: PuppetEnd,
        (reason, rejection): (&str, Option<&DisconnectReason>),
        wait: Duration,
    ) {
        let network = &self.network.network;
        match end {
            PuppetEnd::NotNeeded => {
                tracing::info!(%network, user = %account, "puppet disconnected");
            }
            PuppetEnd::ConnectionLost => {
                let not_before = format_delay(wait);
                tracing::info!(%network, user = %account, reason = reason, retry_in = not_before, "puppet connection lost");
            }
            PuppetEnd::Rejected => {
                let (not_before, remedy) =
                    (format_delay(wait), rejection.and_then(DisconnectReason::help));
                tracing::warn!(
                    %network,
                    user = %account,
                    reason = reason,
                    help = remedy,
                    retry_in = not_before,
                    "puppet rejected; sending as bot"
                );
            }
        }
    }
}

impl RetryState {
    fn new() -> Self {
        Self {
            delay: reconnect_delay(FIRST_RETRY_DELAY),
            retry_at: Instant::now(),
            connector: None,
        }
    }
}

/// The pauses of a pool.
pub(super) fn pool_pause_delay() -> ReconnectDelay {
    reconnect_delay(FIRST_PAUSE_DELAY)
}

fn reconnect_delay(first: Duration) -> ReconnectDelay {
    ReconnectDelay::with_first_delay(first, fastrand::u64(..))
}

/// Whether such a rejection concerns all of our connections.
fn affects_all(rejection: &DisconnectReason) -> bool {
    matches!(
        rejection.kind,
        DisconnectKind::Throttled | DisconnectKind::TooManyConnections | DisconnectKind::ServerFull
    )
}
