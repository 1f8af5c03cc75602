//! Threads that speak with PostgreSQL. The store waits for them, whatever thread it is called from.

use std::thread;
use std::thread::JoinHandle;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use super::super::StoreError;
use super::error::PostgresError;

/// A thread that is waited for when this is dropped. What tells it to end must have been dropped before.
#[derive(Debug)]
pub(super) struct Worker(Option<JoinHandle<()>>);

impl Worker {
    /// Runs `work` in a thread of its own.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(super) fn start<F>(work: impl FnOnce() -> F + Send + 'static) -> Result<Self, StoreError>
    where
        F: Future<Output = ()>,
    {
        let runtime = runtime()?;
        let run = move || runtime.block_on(async move { work().await });
        let thread = thread::Builder::new().name("postgresql".to_owned()).spawn(run);
        Ok(Self(Some(thread.map_err(no_thread)?)))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A panic in it was reported there.
            let _ = thread.join();
        }
    }
}

/// Runs `work` in a thread of its own, and waits for it. It ends even if nobody waits any more.
///
/// # Errors
/// Those of `work`.
pub(super) async fn offload<T, F>(
    work: impl FnOnce() -> F + Send + 'static,
) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: Future<Output = Result<T, StoreError>>,
{
    let (done, outcome) = oneshot::channel();
    let runtime = runtime()?;
    let run = move || {
        // Who waited may have gone.
        let _ = done.send(runtime.block_on(async move { work().await }));
    };
    let thread = thread::Builder::new().name("postgresql".to_owned()).spawn(run);
    drop(thread.map_err(no_thread)?);
    outcome.await.unwrap_or(Err(StoreError::NotActive))
}

/// A runtime for the thread that it is used in.
pub(super) fn runtime() -> Result<Runtime, StoreError> {
    Builder::new_current_thread().enable_all().build().map_err(no_thread)
}

fn no_thread(error: std::io::Error) -> StoreError {
    let server = "its address".to_owned();
    PostgresError::Unreachable { server, reason: format!("no thread can be started: {error}") }
        .into()
}
