//! Security over the real engine: what rows a secured table lets through, what its plans look like, and that nothing of
//! the hidden rows gets out. One binary, since each links the engine.

#[cfg(test)]
#[path = "rewrite/barrier.rs"]
mod barrier;
#[cfg(test)]
#[path = "rewrite/plans.rs"]
mod plans;
#[cfg(test)]
#[path = "rewrite/rights.rs"]
mod rights;
