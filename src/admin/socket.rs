//! The Unix socket in `state_dir`: made so that only the bridge's user (and root) can connect, and found by the
//! commands.

use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::net::UnixListener;

/// The name of the socket in `state_dir`.
const SOCKET_NAME: &str = "control.sock";

/// Who may connect: nobody but the owner.
const SOCKET_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// The longest path that the system takes for a socket, in bytes.
const MAX_PATH_LENGTH: usize = 107;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum ControlSocketError {
    /// Another program listens there.
    #[error(
        "{}: another bridge listens at this socket: stop it first, or set another state_dir", .0.display()
    )]
    InUse(PathBuf),
    /// Something else is in its place.
    #[error("{}: this is not a socket, and the bridge does not remove it: move it away", .0.display())]
    NotASocket(PathBuf),
    /// The system refuses.
    #[error(
        "{}: cannot make the socket ({error}): make sure that state_dir is on a file system that can \
         have sockets, and that the bridge's user can write there", path.display()
    )]
    System {
        /// The socket.
        path: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// The socket, removed when dropped.
#[derive(Debug)]
pub(super) struct ControlSocket {
    path: PathBuf,
    /// The device and the number of the file, to remove no other one.
    identity: (u64, u64),
}

/// The path of the socket of the bridge with this `state_dir`.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join(SOCKET_NAME)
}

impl ControlSocket {
    /// Listens in `state_dir`, whose lock we hold. Must be called within a Tokio runtime.
    pub(super) fn bind(state_dir: &Path) -> Result<(Self, UnixListener), ControlSocketError> {
        let path = socket_path(state_dir);
        let system = |error| ControlSocketError::System { path: path.clone(), error };
        remove_stale(&path)?;
        let socket = with_short_path(&path, listen).map_err(system)?;
        let found = fs::symlink_metadata(&path).map_err(system)?;
        let made = Self { identity: (found.dev(), found.ino()), path: path.clone() };
        let listener = UnixListener::from_std(socket.into()).map_err(system)?;
        Ok((made, listener))
    }
}

impl ControlSocket {
    /// Whether somebody has removed the file, so that nobody finds the socket any more.
    pub(super) fn is_gone(&self) -> bool {
        let found = fs::symlink_metadata(&self.path);
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let found = fs::symlink_metadata(&self.path);
        if found.is_ok_and(|found| (found.dev(), found.ino()) == self.identity) {
            // The next bridge replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the socket of a bridge that was killed.
fn remove_stale(path: &Path) -> Result<(), ControlSocketError> {
    let system = |error| ControlSocketError::System { path: path.to_owned(), error };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => {
            return Err(ControlSocketError::NotASocket(path.to_owned()));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
    }
    let tried = with_short_path(path, |path| {
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Otherwise a listener that accepts nothing would make us wait.
        socket.set_nonblocking(true)?;
        socket.connect(&SockAddr::unix(path)?)
    });
    match tried {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(system)
        }
        Ok(()) => Err(ControlSocketError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(ControlSocketError::InUse(path.to_owned()))
        }
        Err(error) => Err(system(error)),
    }
}

fn listen(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux makes the file with the mode that the socket has: nobody else can connect at any moment.
    rustix::fs::fchmod(&socket, SOCKET_MODE)?;
    socket.bind(&SockAddr::unix(path)?)?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Connects to the socket at `path`.
pub(super) fn connect(path: &Path) -> io::Result<StdStream> {
    with_short_path(path, |path| StdStream::connect(path))
}

/// Calls `work` with a path to the same file that the system takes for a socket.
fn with_short_path<T>(path: &Path, work: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= MAX_PATH_LENGTH {
        return work(path);
    }
    let directory = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty())?;
    let short = format!("/proc/self/fd/{}", directory.as_raw_fd());
    work(&Path::new(&short).join(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn only_the_owner_can_connect_and_the_file_goes_with_the_bridge() {
        let directory = tempfile::tempdir().unwrap();
        let path = socket_path(directory.path());
        let (socket, _listener) = ControlSocket::bind(directory.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        connect(&path).unwrap();
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn stale_socket_is_replaced_and_a_live_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = socket_path(directory.path());
        let stale = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = ControlSocket::bind(directory.path()).unwrap_err();
        assert!(matches!(error, ControlSocketError::InUse(_)), "{error}");
        drop(stale);
        let (socket, _listener) = ControlSocket::bind(directory.path()).unwrap();
        // The file of another bridge stays.
        fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[tokio::test]
    async fn what_is_not_a_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(socket_path(directory.path()), "hello").unwrap();
        let error = ControlSocket::bind(directory.path()).unwrap_err();
        assert!(matches!(error, ControlSocketError::NotASocket(_)), "{error}");
        assert!(socket_path(directory.path()).exists());
    }

    #[tokio::test]
    async fn path_may_be_longer_than_sockets_allow() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("d".repeat(100)).join("e".repeat(100));
        fs::create_dir_all(&deep).unwrap();
        let (socket, _listener) = ControlSocket::bind(&deep).unwrap();
        let path = socket_path(&deep);
        connect(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = ControlSocket::bind(&deep).unwrap_err();
        assert!(matches!(error, ControlSocketError::InUse(_)), "{error}");
        drop(socket);
        assert!(!path.exists());
    }
}
