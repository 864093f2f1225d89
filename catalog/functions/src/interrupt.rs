//! Work on one long value can take longer than anybody waits: a search in millions of characters, `pg_sleep`. Nothing
//! can stop a thread from outside, so such loops ask from time to time whether the result is still wanted.
//!
//! Whoever runs a statement makes an [`Interrupt`], does its work [within](Interrupt::within) it and
//! [raises](Interrupt::raise) it when nobody waits any more. It belongs to the thread while the work runs; what starts
//! other threads or tasks for the same statement has to carry it there.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::error::{FunctionError, FunctionErrorKind};

thread_local! {
    static CURRENT: RefCell<Option<Interrupt>> = const { RefCell::new(None) };
}

/// Tells work that its result is not wanted any more.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    raised: AtomicBool,
    sleeping: Mutex<()>,
    woken: Condvar,
}

impl Interrupt {
    /// The result is not wanted any more.
    pub fn raise(&self) {
        // Under the lock, or who is about to sleep would miss it.
        let _sleeping = self.0.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        self.0.raised.store(true, Ordering::Relaxed);
        self.0.woken.notify_all();
    }

    /// Whether it is not.
    pub fn is_raised(&self) -> bool {
        self.0.raised.load(Ordering::Relaxed)
    }

    /// Sleeps so long, or until the interrupt is raised.
    pub fn sleep(&self, duration: Duration) {
        let sleeping = self.0.sleeping.lock().unwrap_or_else(PoisonError::into_inner);
        // Whether it was woken or the time is over, is for the caller to ask.
        drop(self.0.woken.wait_timeout_while(sleeping, duration, |()| !self.is_raised()));
    }

    /// Does work that can be interrupted.
    pub fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        let before = CURRENT.replace(Some(self.clone()));
        let result = work();
        CURRENT.set(before);
        result
    }

    /// A future that can be interrupted while it is polled.
    pub fn over<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        let mut future = Box::pin(future);
        std::future::poll_fn(move |context| self.within(|| Pin::as_mut(&mut future).poll(context)))
    }

    /// The interrupt of the work that this thread does.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// Whether the work that this thread does is not wanted any more.
#[inline]
pub fn is_raised() -> bool {
    CURRENT.with_borrow(|current| current.as_ref().is_some_and(Interrupt::is_raised))
}

/// 57014 if the work that this thread does is not wanted any more.
pub fn check() -> Result<(), FunctionError> {
    if is_raised() {
        let message = "canceling statement due to user request";
        return Err(FunctionError::new(FunctionErrorKind::QueryCanceled, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_hears_its_own_interrupt_only() {
        let (outer, inner) = (Interrupt::default(), Interrupt::default());
        outer.raise();
        assert!(!is_raised());
        outer.within(|| {
            assert_eq!(check().unwrap_err().kind, FunctionErrorKind::QueryCanceled);
            assert_eq!(inner.within(check), Ok(()));
            assert!(is_raised());
        });
        assert_eq!(check(), Ok(()));
    }

    #[test]
    fn a_sleeper_is_woken() {
        let interrupt = Interrupt::default();
        std::thread::scope(|scope| {
            scope.spawn(|| interrupt.raise());
            interrupt.sleep(Duration::MAX);
        });
        assert!(interrupt.is_raised());
        interrupt.sleep(Duration::MAX);
    }
}
