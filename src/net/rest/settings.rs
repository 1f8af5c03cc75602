//! Changes the user name, the mail address and the password of an account.

use std::fmt;

use reqwest::StatusCode;

use super::person::WireError;
use super::server::{RestServer, read_account};
use super::{AccessError, RestAccount, RestError, read_body};
use crate::domain::Secret;

/// What is to change.
#[derive(Debug, Clone, Copy)]
pub struct AccountChange<'a> {
    /// The new user name.
    pub username: &'a str,
    /// The new mail address.
    pub email: &'a str,
    /// The password until now.
    pub password: &'a Secret,
    /// The new password.
    pub new_password: &'a Secret,
}

/// Why an account was not changed. It is shown in words for its person.
#[derive(Debug)]
pub enum ChangeError {
    /// The user name belongs to somebody else.
    UsernameTaken,
    /// The mail address belongs to somebody else.
    EmailTaken,
    /// One of both belongs to somebody else; old servers do not say which.
    OneTaken,
    /// The server does not accept the user name.
    Username(String),
    /// The server does not accept the mail address.
    Email(String),
    /// The server does not accept the new password.
    Password,
    /// The password until now is wrong, or the account is locked for a while.
    WrongPassword,
    /// The session has ended.
    SignedOut,
    /// The server refuses the change for another reason.
    Refused(String),
    /// There was no proper answer: the account may have been changed.
    Rest(RestError),
}

impl From<RestError> for ChangeError {
    fn from(error: RestError) -> Self {
        Self::Rest(error)
    }
}

impl fmt::Display for ChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::UsernameTaken => "this user name is taken",
            Self::EmailTaken => "this mail address is taken",
            Self::OneTaken => "this user name or this mail address is taken",
            Self::Username(reason) => {
                return write!(f, "Let's Chat does not accept this user name: {reason}");
            }
            Self::Email(reason) => {
                return write!(f, "Let's Chat does not accept this mail address: {reason}");
            }
            Self::Password => {
                "Let's Chat does not accept this password: unless its administrator chose another rule, a \
                 password has 8 to 64 characters"
            }
            Self::WrongPassword => {
                "Let's Chat does not accept the password that the bridge has for this account; try again in a \
                 minute, then ask the bridge's administrator"
            }
            Self::SignedOut => {
                "the bridge is signing in to Let's Chat again; try again in a minute"
            }
            Self::Refused(reason) => return write!(f, "Let's Chat refuses the change: {reason}"),
            Self::Rest(error) => return error.fmt(f),
        };
        f.write_str(words)
    }
}

impl RestServer {
    /// Changes the account of `session`: `POST /account/settings`. Returns the account as it is then. The session
    /// goes on.
    ///
    /// # Errors
    /// Any [`ChangeError`].
    pub async fn change_account(
        &self,
        session: &Secret,
        change: AccountChange<'_>,
    ) -> Result<RestAccount, ChangeError> {
        let new_password = change.new_password.expose();
        let fields = [
            ("username", change.username),
            ("email", change.email),
            ("password", change.password.expose()),
            ("new-password", new_password),
            ("confirm-password", new_password),
        ];
        let response = self.post_as(session, "account/settings", &fields).await;
        let response = response.map_err(without_access)?;
        match response.status() {
            StatusCode::OK => read_account(response).await.map_err(without_access),
            StatusCode::BAD_REQUEST => {
                let body = read_body(response).await?;
                Err(explain(&WireError::parse(&body), new_password))
            }
            // The session is refused with a plain text, the password with an object.
            StatusCode::UNAUTHORIZED => match read_body(response).await? {
                body if body.trim_ascii_start().starts_with(b"{") => {
                    Err(ChangeError::WrongPassword)
                }
                _ => Err(ChangeError::SignedOut),
            },
            _ => {
                self.check(&response)?;
                Err(RestError::NotLetsChat(format!("status {}", response.status())).into())
            }
        }
    }
}

fn without_access(error: AccessError) -> ChangeError {
    match error {
        AccessError::Refused => ChangeError::SignedOut,
        AccessError::Rest(error) => ChangeError::Rest(error),
    }
}

/// Which of the new values the server does not like.
fn explain(error: &WireError, new_password: &str) -> ChangeError {
    if let Some(text) = error.duplicate() {
        return match (text.contains("username_1"), text.contains("email_1")) {
            (true, false) => ChangeError::UsernameTaken,
            (false, true) => ChangeError::EmailTaken,
            _ => ChangeError::OneTaken,
        };
    }
    if let Some(text) = error.field("username", new_password) {
        return match text.contains("unique") {
            true => ChangeError::UsernameTaken,
            false => ChangeError::Username(text),
        };
    }
    if let Some(text) = error.field("email", new_password) {
        return match text.contains("unique") {
            true => ChangeError::EmailTaken,
            false => ChangeError::Email(text),
        };
    }
    match error.field("password", new_password) {
        Some(_) => ChangeError::Password,
        None => ChangeError::Refused(error.text(new_password)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_in_words_for_the_person() {
        for (json, words) in [
            (
                r#"{"errors":{"errors":{"username":{"message":"Expected username to be unique"}}}}"#,
                "this user name is taken",
            ),
            (
                r#"{"errors":{"errors":{"email":{"message":"Expected email to be unique"}}}}"#,
                "this mail address is taken",
            ),
            (
                r#"{"errors":{"name":"MongoError","code":11000,"errmsg":"E11000 Duplicate Key Error"}}"#,
                "this user name or this mail address is taken",
            ),
            (
                r#"{"errors":{"code":11000,"errmsg":"E11000 duplicate key error index: letschat.users.$username_1 dup key"}}"#,
                "this user name is taken",
            ),
            (
                r#"{"errors":{"code":11000,"errmsg":"E11000 index: letschat.users.$email_1 dup key"}}"#,
                "this mail address is taken",
            ),
            (
                r#"{"errors":{"errors":{"email":{"message":"invalid email address"}}}}"#,
                "Let's Chat does not accept this mail address: invalid email address",
            ),
            (
                r#"{"errors":{"errors":{"username":{"message":"Path `username` is invalid (a|b)."}}}}"#,
                "Let's Chat does not accept this user name: Path `username` is invalid (a|b).",
            ),
            (
                r#"{"message":"Unable to update your account.","reason":"You can not change your username with active XMPP sessions."}"#,
                "Let's Chat refuses the change: You can not change your username with active XMPP sessions.",
            ),
            ("<html>", "Let's Chat refuses the change: "),
        ] {
            assert_eq!(
                explain(&WireError::parse(json.as_bytes()), "secret-word").to_string(),
                words
            );
        }
        let quoted = r#"{"errors":{"errors":{"password":{"message":"Path `password` is invalid (secret-word)."}}}}"#;
        let words = explain(&WireError::parse(quoted.as_bytes()), "secret-word").to_string();
        assert!(words.contains("8 to 64") && !words.contains("secret-word"), "{words}");
    }
}
