//! The slow queue: registrations and sign-ins, one at a time and at most one per interval, since each keeps the
//! server's only thread busy for about 80 ms (docs/letschat-protocol.md, section 7).

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::bridge::AccountRegistration;
use crate::domain::LetsChatUserId;
use crate::protocol::Backoff;
use crate::service::reconnect::{ConnectionOutcome, ReconnectDelay};

/// The first and the longest delay while the server has locked an account after wrong passwords. The server
/// doubles its own with each wrong password, beginning with 5 seconds.
const LOCKED_DELAYS: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(600));

/// What is to be done.
#[derive(Debug)]
pub(super) enum LoginTask {
    /// Register an account and sign in.
    Register(Box<AccountRegistration>),
    /// Sign in with the password.
    SignIn(LetsChatUserId),
    /// Check the token.
    CheckToken(LetsChatUserId),
}

/// One task, with its history.
#[derive(Debug)]
pub(super) struct LoginJob {
    /// What is to be done.
    pub(super) task: LoginTask,
    /// How often it has failed.
    pub(super) tries: u32,
    /// How often the account was locked.
    pub(super) locked: u32,
    /// Its delays; `None` until it fails.
    delay: Option<Box<ReconnectDelay>>,
    /// When it may be tried again.
    not_before: Instant,
}

/// The tasks in the order in which they came. One that fails waits, lets the others pass, and is then the first
/// again.
pub(super) struct LoginQueue {
    interval: Duration,
    ready: VecDeque<LoginJob>,
    waiting: Vec<LoginJob>,
    next_start: Instant,
    is_busy: bool,
}

impl LoginJob {
    fn new(task: LoginTask) -> Self {
        Self { task, tries: 0, locked: 0, delay: None, not_before: Instant::now() }
    }
}

impl LoginQueue {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            ready: VecDeque::new(),
            waiting: Vec::new(),
            next_start: Instant::now(),
            is_busy: false,
        }
    }

    pub(super) fn push(&mut self, task: LoginTask) {
        self.ready.push_back(LoginJob::new(task));
    }

    /// At most one task per `interval` starts from now on.
    pub(super) fn set_interval(&mut self, interval: Duration) {
        self.interval = interval;
    }

    /// When the next task may be started.
    pub(super) fn next_at(&self) -> Option<Instant> {
        if self.is_busy {
            return None;
        }
        if !self.ready.is_empty() {
            return Some(self.next_start);
        }
        let first = self.waiting.iter().map(|job| job.not_before).min()?;
        Some(first.max(self.next_start))
    }

    /// Takes the task that is due. The next one waits until [`LoginQueue::done`].
    pub(super) fn take(&mut self) -> Option<LoginJob> {
        let now = Instant::now();
        if self.is_busy || now < self.next_start {
            return None;
        }
        let due = self.waiting.iter().position(|job| job.not_before <= now);
        let job = match due {
            Some(at) => self.waiting.remove(at),
            None => self.ready.pop_front()?,
        };
        self.is_busy = true;
        self.next_start = now + self.interval;
        Some(job)
    }

    /// The task that was taken has ended.
    pub(super) fn done(&mut self) {
        self.is_busy = false;
    }

    /// The task that was taken has failed, and is tried again after a growing delay, which is returned.
    pub(super) fn retry(&mut self, mut job: LoginJob, is_locked: bool) -> Duration {
        self.is_busy = false;
        job.tries = job.tries.saturating_add(1);
        let wait = if is_locked {
            job.locked = job.locked.saturating_add(1);
            let (first, last) = LOCKED_DELAYS;
            let mut delays = Backoff::after_failures(job.locked - 1, first, last);
            delays.next_delay(&mut fastrand::Rng::new())
        } else {
            let new = || Box::new(ReconnectDelay::new(fastrand::u64(..)));
            job.delay.get_or_insert_with(new).next_delay(ConnectionOutcome::default())
        };
        job.not_before = Instant::now() + wait;
        self.waiting.push(job);
        wait
    }

    /// Forgets the tasks for an account.
    pub(super) fn remove(&mut self, user: &LetsChatUserId) {
        let is_other = |job: &LoginJob| match &job.task {
            LoginTask::Register(_) => true,
            LoginTask::SignIn(whose) | LoginTask::CheckToken(whose) => whose != user,
        };
        self.ready.retain(is_other);
        self.waiting.retain(is_other);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::time;

    use super::*;

    fn sign_in(name: &str) -> LoginTask {
        LoginTask::SignIn(LetsChatUserId(name.into()))
    }

    /// Waits until a task is due, and takes it: its name, and the time since the start.
    async fn next(queue: &mut LoginQueue, start: Instant) -> (LoginJob, String, f64) {
        time::sleep_until(queue.next_at().unwrap()).await;
        let job = queue.take().unwrap();
        let LoginTask::SignIn(user) = &job.task else { panic!("another task") };
        let name = user.to_string();
        (job, name, start.elapsed().as_secs_f64())
    }

    #[tokio::test(start_paused = true)]
    async fn tasks_run_in_order_one_per_interval() {
        let start = Instant::now();
        let mut queue = LoginQueue::new(Duration::from_secs(1));
        for name in ["a", "b", "c"] {
            queue.push(sign_in(name));
        }
        for (expected, at) in [("a", 0.0), ("b", 1.0), ("c", 2.0)] {
            let (_, name, when) = next(&mut queue, start).await;
            assert_eq!((name.as_str(), when), (expected, at));
            assert!(queue.next_at().is_none() && queue.take().is_none(), "one at a time");
            queue.done();
        }
        assert_eq!(queue.next_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn failed_task_lets_others_pass_and_is_the_first_again() {
        let start = Instant::now();
        let mut queue = LoginQueue::new(Duration::from_secs(1));
        for number in 0..30 {
            queue.push(sign_in(&number.to_string()));
        }
        let (job, ..) = next(&mut queue, start).await;
        let wait = queue.retry(job, true);
        assert!(wait >= Duration::from_secs(5), "{wait:?}");
        let mut order = Vec::new();
        for _ in 0..30 {
            let (_, name, _) = next(&mut queue, start).await;
            order.push(name);
            queue.done();
        }
        let again = order.iter().position(|name| name == "0").unwrap();
        assert!((4..=10).contains(&again), "{order:?}");
        order.remove(again);
        assert_eq!(order, (1..30).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn delays_grow_with_each_failure() {
        let start = Instant::now();
        let mut queue = LoginQueue::new(Duration::from_secs(1));
        queue.push(sign_in("a"));
        let mut last = Duration::ZERO;
        for _ in 0..12 {
            let (job, ..) = next(&mut queue, start).await;
            last = queue.retry(job, false);
        }
        assert!(last >= Duration::from_secs(15), "{last:?}");
        queue.remove(&LetsChatUserId("a".into()));
        assert_eq!(queue.next_at(), None);
    }
}
