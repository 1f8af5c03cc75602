//! The pages of the archive, as people meet them in a browser.

use std::ops::{Deref, DerefMut};

use serde_json::json;

use crate::archive_world::{ArchiveWorld, DAVIDS};
use crate::browser::Browser;

/// Somebody in a browser with the archive.
struct ArchiveVisit {
    world: ArchiveWorld,
    browser: Browser,
}

impl Deref for ArchiveVisit {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl DerefMut for ArchiveVisit {
    fn deref_mut(&mut self) -> &mut Browser {
        &mut self.browser
    }
}

impl ArchiveVisit {
    async fn new(width: u32, height: u32) -> Self {
        let world = ArchiveWorld::new("http://127.0.0.1:{port}/irc/").await;
        let browser = Browser::start(width, height).await;
        Self { world, browser }
    }

    /// A visit of david, who has signed in.
    async fn signed_in(width: u32, height: u32) -> Self {
        let mut visit = Self::new(width, height).await;
        visit.open("").await;
        visit.shows("document.querySelector('#username')").await;
        visit.fill("username", "david").await;
        visit.fill("password", DAVIDS).await;
        visit.browser.press("Enter").await;
        visit.reads("Search what was said").await;
        visit
    }

    async fn open(&mut self, rest: &str) {
        let address = format!("{}archive{rest}", self.world.public);
        self.browser.ask("Page.navigate", json!({"url": address})).await;
    }

    /// Takes a picture, if somebody wants one, and looks whether the page fits the window, each text is legible, and
    /// each field has a label; in light and dark, on a desk and a phone.
    async fn is_well_made(&mut self, name: &str) {
        for (size, (width, height)) in [("desk", (1100, 800)), ("phone", (360, 740))] {
            self.browser.resize(width, height).await;
            for scheme in ["light", "dark"] {
                self.browser.prefer(scheme).await;
                let name = format!("archive-{name}-{size}-{scheme}");
                self.picture(&name).await;
                self.is_legible(&name).await;
            }
        }
        let bare = "[...document.querySelectorAll('input:not([type=hidden]), select')]
            .filter((it) => !it.labels.length).length";
        assert_eq!(self.browser.value(bare).await, 0, "{name}: a field without a label");
        let small = "[...document.querySelectorAll('button, summary, select, input:not([type=hidden]), .month a, .row a')]
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 24)
            .map((it) => it.outerHTML)";
        assert_eq!(self.browser.value(small).await, json!([]), "{name}: too small to touch");
        let twice = "[...document.querySelectorAll('[id]')].map((it) => it.id)
            .filter((id, at, all) => all.indexOf(id) !== at)";
        assert_eq!(self.browser.value(twice).await, json!([]), "{name}: an id twice");
        self.browser.resize(1100, 800).await;
    }

