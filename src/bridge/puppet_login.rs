//! Users of Let's Chat give their puppets a services account.
//!
//! What is done on the page arrives as a [`PuppetLoginRequest`], and each is answered. A login is kept once services
//! have accepted it. It is tried on a connection of its own, so that a wrong password does not disturb the puppet.
//!
//! ```text
//!  password ──────────────────────────────▶ tried ──accepted──▶ kept; the puppet connects again
//!  certificate ──▶ kept, not used ──added──▶  │
//!                                             └──refused──▶ as before
//! ```
//!
//! If services refuse it later, the puppet connects without it, and tries it again with its next connection.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;

use super::context::Ctx;
use super::deliver::sender::connect_puppet;
use super::direct::DirectMessages;
use super::event::{Command, PuppetCommand};
use super::senders::NickSource;
use super::senders::puppets::PuppetChoice;
use crate::domain::{
    Author, EndpointId, LetsChatUserId, Network, NetworkLogin, PuppetCertificate, PuppetLogin,
    PuppetLoginAction, PuppetLoginReply, PuppetLoginRequest, PuppetLoginState, RateLimit, Secret,
    TokenBucket, UserRef,
};
use crate::store::StoreError;

/// How often a user may have a login tried: this many at once, then one a minute. Services count wrong passwords.
const TRY_LIMIT: RateLimit = RateLimit { burst: 5.0, per_second: 1.0 / 60.0 };

/// How many users' tries are remembered before those with a full allowance are forgotten.
const MAX_REMEMBERED: usize = 1_000;

/// How many logins may be tried at once, on all networks.
const MAX_TRIALS: usize = 8;

/// The longest account and password, in bytes.
const MAX_LEN_ACCOUNT: usize = 64;
const MAX_LEN_PASSWORD: usize = 300;

const NO_PUPPETS: &str = "no user of Let's Chat has a connection of their own on this network";
const NO_CERTIFICATE: &str = "there is no certificate: make one first";
const NO_LOGIN: &str = "there is no login to end";
const TOO_MANY: &str = "too many tries: wait a minute, then try again";

/// Why a login cannot be kept or tried, in words for its owner.
type LoginRefusal = &'static str;

/// Handles the requests of the page.
#[derive(Debug, Default)]
pub(super) struct PuppetLoginRequests {
    /// The logins that are being tried, by request.
    trials: HashMap<u64, PuppetLogin>,
    tries: HashMap<LetsChatUserId, TokenBucket<Timestamp>>,
    /// The puppets that are to connect again once they are disconnected: the names of their users, and their channels.
    reconnecting: HashMap<(Network, LetsChatUserId), (String, Vec<EndpointId>)>,
}

