//! The status page of a running bridge, as an administrator meets it.

use std::net::TcpListener;
use std::path::Path;

use axum::http::StatusCode;
use data_encoding::BASE64;
use serde_json::json;

use crate::browser::Browser;
use crate::contrast::LOWEST_CONTRAST;
use crate::harness::World;
use crate::program::Program;

/// What the page says of everything.
const HEADLINE: &str = "document.querySelector('#headline').textContent";

/// The token of those who need one.
const TOKEN: &str = "a1b2c3d4e5f6a7b8c9d0";

/// A bridge between two servers, and its page in a browser.
struct AdminVisit {
    world: World,
    bridge: Program,
    browser: Browser,
    address: String,
}

impl AdminVisit {
    async fn new(width: u32, height: u32) -> Self {
        Self::with(width, height, |toml| toml).await
    }

    /// The same with a changed configuration, which ends with `[admin]`.
    async fn with(width: u32, height: u32, change: impl Fn(String) -> String) -> Self {
        let world = World::new().await;
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let admin = format!("\n[admin]\nlisten = \"127.0.0.1:{port}\"\n");
        world.configure(|toml| change(toml + &admin));
        let bridge = world.bridge().await;
        let browser = Browser::start(width, height).await;
        let address = format!("http://127.0.0.1:{port}/");
        Self { world, bridge, browser, address }
    }

    /// Opens the page, and waits until it is live.
    async fn open(&mut self) {
        let live = "document.querySelector('#live')?.textContent.trim() === 'Live' && document.querySelector('#rows li')";
        self.browser.open(&self.address, live).await;
        self.browser.value("window.isStillThisPage = true").await;
    }

    /// Waits until the page says so of everything, without being loaded again.
    async fn judges(&mut self, headline: &str) {
        self.browser.until(&format!("{HEADLINE} === {headline:?}")).await;
        assert_eq!(self.browser.value("window.isStillThisPage").await, true);
    }

    /// Goes on to the control with this name by the keyboard alone.
    async fn tab_to(&mut self, name: &str) {
        let has_focus = format!(
            "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent) === {name:?}"
        );
        for _ in 0..40 {
            if self.browser.value(&has_focus).await == true {
                return;
            }
            self.browser.press("Tab").await;
        }
        panic!("{name:?} cannot be reached: {}", self.text("document.body").await);
    }

