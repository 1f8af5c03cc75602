//! Pure functions between each network's manners and the [`domain`](crate::domain).
//!
//! Everything here is a value in and a value out, so everything here is tested by tables.

mod action;
mod addresses;
mod clean;
mod comings;
mod company;
mod direct;
mod emotes;
mod imitation;
mod irc;
mod late;
mod letschat;
mod links;
mod manners;
mod mentions;
mod mirc;
mod names;
mod nick;
mod paste;
mod people;
mod pictures;
mod places;
mod questions;
mod rules;
mod template;
mod urls;
mod user_name;
mod who;

pub use clean::{Topic, Words, is_blank, plain};
pub use comings::{Coming, Comings, Show, Topics, What};
pub use company::{Company, Nobody};
pub use direct::{Addressed, in_private};
pub use imitation::could_be_mirrored;
pub use irc::{AGAIN, in_person, to_irc};
pub use late::behind_time;
pub use letschat::{comes_apart, goes_on, passes_through, to_letschat};
pub use links::{Link, Links, safe_name};
pub use manners::{ChannelManners, Emotes, Join, Long, Manners, Names, RoomManners};
pub use mirc::{Formatting, strip};
pub use names::{called, nameless, quiet};
pub use nick::nicks;
pub use people::People;
pub use questions::Question;
pub use rules::{Ignore, Rewrite, Rules, Side, Unwrap};
pub use template::{NotATemplate, Template};
pub use urls::web_pages;
pub use user_name::user_name;
pub use who::{Who, Whom};

#[cfg(test)]
mod tests;