impl PuppetLoginRequests {
    /// Answers a request of the page.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn on_request(
        &mut self,
        request: u64,
        PuppetLoginRequest { user, username, action }: PuppetLoginRequest,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let done = match action {
            PuppetLoginAction::View => Ok(Some(PuppetLoginReply::Networks(networks(&user, ctx)))),
            PuppetLoginAction::UsePassword { network, account, password } => {
                let login = by_password((network, user, username), account, password);
                match login {
                    Ok(login) => self.try_login(request, login, ctx)?.map(|()| None),
                    Err(refusal) => Err(refusal),
                }
            }
            PuppetLoginAction::KeepCertificate { network, certificate } => {
                keep_certificate((network, user, username), certificate, ctx)?
                    .map(|()| Some(PuppetLoginReply::Done))
            }
            PuppetLoginAction::TryCertificate { network } => {
                match certificate_login(&network, &user, ctx) {
                    Some(login) => self.try_login(request, login, ctx)?.map(|()| None),
                    None => Err(NO_CERTIFICATE),
                }
            }
            PuppetLoginAction::End { network } => match self.end(&network, &user, ctx)? {
                Some(_) => Ok(Some(PuppetLoginReply::Done)),
                None => Err(NO_LOGIN),
            },
        };
        let failed = |refusal: LoginRefusal| Some(PuppetLoginReply::Failed(refusal.to_owned()));
        if let Some(reply) = done.unwrap_or_else(failed) {
            ctx.commands.push(Command::PuppetLoginReply(request, reply));
        }
        Ok(())
    }

    /// Has a login tried by a connection of its own.
    fn try_login(
        &mut self,
        request: u64,
        login: PuppetLogin,
        ctx: &mut Ctx<'_>,
    ) -> Result<Result<(), LoginRefusal>, StoreError> {
        let Some(endpoint) = puppet_channels(ctx).get(&login.network).copied() else {
            return Ok(Err(NO_PUPPETS));
        };
        let is_tried =
            |other: &PuppetLogin| other.user == login.user && other.network == login.network;
        let is_busy = self.trials.len() >= MAX_TRIALS || self.trials.values().any(is_tried);
        if is_busy || ctx.stopping || !self.take_try(&login.user, ctx.now) {
            return Ok(Err(TOO_MANY));
        }
        let (user, author) = (&login.user, Author::named(&login.username));
        let nick = ctx.senders.puppet_nick((&login.network, endpoint), user, &author, ctx.store)?;
        let Some(nick) = nick else { return Ok(Err("no nick is free for you")) };
        self.trials.insert(request, login.clone());
        let (network, login) = (login.network.clone(), Box::new(login));
        let command = PuppetCommand::TryLogin { request, nick, login };
        ctx.commands.push(Command::Puppets(network, command));
        Ok(Ok(()))
    }

    /// Whether the user may have a login tried now, which counts.
    fn take_try(&mut self, user: &LetsChatUserId, now: Timestamp) -> bool {
        if self.tries.len() > MAX_REMEMBERED {
            self.tries.retain(|_, bucket| bucket.used(TRY_LIMIT, now) > 0.0);
        }
        let bucket = self.tries.entry(user.clone()).or_default();
        let is_allowed = bucket.check(TRY_LIMIT, now).is_ok();
        if is_allowed {
            bucket.take(TRY_LIMIT, now);
        }
        is_allowed
    }

    /// A login was tried: it is kept if services accepted it.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn on_tried(
        &mut self,
        request: u64,
        result: Result<String, String>,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let Some(mut login) = self.trials.remove(&request) else { return Ok(()) };
        let (network, user) = (login.network.clone(), login.user.clone());
        let reply = match result {
            Ok(account) => {
                tracing::info!(%network, %user, account, "puppet login accepted");
                login.account.get_or_insert_with(|| account.clone());
                let username = login.username.clone();
                keep(login, ctx)?;
                self.reconnect(&network, &user, username, ctx);
                PuppetLoginReply::LoggedIn { network, account }
            }
            Err(reason) => {
                tracing::info!(%network, %user, reason, "puppet login not accepted");
                PuppetLoginReply::Failed(reason)
            }
        };
        ctx.commands.push(Command::PuppetLoginReply(request, reply));
        Ok(())
    }

    /// Forgets the login of this user. Returns their name, if there was one.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn end(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        ctx: &mut Ctx<'_>,
    ) -> Result<Option<String>, StoreError> {
        let Some(login) = ctx.senders.puppet_logins.remove(network, user) else {
            return Ok(None);
        };
        let username = login.username.clone();
        ctx.store.remove_puppet_login(network, user)?;
        tracing::info!(%network, %user, "puppet login ended");
        if login.is_in_use() {
            self.reconnect(network, user, login.username, ctx);
        }
        Ok(Some(username))
    }

    /// The login of this user has changed: a puppet that is connected connects again.
    fn reconnect(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        username: String,
        ctx: &mut Ctx<'_>,
    ) {
        let channels = ctx.senders.puppets_mut(network).channels_if_connected(user);
        if let Some(channels) = channels {
            self.reconnecting.insert((network.clone(), user.clone()), (username, channels));
        }
        let login = ctx.senders.puppet_logins.in_use(network, user).cloned().map(Box::new);
        let command = PuppetCommand::ChangeLogin(user.clone(), login);
        ctx.commands.push(Command::Puppets(network.clone(), command));
    }

    /// A puppet is disconnected, perhaps because its login has changed.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub(super) fn on_disconnected(
        &mut self,
        network: &Network,
        user: &LetsChatUserId,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), StoreError> {
        let reconnecting = self.reconnecting.remove(&(network.clone(), user.clone()));
        let reconnecting = reconnecting.filter(|_| !ctx.stopping);
        let Some((username, channels)) = reconnecting else { return Ok(()) };
        let author = Author::named(&username);
        for endpoint in channels {
            let puppets = ctx.senders.puppets_mut(network);
            if puppets.sender_for(user, endpoint) == PuppetChoice::Connect {
                connect_puppet((network, endpoint), user.clone(), &author, ctx)?;
            }
        }
        Ok(())
    }
}

/// Services have accepted the login of a puppet.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn on_accepted(
    (network, user): (&Network, &LetsChatUserId),
    account: &str,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    tracing::info!(%network, %user, account, "puppet logged in");
    let login = ctx.senders.puppet_logins.in_use(network, user);
    match login.filter(|login| login.state == PuppetLoginState::Refused).cloned() {
        Some(login) => keep(PuppetLogin { state: PuppetLoginState::Accepted, ..login }, ctx),
        None => Ok(()),
    }
}

