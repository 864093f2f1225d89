//! Tasks: every one has a name in the log and is counted, so that the server knows what it waits for when it stops.
//! Stopping has two steps: *draining* (no new work, idle sessions end) and, after a deadline, *stopped* (statements that
//! still run are cancelled).

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// What tasks share, for a moment without an await. A panic with the lock in its hands is a
/// defect, and in the log; the other sessions go on.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every task of a server.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tasks {
    tracker: TaskTracker,
    draining: CancellationToken,
}

impl Tasks {
    /// Starts a task on the current runtime.
    pub(crate) fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tracker.spawn(future.instrument(tracing::debug_span!("task", name)))
    }

    /// Starts a task on another runtime.
    pub(crate) fn spawn_on<F>(
        &self,
        name: &'static str,
        runtime: &tokio::runtime::Handle,
        future: F,
    ) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tracker.spawn_on(future.instrument(tracing::debug_span!("task", name)), runtime)
    }

    /// No new work from now on.
    pub(crate) fn drain(&self) {
        self.draining.cancel();
        self.tracker.close();
    }

    /// Waits until draining begins. Cancellation safe.
    pub(crate) async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Waits until every task has ended, at most this long. Whether they have.
    pub(crate) async fn finished_within(&self, deadline: Duration) -> bool {
        tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok()
    }
}

/// Waits for SIGTERM or SIGINT.
pub(crate) async fn stop_signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn draining_waits_for_tasks_and_gives_up_at_the_deadline() {
        let tasks = Tasks::default();
        let inner = tasks.clone();
        tasks.spawn("waits for the drain", async move { inner.draining().await });
        tasks.drain();
        assert!(tasks.finished_within(Duration::from_secs(5)).await);

        let tasks = Tasks::default();
        let never = tasks.spawn("never ends", std::future::pending::<()>());
        tasks.drain();
        assert!(!tasks.finished_within(Duration::from_millis(1)).await);
        never.abort();
    }
}
