//! Lists and makes rooms of Let's Chat.

use serde::Deserialize;

use super::{RestClient, RestError, describe_body, read_body, unreachable_error};

/// The maximum number of rooms to list: the ones that were active last.
const MAX_ROOMS: usize = 500;

/// A room that the account may see.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RestRoom {
    /// Its slug.
    pub slug: String,
    /// Its name.
    #[serde(default)]
    pub name: String,
}

impl RestClient {
    /// The rooms that the account may see, at most 500, those that were active last first.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn rooms(&self) -> Result<Vec<RestRoom>, RestError> {
        let mut address = self.url("rooms");
        address.set_query(Some(&format!("take={MAX_ROOMS}")));
        let response = self.http.get(address).send().await;
        let response = response.map_err(|error| unreachable_error(&error))?;
        self.check_status(&response)?;
        let body = read_body(response).await?;
        let rows: Vec<serde_json::Value> = serde_json::from_slice(&body)
            .map_err(|_| RestError::NotLetsChat(describe_body(&body)))?;
        // A row that makes no sense may have been edited in the database.
        let rooms = rows.into_iter().filter_map(|row| serde_json::from_value(row).ok());
        Ok(rooms.take(MAX_ROOMS).collect())
    }

    /// Whether the account may see the room `room`, a slug or an id.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn has_room(&self, room: &str) -> Result<bool, RestError> {
        let response = self.http.get(self.url(&format!("rooms/{room}"))).send().await;
        let response = response.map_err(|error| unreachable_error(&error))?;
        match response.status().as_u16() {
            404 => Ok(false),
            _ => self.check_status(&response).map(|()| true),
        }
    }

    /// Makes a room; a private one is open to everybody all the same where the server has private rooms switched off. Returns `false` if Let's Chat refuses, as it does if another room, perhaps an archived one,
    /// has the slug.
    ///
    /// # Errors
    /// Any [`RestError`].
    pub async fn create_room(
        &self,
        slug: &str,
        description: &str,
        is_private: bool,
    ) -> Result<bool, RestError> {
        let mut fields = vec![("slug", slug), ("name", slug), ("description", description)];
        if is_private {
            fields.push(("private", "true"));
        }
        let response = self.post("rooms", &fields).await?;
        match response.status().as_u16() {
            201 => Ok(true),
            400 => Ok(false),
            _ => self.check_status(&response).map(|()| true),
        }
    }
}
