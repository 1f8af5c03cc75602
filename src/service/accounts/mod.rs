//! The pool that speaks as people's accounts on Let's Chat: it registers them, keeps them signed in, and posts as
//! them.
//!
//! An account costs a cookie and no connection: it posts by REST with the cookie of its session
//! (docs/letschat-protocol.md, section 7), and all accounts share an HTTP client. One that posts often, or of which only
//! the token is known, posts over a socket of its own, which joins nothing and closes after a minute. Registrations,
//! sign-ins and checks of tokens are expensive for the server, and go through a slow queue.
//!
//! ```text
//!  commands ──▶ pool ──▶ slow queue ──▶ register, sign in, check a token   (one at a time)
//!                 │────▶ posts ───────▶ REST, or a socket                  (up to 32)
//!                 └────▶ chores ──────▶ check a session, rename, sign out  (one at a time)
//! ```
//!
//! The tasks report to the pool when they end; only the pool changes what is known of the accounts.

mod chores;
mod hand_over;
mod logins;
mod member;
mod post_socket;
mod posts;
mod presence;
mod queue;
mod route;
mod sign_in;
mod socket;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{self, Instant, MissedTickBehavior};

use super::account_policy::AccountPoolSettings;
use super::letschat_dial::LetsChatDial;
use super::messages::{AccountPoolRequest, EngineInput};
use crate::bridge::{AccountCommand, AccountEvent, Event};
use crate::config::LetsChatSettings;
use crate::domain::{AccountSecrets, LetsChatUserId, PersonId};
use crate::net::WriteGate;
use crate::net::rest::RestServer;
use crate::net::tls;
use chores::{CHECK_INTERVAL, Chore, ChoreQueue, DoneChore};
use hand_over::{DoneHandOver, HandOver};
use member::Member;
use posts::{DonePost, PostQueue};
use presence::PresenceSockets;
use queue::{LoginJob, LoginQueue, LoginTask};
use sign_in::SignInOutcome;

/// A client older than this is made anew when the server is unreachable, since its certificate may have been
/// renewed.
const MAX_CLIENT_AGE: Duration = Duration::from_secs(600);

/// The accounts that the bridge speaks as.
pub(super) struct AccountPool {
    settings: AccountPoolSettings,
    inbox: mpsc::Sender<EngineInput>,
    stop: watch::Receiver<bool>,
    /// Asked before anything is written.
    gate: WriteGate,
    /// The HTTP client of all accounts, and when it was made.
    server: Option<(RestServer, Instant)>,
    members: HashMap<LetsChatUserId, Member>,
    logins: LoginQueue,
    posts: PostQueue,
    chores: ChoreQueue,
    presence: PresenceSockets,
    /// The accounts that are being handed over.
    handing_over: HashSet<LetsChatUserId>,
    /// When the administrator was last told that the server registers nobody.
    told_closed_at: Option<Instant>,
    tasks: JoinSet<Done>,
}

/// What a task reports when it ends.
enum Done {
    Login(LoginJob, SignInOutcome),
    Post(DonePost),
    Chore(DoneChore),
    HandOver(Box<DoneHandOver>),
    /// A socket was closed.
    Socket,
}

impl AccountPool {
    pub(super) fn new(
        settings: AccountPoolSettings,
        inbox: mpsc::Sender<EngineInput>,
        stop: watch::Receiver<bool>,
    ) -> Self {
        Self {
            logins: LoginQueue::new(settings.login_interval),
            settings,
            inbox,
            stop,
            gate: WriteGate::default(),
            server: None,
            members: HashMap::new(),
            posts: PostQueue::default(),
            chores: ChoreQueue::default(),
            presence: PresenceSockets::default(),
            handing_over: HashSet::new(),
            told_closed_at: None,
            tasks: JoinSet::new(),
        }
    }

    /// It connects, and writes, only while `gate` is open.
    pub(super) fn guarded_by(mut self, gate: WriteGate) -> Self {
        self.gate = gate;
        self
    }

