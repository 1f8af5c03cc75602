//! The page where people link their accounts, as they meet it in a browser.

use std::ops::{Deref, DerefMut};

use letsbridge::domain::LinkAction;
use serde_json::json;

use crate::browser::Browser;
use crate::link_page::{CODE, LinkWorld, PASSWORD};

/// Somebody in a browser with the page that was sent to them.
struct LinkVisit {
    world: LinkWorld,
    browser: Browser,
}

impl Deref for LinkVisit {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl DerefMut for LinkVisit {
    fn deref_mut(&mut self) -> &mut Browser {
        &mut self.browser
    }
}

impl LinkVisit {
    async fn new(width: u32, height: u32) -> Self {
        let world = LinkWorld::new("http://127.0.0.1:{port}/irc/", "").await;
        let browser = Browser::start(width, height).await;
        Self { world, browser }
    }

    fn address(&self) -> String {
        format!("{}link/{CODE}", self.world.public)
    }

    /// Opens the page, as from an IRC client.
    async fn open(&mut self) {
        let address = json!({"url": self.address()});
        self.browser.ask("Page.navigate", address).await;
    }

    /// The page fits the window, each text is legible, and each field has a label.
    async fn is_well_made(&mut self) {
        let page = self.text("h1").await;
        self.is_legible(&page).await;
        let bare = "[...document.querySelectorAll('input:not([type=hidden])')]
            .filter((it) => !it.labels.length || !it.autocomplete).length";
        assert_eq!(
            self.browser.value(bare).await,
            0,
            "{page}: a field without label or autocomplete"
        );
        let small = "[...document.querySelectorAll('button, summary, input:not([type=hidden])')]
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 24).length";
        assert_eq!(self.browser.value(small).await, 0, "{page}: something is too small to touch");
    }

