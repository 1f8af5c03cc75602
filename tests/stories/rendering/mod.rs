//! Rendering that depends on more than the text.

mod merged_lines;
mod rules;
mod user_map;

use letsbridge::translate::LinkFormat;

use crate::harness::World;
use crate::{IRC_IN, LETSCHAT_IN};

/// A world with this format, one channel and one room, both joined; ann is in the channel.
#[track_caller]
fn joined_with(manners: LinkFormat) -> World {
    let mut world = World::new(&["office/#tea tea"]).with_format(manners);
    world.tell(LETSCHAT_IN);
    world.tell(IRC_IN);
    world
}
