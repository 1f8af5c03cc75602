//! Starts the tasks of the slow queue, and handles their outcomes.

use std::time::Duration;

use tokio::time::Instant;

use super::chores::{self, Chore, TOKEN_CHECK_INTERVAL};
use super::member::{Member, is_account_of, letschat_user};
use super::queue::{LoginJob, LoginTask};
use super::sign_in::{self, SignInOutcome};
use super::{AccountPool, Done};
use crate::bridge::{AccountEvent, AccountRegistration};
use crate::domain::{AccountSecrets, LetsChatUserId, Secret};
use crate::net::rest::RestAccount;
use crate::service::supervisor::format_delay;

/// How often the administrator is told at most that the server registers nobody.
const CLOSED_WARNING_INTERVAL: Duration = Duration::from_secs(3_600);

impl AccountPool {
    /// Lets the account sign in or its token be checked, if it needs that and is not waiting for it already.
    pub(super) async fn queue_login(&mut self, user: &LetsChatUserId) {
        let Some(member) = self.members.get_mut(user) else { return };
        let AccountSecrets { password, session, token } = &member.secrets;
        let task = match (session, password, token) {
            (Some(_), ..) => return,
            (None, Some(_), _) => LoginTask::SignIn(user.clone()),
            (None, None, Some(_)) => LoginTask::CheckToken(user.clone()),
            (None, None, None) => {
                let reason = "the session has ended, and the bridge knows no password";
                return self.lose_access(user, reason).await;
            }
        };
        if !std::mem::replace(&mut member.is_queued, true) {
            self.logins.push(task);
        }
    }

    /// The server refuses this session of the account. Returns whether it is the current one.
    pub(super) async fn on_signed_out(&mut self, user: &LetsChatUserId, session: &Secret) -> bool {
        let Some(member) = self.members.get_mut(user) else { return true };
        if member.secrets.session.as_ref() != Some(session) {
            return member.secrets.session.is_none();
        }
        member.secrets.session = None;
        // After a sign-in with the password, the bridge only needs the new session.
        member.is_ready = member.secrets.password.is_some();
        self.report(AccountEvent::SignedOut(user.clone())).await;
        self.queue_login(user).await;
        true
    }

    /// Starts the next task of the slow queue.
    pub(super) async fn start_login(&mut self) {
        let Some(job) = self.logins.take() else { return };
        let server = match self.server() {
            Ok(server) => server,
            Err(reason) => return self.on_login(job, SignInOutcome::failed(reason)).await,
        };
        match &job.task {
            LoginTask::Register(registration) => {
                let registration = registration.clone();
                self.tasks.spawn(async move {
                    let history = (job.tries, job.locked);
                    let outcome = sign_in::register(&server, &registration, history).await;
                    Done::Login(job, outcome)
                });
            }
            LoginTask::SignIn(user) | LoginTask::CheckToken(user) => {
                let Some(member) = self.members.get(user) else { return self.logins.done() };
                let username = member.username.clone();
                let AccountSecrets { password, token, .. } = member.secrets.clone();
                self.tasks.spawn(async move {
                    let outcome = match (&job.task, password, token) {
                        (LoginTask::SignIn(_), Some(password), _) => {
                            sign_in::sign_in(&server, &username, &password).await
                        }
                        (LoginTask::CheckToken(_), _, Some(token)) => {
                            sign_in::check_token(&server, &token).await
                        }
                        _ => SignInOutcome::Refused,
                    };
                    Done::Login(job, outcome)
                });
            }
        }
    }

    pub(super) async fn on_login(&mut self, job: LoginJob, outcome: SignInOutcome) {
        if let SignInOutcome::Failed { reason, is_locked } = outcome {
            self.on_unreachable();
            return self.retry_login(job, &reason, is_locked);
        }
        self.logins.done();
        match job.task {
            LoginTask::Register(registration) => self.on_registered(*registration, outcome).await,
            LoginTask::SignIn(user) | LoginTask::CheckToken(user) => {
                if let Some(member) = self.members.get_mut(&user) {
                    member.is_queued = false;
                    self.on_signed_in(user, outcome).await;
                } else if let SignInOutcome::SignedIn(_, Some(session)) = outcome {
                    // The account was removed meanwhile.
                    self.chores.push(Chore::SignOut(session));
                }
            }
        }
    }

