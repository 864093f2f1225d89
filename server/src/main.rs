//! The binary `lis`: arguments to exit code, nothing else.
fn main() {}
