//! Asks a running bridge over its Unix socket: what the commands do.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::{self, Body};
use axum::http::{Method, Request, StatusCode, header};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::time;

use super::answer::ErrorView;
use super::socket;

/// Maximum length of an answer, in bytes.
const MAX_ANSWER_LENGTH: usize = 64 * 1024 * 1024;

/// How long a running bridge may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long it may take to read its configuration again: connections that are made anew wait for what is in flight.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// How long it may take to begin an upgrade.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(45);

/// The requests that may take longer, with their time limits. Before an upgrade, the new program is asked whether it can
/// take over.
const SLOW_REQUESTS: [(&str, Duration); 2] =
    [("/api/v1/reload", RELOAD_TIMEOUT), ("/api/v1/upgrade", UPGRADE_TIMEOUT)];

/// Asks a running bridge. Each request is a connection of its own.
#[derive(Debug, Clone)]
pub struct AdminClient {
    socket: PathBuf,
}

/// Why there is no answer, in words for the administrator.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there.
    #[error(
        "{}: no bridge is running: start it with `systemctl start letsbridge` or `letsbridge run`; if \
         one runs, check state_dir in the configuration", .0.display()
    )]
    NotRunning(PathBuf),
    /// The permissions of the socket or of `state_dir`.
    #[error(
        "{}: this user may not control the bridge: run it as root, or as the user of the bridge", .0.display()
    )]
    Forbidden(PathBuf),
    /// The system refuses.
    #[error("{}: cannot connect to the bridge ({error})", socket.display())]
    System {
        /// The socket.
        socket: PathBuf,
        /// The system's error.
        error: io::Error,
    },
    /// The bridge did not answer in time.
    #[error(
        "the bridge does not answer: see its log; it may still do what was asked, for example when its disk has space \
         again"
    )]
    Silent,
    /// The bridge closed the connection, or answered with nonsense.
    #[error("the bridge did not answer properly ({0}): it is stopping, or of another version")]
    Broken(String),
    /// The bridge refuses.
    #[error("{}", .0.error)]
    Refused(ErrorView),
}

impl AdminClient {
    /// Asks the bridge that listens at this socket.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Gets `path`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.ask(Method::GET, path, Body::empty()).await
    }

    /// What is wrong with the program, as `GET /healthz` says; `None` if nothing is.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn check_health(&self) -> Result<Option<String>, ClientError> {
        let sent = self.send(Method::GET, "/healthz", Body::empty());
        let (status, answer) =
            time::timeout(ANSWER_TIMEOUT, sent).await.map_err(|_| ClientError::Silent)??;
        let problem = String::from_utf8_lossy(&answer).trim().to_owned();
        Ok((!status.is_success()).then_some(problem))
    }

    /// Posts `body` to `path`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.ask(Method::POST, path, json_body(body)?).await
    }

    /// Puts `body` at `path`.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        self.ask(Method::PUT, path, json_body(body)?).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<T, ClientError> {
        let slow = SLOW_REQUESTS.iter().find(|(slow, _)| *slow == path && method == Method::POST);
        let timeout = slow.map_or(ANSWER_TIMEOUT, |(_, timeout)| *timeout);
        let asked = time::timeout(timeout, self.send(method, path, body)).await;
        let (status, answer) = asked.map_err(|_| ClientError::Silent)??;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(broken);
        }
        match serde_json::from_slice(&answer) {
            Ok(error) => Err(ClientError::Refused(error)),
            Err(_) => Err(ClientError::Broken(status.to_string())),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<(StatusCode, body::Bytes), ClientError> {
        let stream = self.connect()?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        // It ends with the sender.
        tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(broken)?;
        let response = sender.send_request(request).await.map_err(broken)?;
        let status = response.status();
        let answer = body::to_bytes(Body::new(response.into_body()), MAX_ANSWER_LENGTH).await;
        Ok((status, answer.map_err(broken)?))
    }

    fn connect(&self) -> Result<UnixStream, ClientError> {
        let stream = socket::connect(&self.socket).and_then(|stream| {
            stream.set_nonblocking(true)?;
            UnixStream::from_std(stream)
        });
        stream.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning(self.socket.clone())
            }
            io::ErrorKind::PermissionDenied => ClientError::Forbidden(self.socket.clone()),
            _ => ClientError::System { socket: self.socket.clone(), error },
        })
    }
}

fn json_body(body: &impl Serialize) -> Result<Body, ClientError> {
    Ok(Body::from(serde_json::to_vec(body).map_err(broken)?))
}

fn broken(error: impl std::fmt::Display) -> ClientError {
    ClientError::Broken(error.to_string())
}
