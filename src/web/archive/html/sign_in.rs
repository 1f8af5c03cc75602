//! The page where people sign in to the archive.

use maud::html;

use super::super::site::ArchiveSite;
use super::{narrow_document, proof_field};

const TITLE: &str = "Archive";

/// What the page of the sign-in shows.
pub(in super::super) struct SignInPage<'a> {
    pub(in super::super) site: &'a ArchiveSite,
    /// The proof for its form.
    pub(in super::super) proof: String,
    /// Why they are not signed in.
    pub(in super::super) problem: Option<&'a str>,
    /// The user name as it was typed.
    pub(in super::super) username: &'a str,
    /// Where they come back to.
    pub(in super::super) next: &'a str,
}

impl SignInPage<'_> {
    /// The whole page.
    pub(in super::super) fn document(&self) -> String {
        let title =
            if self.problem.is_some() { format!("Error – {TITLE}") } else { TITLE.to_owned() };
        let main = html! {
            h1 { (TITLE) }
            p { "What was said in the rooms that you may read on Let's Chat, and in their channels on IRC." }
            @if !self.site.site.is_confidential() {
                p.alert {
                    "The connection to this page is not encrypted. Others on the way can read what you type here."
                }
            }
            section aria-labelledby="sign-in" {
                h2 id="sign-in" { "Sign in" }
                p { "Sign in as you do on Let's Chat:" }
                form method="post" action=(self.site.page("sign-in")) novalidate {
                    @if let Some(problem) = self.problem { p.alert role="alert" { (problem) } }
                    (proof_field(&self.proof))
                    input type="hidden" name="next" value=(self.next);
                    div.field {
                        label for="username" { "User name or mail address" }
                        input id="username" name="username" type="text" autocomplete="username"
                            value=(self.username) required autocapitalize="none" spellcheck="false" maxlength="500"
                            autofocus[self.problem.is_none()];
                    }
                    div.field {
                        label for="password" { "Password" }
                        input id="password" name="password" type="password" autocomplete="current-password" required
                            maxlength="500" autofocus[self.problem.is_some()];
                    }
                    button { "Sign in" }
                }
            }
            p.hint {
                "The bridge passes your password on to Let's Chat, and does not keep it. You are signed in for 12 hours, in \
                 this browser, or until you sign out."
            }
        };
        narrow_document(&title, &main)
    }
}