    async fn text(&mut self, element: &str) -> String {
        let text = self.browser.value(&format!("{element}.innerText")).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// The page fits its window, each text is legible, and what is touched is large enough.
    async fn is_well_made(&mut self, name: &str) {
        let wide = self.browser.value("document.documentElement.scrollWidth - innerWidth").await;
        assert!(wide.as_i64().unwrap() <= 0, "{name}: {wide} pixels too wide");
        let contrast = self.browser.value(LOWEST_CONTRAST).await;
        assert!(contrast[0].as_f64().unwrap() >= 4.5, "{name}: contrast {contrast}");
        let small = "[...document.querySelectorAll('button, select, input')]
            .filter((it) => it.checkVisibility() && it.getBoundingClientRect().height < 24)
            .map((it) => it.outerHTML)";
        assert_eq!(self.browser.value(small).await, json!([]), "{name}: too small to touch");
        let bare = "[...document.querySelectorAll('input, select')]
            .filter((it) => !it.labels.length && !it.ariaLabel).map((it) => it.outerHTML)";
        assert_eq!(self.browser.value(bare).await, json!([]), "{name}: without a label");
    }

    /// Takes a picture of the page, if somebody wants one.
    async fn picture(&mut self, name: &str) {
        if let Some(folder) = std::env::var_os("LETSBRIDGE_SCREENSHOTS") {
            let picture = BASE64.decode(self.browser.screenshot().await.as_bytes()).unwrap();
            std::fs::write(Path::new(&folder).join(format!("admin-{name}.png")), picture).unwrap();
        }
    }

    /// Ends the visit. The page has asked nobody else for anything.
    async fn end(self) {
        for address in self.browser.requests() {
            let is_own = address.starts_with(&self.address) || address.starts_with("data:");
            assert!(is_own || address == "about:blank", "{address}");
        }
        assert_eq!(self.browser.complaints(), [""; 0]);
        assert_eq!(self.bridge.stop().await.code, Some(0));
    }
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn all_is_well_is_seen_at_once() {
    let accounts =
        |toml: String| toml.replace("[letschat]\n", "[letschat]\nsender_mode = \"accounts\"\n");
    let mut visit = AdminVisit::with(1280, 800, accounts).await;
    visit.open().await;
    visit.judges("All is well").await;
    let links = visit.text("document.querySelector('#rows')").await;
    assert!(links.contains("#tea ⇄ tea") && links.contains("office · Up"), "{links}");
    let networks = visit.text("document.querySelector('#networks')").await;
    assert!(networks.contains("office Connected") && networks.contains("Let’s Chat Connected"));

    // What is said is in the charts with the next sample, and its author among the people.
    visit.world.say_on_irc("kettle's on");
    visit.world.room(1).await;
    visit
        .browser
        .until("/^[1-9]/.test(document.querySelector('#rows .messages b').textContent)")
        .await;
    visit.browser.until("document.querySelector('#rows .messages path').getAttribute('d')").await;
    let made = "document.querySelector('#people .counts').textContent.includes('1 by an account of the bridge')";
    visit.browser.until(made).await;
    visit.browser.until("!document.querySelector('#who').hidden").await;
    visit.browser.click("#who [data-name=everybody]").await;
    let ann = "document.querySelector('#people .list').textContent.includes('ann office, ann.irc (made)')";
    visit.browser.until(ann).await;

    for scheme in ["light", "dark"] {
        visit.browser.prefer(scheme).await;
        for (name, width, height) in [("desktop", 1280, 800), ("phone", 360, 740)] {
            visit.browser.resize(width, height).await;
            visit.is_well_made(&format!("well-{name}-{scheme}")).await;
            visit.picture(&format!("well-{name}-{scheme}")).await;
        }
    }
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn trouble_is_shown_as_it_comes_and_goes() {
    let mut visit = AdminVisit::new(1280, 800).await;
    visit.open().await;
    visit.judges("All is well").await;
    visit.world.letschat.faults().upgrades_fail(Some(StatusCode::BAD_GATEWAY));
    visit.world.letschat.restart().await.unwrap();
    visit.judges("Let’s Chat is down").await;
    visit.world.say_on_irc("anybody there?");
    visit
        .browser
        .until("document.querySelector('#rows .waiting b').textContent.startsWith('1')")
        .await;
    let troubles = visit.text("document.querySelector('#troubles')").await;
    assert!(troubles.contains("What to do:"), "{troubles}");
    assert!(troubles.contains("1 message waits until it is back; nothing is lost."), "{troubles}");
    visit.browser.until("document.title.startsWith('Let’s Chat is down')").await;
    visit
        .browser
        .until("document.querySelector('#spoken').textContent === 'Let’s Chat is down'")
        .await;
    visit.browser.until("document.querySelector('#warnings .remedy')").await;
    for scheme in ["light", "dark"] {
        visit.browser.prefer(scheme).await;
        for (name, width, height) in [("desktop", 1280, 800), ("phone", 360, 740)] {
            visit.browser.resize(width, height).await;
            visit.is_well_made(&format!("trouble-{name}-{scheme}")).await;
            visit.picture(&format!("trouble-{name}-{scheme}")).await;
        }
    }
    visit.world.letschat.faults().clear();
    visit.judges("All is well").await;
    assert_eq!(visit.world.room(1).await, ["<ann> anybody there?"]);
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn a_link_is_paused_looked_at_and_resumed_by_keyboard() {
    let mut visit = AdminVisit::new(1100, 800).await;
    visit.open().await;
    visit.tab_to("Pause #tea ⇄ tea").await;
    visit.browser.press("Enter").await;
    visit.judges("#tea ⇄ tea is paused").await;
    // The button has another name, and still the focus.
    visit.browser.until("document.activeElement.textContent === 'Resume'").await;
    let evil = "<img src=x onerror=alert(1)> a secret";
    visit.world.say_on_irc(evil);
    visit.world.say_on_irc("for everybody");
    visit
        .browser
        .until("document.querySelector('#rows .waiting b').textContent.startsWith('2')")
        .await;
    visit.picture("paused").await;

    visit.tab_to("Queue of #tea ⇄ tea, 2 waiting").await;
    visit.browser.press("Enter").await;
    visit.browser.until("document.querySelectorAll('#queue ol li').length === 2").await;
    let first = visit.text("document.querySelector('#queue ol li .text')").await;
    assert_eq!(first, evil);
    assert_eq!(visit.browser.value("document.querySelectorAll('img').length").await, 0);
    visit.is_well_made("queue").await;
    visit.picture("queue").await;
    visit.tab_to("Drop the message of ann").await;
    visit.browser.press("Enter").await;
    visit.browser.until("document.activeElement.textContent === 'Drop for good?'").await;
    visit.browser.press("Enter").await;
    visit.browser.until("document.querySelectorAll('#queue ol li').length === 1").await;
    visit
        .browser
        .until("document.querySelector('#queue .told').textContent.includes('was dropped')")
        .await;
    visit.browser.press("Escape").await;
    visit.browser.until("!document.querySelector('#queue').open").await;
    // The focus is where it was.
    visit.browser.until("document.activeElement.ariaLabel?.startsWith('Queue of')").await;

    visit.browser.value("document.querySelector('#top button').focus()").await;
    visit.tab_to("Resume #tea ⇄ tea is paused").await;
    visit.browser.press("Space").await;
    visit.judges("All is well").await;
    assert_eq!(visit.world.room(1).await, ["<ann> for everybody"]);
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn mistakes_of_a_new_configuration_are_shown() {
    let mut visit = AdminVisit::new(1280, 800).await;
    visit.open().await;
    let good = std::fs::read_to_string(visit.world.path().join("bridge.toml")).unwrap();
    visit.world.write("bridge.toml", &good.replace("nick = \"bridge\"", "nick = \"9lives\""));
    visit.browser.click("#reload").await;
    visit.judges("The new configuration has mistakes").await;
    let mistakes = visit.text("document.querySelector('.mistakes')").await;
    assert!(mistakes.contains("irc.office.nick: \"9lives\" starts with a digit"), "{mistakes}");
    visit.is_well_made("mistakes").await;
    visit.picture("mistakes").await;
    visit.world.write("bridge.toml", &good);
    visit.browser.click("#troubles button").await;
    visit.judges("All is well").await;
    let complaints = visit.browser.complaints();
    assert!(complaints.iter().all(|it| it.contains("422")), "{complaints:?}");
    assert_eq!(visit.bridge.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn a_bridge_that_is_gone_is_not_taken_for_well() {
    let mut visit = AdminVisit::new(1280, 800).await;
    visit.open().await;
    visit.judges("All is well").await;
    assert_eq!(visit.bridge.stop().await.code, Some(0));
    visit.browser.until(&format!("{HEADLINE} === 'No contact with the bridge'")).await;
    visit.browser.until("document.body.classList.contains('stale')").await;
    let told = visit.browser.value("document.querySelector('#subline').textContent").await;
    assert!(told.as_str().unwrap().starts_with("What is shown is "), "{told}");
    visit.bridge = visit.world.bridge().await;
    // Another process has other keys: the page loads itself again.
    let again = format!("!window.isStillThisPage && {HEADLINE} === 'All is well'");
    visit.browser.until_on_some_page(&again).await;
    let complaints = visit.browser.complaints();
    assert!(complaints.iter().all(|it| it.contains("ERR_")), "{complaints:?}");
    assert_eq!(visit.bridge.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn with_a_token_one_signs_in_and_only_the_page_may_act() {
    let mut visit =
        AdminVisit::with(1280, 800, |toml| toml + &format!("token = \"{TOKEN}\"\n")).await;
    visit.browser.open(&visit.address, "document.querySelector('#token')").await;
    visit.browser.click("#token").await;
    visit.picture("sign-in").await;
    visit.browser.type_text(TOKEN).await;
    visit.browser.press("Enter").await;
    visit.browser.until_on_some_page(&format!("{HEADLINE} === 'All is well'")).await;
    let ask = |headers: &str| {
        format!(
            "fetch('api/v1/links/pause', {{method: 'POST', body: '{{\"link\":\"#tea\"}}',
                headers: {{'Content-Type': 'application/json', {headers}}}}}).then((it) => it.status)"
        )
    };
    for headers in ["", "'X-CSRF-Token': 'guessed'"] {
        assert_eq!(visit.browser.value(&ask(headers)).await, 403, "{headers}");
    }
    visit.browser.click(".link button").await;
    visit.browser.until(&format!("{HEADLINE} === '#tea ⇄ tea is paused'")).await;
    visit.browser.click("#sign-out").await;
    visit.browser.until_on_some_page("document.querySelector('#token')").await;
    let complaints = visit.browser.complaints();
    assert!(complaints.iter().all(|it| it.contains("403")), "{complaints:?}");
    assert_eq!(visit.bridge.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn among_many_links_one_is_found() {
    let mut visit = AdminVisit::new(360, 740).await;
    visit.open().await;
    // Sixty rooms that are not there.
    let toml = std::fs::read_to_string(visit.world.path().join("bridge.toml")).unwrap();
    let links = (1..=60).map(|number| {
        format!("\n[[link]]\nchannel = \"office/#c{number}\"\nroom = \"r{number}\"\n")
    });
    visit.world.write("bridge.toml", &(toml + &links.collect::<String>()));
    assert_eq!(visit.bridge.stop().await.code, Some(0));
    visit.bridge = visit.world.run().start();
    visit.browser.until_on_some_page(&format!("{HEADLINE} === '60 links are down'")).await;
    assert_eq!(visit.browser.value("document.querySelectorAll('#rows li').length").await, 30);
    visit
        .browser
        .until("document.querySelector('#more').textContent === 'Show 31 more links'")
        .await;
    visit.is_well_made("many").await;
    visit.picture("many").await;

    // The troubled ones come first; the good one is found by its name.
    let first = "document.querySelector('#rows li').dataset.state";
    assert_eq!(visit.browser.value(first).await, "bad");
    visit.browser.value("document.activeElement.blur()").await;
    visit.browser.press("Slash").await;
    visit.browser.type_text("#TEA").await;
    visit.browser.until("document.querySelectorAll('#rows li').length === 1").await;
    assert_eq!(visit.browser.value(first).await, "good");
    visit.browser.press("Escape").await;
    visit.browser.click("#more").await;
    visit.browser.until("document.querySelectorAll('#rows li').length === 61").await;
    assert_eq!(visit.bridge.stop().await.code, Some(0));
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn how_far_people_have_moved_is_on_a_page_of_its_own() {
    let mut visit = AdminVisit::with(1280, 900, |toml| toml + crate::progress::RULES).await;
    crate::progress::team_speaks(&visit.world).await;
    visit.open().await;
    visit.browser.click("#people .move a").await;
    let is_there = "document.querySelector('h1')?.textContent.startsWith('The move')";
    visit.browser.until_there(is_there).await;
    let text = visit.text("document.querySelector('#link-0')").await;
    assert!(text.contains("office/#tea ⇄ tea"), "{text}");
    assert!(text.contains("<img src=x onerror=alert(1)>"), "{text}");
    for scheme in ["light", "dark"] {
        visit.browser.prefer(scheme).await;
        for (name, width, height) in [("desktop", 1280, 900), ("phone", 360, 740)] {
            visit.browser.resize(width, height).await;
            visit.is_well_made(&format!("progress-{name}-{scheme}")).await;
            visit.picture(&format!("progress-{name}-{scheme}")).await;
        }
    }
    visit.browser.click("a[href='./']").await;
    visit.browser.until_there("document.querySelector('#verdict')").await;
    visit.end().await;
}
