//! A headless Chromium, driven by its DevTools protocol.

use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::program::soon;

/// How long a page may take for anything, in milliseconds.
const LIMIT_MS: u64 = 30_000;

/// A browser with one tab. Dropping it ends it.
pub(crate) struct Browser {
    _child: Child,
    _profile: TempDir,
    socket: WebSocketStream<TcpStream>,
    session: String,
    last_id: u64,
    /// What the browser told without being asked.
    events: Vec<Value>,
}

impl Browser {
    /// Starts Chromium with an empty tab of this size.
    pub(crate) async fn start(width: u32, height: u32) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new("chromium")
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--mute-audio"])
            .args(["--disable-background-networking", "--disable-extensions"])
            .args(["--remote-debugging-port=0", "about:blank"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("chromium is installed");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = soon("its address", lines.next_line()).await.unwrap().expect("it starts");
            if let Some((_, address)) = line.split_once("DevTools listening on ") {
                break address.to_owned();
            }
        };
        // It stops when nobody reads what it complains about.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let host = address.split('/').nth(2).unwrap();
        let stream = TcpStream::connect(host).await.unwrap();
        let (socket, _) = client_async(&address, stream).await.unwrap();
        let session = String::new();
        let mut browser = Self {
            _child: child,
            _profile: profile,
            socket,
            session,
            last_id: 0,
            events: Vec::new(),
        };
        browser.open_tab(width, height).await;
        browser
    }

    async fn open_tab(&mut self, width: u32, height: u32) {
        let target = self.ask("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = self.ask("Target.attachToTarget", attach).await;
        self.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log", "Network"] {
            self.ask(&format!("{domain}.enable"), json!({})).await;
        }
        self.resize(width, height).await;
    }

