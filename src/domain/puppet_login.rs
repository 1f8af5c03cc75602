//! The services accounts on IRC with which puppets log in: what their owners ask on the page for it, and what the
//! bridge answers.

use super::{LetsChatUserId, Network, Secret};

/// The line in PEM with which the private key of a certificate begins.
const KEY_MARK: &str = "-----BEGIN PRIVATE KEY-----";

/// The services account of a user's puppet on a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetLogin {
    /// The network.
    pub network: Network,
    /// Whose puppet logs in.
    pub user: LetsChatUserId,
    /// Their name on Let's Chat.
    pub username: String,
    /// The account; `None` for a certificate until services say whose it is.
    pub account: Option<String>,
    /// The password of the account. A certificate beside it is still to be tried.
    pub password: Option<Secret>,
    /// A client certificate with its key.
    pub certificate: Option<PuppetCertificate>,
    /// What services said.
    pub state: PuppetLoginState,
}

/// What services said about a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PuppetLoginState {
    /// Nothing yet.
    Untried,
    /// They accepted it.
    Accepted,
    /// They accepted it once, and refused it later.
    Refused,
}

/// A client certificate and its private key, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetCertificate(Secret);

/// A request of the page, by a user of Let's Chat who has signed in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PuppetLoginRequest {
    /// Who asks.
    pub user: LetsChatUserId,
    /// Their name on Let's Chat.
    pub username: String,
    /// What is asked.
    pub action: PuppetLoginAction,
}

/// What is asked on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PuppetLoginAction {
    /// Shows the networks. Answered by [`PuppetLoginReply::Networks`].
    View,
    /// Log in with this account and password, if services accept them.
    UsePassword {
        /// Where.
        network: Network,
        /// The services account.
        account: String,
        /// Its password.
        password: Secret,
    },
    /// Keep this certificate, which the person will add to their services account.
    KeepCertificate {
        /// Where.
        network: Network,
        /// The certificate.
        certificate: PuppetCertificate,
    },
    /// Log in with the kept certificate, if services accept it.
    TryCertificate {
        /// Where.
        network: Network,
    },
    /// Forget the login.
    End {
        /// Where.
        network: Network,
    },
}

/// The answer to a request of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PuppetLoginReply {
    /// The networks with puppets, in the order of their names.
    Networks(Vec<NetworkLogin>),
    /// Services have accepted the login.
    LoggedIn {
        /// Where.
        network: Network,
        /// The account, as services call it.
        account: String,
    },
    /// It is done.
    Done,
    /// It did not work, for this reason, in words for the person. Nothing has changed.
    Failed(String),
}

/// A network with puppets, and how somebody's puppet logs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkLogin {
    /// The network.
    pub network: Network,
    /// The account, once services have accepted a login.
    pub account: Option<String>,
    /// Whether the puppet logs in with a password.
    pub has_password: bool,
    /// The certificate in PEM, without its key.
    pub certificate: Option<String>,
    /// What services said about the login.
    pub state: PuppetLoginState,
}

impl PuppetLogin {
    /// Whether a puppet is to log in with it: not with a certificate that its owner may not have added yet.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.password.is_some() || self.state != PuppetLoginState::Untried
    }

    /// The certificate that a puppet connects with.
    #[must_use]
    pub fn certificate_in_use(&self) -> Option<&PuppetCertificate> {
        self.certificate.as_ref().filter(|_| self.password.is_none())
    }
}

impl PuppetCertificate {
    /// A certificate followed by its key, both in PEM.
    #[must_use]
    pub fn new(pem: Secret) -> Self {
        Self(pem)
    }

    /// Both in PEM.
    #[must_use]
    pub fn pem(&self) -> &Secret {
        &self.0
    }

    /// The certificate without its key.
    #[must_use]
    pub fn without_key(&self) -> &str {
        self.0.expose().split(KEY_MARK).next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login() -> PuppetLogin {
        PuppetLogin {
            network: Network::new("office"),
            user: LetsChatUserId("u1".into()),
            username: "ann".to_owned(),
            account: None,
            password: None,
            certificate: Some(PuppetCertificate::new(Secret::new(format!(
                "cert\n{KEY_MARK}\nkey"
            )))),
            state: PuppetLoginState::Untried,
        }
    }

    #[test]
    fn certificate_is_used_once_it_was_accepted_and_while_there_is_no_password() {
        use PuppetLoginState::*;
        let hush = || Some(Secret::new("hush"));
        for (password, state, is_in_use, by_certificate) in [
            (None, Untried, false, true),
            (None, Accepted, true, true),
            (None, Refused, true, true),
            (hush(), Accepted, true, false),
            (hush(), Refused, true, false),
        ] {
            let login = PuppetLogin { password, state, ..login() };
            assert_eq!(login.is_in_use(), is_in_use, "{login:?}");
            assert_eq!(login.certificate_in_use().is_some(), by_certificate, "{login:?}");
        }
    }

    #[test]
    fn key_of_a_certificate_is_never_shown() {
        let login = login();
        let certificate = login.certificate.as_ref().map(PuppetCertificate::without_key);
        assert_eq!(certificate, Some("cert\n"));
        assert!(!format!("{login:?}").contains("key"), "{login:?}");
    }
}
