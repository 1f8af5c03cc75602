//! What an import of history asks a Let's Chat: its version, its rooms with their ids, and its accounts.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{RestAccount, RestClient, RestError, describe_body, read_body, unreachable_error};

/// How many accounts are read at once.
const PAGE: usize = 500;

/// How many accounts are read at most.
const MAX_ACCOUNTS: usize = 50_000;

/// The longest version to believe, in bytes.
const MAX_LEN_VERSION: usize = 20;

/// What stands before the version on the front page.
const VERSION_MARK: &str = "class=\"lcb-version\">";

/// A version of Let's Chat, as its front page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerVersion(String);

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A room that the account may see.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RestRoomDetails {
    /// 24 hex digits.
    pub id: String,
    /// Its slug.
    pub slug: String,
    /// Whether only participants may see it.
    #[serde(default, rename = "private")]
    pub is_private: bool,
}

impl RestClient {
    /// The version on the front page; `None` if it is not there.
    ///
    /// # Errors
    /// [`RestError::Unreachable`], and when the page is longer than any is.
    pub async fn version(&self) -> Result<Option<ServerVersion>, RestError> {
        let response = self.http.get(self.url("")).send().await;
        let response = response.map_err(|error| unreachable_error(&error))?;
        if self.check_status(&response).is_err() {
            return Ok(None);
        }
        let body = read_body(response).await?;
        Ok(parse_version(&String::from_utf8_lossy(&body)))
    }

    /// The room with this slug or id; `None` if the account does not see one.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn room(&self, room: &str) -> Result<Option<RestRoomDetails>, RestError> {
        let response = self.http.get(self.url(&format!("rooms/{room}"))).send().await;
        let response = response.map_err(|error| unreachable_error(&error))?;
        if response.status().as_u16() == 404 {
            return Ok(None);
        }
        self.check_status(&response)?;
        parse(&read_body(response).await?).map(Some)
    }

    /// All accounts, at most 50,000.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn accounts(&self) -> Result<Vec<RestAccount>, RestError> {
        let mut all = Vec::new();
        while all.len() < MAX_ACCOUNTS {
            let page = self.read(&format!("users?take={PAGE}&skip={}", all.len())).await?;
            let page: Vec<RestAccount> = parse(&page)?;
            let is_last = page.len() < PAGE;
            all.extend(page);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// Whether the server says whose the messages of a room are; `None` if there are none.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn names_owners(&self, room: &str) -> Result<Option<bool>, RestError> {
        #[derive(Deserialize)]
        struct WireMessage {
            #[serde(default)]
            owner: serde_json::Value,
        }
        let body = self.read(&format!("messages?room={room}&expand=owner&take=1")).await?;
        let messages: Vec<WireMessage> = parse(&body)?;
        let is_named = |message: &WireMessage| message.owner.get("username").is_some();
        Ok(messages.first().map(is_named))
    }

    /// Reads what is at `path`, with its query.
    async fn read(&self, path: &str) -> Result<Vec<u8>, RestError> {
        let (path, query) = match path.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path, None),
        };
        let mut address = self.url(path);
        address.set_query(query);
        let response = self.http.get(address).send().await;
        let response = response.map_err(|error| unreachable_error(&error))?;
        self.check_status(&response)?;
        read_body(response).await
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, RestError> {
    serde_json::from_slice(body).map_err(|_| RestError::NotLetsChat(describe_body(body)))
}

fn parse_version(page: &str) -> Option<ServerVersion> {
    let (_, rest) = page.split_once(VERSION_MARK)?;
    let version = rest.split('<').next()?.trim().trim_start_matches(['v', ' ']);
    let is_plain = version.chars().all(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
    let is_version = !version.is_empty() && version.len() <= MAX_LEN_VERSION && is_plain;
    is_version.then(|| ServerVersion(version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_front_page() {
        for (page, version) in [
            ("<div class=\"lcb-version\">\n    v 0.4.8\n  </div>", Some("0.4.8")),
            ("<div class=\"lcb-version\">v 0.4.9-beta</div>", Some("0.4.9-beta")),
            ("<div class=\"lcb-version\"></div>", None),
            ("<div class=\"lcb-version\">v &lt;b&gt;</div>", None),
            ("<html>", None),
        ] {
            let found = parse_version(page).map(|version| version.to_string());
            assert_eq!(found.as_deref(), version, "{page}");
        }
    }
}
