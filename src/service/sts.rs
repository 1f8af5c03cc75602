//! STS policies of servers, stored in the state directory
//! (<https://ircv3.net/specs/extensions/sts>).
//!
//! They are stored outside of the database, because they belong to no message and `check` reads them while a
//! bridge runs. Losing them costs one connection attempt without TLS.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::protocol::irc::StsPolicy;
use crate::store;

const STS_FILE: &str = "sts.json";

/// Maximum bytes of the file that are read.
const MAX_STS_FILE_SIZE: u64 = 1 << 20;

/// The policies, by server name.
#[derive(Debug, Default)]
pub(super) struct StsStore {
    /// The file; `None` if read-only.
    path: Option<PathBuf>,
    policies: Mutex<BTreeMap<String, StoredStsPolicy>>,
}

/// One server's policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct StoredStsPolicy {
    /// Its TLS port.
    port: u16,
    /// Its duration in seconds since the last connection.
    seconds: u64,
    until: Timestamp,
}

impl StsStore {
    /// The policies stored in `state_dir`, for reading and writing.
    pub(super) fn open(state_dir: &Path) -> Self {
        Self { path: Some(state_dir.join(STS_FILE)), ..Self::open_read_only(state_dir) }
    }

    /// The policies stored in `state_dir`, read-only.
    pub(super) fn open_read_only(state_dir: &Path) -> Self {
        let path = state_dir.join(STS_FILE);
        let policies = match read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        };
        let policies = policies.unwrap_or_else(|error| {
            tracing::warn!(file = %path.display(), %error, "cannot read the STS policies; starting empty");
            BTreeMap::new()
        });
        Self { path: None, policies: Mutex::new(policies) }
    }

    /// The TLS port that `host` requires.
    pub(super) fn port_for(&self, host: &str, now: Timestamp) -> Option<u16> {
        self.with_policies(|policies| {
            policies
                .get(&host_key(host))
                .filter(|policy| policy.until > now)
                .map(|policy| policy.port)
        })
    }

    /// `host` has sent this policy over TLS, at `port`.
    pub(super) fn record(&self, host: &str, port: u16, sts: StsPolicy, now: Timestamp) {
        self.with_policies(|policies| {
            policies.retain(|_, policy| policy.until > now);
            if sts.duration_secs == 0 {
                policies.remove(&host_key(host));
            } else {
                let until = expires_at(now, sts.duration_secs);
                policies.insert(
                    host_key(host),
                    StoredStsPolicy { port, seconds: sts.duration_secs, until },
                );
            }
            self.write(policies);
        });
    }

    /// The connection to `host` has ended, which restarts the policy's duration.
    pub(super) fn touch(&self, host: &str, now: Timestamp) {
        self.with_policies(|policies| {
            if let Some(policy) = policies.get_mut(&host_key(host)) {
                policy.until = expires_at(now, policy.seconds);
                self.write(policies);
            }
        });
    }

    fn with_policies<T>(
        &self,
        change: impl FnOnce(&mut BTreeMap<String, StoredStsPolicy>) -> T,
    ) -> T {
        change(&mut self.policies.lock().expect("no thread panics while it holds the lock"))
    }

    fn write(&self, policies: &BTreeMap<String, StoredStsPolicy>) {
        let Some(path) = &self.path else { return };
        let text = serde_json::to_vec_pretty(policies)
            .expect("names and numbers can be serialised as JSON");
        // Replaces the file atomically.
        let draft = path.with_extension("json.new");
        let written = store::make_file(&draft)
            .and_then(|mut file| file.write_all(&text))
            .and_then(|()| fs::rename(&draft, path));
        if let Err(error) = written {
            tracing::warn!(file = %path.display(), %error, "cannot save the STS policies; they are lost at exit");
        }
    }
}

/// Reads the file at `path`, up to the maximum size.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    store::open_file(path)?.take(MAX_STS_FILE_SIZE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn host_key(host: &str) -> String {
    host.to_ascii_lowercase()
}

fn expires_at(now: Timestamp, seconds: u64) -> Timestamp {
    let seconds = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
    now.checked_add(seconds).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn policy_is_kept_until_it_expires() {
        let folder = tempfile::tempdir().unwrap();
        let book = StsStore::open(folder.path());
        assert_eq!(book.port_for("irc.example", at(0)), None);
        book.record("IRC.example", 6697, StsPolicy { duration_secs: 100 }, at(0));
        assert_eq!(book.port_for("irc.example", at(99)), Some(6697));
        assert_eq!(book.port_for("irc.example", at(100)), None);
        assert_eq!(book.port_for("other.example", at(0)), None);
        book.touch("irc.example", at(50));
        for book in [StsStore::open(folder.path()), StsStore::open_read_only(folder.path())] {
            assert_eq!(book.port_for("irc.example", at(149)), Some(6697), "counted from its end");
            assert_eq!(book.port_for("irc.example", at(150)), None);
        }
        book.record("irc.example", 6697, StsPolicy { duration_secs: 0 }, at(60));
        assert_eq!(
            StsStore::open_read_only(folder.path()).port_for("irc.example", at(61)),
            None,
            "taken back"
        );
    }

    #[test]
    fn read_only_store_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let book = StsStore::open_read_only(folder.path());
        book.record("irc.example", 6697, StsPolicy { duration_secs: u64::MAX }, at(0));
        assert_eq!(book.port_for("irc.example", at(1)), Some(6697), "but knows it");
        assert!(!folder.path().join(STS_FILE).exists());
    }

    #[test]
    fn fifo_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(STS_FILE);
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
        let book = StsStore::open(folder.path());
        book.record("irc.example", 6697, StsPolicy { duration_secs: 9 }, at(0));
        assert_eq!(
            StsStore::open_read_only(folder.path()).port_for("irc.example", at(1)),
            Some(6697)
        );
    }

    #[test]
    fn damaged_file_starts_empty() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(STS_FILE), "{").unwrap();
        let book = StsStore::open(folder.path());
        book.record("irc.example", 6697, StsPolicy { duration_secs: 9 }, at(0));
        assert_eq!(
            StsStore::open_read_only(folder.path()).port_for("irc.example", at(1)),
            Some(6697)
        );
    }
}
