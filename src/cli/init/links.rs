//! The questions about links, with the channels and rooms that there are.

use super::draft::LinkDraft;
use super::flags::split_link;
use super::letschat::SignedIn;
use super::rooms::{RoomState, VisibleRooms, describe_hidden};
use super::terminal::InitError;
use super::wizard::{Wizard, describe};
use crate::domain::Endpoint;
use crate::net::rest::RestRoom;
use crate::service::ChannelList;

/// How many channels or rooms to show.
const MAX_SHOWN: usize = 20;

impl Wizard<'_> {
    /// Takes the links from the flags, or asks for them.
    pub(super) async fn set_up_links(
        &mut self,
        channels: &ChannelList,
        letschat: &SignedIn,
    ) -> Result<(), InitError> {
        let rooms = VisibleRooms::of(letschat).await;
        let given = std::mem::take(&mut self.arguments.link);
        self.add_given_links(&given, &rooms).await?;
        if !self.draft.links.is_empty() {
            return Ok(());
        }
        let printable = rooms.printable();
        println!("{}", describe_channels(channels));
        println!("{}", describe_rooms(&printable));
        let likely = likely_channel(channels, &printable);
        while self.ask_for_link(likely.as_deref(), &rooms).await? {}
        Ok(())
    }

    /// Takes the links from the flags, if their rooms exist or can be created.
    async fn add_given_links(
        &mut self,
        given: &[String],
        rooms: &VisibleRooms<'_>,
    ) -> Result<(), InitError> {
        let (mut missing, mut problems) = (Vec::new(), Vec::new());
        for link in given {
            let (channel, room) = split_link(link)?;
            self.push_link(channel, room);
            self.settings()?;
            if self.terminal.is_interactive() && !self.arguments.accept_problems {
                self.settle_room(rooms).await?;
                continue;
            }
            let (room, state) = self.look_for_room(rooms).await?;
            match state {
                RoomState::Visible => {}
                RoomState::Missing if self.arguments.create_rooms => self.mark_new_room(),
                RoomState::Missing | RoomState::MissingId => missing.push(room),
                RoomState::Hidden => problems.push(describe_hidden(&room)),
            }
        }
        if !missing.is_empty() {
            problems.insert(0, rooms.describe_missing(&missing));
        }
        if problems.is_empty() {
            return Ok(());
        }
        let problems = format!("letschat: {}", problems.join("; "));
        if self.arguments.accept_problems {
            println!("{problems}");
            return Ok(());
        }
        let create = if missing.is_empty() { "" } else { ", or add --create-rooms" };
        let earlier = self.about_earlier_token();
        Err(InitError::Failed(format!("{problems}. Correct --link{create}{earlier}")))
    }

    /// What a failure before the token says about the one that the account may have.
    pub(super) fn about_earlier_token(&self) -> &'static str {
        match self.draft.token {
            None => ". No token was made: the account's earlier token still works",
            Some(_) => "",
        }
    }

    /// Asks for a link. Returns `false` if there are no more.
    async fn ask_for_link(
        &mut self,
        likely: Option<&str>,
        rooms: &VisibleRooms<'_>,
    ) -> Result<bool, InitError> {
        let is_first = self.draft.links.is_empty();
        let (question, default) = match is_first {
            true => ("Channel to link", likely),
            false => ("Another channel to link, - for no more", Some("-")),
        };
        let channel = self.terminal.ask(question, default).await?;
        if channel == "-" && !is_first {
            return Ok(false);
        }
        let channel = with_prefix(&channel);
        let same = channel.trim_start_matches('#').to_lowercase();
        let room = self.terminal.ask(&format!("Room for {channel}"), Some(&same)).await?;
        self.push_link(&channel, &room);
        if let Err(errors) = self.draft.settings() {
            println!("{}", describe(&errors, false));
            self.draft.links.pop();
            return Ok(true);
        }
        self.settle_room(rooms).await?;
        Ok(true)
    }

    /// Asks whether to create the room of the last link if it does not exist. The link is dropped if that cannot be.
    async fn settle_room(&mut self, rooms: &VisibleRooms<'_>) -> Result<(), InitError> {
        let (room, state) = self.look_for_room(rooms).await?;
        let question = format!("There is no room {room:?}. Create it?");
        match state {
            RoomState::Visible => return Ok(()),
            RoomState::Hidden => println!("letschat: {}", describe_hidden(&room)),
            RoomState::MissingId => println!("letschat: {}", rooms.describe_missing(&[room])),
            RoomState::Missing => {
                if self.arguments.create_rooms || self.terminal.confirm(&question, true).await? {
                    self.mark_new_room();
                    return Ok(());
                }
            }
        }
        self.draft.links.pop();
        Ok(())
    }

    pub(super) fn push_link(&mut self, channel: &str, room: &str) {
        let channel = channel.trim();
        let network = format!("{}/", self.draft.network);
        let channel = with_prefix(channel.strip_prefix(&network).unwrap_or(channel));
        let room = room.trim().to_owned();
        self.draft.links.push(LinkDraft { channel, room, is_new_room: false });
    }

    /// Looks for the room of the last link.
    async fn look_for_room(
        &mut self,
        rooms: &VisibleRooms<'_>,
    ) -> Result<(String, RoomState), InitError> {
        let settings = self.settings()?;
        let Some(Endpoint::Room(room)) = settings.links.last().map(|link| &link.room) else {
            return Ok((String::new(), RoomState::Visible));
        };
        let room = room.to_string();
        if let Some(link) = self.draft.links.last_mut() {
            // In case an address was given.
            link.room.clone_from(&room);
        }
        let state = rooms.look_for(&room).await?;
        Ok((room, state))
    }

    fn mark_new_room(&mut self) {
        if let Some(link) = self.draft.links.last_mut() {
            link.is_new_room = true;
        }
    }
}