    /// Asks the browser something, and waits for its answer.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let answer = self.try_ask(method, &params).await;
        answer.unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    async fn try_ask(&mut self, method: &str, params: &Value) -> Result<Value, Value> {
        self.last_id += 1;
        let id = self.last_id;
        let mut call = json!({"id": id, "method": method, "params": params});
        if !self.session.is_empty() {
            call["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(call.to_string())).await.unwrap();
        let mut answer = soon(&call.to_string(), self.answer(id)).await;
        match answer["error"].take() {
            Value::Null => Ok(answer["result"].take()),
            error => Err(error),
        }
    }

    async fn answer(&mut self, id: u64) -> Value {
        loop {
            let Message::Text(text) = self.socket.next().await.unwrap().unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["id"] == id {
                return message;
            }
            self.events.push(message);
        }
    }

    /// Opens an address, and waits until the expression is true in the page that it leads to.
    pub(crate) async fn open(&mut self, address: &str, expression: &str) {
        self.ask("Page.navigate", json!({"url": address})).await;
        self.until_there(expression).await;
    }

    /// Waits until the expression is true in this page, or in one that it leads to.
    pub(crate) async fn until_there(&mut self, expression: &str) {
        let question = waiting_for(expression);
        // A page that leads to another ends what is asked of it.
        let is_gone = |error: &Value| error["message"].to_string().contains("navigated");
        loop {
            match self.try_ask("Runtime.evaluate", &question).await {
                Err(error) if is_gone(&error) => {}
                Ok(answer) if answer["result"]["value"] == true => return,
                other => panic!("{expression}: {other:?}"),
            }
        }
    }

    /// Makes the page this large.
    pub(crate) async fn resize(&mut self, width: u32, height: u32) {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500,
        });
        self.ask("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Prefers `dark` or `light`, and no motion.
    pub(crate) async fn prefer(&mut self, scheme: &str) {
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.ask("Emulation.setEmulatedMedia", json!({"features": features})).await;
    }

    /// The value of an expression in the page, which may be a promise.
    pub(crate) async fn value(&mut self, expression: &str) -> Value {
        let question =
            json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let mut answer = self.ask("Runtime.evaluate", question).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until the expression is true in the page.
    pub(crate) async fn until(&mut self, expression: &str) {
        let wait = waiting_for(expression);
        let answer = self.ask("Runtime.evaluate", wait).await;
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        if answer["result"]["value"] != true {
            let shown = self.value("document.body.innerText").await;
            let shown = shown.as_str().unwrap_or_default().to_owned();
            panic!("not within {LIMIT_MS} ms: {expression}\n{shown}\n{:?}", self.complaints());
        }
    }

    /// Waits until the expression is true in the page, whichever is opened meanwhile.
    pub(crate) async fn until_on_some_page(&mut self, expression: &str) {
        let look = json!({"expression": format!("Boolean({expression})"), "returnByValue": true});
        let seen = async {
            // Between two pages there is nobody to ask.
            while self.try_ask("Runtime.evaluate", &look).await.unwrap_or_default()["result"]["value"]
                != true
            {
                tokio::task::yield_now().await;
            }
        };
        let is_seen = timeout(Duration::from_millis(LIMIT_MS), seen).await.is_ok();
        if !is_seen {
            let shown = self.value("`${location} ${document.body.innerText}`").await;
            panic!("not within {LIMIT_MS} ms: {expression}\n{shown}\n{:?}", self.complaints());
        }
    }

    /// Types into the element that has the focus.
    pub(crate) async fn type_text(&mut self, text: &str) {
        self.ask("Input.insertText", json!({"text": text})).await;
    }

    /// Presses and releases a key: `Enter`, `Tab`, `Space`, `Escape`.
    pub(crate) async fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "Space" => (32, " "),
            "ArrowUp" => (38, ""),
            "Escape" => (27, ""),
            "Slash" => (191, "/"),
            other => panic!("no key of these tests: {other}"),
        };
        let name = match key {
            "Space" => " ",
            "Slash" => "/",
            other => other,
        };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let event = json!({
                "type": kind, "key": name, "code": key, "windowsVirtualKeyCode": code, "text": text,
            });
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Clicks the middle of an element with the mouse.
    pub(crate) async fn click(&mut self, selector: &str) {
        // Two frames at one place: a page that has just got its figures still moves what is below them.
        let at = format!(
            "(async () => {{
                const frame = () => new Promise((done) => requestAnimationFrame(done));
                const element = document.querySelector({selector:?});
                const place = () => {{
                    element.scrollIntoView({{block: 'nearest'}});
                    const box = element.getBoundingClientRect();
                    return [box.x + box.width / 2, box.y + box.height / 2];
                }};
                let [before, now] = [[], place()];
                while (String(before) !== String(now)) {{
                    await frame();
                    await frame();
                    [before, now] = [now, place()];
                }}
                return now;
            }})()"
        );
        let at = self.value(&at).await;
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({
                "type": kind, "x": at[0], "y": at[1], "button": "left", "clickCount": 1,
            });
            self.ask("Input.dispatchMouseEvent", event).await;
        }
    }

    /// A picture of the page, as PNG in base64.
    pub(crate) async fn screenshot(&mut self) -> String {
        let picture = self.ask("Page.captureScreenshot", json!({"format": "png"})).await;
        picture["data"].as_str().unwrap().to_owned()
    }

    /// The addresses that the page has asked for.
    pub(crate) fn requests(&self) -> Vec<String> {
        let mut requests = Vec::new();
        for event in &self.events {
            let params = &event["params"];
            let address = match event["method"].as_str() {
                Some("Network.requestWillBeSent") => &params["request"]["url"],
                Some("Network.webSocketCreated") => &params["url"],
                _ => continue,
            };
            requests.push(address.as_str().unwrap().to_owned());
        }
        requests
    }

    /// What the page complained about: exceptions, violations of its policy, and other errors. That a server was
    /// away is none: the page has a button for it.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for event in &self.events {
            let params = &event["params"];
            match event["method"].as_str() {
                Some("Runtime.exceptionThrown") => {
                    complaints.push(params["exceptionDetails"].to_string());
                }
                Some("Log.entryAdded") if params["entry"]["level"] == "error" => {
                    let text = params["entry"]["text"].to_string();
                    if !text.contains("ERR_CONNECTION_REFUSED") {
                        complaints.push(text);
                    }
                }
                _ => {}
            }
        }
        complaints
    }
}

/// The question whose answer is whether the expression becomes true in the page.
fn waiting_for(expression: &str) -> Value {
    let wait = format!(
        "new Promise((resolve) => {{
            const look = () => {{
                if (!({expression})) return;
                observer.disconnect();
                resolve(true);
            }};
            const observer = new MutationObserver(look);
            setTimeout(() => resolve(false), {LIMIT_MS});
            const all = {{
                subtree: true, childList: true, characterData: true, attributes: true,
            }};
            observer.observe(document, all);
            look();
        }})"
    );
    json!({"expression": wait, "awaitPromise": true, "returnByValue": true})
}
