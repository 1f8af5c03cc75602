//! Serves the demo's page, to this machine only: its files, its IRC connections, and the state of the bridge.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use letsbridge_testkit::letschat;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinHandle;

use super::director::Order;
use super::irc_socket;
use super::servers::{CHANNELS, DemoServers, VISITOR};
use super::sign_in::sign_in;
use super::snapshot::DemoSnapshot;

/// How many websockets may be open.
const MAX_SOCKETS: usize = 64;
/// The longest message that a page may send.
const MAX_MESSAGE: usize = 16_384;

/// The files of the page: each with its path, its content type and its content.
const FILES: &[(&str, &str, &str)] = &[
    ("style.css", CSS, include_str!("page/style.css")),
    ("app.js", SCRIPT, include_str!("page/app.js")),
    ("pane.js", SCRIPT, include_str!("page/pane.js")),
    ("irc.js", SCRIPT, include_str!("page/irc.js")),
    ("irc-pane.js", SCRIPT, include_str!("page/irc-pane.js")),
    ("irc-text.js", SCRIPT, include_str!("page/irc-text.js")),
    ("chat.js", SCRIPT, include_str!("page/chat.js")),
    ("chat-pane.js", SCRIPT, include_str!("page/chat-pane.js")),
    ("strip.js", SCRIPT, include_str!("page/strip.js")),
];
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files that the page shares with the page of Let's Chat.
const SHARED_FILES: [&str; 4] = ["text.js", "wire.js", "mention.js", "sign-in.js"];

/// What the page needs.
#[derive(Clone)]
pub(super) struct PageContext {
    pub(super) servers: Arc<DemoServers>,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) snapshots: watch::Receiver<DemoSnapshot>,
}

#[derive(Clone)]
struct Site {
    context: PageContext,
    sockets: Arc<Semaphore>,
}

