//! The page of a demo, and what a visitor does there.

use std::path::Path;

use data_encoding::BASE64;
use serde_json::Value;
use tempfile::TempDir;

use crate::browser::Browser;
use crate::program::{Program, Start};

/// A demo with its page open in a browser.
pub(crate) struct Visit {
    pub(crate) browser: Browser,
    pub(crate) demo: Program,
    pub(crate) address: String,
    _directory: TempDir,
}

/// A pane of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pane {
    Irc,
    Chat,
}

impl Pane {
    pub(crate) const BOTH: [Self; 2] = [Self::Irc, Self::Chat];

    fn id(self) -> &'static str {
        match self {
            Self::Irc => "irc",
            Self::Chat => "chat",
        }
    }
}

impl Visit {
    /// Starts a demo, opens its page, and waits until both panes are connected.
    pub(crate) async fn new() -> Self {
        Self::with_size(1280, 800).await
    }

    /// Opens a page of this size.
    pub(crate) async fn with_size(width: u32, height: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = ["demo", "--port", "0", "--irc-port", "0", "--letschat-port", "0"];
        let start = Start::new(directory.path(), &ports).env("TMPDIR", directory.path());
        let mut demo = start.start();
        let address = demo.out.says("http://127.0.0.1:").await.trim().to_owned();
        let browser = Browser::start(width, height).await;
        let mut visit = Self { browser, demo, address, _directory: directory };
        visit.open().await;
        visit
    }

    /// Opens the page, or opens it again.
    pub(crate) async fn open(&mut self) {
        let address = serde_json::json!({"url": self.address});
        self.browser.ask("Page.navigate", address).await;
        self.browser.until("document.querySelector('#irc-members')?.children.length > 1").await;
        self.browser
            .until("document.querySelector('#chat-topic').textContent.includes('Ann')")
            .await;
        self.browser.until("document.querySelector('#chat-trouble').textContent === ''").await;
        self.until_all_is_up().await;
    }

    /// Waits until the bridge runs and is connected to both sides.
    pub(crate) async fn until_all_is_up(&mut self) {
        let up = "document.querySelectorAll('.part[data-state=up]').length === 3";
        self.browser.until(up).await;
    }

    /// Writes a line in a pane, by mouse and keyboard.
    pub(crate) async fn write(&mut self, pane: Pane, text: &str) {
        self.browser.click(&format!("#{}-input", pane.id())).await;
        self.browser.type_text(text).await;
        self.browser.press("Enter").await;
    }

    /// Waits until a pane shows a line that ends with `text`.
    pub(crate) async fn sees(&mut self, pane: Pane, text: &str) {
        let lines = lines_of(pane);
        self.browser.until(&format!("{lines}.some((line) => line.endsWith({text:?}))")).await;
    }

    /// The lines of a pane that have `word`, from the names on.
    pub(crate) async fn lines(&mut self, pane: Pane, word: &str) -> Vec<String> {
        let lines = format!("{}.filter((line) => line.includes({word:?}))", lines_of(pane));
        let lines = self.browser.value(&lines).await;
        lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    }

    /// Waits until one of the totals has this value.
    pub(crate) async fn counts(&mut self, name: &str, value: u64) {
        let element = format!("document.querySelector('[data-total={name}]')");
        self.browser.until(&format!("{element}.textContent === '{value}'")).await;
    }

    /// What an expression says in the page.
    pub(crate) async fn text(&mut self, expression: &str) -> String {
        match self.browser.value(expression).await {
            Value::String(text) => text,
            other => panic!("{expression}: {other}"),
        }
    }

    /// Takes a picture of the page, if somebody wants one.
    pub(crate) async fn picture(&mut self, name: &str) {
        if let Some(folder) = std::env::var_os("LETSBRIDGE_SCREENSHOTS") {
            let picture = BASE64.decode(self.browser.screenshot().await.as_bytes()).unwrap();
            std::fs::write(Path::new(&folder).join(format!("{name}.png")), picture).unwrap();
        }
    }

    /// Ends the visit; the page must not have complained.
    pub(crate) async fn end(self) {
        assert_eq!(self.browser.complaints(), [""; 0]);
        let end = self.demo.stop().await;
        assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
    }
}

/// The lines that a pane shows, without their times.
fn lines_of(pane: Pane) -> &'static str {
    match pane {
        Pane::Irc => {
            "[...document.querySelectorAll('#irc-log .line > span')].map((it) => it.textContent)"
        }
        // A name stands above all that its owner writes in a row.
        Pane::Chat => {
            "[...document.querySelectorAll('#chat-log .message')].map((it) => {
                let first = it;
                while (first && !first.querySelector('.by b')) first = first.previousElementSibling;
                return `${first?.querySelector('.by b').textContent}: ${it.querySelector('.body').textContent}`;
            })"
        }
    }
}
