//! A program that only repeats what it hears through the bridge is silenced, and everybody there is told.

use std::sync::Arc;

use jiff::SignedDuration;

use super::breaker::{Judgement, Over};
use super::{Bridge, Turn};
use crate::domain::{EndpointId, Message};
use crate::store::{MessageId, StoreError};

/// What is older than this is caught up with: it answers nothing that was just said.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(60);

impl Bridge {
    /// Mirrors `message`, which is called `id`, to its `mirrors`, unless it is held back: then that is
    /// counted, and said.
    pub(super) fn cross(
        &mut self,
        id: MessageId,
        message: &Message,
        mirrors: &Arc<[EndpointId]>,
        turn: &mut Turn<'_>,
    ) -> Result<(), StoreError> {
        let fresh = turn.now.duration_since(message.sent_at) < JUST_NOW;
        if !self.policy.break_loops || message.author.is_bridge() || !fresh {
            return self.mirror(id, message, mirrors, turn);
        }
        let place = message.source;
        let conversation = mirrors.iter().copied().fold(place, EndpointId::min);
        let (other, pause) = match self.breaker.judge(conversation, message, turn.now) {
            Judgement::Mirror => return self.mirror(id, message, mirrors, turn),
            Judgement::Release(kept) => {
                tracing::info!(
                    author = message.author.name,
                    "is no program: what was held back is mirrored"
                );
                for (id, kept) in &kept {
                    self.mirror(*id, kept, mirrors, turn)?;
                }
                return self.mirror(id, message, mirrors, turn);
            }
            Judgement::HoldBack => {
                self.hold_back(id, message);
                return Ok(());
            }
            Judgement::Silence { other, pause } => (other, in_words(pause)),
        };
        self.hold_back(id, message);
        let ((name, there), one) = (other, &message.author.name);
        let (here, there) = (self.spelled(place), self.spelled(there));
        tracing::warn!(one, %here, other = %name, %there, pause, "only repeats: silenced");
        let words = format!(
            "{one} ({here}) only repeats, in answer to {name} ({there}): for {pause} what {one} says is \
             not mirrored"
        );
        let everywhere: Vec<EndpointId> = mirrors.iter().copied().chain([place]).collect();
        self.say(place, &everywhere, words, turn)
    }

    fn hold_back(&mut self, id: MessageId, message: &Message) {
        self.breaker.keep(id, message);
        self.count(message.source, |traffic| traffic.held_back += 1);
    }

    /// Tells of the pauses that are over how much was not mirrored.
    pub(super) fn tell_pauses(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        for Over { name, place, held_back } in self.breaker.over(turn.now) {
            let messages = if held_back == 1 {
                "1 message was"
            } else {
                &format!("{held_back} messages were")
            };
            tracing::info!(%name, held_back, "who only repeated is mirrored again");
            let words = format!("mirroring {name} again: {messages} left out meanwhile");
            // In private, whoever was silenced was told each time.
            let Some(spot) = self.spots.get(&place) else { continue };
            let everywhere: Vec<EndpointId> = spot.mirrors.iter().copied().chain([place]).collect();
            self.say(place, &everywhere, words, turn)?;
        }
        Ok(())
    }
}

fn in_words(pause: SignedDuration) -> String {
    match pause.as_secs() {
        seconds @ 0..120 => format!("{seconds} seconds"),
        seconds => format!("{} minutes", seconds / 60),
    }
}
