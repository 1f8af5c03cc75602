//! The questions about links, with the channels and rooms that there are.

use super::draft::LinkDraft;
use super::letschat::SignedIn;
use super::terminal::InitError;
use super::wizard::{Wizard, describe};
use crate::domain::Endpoint;
use crate::net::rest::RestRoom;
use crate::service::ChannelList;

/// How many channels or rooms to show.
const MAX_SHOWN: usize = 20;

/// The maximum length of a slug to show, in bytes.
const MAX_LEN_SHOWN: usize = 100;

impl Wizard<'_> {
    /// Takes the links from the flags, or asks for them.
    pub(super) async fn set_up_links(
        &mut self,
        channels: &ChannelList,
        letschat: &SignedIn,
    ) -> Result<(), InitError> {
        let given = std::mem::take(&mut self.arguments.link);
        for link in &given {
            self.add_given_link(link, letschat).await?;
        }
        if !given.is_empty() {
            return Ok(());
        }
        let rooms = match &letschat.rest {
            Some(rest) => rest.rooms().await.unwrap_or_default(),
            None => Vec::new(),
        };
        let rooms: Vec<&RestRoom> = rooms.iter().filter(|room| is_printable(&room.slug)).collect();
        println!("{}", describe_channels(channels));
        println!("{}", describe_rooms(&rooms));
        while self.ask_for_link(channels, &rooms, letschat).await? {}
        Ok(())
    }

    async fn add_given_link(&mut self, link: &str, letschat: &SignedIn) -> Result<(), InitError> {
        // A room's slug or id contains no "=", a channel's name may.
        let Some((channel, room)) = link.rsplit_once('=') else {
            let words =
                format!("--link: {link:?} is not #CHANNEL=ROOM; write it like \"#dev=dev\"");
            return Err(InitError::Usage(words));
        };
        self.push_link(channel, room);
        self.settings()?;
        if self.arguments.create_rooms {
            self.mark_new_room(letschat).await?;
        }
        Ok(())
    }

    /// Asks for a link. Returns `false` if there are no more.
    async fn ask_for_link(
        &mut self,
        channels: &ChannelList,
        rooms: &[&RestRoom],
        letschat: &SignedIn,
    ) -> Result<bool, InitError> {
        let is_first = self.draft.links.is_empty();
        let likely = likely_channel(channels, rooms);
        let (question, default) = match is_first {
            true => ("Channel to link", likely.as_deref()),
            false => ("Another channel to link, - for no more", Some("-")),
        };
        let mut channel = self.terminal.ask(question, default).await?;
        if channel == "-" && !is_first {
            return Ok(false);
        }
        if !channel.starts_with(['#', '&', '+', '!']) && !channel.contains('/') {
            channel.insert(0, '#');
        }
        let same = channel.trim_start_matches('#').to_lowercase();
        let room = self.terminal.ask(&format!("Room for {channel}"), Some(&same)).await?;
        self.push_link(&channel, &room);
        if let Err(errors) = self.draft.settings() {
            println!("{}", describe(&errors, false));
            self.draft.links.pop();
            return Ok(true);
        }
        let is_new = self.mark_new_room(letschat).await?;
        let question = format!("There is no room {room:?}. Create it?");
        if is_new && !self.arguments.create_rooms && !self.terminal.confirm(&question, true).await?
        {
            self.draft.links.pop();
        }
        Ok(true)
    }

    fn push_link(&mut self, channel: &str, room: &str) {
        let channel = channel.trim();
        let network = format!("{}/", self.draft.network);
        let channel = channel.strip_prefix(&network).unwrap_or(channel).to_owned();
        let room = room.trim().to_owned();
        self.draft.links.push(LinkDraft { channel, room, is_new_room: false });
    }

    /// Marks the room of the last link as new if it does not exist. Returns whether it does not.
    async fn mark_new_room(&mut self, letschat: &SignedIn) -> Result<bool, InitError> {
        let settings = self.settings()?;
        let Some(Endpoint::Room(slug)) = settings.links.last().map(|link| &link.room) else {
            return Ok(false);
        };
        let slug = slug.to_string();
        if let Some(link) = self.draft.links.last_mut() {
            // In case an address was given.
            link.room.clone_from(&slug);
        }
        let Some(rest) = &letschat.rest else { return Ok(false) };
        let is_id = slug.len() == 24 && slug.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_id {
            return Ok(false);
        }
        let exists = rest.has_room(&slug).await;
        let exists = exists.map_err(|error| InitError::Failed(format!("letschat: {error}")))?;
        if let Some(link) = self.draft.links.last_mut().filter(|_| !exists) {
            link.is_new_room = true;
        }
        Ok(!exists)
    }
}

/// Whether a slug can be shown: the database may contain anything, and a terminal obeys control characters.
fn is_printable(slug: &str) -> bool {
    slug.len() <= MAX_LEN_SHOWN && !slug.contains(char::is_control)
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
