use axum::body::Bytes;

use super::{LetsChat, account, room};
use crate::letschat::id;
use crate::letschat::state::file::File;

/// Files.
impl LetsChat {
    /// Keeps a file that this account has uploaded into the room, of whatever kind, as a server does
    /// whose administrator restricts none (`files.restrictTypes`). Gives its address below the
    /// server's; nobody is told of it.
    pub fn upload(
        &self,
        slug: &str,
        username: &str,
        name: &str,
        kind: &str,
        content: impl Into<Bytes>,
    ) -> String {
        let mut state = self.state();
        let (room, owner) = (room(&state, slug).id.clone(), account(&state, username).id.clone());
        let uploaded = id::now();
        let file = File {
            id: state.ids.next(uploaded),
            owner,
            room,
            name: name.trim().to_owned(),
            kind: kind.to_owned(),
            content: content.into(),
            uploaded,
        };
        let url = file.url();
        state.files.push(file);
        url
    }

    /// How often a file was fetched since the server was started.
    #[must_use]
    pub fn downloads(&self) -> usize {
        self.state().downloads
    }
}
