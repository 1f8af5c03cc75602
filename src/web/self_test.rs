//! Self-test: whether the web server can be reached at its public URL.

use std::error::Error;
use std::io;
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use reqwest::{Client, StatusCode, redirect};
use tempfile::TempDir;

use super::{WebError, WebServer};
use crate::config::{Settings, TlsTrust, WebSettings};
use crate::net::{proxy, tls};
use crate::store::{self, Store, StoreError};
use crate::translate::PublicLinks;

/// Time limit for the request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// Maximum size of the response that is read.
const MAX_LEN_RESPONSE: usize = 64;

/// The result of the self-test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelfTestResult {
    /// The public URL leads to this bridge.
    Reachable,
    /// The web server cannot be started.
    CannotServe(String),
    /// The public URL does not lead to this bridge, for this reason.
    Unreachable(String),
}

/// Starts the web server for a moment, unless a running bridge has it, and requests its public URL. `None` if
/// no web server is configured. Must be called within a Tokio runtime.
pub async fn self_test(settings: &Settings, running: bool) -> Option<SelfTestResult> {
    let web = settings.web.as_ref()?;
    let temporary = match is_unused(&settings.state_dir).then(|| elsewhere(settings)).transpose() {
        Ok(temporary) => temporary,
        Err(reason) => return Some(SelfTestResult::CannotServe(reason)),
    };
    let settings = temporary.as_ref().map_or(settings, |(_, settings)| settings);
    let served = match WebServer::start(settings, None).await {
        Ok(served) => served,
        // The running bridge has the address.
        Err(WebError::Bind { error, .. })
            if running && error.kind() == io::ErrorKind::AddrInUse =>
        {
            None
        }
        Err(error) => return Some(SelfTestResult::CannotServe(error.to_string())),
    };
    let found = match request_challenge(web, settings).await {
        Ok(()) => SelfTestResult::Reachable,
        Err(reason) => SelfTestResult::Unreachable(reason),
    };
    if let Some(served) = served {
        served.stop().await;
    }
    Some(found)
}

/// Whether no bridge has used this state directory yet.
fn is_unused(directory: &Path) -> bool {
    let key = store::load_link_key(directory);
    matches!(key, Err(StoreError::LinkKey { error, .. }) if error.kind() == io::ErrorKind::NotFound)
}

/// The settings with a temporary state directory, so that the check leaves no traces.
fn elsewhere(settings: &Settings) -> Result<(TempDir, Settings), String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    Store::open(directory.path()).map_err(|error| error.to_string())?;
    let settings = Settings { state_dir: directory.path().to_owned(), ..settings.clone() };
    Ok((directory, settings))
}

/// Verifies that this bridge answers at the public URL.
async fn request_challenge(web: &WebSettings, settings: &Settings) -> Result<(), String> {
    let key = store::load_link_key(&settings.state_dir).map_err(|error| error.to_string())?;
    let links = PublicLinks::new(key, web.public_url.clone(), settings.letschat.url.clone());
    let mut question = [0; 12];
    getrandom::fill(&mut question).map_err(|error| error.to_string())?;
    let question = HEXLOWER.encode(&question);
    let (address, answer) = links.challenge(&question);
    let listen = web.listen;
    let tls = tls::client_config(&TlsTrust::System).map_err(|error| error.to_string())?;
    let client = Client::builder()
        .tls_backend_preconfigured((*tls).clone())
        .redirect(redirect::Policy::none())
        .timeout(REQUEST_TIMEOUT);
    let client = if proxy::is_loopback(&web.public_url) { client.no_proxy() } else { client };
    let unreachable = |error: reqwest::Error| {
        let reason = root_cause(&error);
        format!(
            "unreachable from this machine ({reason}): check that its name resolves to the reverse \
             proxy"
        )
    };
    let client = client.build().map_err(unreachable)?;
    let mut response = client.get(address).send().await.map_err(unreachable)?;
    let status = response.status();
    let mut body = Vec::new();
    while let Some(piece) =
        response.chunk().await.map_err(unreachable)?.filter(|_| body.len() <= MAX_LEN_RESPONSE)
    {
        body.extend_from_slice(&piece);
    }
    match status {
        StatusCode::OK if body == answer.as_bytes() => Ok(()),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Err(format!(
                "the reverse proxy cannot reach the bridge ({status}): forward to {listen}"
            ))
        }
        _ if status.is_redirection() => {
            let to = response.headers().get("location").and_then(|it| it.to_str().ok());
            let to = to.unwrap_or("elsewhere");
            Err(format!("redirects to {to}: if that is the bridge, set public_url to it"))
        }
        _ => Err(format!("another server answers there ({status}): forward to {listen}")),
    }
}

/// The innermost error; the outer ones only say that a request failed.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
