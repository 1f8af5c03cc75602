//! Streams a file from Let's Chat without holding it in memory.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use tokio::time;

use super::{RestClient, RestError, unreachable_error};
use crate::domain::FileId;

/// Time limit for a whole file.
const DOWNLOAD_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// How long the server may pause within a file.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A download in progress.
#[derive(Debug)]
pub struct Download {
    /// The content type as set by the uploader, such as `image/png`.
    pub content_type: String,
    /// The length in bytes, if the server gives it.
    pub length: Option<u64>,
    response: Response,
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// There is no such file; retrying is pointless.
    #[error("no such file in Let's Chat")]
    NotFound,
    /// Let's Chat redirects to external storage, which the bridge does not follow.
    #[error(
        "Let's Chat stores its files elsewhere ({0}); the bridge serves only files that Let's \
         Chat stores itself"
    )]
    Redirected(String),
    /// There was no usable answer.
    #[error(transparent)]
    Rest(#[from] RestError),
}

impl RestClient {
    /// Starts to download a file: `GET /files/ID/NAME`. The server ignores the name
    /// (docs/letschat-protocol.md, section 9), so a fixed one is used: a real name could only alter
    /// the request.
    ///
    /// # Errors
    /// Any [`FileError`].
    pub async fn download(&self, id: FileId) -> Result<Download, FileError> {
        let request = self
            .http
            .get(self.url(&format!("files/{id}/file")))
            .header(ACCEPT, HeaderValue::from_static("*/*"))
            // With compression, the length would differ.
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .timeout(DOWNLOAD_TIMEOUT);
        let response =
            time::timeout(READ_TIMEOUT, request.send()).await.map_err(|_| timeout_error())?;
        let response = response.map_err(|error| unreachable_error(&error))?;
        match response.status() {
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => return Err(FileError::NotFound),
            status if status.is_redirection() => {
                return Err(FileError::Redirected(redirect_host(&response)));
            }
            _ => self.check_status(&response)?,
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        Ok(Download {
            content_type: kind.unwrap_or_default().to_owned(),
            length: response.content_length(),
            response,
        })
    }
}

impl Download {
    /// The next chunk; `None` at the end.
    ///
    /// # Errors
    /// When the server stops sending or the connection is lost.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, RestError> {
        let next = time::timeout(READ_TIMEOUT, self.response.chunk())
            .await
            .map_err(|_| timeout_error())?;
        next.map_err(|error| unreachable_error(&error))
    }
}

/// The host of a redirect. Its path may be a secret, as in signed storage URLs.
fn redirect_host(response: &Response) -> String {
    let location = response.headers().get(reqwest::header::LOCATION);
    let location = location.and_then(|it| response.url().join(it.to_str().ok()?).ok());
    location.and_then(|it| it.host_str().map(str::to_owned)).unwrap_or_default()
}

fn timeout_error() -> RestError {
    RestError::Unreachable(format!("no answer within {} s", READ_TIMEOUT.as_secs()))
}
