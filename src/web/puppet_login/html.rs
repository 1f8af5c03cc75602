//! The pages where users of Let's Chat give their connections to IRC a services account. `maud` escapes all text.

use maud::{Markup, html};

use super::sessions::PageNotice;
use crate::domain::{Network, NetworkLogin, PuppetLoginState};
use crate::net::tls::{self, CertificateFingerprints};
use crate::web::linking::form::PROOF_FIELD;
use crate::web::linking::html::{document, name};

const TITLE: &str = "Your connections to IRC";

/// What every form needs.
pub(super) struct FormFrame<'a> {
    /// The path of the page.
    pub(super) path: &'a str,
    /// The proof for its forms.
    pub(super) proof: String,
}

/// A network as the page shows it.
pub(super) struct ShownNetwork<'a> {
    pub(super) login: &'a NetworkLogin,
    /// Tells the ids of its fields apart from those of others.
    pub(super) number: usize,
    /// The nick of its services.
    pub(super) nickserv: &'a str,
    pub(super) notice: Option<&'a PageNotice>,
}

/// The page that opens itself once more, now with the cookie.
pub(super) fn opening_page(path: &str) -> String {
    let address = format!("{path}?opened");
    let body = html! {
        h1 { (TITLE) }
        p { a href=(address) { "Continue" } }
    };
    document(TITLE, Some(&address), body)
}

/// The page where users sign in. `problem` is why they are not.
pub(super) fn sign_in_page(frame: &FormFrame<'_>, problem: Option<&str>, username: &str) -> String {
    let title = if problem.is_some() { format!("Error – {TITLE}") } else { TITLE.to_owned() };
    let body = html! {
        h1 { (TITLE) }
        p {
            "The bridge connects you to IRC with a nick of your own. If you have an account with the services there \
             (NickServ), your connection can log in to it, and has its rights."
        }
        section aria-labelledby="sign-in" {
            h2 id="sign-in" { "Who are you?" }
            p { "Sign in as you do on Let's Chat:" }
            form method="post" action={ (frame.path) "/sign-in" } novalidate {
                @if let Some(problem) = problem { p.alert role="alert" { (problem) } }
                (frame.proof_field())
                (text_field("username", "username", "User name or mail address", "username", username))
                (password_field("password", "password", "Password", "current-password"))
                button { "Sign in" }
            }
            p.hint {
                "The bridge passes your password on to Let's Chat, and does not keep it. This page forgets you after 15 \
                 minutes."
            }
        }
    };
    document(&title, None, body)
}

/// The page with the networks.
pub(super) fn networks_page(
    frame: &FormFrame<'_>,
    username: &str,
    networks: &[ShownNetwork<'_>],
) -> String {
    let body = html! {
        h1 { (TITLE) }
        p { "You are signed in as " (name(username)) "." }
        @for network in networks { (network.section(frame)) }
        form method="post" action={ (frame.path) "/sign-out" } {
            (frame.proof_field())
            button.second { "Sign out" }
        }
    };
    document(TITLE, None, body)
}

impl FormFrame<'_> {
    fn proof_field(&self) -> Markup {
        html! { input type="hidden" name=(PROOF_FIELD) value=(self.proof); }
    }

    /// A form with one button about a network.
    fn button(&self, step: &str, network: &Network, text: &str, is_second: bool) -> Markup {
        html! {
            form method="post" action={ (self.path) "/" (step) } {
                (self.proof_field())
                input type="hidden" name="network" value=(network);
                button.second[is_second] { (text) }
            }
        }
    }
}

