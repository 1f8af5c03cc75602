//! Decides who may use the API on the TCP listener, before any route runs.
//!
//! ```text
//!  host      the name in the address is ours?          no: 421, or a page could have pointed its own name at us
//!  origin    does no page of another site ask?         no: 403
//!  access    token, or a browser that has signed in?   no: 401, or the form to sign in
//!  writes    JSON, and the token of our own page?      no: 415 or 403
//! ```

mod access;
mod credential;
mod host;
mod origin;
mod sessions;
mod sign_in;
mod wrong_tokens;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};

use super::answer::ApiError;
use crate::config::AdminSettings;
use crate::web::PeerAddr;
pub(super) use access::Access;
use credential::{ShownCredential, TokenKey};
use host::AllowedHosts;
use sessions::BrowserSessions;
use wrong_tokens::WrongTokens;

/// Headers of every answer. Pages add their own policy for content.
const COMMON_HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Paths that are open to everybody who reaches the listener: they tell only whether the bridge works.
const OPEN_PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// The header by which our page proves that a request is its own.
const CSRF_HEADER: &str = "x-csrf-token";

/// Who may use the API on the TCP listener.
#[derive(Debug)]
pub(super) struct Gate {
    key: TokenKey,
    rules: RwLock<GateRules>,
    sessions: BrowserSessions,
    wrong_tokens: WrongTokens,
}

/// What the configuration says about it.
#[derive(Debug, Clone)]
struct GateRules {
    hosts: AllowedHosts,
    /// The digest of the token; `None` if everybody on this machine may.
    token: Option<credential::TokenDigest>,
}

impl Gate {
    /// Decides by these settings.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(super) fn new(settings: &AdminSettings) -> Result<Arc<Self>, getrandom::Error> {
        let key = TokenKey::random()?;
        let rules = RwLock::new(GateRules::new(settings, &key));
        Ok(Arc::new(Self {
            key,
            rules,
            sessions: BrowserSessions::default(),
            wrong_tokens: WrongTokens::default(),
        }))
    }

    /// Decides by these settings from now on. With another token, browsers must sign in again.
    pub(super) fn set_rules(&self, settings: &AdminSettings) {
        let new = GateRules::new(settings, &self.key);
        let mut rules = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if rules.token != new.token {
            self.sessions.clear();
        }
        *rules = new;
    }

    fn rules(&self) -> GateRules {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Who sends this request.
    fn identify(&self, headers: &HeaderMap) -> Identified {
        let Some(token) = self.rules().token else { return Identified::May(Access::Anybody) };
        match ShownCredential::of(headers) {
            ShownCredential::Token(given) if self.key.matches(&given, &token) => {
                Identified::May(Access::Token)
            }
            ShownCredential::Token(_) => Identified::WrongToken,
            ShownCredential::Unreadable => Identified::Unreadable,
            ShownCredential::Session(id) => match self.sessions.csrf_token(&id, Instant::now()) {
                Some(csrf_token) => Identified::May(Access::Browser { csrf_token }),
                None => Identified::Unknown,
            },
            ShownCredential::None => Identified::Unknown,
        }
    }
}

impl GateRules {
    fn new(settings: &AdminSettings, key: &TokenKey) -> Self {
        Self {
            hosts: AllowedHosts::new(&settings.allowed_hosts),
            token: settings.token.as_ref().map(|token| key.digest(token)),
        }
    }
}

/// What is known of who sends a request.
enum Identified {
    May(Access),
    WrongToken,
    /// The `Authorization` header is none of ours.
    Unreadable,
    Unknown,
}

/// The routes behind the gate, and those to sign in.
pub(super) fn guard(routes: Router, gate: &Arc<Gate>) -> Router {
    sign_in::routes(Arc::clone(gate))
        .merge(routes)
        .layer(middleware::from_fn_with_state(Arc::clone(gate), check))
        .layer(middleware::map_response(with_common_headers))
}

async fn with_common_headers(mut response: Response) -> Response {
    for (name, value) in COMMON_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets a request pass to its route, or refuses it in words.
async fn check(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let (headers, method) = (request.headers(), request.method());
    if let Err(error) = gate.rules().hosts.check(request.uri(), headers) {
        return error.into_response();
    }
    if let Err(error) = origin::check(method, headers, &gate.rules().hosts) {
        return error.into_response();
    }
    let path = request.uri().path();
    if path == sign_in::PATH {
        return next.run(request).await;
    }
    let access = match gate.identify(headers) {
        Identified::May(access) => access,
        Identified::Unknown | Identified::Unreadable if OPEN_PATHS.contains(&path) => {
            Access::Public
        }
        Identified::Unknown if path == "/" && wants_page(method, headers) => {
            return sign_in::go_to(&sign_in::PATH[1..]);
        }
        Identified::Unknown => {
            let words = "a token is needed: send the header \"Authorization: Bearer\" with the token \
                         of [admin]";
            return unauthorized(words);
        }
        Identified::Unreadable => {
            let words = "the Authorization header must be \"Bearer\" and the token of [admin]";
            return unauthorized(words);
        }
        Identified::WrongToken => {
            let peer = request.extensions().get::<PeerAddr>().map(|PeerAddr(peer)| *peer);
            return gate.wrong_tokens.refuse(peer).await;
        }
    };
    if !method.is_safe()
        && let Err(error) = origin::check_write(headers, &access)
    {
        return error.into_response();
    }
    request.extensions_mut().insert(access);
    next.run(request).await
}

/// Whether a browser asks for a page.
fn wants_page(method: &Method, headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    method == Method::GET && accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

fn unauthorized(words: &str) -> Response {
    let challenge = [(header::WWW_AUTHENTICATE, "Bearer realm=\"letsbridge\"")];
    (challenge, ApiError::new(StatusCode::UNAUTHORIZED, words)).into_response()
}
