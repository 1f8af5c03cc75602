//! The small files that each node needs beside the database: the active node writes them to PostgreSQL, the others from
//! there to their state directories.

use std::fs;
use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use super::super::{StoreError, files, load_or_create_account_key, load_or_create_link_key};
use super::ClusterConfig;
use super::error::PostgresError;
use super::session::Session;

const LINK_KEY: &str = "links.key";
const ACCOUNT_KEY: &str = "accounts.key";
const STS: &str = "sts.json";

/// Maximum bytes of such a file.
const MAX_SIZE: u64 = 1 << 20;

/// The shared files of a node.
#[derive(Debug)]
pub(super) struct SharedFiles {
    directory: PathBuf,
    share_keys: bool,
    /// The last change in PostgreSQL that this node has.
    changed: i64,
}

impl SharedFiles {
    pub(super) fn new(config: &ClusterConfig, directory: &Path) -> Self {
        Self { directory: directory.to_owned(), share_keys: config.share_keys, changed: 0 }
    }

    fn names(&self) -> &'static [&'static str] {
        if self.share_keys { &[LINK_KEY, ACCOUNT_KEY, STS] } else { &[LINK_KEY, STS] }
    }

    /// Writes what has changed in PostgreSQL to the directory.
    ///
    /// # Errors
    /// When PostgreSQL cannot be read, or a file cannot be written.
    pub(super) async fn fetch(&mut self, session: &Session) -> Result<(), StoreError> {
        let sql = "SELECT name, content, changed FROM letsbridge.shared_file WHERE changed > $1 ORDER BY changed";
        for row in session.query(sql, &[&self.changed]).await? {
            let (name, content): (String, Vec<u8>) = (row.get(0), row.get(1));
            // A name from elsewhere must not lead out of the directory.
            if self.names().contains(&name.as_str()) {
                self.replace(&name, &content).map_err(|error| self.unusable(error))?;
            }
            self.changed = row.get(2);
        }
        Ok(())
    }

    /// Takes what PostgreSQL has, and makes and writes to it what it lacks. Only the active node may do that.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or a file cannot be read or written.
    pub(super) async fn settle(&mut self, session: &Session, epoch: i64) -> Result<(), StoreError> {
        self.fetch(session).await?;
        load_or_create_link_key(&self.directory)?;
        if self.share_keys {
            load_or_create_account_key(&self.directory)?;
        }
        self.send(session, epoch).await
    }

    /// Writes to PostgreSQL what is different here. Only the active node may do that.
    ///
    /// # Errors
    /// When PostgreSQL does not answer, or a file cannot be read.
    pub(super) async fn send(&mut self, session: &Session, epoch: i64) -> Result<(), StoreError> {
        for name in self.names() {
            let content = match read(&self.directory.join(name)) {
                Ok(content) => content,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(self.unusable(error)),
            };
            self.send_file(session, epoch, (name, &content)).await?;
        }
        Ok(())
    }

    async fn send_file(
        &mut self,
        session: &Session,
        epoch: i64,
        (name, content): (&str, &[u8]),
    ) -> Result<(), PostgresError> {
        let sql = "INSERT INTO letsbridge.shared_file AS f (name, content, changed)
                   SELECT $1, $2, (SELECT coalesce(max(changed), 0) + 1 FROM letsbridge.shared_file)
                   FROM letsbridge.leader WHERE epoch = $3
                   ON CONFLICT (name) DO UPDATE SET content = EXCLUDED.content, changed = EXCLUDED.changed
                   WHERE f.content <> EXCLUDED.content
                   RETURNING changed";
        let changed = session.query(sql, &[&name, &content, &epoch]).await?;
        if let Some(row) = changed.first() {
            self.changed = row.get(0);
        }
        Ok(())
    }

    /// The names of those that are there.
    pub(super) fn present(&self) -> Vec<String> {
        let names = self.names().iter().filter(|name| self.directory.join(name).exists());
        names.map(|name| (*name).to_owned()).collect()
    }

    /// Gives the file this content. Another key that was there is kept under another name.
    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let path = self.directory.join(name);
        match read(&path) {
            Ok(present) if present == content => return Ok(()),
            Ok(_) if name != STS => {
                let aside = self.directory.join(format!("{name}.before"));
                fs::rename(&path, &aside)?;
                let (path, aside) = (path.display(), aside.display());
                tracing::info!(%path, %aside, "key replaced by that of the other nodes");
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let draft = self.directory.join(format!("{name}.new"));
        let mut file = files::make(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, &path)?;
        File::open(&self.directory)?.sync_all()
    }

    fn unusable(&self, error: io::Error) -> StoreError {
        StoreError::Directory { path: self.directory.clone(), error }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    files::open(path)?.take(MAX_SIZE + 1).read_to_end(&mut content)?;
    if content.len() as u64 > MAX_SIZE {
        return Err(io::Error::other("it is too long for a file of letsbridge"));
    }
    Ok(content)
}
