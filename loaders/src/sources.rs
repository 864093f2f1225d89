//! One source of bytes per file.

pub mod directory;