/// The page's server. Dropping it ends it.
#[derive(Debug)]
pub(super) struct PageServer {
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl PageServer {
    /// Serves the page on `listener`.
    pub(super) fn start(listener: TcpListener, context: PageContext) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let site = Site { context, sockets: Arc::new(Semaphore::new(MAX_SOCKETS)) };
        let router = Router::new()
            .route("/", get(index))
            .route("/{file}", get(file))
            .route("/places", get(places))
            .route("/bridge", get(bridge_socket))
            .route("/irc", get(irc_socket_of_page))
            .route("/sign-in", post(sign_in_visitor))
            .layer(DefaultBodyLimit::max(MAX_MESSAGE))
            .layer(from_fn(only_this_machine))
            .with_state(site);
        let serving = tokio::spawn(async move {
            // It ends only with the demo.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, serving })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Refuses requests under a name that is not this machine's own: a page from elsewhere could have its own name
/// point here.
async fn only_this_machine(request: Request, next: Next) -> Response {
    match own_name(request.headers()) {
        Some(_) => next.run(request).await,
        None => (StatusCode::FORBIDDEN, "This page is only for localhost.\n").into_response(),
    }
}

/// The name of this machine under which a page was asked for, without the port.
fn own_name(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) => name,
        _ => host,
    };
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_loopback = bare.parse().is_ok_and(|address: IpAddr| address.is_loopback());
    (name == "localhost" || is_loopback).then_some(name)
}

/// Whether our own page asks: browsers let other pages open websockets and send forms, too.
fn is_our_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let (origin, host) = (text(header::ORIGIN), text(header::HOST));
    origin.and_then(|origin| origin.strip_prefix("http://")).is_some_and(|at| Some(at) == host)
}

async fn index(State(site): State<Site>, headers: HeaderMap) -> Response {
    let name = own_name(&headers).unwrap_or("localhost");
    let port = site.context.servers.letschat.address().port();
    // Nothing comes from elsewhere; Let's Chat has a port of its own.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self' ws://{name}:{port}; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    );
    let policy = [(header::CONTENT_SECURITY_POLICY, policy)];
    (policy, answer(HTML, include_str!("page/index.html").to_owned())).into_response()
}

async fn file(Path(name): Path<String>) -> Response {
    let own = FILES.iter().find(|(known, ..)| *known == name);
    let shared = || SHARED_FILES.iter().find(|known| **known == name).copied();
    let found =
        own.map(|(_, kind, content)| (*kind, *content)).or_else(|| letschat::page_file(shared()?));
    match found {
        Some((kind, content)) => answer(kind, content.to_owned()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The channels with their rooms, and the accounts that a visitor can choose.
async fn places(State(site): State<Site>) -> Response {
    let letschat = &site.context.servers.letschat;
    let channels: Vec<Value> =
        CHANNELS.iter().map(|(name, topic)| json!({"name": name, "topic": topic})).collect();
    let people: Value = serde_json::from_str(&letschat.page_users()).unwrap_or_default();
    let places = json!({
        "channels": channels,
        "people": people,
        "nick": VISITOR,
        "letschatPort": letschat.address().port(),
        "ircPort": site.context.servers.irc.address().port(),
    });
    answer("application/json; charset=utf-8", places.to_string())
}

fn answer(kind: &'static str, content: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, content).into_response()
}

/// Signs a visitor of our page in to Let's Chat.
async fn sign_in_visitor(State(site): State<Site>, headers: HeaderMap, typed: String) -> Response {
    if !is_our_page(&headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    sign_in(&site.context.servers, &typed).await
}

/// Tells the page what happens, and takes its orders.
async fn bridge_socket(
    State(site): State<Site>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let context = site.context.clone();
    open(&site, &headers, upgrade, |socket| show_bridge(socket, context))
}

/// Carries the lines of an IRC client in the page.
async fn irc_socket_of_page(
    State(site): State<Site>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    let server = site.context.servers.irc.address();
    open(&site, &headers, upgrade, move |socket| irc_socket::carry(socket, server))
}

/// Opens a websocket, if our page asks for it and there are not too many.
fn open<F, W>(site: &Site, headers: &HeaderMap, upgrade: WebSocketUpgrade, work: F) -> Response
where
    F: FnOnce(WebSocket) -> W + Send + 'static,
    W: Future<Output = ()> + Send,
{
    if !is_our_page(headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Ok(slot) = Arc::clone(&site.sockets).try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    upgrade.on_upgrade(async move |socket| {
        let _slot: OwnedSemaphorePermit = slot;
        work(socket).await;
    })
}

async fn show_bridge(mut socket: WebSocket, context: PageContext) {
    let PageContext { orders, mut snapshots, .. } = context;
    snapshots.mark_changed();
    loop {
        tokio::select! {
            changed = snapshots.changed() => {
                if changed.is_err() {
                    return;
                }
                let snapshot = json!(*snapshots.borrow_and_update()).to_string();
                if socket.send(Message::text(snapshot)).await.is_err() {
                    return;
                }
            }
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    if let Some(order) = order(&text) && orders.send(order).await.is_err() {
                        return;
                    }
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
        }
    }
}

fn order(text: &str) -> Option<Order> {
    Some(match text {
        "kill" => Order::Kill,
        "cut" => Order::Cut,
        "restart" => Order::Restart,
        "show" => Order::Show,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &'static str, origin: Option<&'static str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a host"));
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().expect("an origin"));
        }
        headers
    }

    #[test]
    fn only_names_of_this_machine_are_served() {
        for (host, name) in [
            ("localhost:8667", Some("localhost")),
            ("localhost", Some("localhost")),
            ("127.0.0.1:8667", Some("127.0.0.1")),
            ("[::1]:8667", Some("[::1]")),
            ("example.org:8667", None),
            ("localhost.example.org", None),
            ("192.0.2.1:8667", None),
            ("127.0.0.1.example.org", None),
        ] {
            assert_eq!(own_name(&headers(host, None)), name, "{host}");
        }
    }

    #[test]
    fn only_our_page_opens_websockets() {
        for (origin, ours) in [
            (Some("http://localhost:8667"), true),
            (Some("http://localhost:5000"), false),
            (Some("http://example.org"), false),
            (Some("https://localhost:8667"), false),
            (Some("null"), false),
            (None, false),
        ] {
            assert_eq!(is_our_page(&headers("localhost:8667", origin)), ours, "{origin:?}");
        }
    }
}
