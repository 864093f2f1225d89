//! Stub.

pub mod differential;
pub mod raw;
pub mod reference;
