//! The memory of what functions make. A function makes its values before anybody could ask what they take, and many
//! statements do so at once; so whoever runs a function may open an [`Account`] with the memory that statements share,
//! and does its work [within](Account::within) it. Long values are then asked for there before they are made (53200 if
//! there is no room), and stay counted until the account is [closed](Account::close): when the next batch of rows comes,
//! the one before has been handed on.
//!
//! An account belongs to the thread while the work runs. Without one nothing is asked; the bounds of
//! [`results`](crate::results) hold in any case. What is short is not counted: [`STEP`] for each call is free.

use std::{cell::RefCell, sync::Arc};

use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};

use crate::error::{FunctionError, FunctionErrorKind};

/// Memory is asked for in such steps, in bytes.
pub const STEP: usize = 1 << 20;

thread_local! {
    static CURRENT: RefCell<Option<Account>> = const { RefCell::new(None) };
}

/// What was made of a batch of rows, counted in the memory that statements share.
#[derive(Debug, Clone)]
pub struct Account(Arc<MemoryReservation>);

impl Account {
    /// An account with nothing in it.
    pub fn open(pool: &Arc<dyn MemoryPool>) -> Self {
        Self(Arc::new(MemoryConsumer::new("values of functions").register(pool)))
    }

    /// Does work whose values are counted here.
    pub fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        /// Sets the one before back, after a panic too.
        struct Before(Option<Account>);
        impl Drop for Before {
            fn drop(&mut self) {
                CURRENT.set(self.0.take());
            }
        }
        let _before = Before(CURRENT.replace(Some(self.clone())));
        work()
    }

    /// What was made is not there any more.
    pub fn close(&self) {
        self.0.free();
    }

    /// The account of the work that this thread does.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// The bytes that are counted.
    pub fn size(&self) -> usize {
        self.0.size()
    }
}

/// Counts what is about to be made; 53200 if there is no room for it.
pub(crate) fn ask(bytes: usize) -> Result<(), FunctionError> {
    CURRENT.with_borrow(|current| match current {
        Some(Account(reservation)) => reservation.try_grow(bytes).map_err(|_| no_room(bytes)),
        None => Ok(()),
    })
}

/// 53200 if there is no room for what is about to be made and will not be kept.
pub(crate) fn ask_for_a_moment(bytes: usize) -> Result<(), FunctionError> {
    CURRENT.with_borrow(|current| {
        let Some(Account(reservation)) = current else { return Ok(()) };
        reservation.try_grow(bytes).map_err(|_| no_room(bytes))?;
        reservation.shrink(bytes);
        Ok(())
    })
}

/// Not the engine's own error of that kind, which some of its nodes take for a reason to go to the disk.
fn no_room(bytes: usize) -> FunctionError {
    let detail =
        format!("Statements have no room for {} MiB of values of a function.", bytes.div_ceil(1 << 20));
    FunctionError::new(FunctionErrorKind::OutOfMemory, "out of memory").with_detail(detail)
}

#[cfg(test)]
mod tests {
    use datafusion::execution::memory_pool::GreedyMemoryPool;

    use super::*;

    #[test]
    fn what_is_made_is_counted_until_the_account_is_closed() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(10));
        let (one, other) = (Account::open(&pool), Account::open(&pool));
        assert_eq!(one.within(|| ask(6)), Ok(()));
        one.within(|| {
            assert_eq!(other.within(|| ask(5)).unwrap_err().kind, FunctionErrorKind::OutOfMemory);
            assert_eq!(other.within(|| ask_for_a_moment(4)), Ok(()));
            // The outer account is the thread's again.
            assert_eq!(ask(4), Ok(()));
        });
        assert_eq!((one.size(), other.size(), pool.reserved()), (10, 0, 10));
        one.close();
        assert_eq!(other.within(|| ask(10)), Ok(()));
        drop(other);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn nothing_is_asked_without_an_account() {
        assert_eq!(ask(usize::MAX), Ok(()));
        assert_eq!(ask_for_a_moment(usize::MAX), Ok(()));
    }
}
