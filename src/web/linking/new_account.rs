//! What somebody chooses when they take over the account that the bridge made for them.

use std::borrow::Cow;

use super::form::PostedForm;
use super::html::{FormKind, FormProblem};
use crate::domain::{LinkAction, Secret};

/// The longest user name and mail address, in bytes.
const MAX_LEN: usize = 254;

/// What is asked of the bridge; or what is wrong with the form.
pub(super) fn chosen(form: &PostedForm) -> Result<LinkAction, Vec<FormProblem>> {
    let username = form.text("new-username").to_lowercase();
    let email = form.text("email").to_owned();
    let (password, again) = (form.secret("new-password"), form.secret("again"));
    let problems = [
        ("new-username", problem_of_username(&username)),
        ("email", problem_of_email(&email)),
        ("new-password", problem_of_password(&password)),
        ("again", (password != again).then_some("This is another password than the one above.")),
    ];
    let problems: Vec<FormProblem> = problems
        .into_iter()
        .filter_map(|(field, text)| {
            let text = Cow::Borrowed(text?);
            Some(FormProblem { form: FormKind::TakeOver, field: Some(field), text })
        })
        .collect();
    if problems.is_empty() {
        return Ok(LinkAction::TakeOver { username, email, password });
    }
    Err(problems)
}

/// By the rules of Let's Chat (docs/letschat-protocol.md, section 11).
fn problem_of_username(name: &str) -> Option<&'static str> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_inner = |byte: u8| is_word(byte) || matches!(byte, b'-' | b'.');
    match name.as_bytes() {
        [] => Some("Choose a user name."),
        name if name.len() > MAX_LEN => Some("This user name is too long."),
        [first, .., last] if is_word(*first) && is_word(*last) => (!name.bytes().all(is_inner))
            .then_some("A user name has only letters, digits, “_”, “-” and “.”."),
        [_] => Some("A user name has at least two characters."),
        _ => Some("A user name begins and ends with a letter, a digit or “_”."),
    }
}

fn problem_of_email(email: &str) -> Option<&'static str> {
    if email.is_empty() {
        return Some("Enter your mail address.");
    }
    let is_address = email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.')
    });
    let is_plain = !email.contains(|c: char| c.is_whitespace() || c.is_control());
    match is_address && is_plain && email.len() <= MAX_LEN {
        true => None,
        false => Some("This is not a mail address, such as ann@example.org."),
    }
}

fn problem_of_password(password: &Secret) -> Option<&'static str> {
    match password.expose() {
        "" => Some("Choose a password."),
        text if text.len() > MAX_LEN => Some("This password is too long."),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_follow_the_rules_of_lets_chat() {
        for name in ["ab", "dave.irc", "a-b", "_x_", "a1"] {
            assert_eq!(problem_of_username(name), None, "{name}");
        }
        for (name, word) in [
            ("", "Choose"),
            ("a", "two"),
            ("é", "begins"),
            (".a", "begins"),
            ("a-", "begins"),
            ("a b", "only"),
            ("a<b", "only"),
            ("dávid", "only"),
            (&"a".repeat(300), "long"),
        ] {
            let problem = problem_of_username(name);
            assert!(problem.is_some_and(|it| it.contains(word)), "{name}: {problem:?}");
        }
    }

    #[test]
    fn mail_addresses_look_like_one() {
        assert_eq!(problem_of_email("ann@example.org"), None);
        for email in
            ["", "ann", "ann@", "@example.org", "ann@example", "a b@example.org", "ann@.org"]
        {
            assert!(problem_of_email(email).is_some(), "{email}");
        }
        assert!(problem_of_email(&format!("ann@example.{}", "o".repeat(300))).is_some());
    }
}
