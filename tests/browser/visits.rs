//! What visitors do.

use serde_json::json;

use crate::page::{Pane, Visit};

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn a_line_in_one_pane_appears_in_the_other() {
    let mut visit = Visit::new().await;
    visit.write(Pane::Irc, "hello from IRC").await;
    visit.sees(Pane::Irc, "<dave> hello from IRC").await;
    visit.sees(Pane::Chat, "dave: hello from IRC").await;
    visit.write(Pane::Chat, "hello from Let's Chat").await;
    visit.sees(Pane::Chat, "hello from Let's Chat").await;
    visit.sees(Pane::Irc, "<letsbridge> <ann> hello from Let's Chat").await;
    visit.counts("arrived", 2).await;
    visit.browser.until("document.querySelectorAll('#news .arrived').length === 2").await;
    let news =
        visit.text("[...document.querySelectorAll('#news .arrived')].at(-1).textContent").await;
    let news = news.replace('\u{a0}', " ");
    assert!(news.starts_with("dave to room lobby: heard after "), "{news}");
    assert!(news.contains("ms, stored after ") && news.contains(" ms, delivered after "), "{news}");
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn the_irc_pane_does_what_irc_clients_do() {
    let mut visit = Visit::new().await;
    visit.write(Pane::Irc, "/me waves").await;
    visit.sees(Pane::Irc, "* dave waves").await;
    visit.sees(Pane::Chat, "dave: * dave waves").await;
    visit.write(Pane::Irc, "/nick david").await;
    visit.sees(Pane::Irc, "You are now known as david").await;
    visit.write(Pane::Irc, "it is me").await;
    visit.sees(Pane::Chat, "david: it is me").await;

    // The room follows the channel, and the channel the room.
    visit.write(Pane::Irc, "/join #kitchen").await;
    visit
        .browser
        .until("document.querySelector('#chat-input').placeholder.includes('kitchen')")
        .await;
    visit.write(Pane::Irc, "any tea left?").await;
    visit.sees(Pane::Chat, "david: any tea left?").await;
    visit.browser.click("#chat-rooms [data-name=dev]").await;
    let shown = "document.querySelector('#irc-channels [aria-current=true]').textContent";
    assert_eq!(visit.text(shown).await, "#dev");
    visit.write(Pane::Irc, "/part").await;
    visit.browser.until("document.querySelectorAll('#irc-channels button').length === 2").await;
    visit.write(Pane::Irc, "/join #elsewhere").await;
    visit.sees(Pane::Irc, "This channel is not bridged").await;
    visit.write(Pane::Irc, "/brew").await;
    visit.sees(Pane::Irc, "There is no command /brew here. /help lists them.").await;
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn whatever_breaks_everything_arrives_once() {
    let mut visit = Visit::new().await;
    let mut sent = 0;
    for (round, orders) in
        [&["kill"][..], &["cut"], &["restart"], &["kill", "cut", "restart"]].into_iter().enumerate()
    {
        for order in orders {
            visit.browser.click(&format!("[data-order={order}]")).await;
        }
        let down = "document.querySelectorAll('.part[data-state=down]').length";
        visit.browser.until(&format!("{down} === {}", orders.len())).await;
        for number in 1..=3 {
            for pane in Pane::BOTH {
                visit.write(pane, &format!("line {number} of round {round}")).await;
                sent += 1;
                visit.counts("sent", sent).await;
            }
        }
        let waiting =
            visit.text("document.querySelector('[data-total=waiting]').textContent").await;
        assert_ne!(waiting, "0");
        visit.picture(&orders.join("-")).await;
        if orders.len() == 1 {
            // The same button ends it sooner.
            visit.browser.click(&format!("[data-order={}]", orders[0])).await;
        }
        visit.counts("arrived", sent).await;
        visit.counts("waiting", 0).await;
        visit.counts("twice", 0).await;
        visit.until_all_is_up().await;
        let end = format!("of round {round}");
        let lines = |name: &str| [1, 2, 3].map(|number| format!("{name}line {number} {end}"));
        let said = visit.lines(Pane::Irc, &end).await;
        let (relayed, own): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|it| it.contains("<ann>"));
        assert_eq!((relayed, own), (lines("<letsbridge> <ann> ").into(), lines("<dave> ").into()));
        // Where an account cannot post, the bridge's own does.
        let said = visit.lines(Pane::Chat, &end).await;
        let said: Vec<_> = said.iter().map(|it| it.replace("IRC: <dave> ", "dave: ")).collect();
        let (relayed, own): (Vec<_>, Vec<_>) =
            said.into_iter().partition(|it| it.starts_with("dave: "));
        assert_eq!((relayed, own), (lines("dave: ").into(), lines("Ann: ").into()));
    }
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn what_people_write_is_never_markup() {
    let mut visit = Visit::new().await;
    let evil = [
        "<img src=x onerror=\"document.title='owned'\">",
        "<script>document.title='owned'</script>",
        "\u{3}4,4<b>red</b> \u{2}bold\u{2} javascript:alert(1)",
    ];
    for text in evil {
        for pane in Pane::BOTH {
            visit.write(pane, text).await;
        }
    }
    visit.counts("arrived", 6).await;
    visit.sees(Pane::Chat, "dave: <script>document.title='owned'</script>").await;
    visit.sees(Pane::Irc, "<ann> <script>document.title='owned'</script>").await;
    // A topic is written by people, too.
    visit.write(Pane::Irc, "/join #elsewhere").await;
    visit.sees(Pane::Irc, "This channel is not bridged").await;
    visit.write(Pane::Irc, "/topic <i>topic</i>").await;
    visit
        .browser
        .until("document.querySelector('#irc-topic').textContent.includes('<i>topic</i>')")
        .await;
    let made = "document.querySelectorAll('.pane :is(img, script, b:not(.by b), i, iframe), [onerror]').length";
    assert_eq!(visit.browser.value(made).await, 0);
    assert_eq!(visit.text("document.title").await, "letsbridge demo");
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn it_works_by_keyboard_alone_and_asks_nobody_else() {
    let mut visit = Visit::new().await;
    visit.browser.click("#top h1").await;
    let mut order = Vec::new();
    let focused = "(() => {
        const it = document.activeElement;
        const visible = getComputedStyle(it).outlineStyle !== 'none'
            || getComputedStyle(it.closest('form') ?? it).boxShadow !== 'none';
        return [it.id || it.dataset.order || it.textContent, visible];
    })()";
    while order.last().is_none_or(|last| last != "chat-input") {
        visit.browser.press("Tab").await;
        let found = visit.browser.value(focused).await;
        assert_eq!(found[1], true, "the focus on {} is not visible", found[0]);
        order.push(found[0].as_str().unwrap().to_owned());
        assert!(order.len() < 40, "{order:?}");
    }
    assert_eq!(
        order.join(" "),
        "Let’s Chat alone #lobby #kitchen #dev irc-log irc-input Send kill cut restart show news lobby kitchen \
         dev chat-person chat-log #lobby chat-input"
    );
    visit.browser.type_text("typed without a mouse").await;
    visit.browser.press("Enter").await;
    visit.sees(Pane::Irc, "<ann> typed without a mouse").await;
    visit.browser.value("document.querySelector('[data-order=kill]').focus()").await;
    visit.browser.press("Enter").await;
    visit
        .browser
        .until("document.querySelector('[data-part=bridge]').dataset.state === 'down'")
        .await;
    visit.browser.press("Space").await;
    visit.until_all_is_up().await;

    let unnamed = "[...document.querySelectorAll('button, input, textarea, select, [role=log], nav, section')]
        .filter((it) => !(it.ariaLabel || it.textContent.trim() || it.labels?.length))
        .map((it) => it.outerHTML)";
    assert_eq!(visit.browser.value(unnamed).await, json!([]));
    for address in visit.browser.requests() {
        let local = ["http://127.0.0.1:", "ws://127.0.0.1:", "data:"];
        assert!(local.iter().any(|start| address.starts_with(start)), "{address}");
    }
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn people_talk_by_themselves_and_all_can_be_read() {
    let mut visit = Visit::new().await;
    visit.browser.click("#show").await;
    visit.sees(Pane::Irc, "Each of them once").await;
    visit.sees(Pane::Irc, "Press one, then keep writing").await;
    visit.write(Pane::Irc, "hello from IRC").await;
    visit.write(Pane::Chat, "hello from Let's Chat").await;
    visit.counts("arrived", 11).await;
    visit.counts("twice", 0).await;
    visit.browser.until("document.querySelector('#show').ariaPressed === 'false'").await;
    visit.browser.value("document.activeElement.blur()").await;
    for scheme in ["light", "dark"] {
        visit.browser.prefer(scheme).await;
        for (name, width, height) in [("desktop", 1280, 800), ("phone", 390, 844)] {
            visit.browser.resize(width, height).await;
            assert_eq!(visit.browser.value(FAINT).await, json!([]), "{scheme}, {name}");
            assert_eq!(visit.browser.value(OUTSIDE).await, json!([]), "{scheme}, {name}");
            visit.picture(&format!("{name}-{scheme}")).await;
        }
    }
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn lets_chat_alone_opens_the_room_that_the_terminal_names() {
    let mut visit = Visit::new().await;
    let alone = visit.text("document.querySelector('#own a').href").await;
    for address in [&alone, alone.trim_end_matches("/#lobby")] {
        visit.browser.ask("Page.navigate", json!({"url": "about:blank"})).await;
        visit.browser.ask("Page.navigate", json!({"url": address})).await;
        visit.browser.until("document.querySelector('.person-card')").await;
        visit.browser.click(".person-card").await;
        visit.browser.until("document.querySelector('#room-name').textContent === 'lobby'").await;
        visit.browser.value("sessionStorage.clear()").await;
    }
    visit.end().await;
}

/// The texts of the page with a contrast below 4.5 (WCAG 2.2, 1.4.3).
const FAINT: &str = r"(() => {
    const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((v) => v / 255).map((v) => (v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4));
        return .2126 * r + .7152 * g + .0722 * b;
    };
    const ground = (element) => {
        for (let it = element; it; it = it.parentElement) {
            const [r, g, b, a = 1] = parse(getComputedStyle(it).backgroundColor);
            if (a === 1) return [r, g, b];
        }
        return [255, 255, 255];
    };
    const faint = [];
    for (const element of document.querySelectorAll('body *')) {
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || element.closest('noscript, option') || !element.getClientRects().length) continue;
        const [one, other] = [parse(getComputedStyle(element).color).slice(0, 3), ground(element)].map(luminance);
        const contrast = (Math.max(one, other) + .05) / (Math.min(one, other) + .05);
        if (contrast < 4.5) faint.push(`${contrast.toFixed(2)} ${element.className} ${element.textContent.slice(0, 40)}`);
    }
    return faint;
})()";

/// The controls that are not wholly inside the page.
const OUTSIDE: &str = r"[...document.querySelectorAll('button, input, textarea, select, dd')]
    .filter((it) => !it.closest('.tabs') && it.getClientRects().length)
    .filter((it) => {
        const box = it.getBoundingClientRect();
        return box.left < 0 || box.right > innerWidth || box.top < 0 || box.bottom > innerHeight || box.height < 12;
    }).map((it) => it.outerHTML.slice(0, 80))";
