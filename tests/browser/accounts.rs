//! Everybody from IRC is somebody in Let's Chat, and can be themselves there.

use serde_json::{Value, json};

use crate::page::{Pane, Visit};

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn people_of_irc_have_names_and_faces() {
    let mut visit = Visit::new().await;
    visit.browser.click("#show").await;
    visit.write(Pane::Irc, "my first line").await;
    visit.sees(Pane::Chat, "dave: my first line").await;
    visit.sees(Pane::Chat, "erin: morning! who has moved to Let's Chat?").await;
    visit.sees(Pane::Chat, "frank: and I stay on IRC").await;
    let hues = "[...document.querySelectorAll('.message.first')].map((it) => [
        it.querySelector('.by b').textContent,
        it.querySelector('.avatar').textContent,
        it.querySelector('.by time').textContent.length,
    ])";
    let shown = visit.browser.value(hues).await;
    for (name, letter) in [("dave", "D"), ("erin", "E"), ("frank", "F")] {
        let expected = json!([name, letter, 5]);
        assert!(shown.as_array().unwrap().contains(&expected), "{expected}: {shown}");
    }
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn a_name_is_completed_and_its_owner_is_called() {
    let mut visit = Visit::new().await;
    visit.write(Pane::Irc, "hello").await;
    visit.sees(Pane::Chat, "dave: hello").await;
    visit.browser.click("#chat-input").await;
    visit.browser.type_text("@da").await;
    visit.browser.until("!document.querySelector('#chat-input-mentions').hidden").await;
    let offered = visit.text("document.querySelector('.mentions').textContent").await;
    assert_eq!(offered, "Ddave@dave.irc");
    visit.picture("mention").await;
    visit.browser.press("Enter").await;
    assert_eq!(visit.text("document.querySelector('#chat-input').value").await, "@dave.irc ");
    visit.browser.type_text("are you there?").await;
    visit.browser.press("Enter").await;
    visit.sees(Pane::Irc, "<ann> dave: are you there?").await;
    visit.write(Pane::Irc, "ann: yes").await;
    visit.sees(Pane::Chat, "dave: @ann yes").await;
    visit.browser.until("document.querySelector('.message.to-me .mention.me')").await;
    visit.counts("arrived", 3).await;
    visit.counts("waiting", 0).await;
    visit.counts("twice", 0).await;
    visit.end().await;
}

#[tokio::test]
#[ignore = "needs chromium installed: tests/all runs it"]
async fn an_account_is_taken_over_and_its_owner_signs_in() {
    let mut visit = Visit::new().await;
    visit.write(Pane::Irc, "hello").await;
    visit.sees(Pane::Chat, "dave: hello").await;
    take_over(&mut visit).await;
    visit.open().await;

    for (password, problem) in [
        ("not the password", Some("The user name or the password is wrong.")),
        ("correct horse", None),
    ] {
        sign_in(&mut visit, "david", password).await;
        if let Some(problem) = problem {
            let shown = "document.querySelector('#sign-in .problem').textContent";
            visit.browser.until(&format!("{shown} === {problem:?}")).await;
            visit.picture("wrong-password").await;
        }
    }
    visit.browser.until("!document.querySelector('#sign-in').open").await;
    visit
        .browser
        .until("document.querySelector('#chat-input').placeholder.endsWith('as dave')")
        .await;
    visit.write(Pane::Chat, "typed in Let's Chat").await;
    // The name with an invisible letter, which keeps IRC clients from ringing for their own lines.
    visit.sees(Pane::Irc, "<letsbridge> <d\u{200b}avid> typed in Let's Chat").await;
    visit.write(Pane::Irc, "typed on IRC").await;
    visit.sees(Pane::Chat, "dave: typed on IRC").await;
    visit.browser.click("[data-order=kill]").await;
    for pane in Pane::BOTH {
        visit.write(pane, "both say this").await;
    }
    visit.until_all_is_up().await;
    visit.counts("sent", 6).await;
    visit.counts("arrived", 6).await;
    visit.counts("waiting", 0).await;
    visit.counts("twice", 0).await;
    assert_eq!(visit.lines(Pane::Chat, "both say this").await, ["dave: both say this"; 2]);
    visit.picture("taken-over").await;

    // The same on the page of Let's Chat alone.
    let alone = visit.text("document.querySelector('#own a').href").await;
    visit.browser.open(&alone, "document.querySelector('.sign-in')").await;
    for password in ["not the password", "correct horse"] {
        let form = format!(
            "(() => {{
                const form = document.querySelector('.sign-in');
                form.elements.username.value = 'david';
                form.elements.password.value = {password:?};
                form.requestSubmit();
            }})()"
        );
        visit.browser.value(&form).await;
        let answered = "document.querySelector('.problem').textContent || !document.querySelector('#app').hidden";
        visit.browser.until(answered).await;
    }
    visit.browser.until("document.querySelector('#me').textContent.includes('@david')").await;
    let said = "[...document.querySelectorAll('#messages .body')].some((it) => it.textContent === 'typed on IRC')";
    visit.browser.until(said).await;
    visit.picture("alone").await;
    let is_refusal = |it: &String| it.contains("401");
    assert!(visit.browser.complaints().iter().all(is_refusal), "{:?}", visit.browser.complaints());
    let end = visit.demo.stop().await;
    assert_eq!((end.code, end.err.as_str()), (Some(0), ""), "{}", end.out);
}

/// Types `!link`, opens the address that the bridge answers, and takes over the account as david.
async fn take_over(visit: &mut Visit) {
    visit.write(Pane::Irc, "!link").await;
    let link = "document.querySelector('#irc-log .notice a[href*=\"/link/\"]')";
    visit.browser.until(link).await;
    visit.picture("link").await;
    let address = visit.text(&format!("{link}.href")).await;
    visit.browser.open(&address, "document.querySelector('#new-username')").await;
    visit
        .browser
        .value("document.querySelector('#new-username').closest('details').open = true")
        .await;
    for (field, text) in [
        ("new-username", "david"),
        ("email", "david@example.org"),
        ("new-password", "correct horse"),
        ("again", "correct horse"),
    ] {
        visit.browser.click(&format!("#{field}")).await;
        visit.browser.type_text(text).await;
    }
    visit.picture("take-over").await;
    visit.browser.press("Enter").await;
    let done = "document.querySelector('h1')?.textContent === 'The account is yours'";
    visit.browser.until_there(done).await;
    visit.picture("taken-over-page").await;
}

/// Chooses to sign in, and types into the form.
async fn sign_in(visit: &mut Visit, username: &str, password: &str) {
    let is_open = visit.browser.value("document.querySelector('#sign-in').open").await;
    if is_open != Value::Bool(true) {
        let choose = "(() => {
            const person = document.querySelector('#chat-person');
            person.value = '';
            person.dispatchEvent(new Event('change', {bubbles: true}));
        })()";
        visit.browser.value(choose).await;
        visit.picture("sign-in").await;
    }
    for (field, text) in [("username", username), ("password", password)] {
        visit
            .browser
            .value(&format!("document.querySelector('#sign-in [name={field}]').select()"))
            .await;
        visit.browser.type_text(text).await;
    }
    visit.browser.press("Enter").await;
}