    /// Runs until the engine drops the sender of the commands, which it does when it waits for no post any more.
    pub(super) async fn run(mut self, mut requests: mpsc::UnboundedReceiver<AccountPoolRequest>) {
        let mut checks = time::interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_stopping = *self.stop.borrow();
        let mut stop = self.stop.clone();
        loop {
            self.start_posts().await;
            self.start_chore();
            let next_login = if is_stopping { None } else { self.logins.next_at() };
            tokio::select! {
                request = requests.recv() => match request {
                    Some(AccountPoolRequest::Command(command)) => self.on_command(command).await,
                    Some(AccountPoolRequest::Configure(settings)) => self.configure(*settings),
                    None => break,
                },
                Some(done) = self.tasks.join_next() => {
                    // A task that panicked has ended the program.
                    if let Ok(done) = done {
                        self.on_done(done).await;
                    }
                }
                () = sleep_until(next_login) => self.start_login().await,
                _ = checks.tick(), if !is_stopping => {
                    self.presence.remove_idle(Instant::now());
                    self.check_next();
                }
                () = stopped(&mut stop), if !is_stopping => is_stopping = true,
            }
        }
        self.answer_unfinished_posts().await;
    }

    /// Works with other settings from now on. What is under way ends with the old ones.
    fn configure(&mut self, settings: AccountPoolSettings) {
        let (old, new) = (&self.settings.letschat, &settings.letschat);
        if old.url != new.url || old.tls_trust != new.tls_trust {
            self.server = None;
        }
        self.logins.set_interval(settings.login_interval);
        self.settings = settings;
    }

    async fn on_command(&mut self, command: AccountCommand) {
        match command {
            AccountCommand::Register(registration) => {
                self.logins.push(LoginTask::Register(Box::new(registration)));
            }
            AccountCommand::Add { person, user, username, secrets } => {
                self.add(person, user, username, secrets).await;
            }
            AccountCommand::Post { user, delivery, endpoint, room, text } => {
                self.posts.push(posts::QueuedPost { user, delivery, endpoint, room, text });
            }
            AccountCommand::Rename { user, display_name } => {
                self.chores.push(Chore::Rename(user, display_name));
            }
            AccountCommand::HandOver { request, user, username, email, password } => {
                let wanted = HandOver { request, user, username, email, password };
                self.start_hand_over(wanted).await;
            }
            AccountCommand::Leave(user) => self.presence.remove(&user),
            AccountCommand::Remove(user) => self.remove(&user),
        }
    }

    async fn on_done(&mut self, done: Done) {
        match done {
            Done::Login(job, outcome) => self.on_login(job, outcome).await,
            Done::Post(done) => self.on_post_done(done).await,
            Done::Chore(done) => self.on_chore_done(done).await,
            Done::HandOver(done) => self.on_handed_over(*done).await,
            Done::Socket => {}
        }
    }

    async fn add(
        &mut self,
        person: PersonId,
        user: LetsChatUserId,
        username: String,
        secrets: AccountSecrets,
    ) {
        let new = Member::new(person, username, secrets);
        match self.members.get_mut(&user) {
            // The bridge repeats what the pool knows, as after `Ready`.
            Some(known) if known.secrets == new.secrets => {
                (known.person, known.username) = (new.person, new.username);
                return;
            }
            _ => {
                self.logins.remove(&user);
                self.members.insert(user.clone(), new);
            }
        }
        self.queue_login(&user).await;
    }

    fn remove(&mut self, user: &LetsChatUserId) {
        self.logins.remove(user);
        self.chores.remove(user);
        self.presence.remove(user);
        let session = self.members.remove(user).and_then(|member| member.secrets.session);
        if let Some(session) = session {
            self.chores.push(Chore::SignOut(session));
        }
    }

    /// The server, for websockets.
    fn letschat_dial(&self) -> LetsChatDial {
        LetsChatDial { settings: self.settings.letschat.clone(), gate: self.gate.clone() }
    }

    /// The server, for requests.
    fn server(&mut self) -> Result<RestServer, String> {
        if let Some((server, _)) = &self.server {
            return Ok(server.clone());
        }
        let LetsChatSettings { url, tls_trust, .. } = &self.settings.letschat;
        let tls = tls::client_config(tls_trust).map_err(|error| error.to_string())?;
        let server = RestServer::new(url, &tls).map_err(|error| error.to_string())?;
        let server = server.guarded_by(self.gate.clone());
        self.server = Some((server.clone(), Instant::now()));
        Ok(server)
    }

    /// The server could not be reached. If the client is old, the next one reads the authorities anew.
    fn on_unreachable(&mut self) {
        let is_old = |(_, made_at): &(RestServer, Instant)| made_at.elapsed() > MAX_CLIENT_AGE;
        if self.server.as_ref().is_some_and(is_old) {
            self.server = None;
        }
    }

    async fn report(&self, event: AccountEvent) {
        // Fails only when the engine is gone.
        let _ = self.inbox.send(EngineInput::Event(Event::Account(Box::new(event)))).await;
    }
}

/// Waits until the bridge stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The sender goes away only with the bridge.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