    /// The pages have complained about nothing, and have asked nobody else.
    fn end(self) {
        let mut complaints = self.browser.complaints();
        // A form that was not accepted, a page that is not there or not shown yet.
        complaints.retain(|it| {
            !["422", "404", "403"].iter().any(|code| it.contains(&format!("status of {code}")))
        });
        assert_eq!(complaints, [""; 0]);
        let own = self.world.public.as_str();
        for address in self.browser.requests() {
            // Browsers bring the sign of a field for days along.
            let is_inside = address == "about:blank" || address.starts_with("data:image/svg+xml;");
            assert!(is_inside || address.starts_with(own), "{address}");
        }
    }
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn somebody_signs_in_searches_and_reads() {
    let mut visit = ArchiveVisit::new(1100, 800).await;
    let line = format!("/line/{}", visit.world.lines.open);
    visit.open(&line).await;
    visit.shows("document.querySelector('#username')").await;
    visit.is_well_made("sign-in").await;
    visit.fill("username", "david").await;
    visit.fill("password", "wrong").await;
    visit.browser.press("Enter").await;
    visit.shows("document.querySelector('[role=alert]')").await;
    visit.is_well_made("wrong-password").await;
    visit.fill("password", DAVIDS).await;
    visit.browser.press("Enter").await;
    // Back to where they wanted to go.
    visit.shows("document.querySelector('.here')").await;
    assert!(visit.text(".here").await.contains("the kettle is on"));
    visit.is_well_made("line").await;

    visit.open("").await;
    visit.shows("document.querySelector('.rooms')").await;
    visit.is_well_made("start").await;
    visit.fill("q", "kettle").await;
    visit.browser.press("Enter").await;
    visit.shows("document.querySelectorAll('mark').length === 3").await;
    assert_eq!(visit.browser.value("document.title").await, "kettle – Archive");
    visit.is_well_made("found").await;
    visit.browser.click(".hits li:last-child .from > a").await;
    visit.shows("document.querySelector('.lines .here')").await;
    let is_seen = "(() => {
        const box = document.querySelector('.here').getBoundingClientRect();
        return box.top >= 0 && box.bottom <= innerHeight;
    })()";
    assert_eq!(visit.browser.value(is_seen).await, true);

    // What people write is never markup, and without scripts nothing is lost.
    visit.open(&format!("/line/{}", visit.world.lines.evil)).await;
    visit.shows("document.querySelector('.here')").await;
    assert_eq!(
        visit.browser.value("document.querySelectorAll('script, main img').length").await,
        0
    );
    assert!(visit.text(".here .text").await.contains("<script>document.title='owned'</script>"));
    visit.browser.click(".top button").await;
    visit.shows("document.querySelector('#username')").await;
    visit.end();
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn calendar_leads_to_days_and_days_to_each_other() {
    let mut visit = ArchiveVisit::signed_in(1100, 800).await;
    visit.browser.click(".rooms li:last-child a").await;
    visit.shows("document.querySelectorAll('.month').length === 12").await;
    visit.browser.click(".years a:nth-of-type(1)").await;
    visit.shows("document.querySelector('.years b')?.textContent === '2013'").await;
    visit.is_well_made("calendar").await;
    let label = "document.querySelector('.month td a').getAttribute('aria-label')";
    assert_eq!(visit.browser.value(label).await, "7 January: 1 line");
    visit.browser.click(".month:nth-of-type(2) td a").await;
    visit.shows("document.querySelector('.lines')").await;
    visit.is_well_made("day").await;
    let day = visit.text("h1").await;
    visit.browser.click(".row a:last-of-type").await;
    visit
        .shows(&format!(
            "document.querySelector('h1') && document.querySelector('h1').innerText !== {day:?}"
        ))
        .await;

    // To another day, by the keyboard.
    visit.browser.value("document.getElementById('date').value = '2015-05-04'").await;
    visit.browser.value("document.getElementById('date').focus()").await;
    visit.browser.press("Enter").await;
    visit.shows("document.querySelector('h1')?.innerText.endsWith('Monday, 4 May 2015')").await;
    visit.browser.click("details summary").await;
    visit.is_well_made("day-with-names").await;
    // On paper, there is the text alone.
    visit.browser.ask("Emulation.setEmulatedMedia", json!({"media": "print"})).await;
    let shown =
        "['.top', '.row', 'form'].filter((it) => document.querySelector(it).checkVisibility())";
    assert_eq!(visit.browser.value(shown).await, json!([]));
    visit.picture("archive-day-paper").await;
    visit.browser.ask("Emulation.setEmulatedMedia", json!({"media": ""})).await;

    visit.browser.click(".push[href*=export]").await;
    visit.reads("Export").await;
    assert_eq!(visit.browser.value("document.getElementById('from').value").await, "2015-05-04");
    visit.is_well_made("export").await;
    visit.browser.click(".lines, main").await;
    visit.end();
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn keyboard_reaches_search_and_results() {
    let mut visit = ArchiveVisit::signed_in(1100, 800).await;
    visit.open("?q=kettle").await;
    visit.shows("document.querySelector('mark')").await;
    visit.browser.prefer("dark").await;
    let mut order = Vec::new();
    for _ in 0..5 {
        visit.browser.press("Tab").await;
        let name = "(document.activeElement.id || document.activeElement.innerText)";
        order.push(visit.browser.value(name).await.as_str().unwrap().to_owned());
        let outline = "getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(visit.browser.value(outline).await, "solid", "{order:?}");
    }
    assert_eq!(order, ["Skip to the text", "Archive", "Export", "Sign out", "q"]);
    visit.end();
}

/// A link on the page of another site leads to the line.
#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn link_on_another_site_opens_the_line() {
    let mut visit = ArchiveVisit::signed_in(1100, 800).await;
    let address = format!("{}archive/line/{}", visit.world.public, visit.world.lines.open);
    let elsewhere = format!("data:text/html,<h1>x</h1><a href='{address}'>open</a>");
    visit.browser.ask("Page.navigate", json!({"url": elsewhere})).await;
    visit.shows("document.querySelector('a')").await;
    visit.browser.click("a").await;
    visit.shows("document.querySelector('.here')").await;
    assert_eq!(visit.browser.complaints(), [""; 0]);
}
