//! Who may come in. Two bounds, because whoever can reach the port may open sockets, and only users may hold sessions:
//!
//! - *Newcomers* have not proved who they are. There is room for a number of them; one more closes the one that came
//!   first, so that sockets that say nothing, however many, keep no user out. Cancel requests are newcomers too, and
//!   therefore heard on a full server.
//! - *Sessions* are what `limits.connections` counts. The last few are for superusers (PostgreSQL's
//!   `superuser_reserved_connections`): somebody must be able to log in and look when all others are taken.
//!
//! It knows nothing of sockets and of how a client proves who it is.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Condition, Result, ServerError},
    task::locked,
};

/// Newcomers at one time.
const NEWCOMERS_MAX: usize = 256;
/// Sessions that only superusers get, as many as PostgreSQL keeps; fewer where there are hardly more in all.
const RESERVED: usize = 3;

/// The room that there is.
#[derive(Debug)]
pub(crate) struct Admission {
    anybody: Arc<Semaphore>,
    superusers: Arc<Semaphore>,
    newcomers: Arc<Mutex<VecDeque<CancellationToken>>>,
}

/// A newcomer's place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Newcomer {
    others: Arc<Mutex<VecDeque<CancellationToken>>>,
    dismissed: CancellationToken,
}

impl Admission {
    /// Room for so many sessions.
    pub(crate) fn new(connections: usize) -> Self {
        let reserved = reserved(connections);
        Self {
            anybody: Arc::new(Semaphore::new(connections - reserved)),
            superusers: Arc::new(Semaphore::new(reserved)),
            newcomers: Arc::default(),
        }
    }

    /// Somebody has connected.
    pub(crate) fn newcomer(&self) -> Newcomer {
        let dismissed = CancellationToken::new();
        let mut newcomers = locked(&self.newcomers);
        if newcomers.len() >= NEWCOMERS_MAX
            && let Some(oldest) = newcomers.pop_front()
        {
            oldest.cancel();
        }
        newcomers.push_back(dismissed.clone());
        Newcomer { others: Arc::clone(&self.newcomers), dismissed }
    }

    /// A user who has proved to be one becomes a session, until the permit is dropped.
    pub(crate) fn session(&self, superuser: bool) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.anybody).try_acquire_owned() {
            return Ok(permit);
        }
        let refused = |why: &str| ServerError::new(Condition::TooManyConnections, why).fatal();
        if superuser {
            let reserved = Arc::clone(&self.superusers).try_acquire_owned();
            return reserved.map_err(|_| refused("sorry, too many clients already"));
        }
        Err(refused("remaining connection slots are reserved for non-replication superuser connections"))
    }
}

/// How many of these sessions only superusers get.
pub(crate) fn reserved(connections: usize) -> usize {
    RESERVED.min(connections.saturating_sub(1))
}

impl Newcomer {
    /// Waits until the place is needed for another. Cancellation safe.
    pub(crate) async fn dismissed(&self) {
        self.dismissed.cancelled().await;
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        // Marks itself, since tokens cannot be compared.
        self.dismissed.cancel();
        locked(&self.others).retain(|other| !other.is_cancelled());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_sessions_are_for_superusers() {
        let admission = Admission::new(5);
        let users: Vec<_> = (0..2).map(|_| admission.session(false).unwrap()).collect();
        assert!(admission.session(false).unwrap_err().to_string().contains("reserved"));
        let superusers: Vec<_> = (0..3).map(|_| admission.session(true).unwrap()).collect();
        assert!(admission.session(true).unwrap_err().to_string().contains("too many"));
        drop(users);
        assert!(admission.session(false).is_ok());
        drop(superusers);
    }

    #[test]
    fn one_session_is_anybodys() {
        let admission = Admission::new(1);
        let _only = admission.session(false).unwrap();
        assert!(admission.session(true).is_err());
    }

    #[test]
    fn the_oldest_newcomer_makes_room_and_those_who_have_gone_take_none() {
        let admission = Admission::new(5);
        let mut newcomers: Vec<_> = (0..NEWCOMERS_MAX).map(|_| admission.newcomer()).collect();
        drop(newcomers.pop());
        let another = admission.newcomer();
        assert!(!newcomers[0].dismissed.is_cancelled());
        let one_more = admission.newcomer();
        assert!(newcomers[0].dismissed.is_cancelled());
        assert!(!newcomers[1].dismissed.is_cancelled() && !another.dismissed.is_cancelled());
        drop((newcomers, another, one_more));
        assert!(locked(&admission.newcomers).is_empty());
    }
}
