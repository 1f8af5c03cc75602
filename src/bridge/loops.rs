//! Two who set each other off through the bridge are parted, and everybody there is told.

use std::sync::Arc;

use jiff::SignedDuration;

use super::breaker::{Judgement, Over};
use super::{Bridge, Turn};
use crate::domain::{Message, PlaceId};
use crate::store::StoreError;

/// What is older than this is caught up with: it answers nothing that was just said.
const JUST_NOW: SignedDuration = SignedDuration::from_secs(60);

impl Bridge {
    /// Whether `message` may cross to its `mirrors`. Where it may not, it is counted, and said.
    pub(super) fn may_cross(
        &mut self,
        message: &Message,
        mirrors: &Arc<[PlaceId]>,
        turn: &mut Turn<'_>,
    ) -> Result<bool, StoreError> {
        let fresh = turn.now.duration_since(message.said_at) < JUST_NOW;
        if !self.policy.break_loops || message.author.is_bridge() || !fresh {
            return Ok(true);
        }
        let place = message.said_in;
        let conversation = mirrors.iter().copied().fold(place, PlaceId::min);
        let judgement = self.breaker.judge(conversation, message, turn.now);
        if judgement == Judgement::Mirror {
            return Ok(true);
        }
        self.count(place, |traffic| traffic.held_back += 1);
        if let Judgement::Part { other: (name, other), pause } = judgement {
            let (one, pause) = (&message.author.name, in_words(pause));
            let (here, there) = (self.spelled(place), self.spelled(other));
            tracing::warn!(one, %here, other = %name, %there, pause, "two set each other off: parted");
            let words = format!(
                "{one} ({here}) and {name} ({there}) set each other off: for {pause} what they say \
                 is not mirrored"
            );
            let everywhere: Vec<PlaceId> = mirrors.iter().copied().chain([place]).collect();
            self.say(place, &everywhere, words, turn)?;
        }
        Ok(false)
    }

    /// Tells of the pauses that are over how much was not mirrored.
    pub(super) fn tell_pauses(&mut self, turn: &mut Turn<'_>) -> Result<(), StoreError> {
        for Over { places: (one, other), held_back } in self.breaker.over(turn.now) {
            let messages =
                if held_back == 1 { "1 message" } else { &format!("{held_back} messages") };
            tracing::info!(held_back, "two who set each other off are mirrored again");
            let words = format!("mirroring them again: {messages} were left out meanwhile");
            self.say(one, &[one, other], words, turn)?;
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