/// Services have refused the login of a puppet, which continues without it. Its owner is notified once.
///
/// # Errors
/// When the store cannot be written.
pub(super) fn on_refused(
    (network, user): (&Network, &LetsChatUserId),
    reason: &str,
    direct: &DirectMessages,
    ctx: &mut Ctx<'_>,
) -> Result<(), StoreError> {
    let login = ctx.senders.puppet_logins.in_use(network, user);
    let login = login.filter(|login| login.state != PuppetLoginState::Refused);
    let Some(login) = login.cloned() else {
        tracing::info!(%network, %user, reason, "puppet still not logged in");
        return Ok(());
    };
    let account = login.account.as_deref().unwrap_or_default();
    let page = puppet_page(ctx).unwrap_or_default();
    let text = format!(
        "{network} no longer accepts the services account {account} that you gave your connection there ({reason}): \
         it continues without it. Has its password changed, or was the certificate removed? Give it anew: {page}"
    );
    if !direct.notify_user(&UserRef::LetsChat(user.clone()), &text, ctx) {
        tracing::warn!(
            %network,
            user = login.username,
            account,
            reason,
            "puppet login refused; its owner must give the account anew on the page /puppet of the web server"
        );
    }
    keep(PuppetLogin { state: PuppetLoginState::Refused, ..login }, ctx)
}

/// The address of the page where users give their puppets a services account.
fn puppet_page(ctx: &Ctx<'_>) -> Option<String> {
    let base = ctx.policy.link_page.as_deref()?.strip_suffix("link/")?;
    Some(format!("{base}puppet"))
}

fn keep(login: PuppetLogin, ctx: &mut Ctx<'_>) -> Result<(), StoreError> {
    ctx.store.put_puppet_login(&login, ctx.now)?;
    ctx.senders.puppet_logins.insert(login);
    Ok(())
}

/// A login with a password.
fn by_password(
    (network, user, username): (Network, LetsChatUserId, String),
    account: String,
    password: Secret,
) -> Result<PuppetLogin, LoginRefusal> {
    let is_strange = |c: char| c.is_whitespace() || c.is_control();
    if account.is_empty() || account.len() > MAX_LEN_ACCOUNT || account.contains(is_strange) {
        return Err("this is not the name of a services account");
    }
    let text = password.expose();
    if text.is_empty() || text.len() > MAX_LEN_PASSWORD || text.contains(char::is_control) {
        return Err("this is not the password of a services account");
    }
    Ok(PuppetLogin {
        network,
        user,
        username,
        account: Some(account),
        password: Some(password),
        certificate: None,
        state: PuppetLoginState::Accepted,
    })
}

/// Keeps a certificate that is not used until it was tried. A password stays in use meanwhile.
fn keep_certificate(
    (network, user, username): (Network, LetsChatUserId, String),
    certificate: PuppetCertificate,
    ctx: &mut Ctx<'_>,
) -> Result<Result<(), LoginRefusal>, StoreError> {
    if !puppet_channels(ctx).contains_key(&network) {
        return Ok(Err(NO_PUPPETS));
    }
    let kept = ctx.senders.puppet_logins.get(&network, &user).cloned();
    let with_password = kept.filter(|login| login.password.is_some());
    let login = with_password.unwrap_or(PuppetLogin {
        network,
        user,
        username,
        account: None,
        password: None,
        certificate: None,
        state: PuppetLoginState::Untried,
    });
    keep(PuppetLogin { certificate: Some(certificate), ..login }, ctx).map(Ok)
}

/// The login with the certificate that is kept for this user.
fn certificate_login(
    network: &Network,
    user: &LetsChatUserId,
    ctx: &Ctx<'_>,
) -> Option<PuppetLogin> {
    let kept = ctx.senders.puppet_logins.get(network, user)?.clone();
    kept.certificate.is_some().then_some(PuppetLogin {
        account: None,
        password: None,
        state: PuppetLoginState::Accepted,
        ..kept
    })
}

/// The networks with puppets, and one channel of each where users have them.
fn puppet_channels(ctx: &Ctx<'_>) -> BTreeMap<Network, EndpointId> {
    let with_puppets = ctx.endpoints.channels().filter(|(endpoint, _)| {
        matches!(ctx.senders.nick_source(*endpoint), Some(NickSource::Puppet { .. }))
    });
    with_puppets.map(|(endpoint, channel)| (channel.network.clone(), endpoint)).collect()
}

/// The networks with puppets, as the page shows them to this user.
fn networks(user: &LetsChatUserId, ctx: &Ctx<'_>) -> Vec<NetworkLogin> {
    let shown = |network: Network| {
        let login = ctx.senders.puppet_logins.get(&network, user);
        let certificate = login.and_then(|login| login.certificate.as_ref());
        NetworkLogin {
            account: login.and_then(|login| login.account.clone()),
            has_password: login.is_some_and(|login| login.password.is_some()),
            certificate: certificate.map(|it| it.without_key().to_owned()),
            state: login.map_or(PuppetLoginState::Untried, |login| login.state),
            network,
        }
    };
    puppet_channels(ctx).into_keys().map(shown).collect()
}