impl ShownNetwork<'_> {
    fn section(&self, frame: &FormFrame<'_>) -> Markup {
        let network = &self.login.network;
        let heading = format!("network-{}", self.number);
        html! {
            section aria-labelledby=(heading) {
                h2 id=(heading) { (network) }
                @if let Some(notice) = self.notice {
                    @if notice.is_good { p.note role="status" { (notice.text) } }
                    @else { p.alert role="alert" { (notice.text) } }
                }
                (self.state())
                @if let Some(prints) = self.prints_to_add() { (self.to_add(&prints, frame)) }
                (self.password_form(frame))
                @if self.login.certificate.is_none() {
                    details {
                        summary { "Use a certificate instead" }
                        p {
                            "The bridge makes a certificate, and you add its fingerprint to your account. Then nobody \
                             has to keep your password."
                        }
                        (frame.button("certificate", network, "Make a certificate", false))
                    }
                }
                @if self.login.has_password || self.login.certificate.is_some() {
                    (frame.button("end", network, "End: forget the login", true))
                }
            }
        }
    }

    /// How the connection logs in now.
    fn state(&self) -> Markup {
        let account = name(self.login.account.as_deref().unwrap_or("your account"));
        let is_kept = self.login.has_password || self.login.certificate.is_some();
        let by_certificate = !self.login.has_password;
        html! {
            @match self.login.state {
                _ if !is_kept => p { "Your connection does not log in." },
                PuppetLoginState::Untried => p { "Your connection does not log in yet." },
                PuppetLoginState::Accepted if by_certificate => {
                    p { "Your connection logs in as " (account) " with a certificate." }
                    @if let Some(prints) = self.prints() { (fingerprint_list(&prints)) }
                },
                PuppetLoginState::Accepted => p { "Your connection logs in as " (account) " with a password." },
                PuppetLoginState::Refused => {
                    p.alert {
                        "The services did not accept your login as " (account) " the last time, so your connection \
                         continues without it. Give it anew, or end it."
                    }
                    @if let Some(prints) = self.prints().filter(|_| by_certificate) {
                        (fingerprint_list(&prints))
                    }
                },
            }
        }
    }

    /// The fingerprints of a certificate that is to be added and tried.
    fn prints_to_add(&self) -> Option<CertificateFingerprints> {
        let is_untried = self.login.has_password || self.login.state != PuppetLoginState::Accepted;
        self.prints().filter(|_| is_untried)
    }

    fn prints(&self) -> Option<CertificateFingerprints> {
        tls::fingerprints_of(self.login.certificate.as_deref()?)
    }

    /// What the person has to do with the certificate.
    fn to_add(&self, prints: &CertificateFingerprints, frame: &FormFrame<'_>) -> Markup {
        let command = |print: &str| format!("/msg {} CERT ADD {print}", self.nickserv);
        html! {
            p {
                "Your certificate is ready. In your own IRC client, logged in to your account on "
                (self.login.network) ", type:"
            }
            p { code { (command(&prints.sha256)) } }
            details {
                summary { "Does the network want another fingerprint?" }
                p { "SHA-512:" }
                p { code { (command(&prints.sha512)) } }
                p { "SHA-1:" }
                p { code { (command(&prints.sha1)) } }
            }
            (frame.button("try", &self.login.network, "I have added it", false))
        }
    }

    fn password_form(&self, frame: &FormFrame<'_>) -> Markup {
        let typed =
            self.notice.map(|notice| notice.typed.as_str()).filter(|typed| !typed.is_empty());
        let account = typed.or(self.login.account.as_deref()).unwrap_or_default();
        let id = |field: &str| format!("{field}-{}", self.number);
        html! {
            details open[!self.login.has_password && self.login.certificate.is_none()] {
                summary { "Log in with a password" }
                form method="post" action={ (frame.path) "/password" } novalidate {
                    (frame.proof_field())
                    input type="hidden" name="network" value=(self.login.network);
                    (text_field(&id("account"), "account", "Services account", "off", account))
                    (password_field(&id("account-password"), "password", "Its password", "off"))
                    button { "Log in" }
                }
                p.hint {
                    "The bridge tries it at once. It keeps the password, encrypted, until you end the login."
                }
            }
        }
    }
}

fn fingerprint_list(prints: &CertificateFingerprints) -> Markup {
    html! { p.hint { "Fingerprint (SHA-256): " code { (prints.sha256) } } }
}

fn text_field(id: &str, field: &str, label: &str, autocomplete: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            input id=(id) name=(field) type="text" autocomplete=(autocomplete)
                value=[(!value.is_empty()).then_some(value)] required autocapitalize="none" spellcheck="false"
                maxlength="500";
        }
    }
}

fn password_field(id: &str, field: &str, label: &str, autocomplete: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            input id=(id) name=(field) type="password" autocomplete=(autocomplete) required maxlength="500";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> NetworkLogin {
        NetworkLogin {
            network: Network::new("office"),
            account: None,
            has_password: false,
            certificate: None,
            state: PuppetLoginState::Untried,
        }
    }

    fn page(login: &NetworkLogin) -> String {
        let frame = FormFrame { path: "/puppet", proof: "proof".to_owned() };
        let shown = ShownNetwork { login, number: 0, nickserv: "NickServ", notice: None };
        networks_page(&frame, "ann", &[shown])
    }

    #[test]
    fn page_says_how_the_connection_logs_in() {
        use PuppetLoginState::*;
        let made = tls::make_client_certificate("ann").expect("random numbers");
        let certificate = || Some(made.without_key().to_owned());
        let account = || Some("Ann".to_owned());
        for (login, words, others) in [
            (login(), "does not log in.", &["End: forget", "CERT ADD"][..]),
            (
                NetworkLogin { account: account(), has_password: true, state: Accepted, ..login() },
                "with a password",
                &["CERT ADD", "with a certificate."],
            ),
            (
                NetworkLogin { certificate: certificate(), ..login() },
                "/msg NickServ CERT ADD ",
                &["Make a certificate"],
            ),
            (
                NetworkLogin {
                    account: account(),
                    certificate: certificate(),
                    state: Accepted,
                    ..login()
                },
                "with a certificate.",
                &["CERT ADD", "I have added it"],
            ),
            (
                NetworkLogin { account: account(), has_password: true, state: Refused, ..login() },
                "did not accept your login",
                &["CERT ADD"],
            ),
        ] {
            let page = page(&login);
            assert!(page.contains(words), "{words} is not on {page}");
            for other in others {
                assert!(!page.contains(other), "{other} is on {page}");
            }
        }
    }

    #[test]
    fn names_are_escaped() {
        let page = page(&NetworkLogin {
            account: Some("<b>".to_owned()),
            has_password: true,
            state: PuppetLoginState::Accepted,
            ..login()
        });
        assert!(!page.contains("<b><b>") && page.contains("&lt;b&gt;"));
    }
}
