//! A connection to a server as a stream of bytes, encrypted or not.

use tokio::io::{AsyncRead, AsyncWrite};

/// A byte stream, with or without TLS.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}