/// The name of a channel, with the # that people leave out.
fn with_prefix(channel: &str) -> String {
    let is_whole = channel.starts_with(['#', '&', '+', '!']) || channel.contains('/');
    if is_whole { channel.to_owned() } else { format!("#{channel}") }
}

/// The largest channel that has a room of its name, or else the largest one.
fn likely_channel(channels: &ChannelList, rooms: &[&RestRoom]) -> Option<String> {
    let has_room = |name: &str| rooms.iter().any(|room| name.trim_start_matches('#') == room.slug);
    let names = || channels.channels.iter().map(|(name, _)| name);
    names().find(|name| has_room(name)).or_else(|| names().next()).cloned()
}

fn describe_channels(channels: &ChannelList) -> String {
    if channels.channels.is_empty() {
        return "The server lists no channels; you can link one that is not listed.".to_owned();
    }
    let shown = channels.channels.iter().take(MAX_SHOWN);
    let shown: Vec<String> = shown.map(|(name, users)| format!("{name} ({users})")).collect();
    let more = channels.total.saturating_sub(shown.len());
    format!("Channels, with their number of users: {}{}", shown.join(", "), and_more(more))
}

fn describe_rooms(rooms: &[&RestRoom]) -> String {
    if rooms.is_empty() {
        return "The account sees no rooms; init can create one.".to_owned();
    }
    let shown: Vec<&str> = rooms.iter().take(MAX_SHOWN).map(|room| room.slug.as_str()).collect();
    format!("Rooms: {}{}", shown.join(", "), and_more(rooms.len() - shown.len()))
}

fn and_more(count: usize) -> String {
    if count == 0 { String::new() } else { format!(" and {count} more") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let channels = (0..200).map(|number| (format!("#c{number}"), 7)).collect();
        let list = ChannelList { channels, total: 50_000 };
        let words = describe_channels(&list);
        assert!(words.contains("#c19 (7) and 49980 more"), "{words}");
        let room = RestRoom { slug: "c5".to_owned(), name: "five".to_owned() };
        assert_eq!(likely_channel(&list, &[&room]).as_deref(), Some("#c5"));
        assert_eq!(likely_channel(&list, &[]).as_deref(), Some("#c0"));
        assert_eq!(describe_rooms(&[&room]), "Rooms: c5");
    }
}