    fn retry_login(&mut self, job: LoginJob, reason: &str, is_locked: bool) {
        let is_wanted = match &job.task {
            LoginTask::Register(_) => true,
            LoginTask::SignIn(user) | LoginTask::CheckToken(user) => {
                self.members.contains_key(user)
            }
        };
        if !is_wanted {
            return self.logins.done();
        }
        let username = match &job.task {
            LoginTask::Register(registration) => registration.username.clone(),
            LoginTask::SignIn(user) | LoginTask::CheckToken(user) => {
                self.members.get(user).map(|member| member.username.clone()).unwrap_or_default()
            }
        };
        let is_first = job.tries == 0;
        let retry_in = format_delay(self.logins.retry(job, is_locked));
        if is_first {
            tracing::info!(username, reason, retry_in, "cannot sign in to an account; retrying");
        } else {
            tracing::debug!(username, reason, retry_in, "cannot sign in to an account; retrying");
        }
    }

    async fn on_registered(&mut self, registration: AccountRegistration, outcome: SignInOutcome) {
        let AccountRegistration { person, username, password, .. } = registration;
        match outcome {
            SignInOutcome::SignedIn(account, session) => {
                tracing::info!(
                    username = account.username,
                    person = person.0,
                    "account made on Let's Chat"
                );
                let user = LetsChatUserId(account.id.as_str().into());
                let secrets = AccountSecrets {
                    password: Some(password),
                    session: session.clone(),
                    token: None,
                };
                let mut member = Member::new(person, account.username.clone(), secrets);
                member.check_at = Instant::now() + self.settings.session_refresh;
                self.members.insert(user, member);
                let account = letschat_user(account);
                self.report(AccountEvent::Ready { person, account, session }).await;
            }
            SignInOutcome::NameTaken => self.report(AccountEvent::NameTaken(person)).await,
            SignInOutcome::Closed => {
                self.warn_of_closed_registration();
                self.report(AccountEvent::RegistrationClosed(person)).await;
            }
            SignInOutcome::NotMade(reason) => {
                tracing::debug!(username, reason, "account not made");
                self.report(AccountEvent::NotMade { person, reason }).await;
            }
            // Neither is an outcome of a registration.
            SignInOutcome::Refused | SignInOutcome::Failed { .. } => {}
        }
    }

    fn warn_of_closed_registration(&mut self) {
        let is_told = self.told_closed_at.is_some_and(|at| at.elapsed() < CLOSED_WARNING_INTERVAL);
        if !is_told {
            self.told_closed_at = Some(Instant::now());
            tracing::warn!(
                "Let's Chat registers nobody, so the bridge cannot make accounts: set \
                 `auth.local.enableRegistration` in the settings of Let's Chat, or turn the accounts off in \
                 bridge.toml"
            );
        }
    }

    async fn on_signed_in(&mut self, user: LetsChatUserId, outcome: SignInOutcome) {
        match outcome {
            SignInOutcome::SignedIn(account, session) if is_account_of(&account, &user) => {
                self.on_access(user, account, session).await;
            }
            SignInOutcome::SignedIn(account, _) => {
                let reason = format!("the password or the token belongs to {}", account.username);
                self.lose_access(&user, &reason).await;
            }
            _ => {
                let has_only_token = self.members.get(&user).is_some_and(Member::has_only_token);
                let reason = match has_only_token {
                    true => "Let's Chat does not accept the token: it was revoked",
                    false => "Let's Chat does not accept the password: it was changed",
                };
                self.lose_access(&user, reason).await;
            }
        }
    }

    async fn on_access(
        &mut self,
        user: LetsChatUserId,
        account: RestAccount,
        session: Option<Secret>,
    ) {
        let Some(member) = self.members.get_mut(&user) else { return };
        let was_ready = std::mem::replace(&mut member.is_ready, true);
        member.username.clone_from(&account.username);
        let interval = match session {
            Some(_) => self.settings.session_refresh,
            None => TOKEN_CHECK_INTERVAL,
        };
        member.check_at = chores::after(interval);
        member.secrets.session.clone_from(&session);
        let person = member.person;
        match (was_ready, session) {
            (false, session) => {
                let account = letschat_user(account);
                self.report(AccountEvent::Ready { person, account, session }).await;
            }
            (true, Some(session)) => {
                self.report(AccountEvent::SignedIn { user, session }).await;
            }
            (true, None) => {}
        }
    }

    /// The bridge cannot speak as the account any more.
    pub(super) async fn lose_access(&mut self, user: &LetsChatUserId, reason: &str) {
        let Some(member) = self.members.remove(user) else { return };
        self.logins.remove(user);
        tracing::warn!(
            username = member.username,
            person = member.person.0,
            reason,
            "no access to an account on Let's Chat: its person can link it again on the bridge's page"
        );
        let (user, reason) = (user.clone(), reason.to_owned());
        self.report(AccountEvent::AccessLost { user, reason }).await;
    }
}
