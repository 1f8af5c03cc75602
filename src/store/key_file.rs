//! Secret keys beside the database: created once, readable by the bridge only.

use std::fs;
use std::fs::File;
use std::io;
use std::io::{Read, Write};
use std::path::Path;

use secrecy::SecretBox;

use super::{StoreError, files};

/// The key that signs public links. Removing the file invalidates all links.
const LINK_KEY_FILE: &str = "links.key";

/// The key that encrypts what gives access to people's accounts. Without it, the database tells nobody.
const ACCOUNT_KEY_FILE: &str = "accounts.key";

/// A key.
pub type StoreKey = SecretBox<[u8; 32]>;

/// Loads the link key of the state directory, creating it if there is none. Only the holder of the store's
/// lock may call this, so that no two keys are created.
///
/// # Errors
/// When the key can be neither read nor created.
pub fn load_or_create_link_key(directory: &Path) -> Result<StoreKey, StoreError> {
    let path = directory.join(LINK_KEY_FILE);
    load_or_create(directory, LINK_KEY_FILE).map_err(|error| StoreError::LinkKey { path, error })
}

/// Loads the link key of the state directory, if there is one.
///
/// # Errors
/// When the key cannot be read.
pub fn load_link_key(directory: &Path) -> Result<StoreKey, StoreError> {
    let path = directory.join(LINK_KEY_FILE);
    files::open(&path).and_then(read_key).map_err(|error| StoreError::LinkKey { path, error })
}

/// Loads the account key of the state directory, creating it if there is none. Only the holder of the store's
/// lock may call this.
///
/// # Errors
/// When the key can be neither read nor created.
pub fn load_or_create_account_key(directory: &Path) -> Result<StoreKey, StoreError> {
    let path = directory.join(ACCOUNT_KEY_FILE);
    load_or_create(directory, ACCOUNT_KEY_FILE)
        .map_err(|error| StoreError::AccountKey { path, error })
}

fn load_or_create(directory: &Path, name: &str) -> io::Result<StoreKey> {
    match files::open(&directory.join(name)) {
        Ok(file) => read_key(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create_key(directory, name),
        Err(error) => Err(error),
    }
}

fn read_key(file: File) -> io::Result<StoreKey> {
    let mut bytes = Box::new([0; 32]);
    let mut file = file.take(33);
    file.read_exact(&mut *bytes)?;
    if file.read(&mut [0])? != 0 {
        return Err(io::Error::other("the key file is longer than 32 bytes"));
    }
    Ok(SecretBox::new(bytes))
}

/// Writes to a temporary file first, so that a truncated key is never used.
fn create_key(directory: &Path, name: &str) -> io::Result<StoreKey> {
    let mut bytes = Box::new([0; 32]);
    getrandom::fill(&mut *bytes).map_err(io::Error::other)?;
    let unfinished = directory.join(format!("{name}.new"));
    let mut file = files::make(&unfinished)?;
    file.write_all(&*bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(name))?;
    File::open(directory)?.sync_all()?;
    Ok(SecretBox::new(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn key_is_created_once_with_private_permissions() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = load_or_create_link_key(directory.path()).expect("is made");
        let second = load_or_create_link_key(directory.path()).expect("is read");
        assert_eq!(first.expose_secret(), second.expose_secret());
        assert_ne!(first.expose_secret(), &[0; 32]);
        let mode = fs::metadata(directory.path().join(LINK_KEY_FILE))
            .expect("is there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let other = tempfile::tempdir().expect("a directory");
        let other = load_or_create_link_key(other.path()).expect("is made");
        assert_ne!(first.expose_secret(), other.expose_secret());
    }

    #[test]
    fn malformed_key_is_not_replaced() {
        for bytes in [&b""[..], b"short", &[7; 33]] {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join(LINK_KEY_FILE);
            fs::write(&path, bytes).expect("can be written");
            let error =
                load_or_create_link_key(directory.path()).expect_err("is no key").to_string();
            assert!(error.contains("links.key"), "{error}");
            assert_eq!(fs::read(&path).expect("is there"), bytes);
        }
        let empty = tempfile::tempdir().expect("a directory");
        assert!(load_link_key(empty.path()).is_err());
    }
}
