//! Stub.
pub mod city;