    /// The page has complained about nothing, and has asked nobody else.
    fn end(self) {
        let mut complaints = self.browser.complaints();
        // A form that was not accepted.
        complaints.retain(|it| !it.contains("status of 422") && !it.contains("status of 410"));
        assert_eq!(complaints, [""; 0]);
        let own = self.world.public.as_str();
        for address in self.browser.requests() {
            assert!(address.starts_with(own) || address == "about:blank", "{address}");
        }
    }
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn somebody_signs_in_and_confirms() {
    let mut visit = LinkVisit::new(1100, 800).await;
    visit.open().await;
    visit.reads("Link your Let's Chat account").await;
    visit.shows("document.querySelector('#username')").await;
    assert!(!visit.text("main").await.contains("not encrypted"));
    visit.picture("link-start").await;
    visit.is_well_made().await;

    // A wrong password first.
    visit.fill("username", "david").await;
    visit.fill("password", "wrong").await;
    visit.browser.press("Enter").await;
    visit.shows("document.querySelector('#password-error')").await;
    let error = visit.text("#password-error").await;
    assert!(error.contains("does not accept this user name or password"), "{error}");
    visit.shows("document.activeElement.id === 'password'").await;
    assert_eq!(visit.browser.value("document.querySelector('#username').value").await, "david");
    assert_eq!(visit.browser.value("document.querySelector('#password').value").await, "");
    assert_eq!(visit.browser.value("document.title.startsWith('Error')").await, true);
    visit.picture("link-wrong-password").await;
    visit.is_well_made().await;

    visit.fill("password", PASSWORD).await;
    visit.browser.press("Enter").await;
    visit.reads("Is this you?").await;
    let text = visit.text("main").await;
    assert!(text.contains("You are signed in as David (david)."), "{text}");
    assert!(visit.world.bridge().changes().is_empty(), "nothing is linked yet");
    visit.picture("link-confirm").await;
    visit.is_well_made().await;
    visit.browser.resize(320, 640).await;
    visit.browser.prefer("dark").await;
    visit.picture("link-confirm-phone-dark").await;
    visit.is_well_made().await;
    let confirm = "form[action$=confirm] button";
    visit.browser.click(confirm).await;
    visit.reads("Your account is linked").await;
    visit.picture("link-done").await;
    visit.is_well_made().await;
    let asked = visit.world.bridge().changes();
    assert!(
        matches!(&asked[..], [LinkAction::Attach { username, .. }] if username == "david"),
        "{asked:?}"
    );
    // Looked at again, it still says so.
    visit.open().await;
    visit.reads("Your account is linked").await;
    visit.end();
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn somebody_takes_over_their_account_on_a_phone() {
    let mut visit = LinkVisit::new(360, 740).await;
    visit.browser.prefer("dark").await;
    visit.world.bridge().offer.own = Some("david".to_owned());
    visit.open().await;
    visit.shows("document.querySelector('#username')").await;
    visit.picture("link-start-phone-dark").await;
    visit.is_well_made().await;
    visit.browser.click("details:last-of-type summary").await;
    visit.shows("document.querySelector('#new-username').checkVisibility()").await;
    visit.fill("new-username", "-dave").await;
    visit.fill("email", "dave").await;
    visit.fill("new-password", "long enough").await;
    visit.fill("again", "another one").await;
    visit.browser.press("Enter").await;
    visit.shows("document.querySelector('#again-error')").await;
    visit.shows("document.activeElement.id === 'new-username'").await;
    assert_eq!(visit.browser.value("document.querySelectorAll('.error').length").await, 3);
    assert_eq!(visit.browser.value("document.querySelector('#email').value").await, "dave");
    visit.picture("link-take-over-phone-dark").await;
    visit.is_well_made().await;
    visit.browser.prefer("light").await;
    visit.picture("link-take-over-phone-light").await;
    visit.is_well_made().await;

    visit.fill("new-username", "Dave").await;
    visit.fill("email", "dave@example.org").await;
    visit.fill("new-password", "long enough").await;
    visit.fill("again", "long enough").await;
    visit.browser.press("Enter").await;
    visit.reads("The account is yours").await;
    visit.picture("link-taken-over-phone").await;
    visit.is_well_made().await;
    let asked = visit.world.bridge().changes();
    assert!(
        matches!(&asked[..], [LinkAction::TakeOver { username, email, password }]
            if username == "dave" && email == "dave@example.org" && password.expose() == "long enough"),
        "{asked:?}"
    );
    visit.end();
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn keyboard_reaches_everything_in_order() {
    let mut visit = LinkVisit::new(1100, 800).await;
    visit.browser.prefer("dark").await;
    visit.world.bridge().offer.own = Some("david".to_owned());
    visit.open().await;
    visit.shows("document.querySelector('#username')").await;
    visit.is_well_made().await;
    let mut order = Vec::new();
    for _ in 0..6 {
        visit.browser.press("Tab").await;
        let name = "(document.activeElement.id || document.activeElement.innerText)";
        order.push(visit.browser.value(name).await.as_str().unwrap().to_owned());
        let outline = "getComputedStyle(document.activeElement).outlineStyle";
        assert_eq!(visit.browser.value(outline).await, "solid", "{order:?}");
    }
    let expected = [
        "End the link",
        "username",
        "password",
        "Sign in",
        "Or paste an API token",
        "Or take over the account made for you",
    ];
    assert_eq!(order, expected);
    visit.picture("link-keyboard-dark").await;
    visit.browser.click("form[action$=unlink] button").await;
    visit.reads("The link has ended").await;
    visit.picture("link-ended-dark").await;
    assert_eq!(visit.world.bridge().changes(), [LinkAction::Unlink]);
    visit.end();
}

/// A link on the page of another site brings no cookie along, and works all the same.
#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn link_on_another_site_opens_the_page() {
    let mut visit = LinkVisit::new(1100, 800).await;
    let elsewhere = format!("data:text/html,<h1>x</h1><a href='{}'>open</a>", visit.address());
    visit.browser.ask("Page.navigate", json!({"url": elsewhere})).await;
    visit.shows("document.querySelector('a')").await;
    visit.browser.click("a").await;
    visit.shows("document.querySelector('#username')").await;
    assert_eq!(visit.world.bridge().actions, [LinkAction::View]);
    // With the cookie there, too.
    visit.browser.ask("Page.navigate", json!({"url": elsewhere})).await;
    visit.shows("document.querySelector('a')").await;
    visit.browser.click("a").await;
    visit.shows("document.querySelector('#username')").await;
    assert_eq!(visit.browser.complaints(), [""; 0]);
}
