//! Passes open sockets, and a text about them, to the program that replaces this process.
//!
//! ```text
//!  this program                                             the next one, in the same process
//!  text ──▶ file in memory ─┐
//!                           ├─▶ Unix socket ─▶ stdin ──exec──▶ stdin ─▶ receive
//!  sockets ─────────────────┘    (SCM_RIGHTS)
//! ```
//!
//! The messages wait in the Unix socket. So no number of a file descriptor must be trusted, and nothing is on disk.

use std::fs::File;
use std::io;
use std::io::{IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};

/// How many file descriptors are passed in one message; Linux allows 253.
const MAX_IN_MESSAGE: usize = 250;

/// More file descriptors than a program can be passed here.
const MAX_PASSED: usize = 65_536;

/// The longest text, in bytes.
const MAX_LEN_TEXT: u64 = 256 << 20;

/// What was passed.
#[derive(Debug)]
pub struct PassedSockets {
    /// The text.
    pub text: Vec<u8>,
    /// The sockets, in their order.
    pub sockets: Vec<OwnedFd>,
}

/// Puts `text` and `sockets` into a Unix socket, and returns the end from which [`receive`] takes them.
///
/// # Errors
/// Those of the system, for example when there is no memory or no room for so many sockets.
pub fn pack(text: &[u8], sockets: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    let file = memory_file(text)?;
    let (ours, theirs) = rustix::net::socketpair(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
        None,
    )?;
    send(&ours, &[file.as_fd()])?;
    for some in sockets.chunks(MAX_IN_MESSAGE) {
        send(&ours, some)?;
    }
    Ok(theirs)
}

/// Takes what was passed from stdin, which is empty from then on.
///
/// # Errors
/// Those of the system, and when nothing was passed.
pub fn receive() -> io::Result<PassedSockets> {
    let received = receive_all(io::stdin().as_fd());
    empty_stdin()?;
    let mut received = received?.into_iter();
    let file = received.next().ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut text = Vec::new();
    let mut file = File::from(file);
    file.rewind()?;
    file.take(MAX_LEN_TEXT).read_to_end(&mut text)?;
    Ok(PassedSockets { text, sockets: received.collect() })
}

/// Makes `end` the stdin of this process and of the program that replaces it.
///
/// # Errors
/// Those of the system.
pub fn put_at_stdin(end: &OwnedFd) -> io::Result<()> {
    Ok(rustix::stdio::dup2_stdin(end)?)
}

/// Makes stdin empty, and closes what was there.
///
/// # Errors
/// Those of the system.
pub fn empty_stdin() -> io::Result<()> {
    let null = rustix::fs::open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    Ok(rustix::stdio::dup2_stdin(&null)?)
}

/// A file that is only in memory.
fn memory_file(text: &[u8]) -> io::Result<File> {
    let sealed = MemfdFlags::CLOEXEC | MemfdFlags::NOEXEC_SEAL;
    // Linux before 6.3 does not know the second flag.
    let file = rustix::fs::memfd_create("letsbridge", sealed)
        .or_else(|_| rustix::fs::memfd_create("letsbridge", MemfdFlags::CLOEXEC))?;
    let mut file = File::from(file);
    file.write_all(text)?;
    Ok(file)
}

fn send(socket: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space =
        vec![MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(descriptors).size()];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("no room for the sockets in a message"));
    }
    rustix::net::sendmsg(socket, &[IoSlice::new(b"+")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

fn receive_all(socket: BorrowedFd<'_>) -> io::Result<Vec<OwnedFd>> {
    let mut received = Vec::new();
    let mut space = vec![MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_IN_MESSAGE))];
    loop {
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0; 1];
        let flags = RecvFlags::CMSG_CLOEXEC;
        let got =
            rustix::net::recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                received.extend(descriptors);
            }
        }
        // The other end was closed when the program was replaced.
        if got.bytes == 0 {
            return Ok(received);
        }
        if received.len() > MAX_PASSED {
            return Err(io::Error::other("too many sockets were passed"));
        }
    }
}
