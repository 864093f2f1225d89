//! A list of tests that libtest-mimic runs, in which a test can need something that not every machine has. One that
//! does not run is listed as ignored, with the reason in its name: silence would look like success.

use std::process::ExitCode;

use anyhow::Result;
use libtest_mimic::{Arguments, Failed, Trial};

/// Set by `tests/run --long`: run what is expensive.
pub const LONG: &str = "LIS_TEST_LONG";
/// Set by `tests/run`: the client programs are installed, so that a missing one is a failure.
pub const CLIENTS: &str = "LIS_TEST_CLIENTS";
/// The directory with real data, which is not part of the project.
pub const REAL_DATA: &str = "LIS_REAL_DATA";

/// Whether an environment variable is set to something.
pub fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// A list of tests that is being made.
#[derive(Debug, Default)]
pub struct Trials {
    trials: Vec<Trial>,
}

impl Trials {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a test that runs everywhere.
    #[must_use]
    pub fn quick(mut self, name: &str, test: fn() -> Result<()>) -> Self {
        self.trials.push(Trial::test(name, move || outcome(test())));
        self
    }

    /// Adds a test that runs only where the environment variable is set.
    #[must_use]
    pub fn needs(self, variable: &str, name: &str, test: fn() -> Result<()>) -> Self {
        self.only_if(is_set(variable), variable, name, test)
    }

    /// Adds a test that runs only where a thing is there.
    #[must_use]
    pub fn only_if(mut self, runs: bool, thing: &str, name: &str, test: fn() -> Result<()>) -> Self {
        let name = if runs { name.to_owned() } else { format!("{name} (skipped: needs {thing})") };
        self.trials.push(Trial::test(name, move || outcome(test())).with_ignored_flag(!runs));
        self
    }

    /// Adds a test with a closure, for lists made from files.
    pub fn push(&mut self, name: String, test: impl FnOnce() -> Result<()> + Send + 'static) {
        self.trials.push(Trial::test(name, move || outcome(test())));
    }

    /// Runs them by the arguments of the command line.
    pub fn run(self) -> ExitCode {
        libtest_mimic::run(&Arguments::from_args(), self.trials).exit_code()
    }
}

fn outcome(result: Result<()>) -> Result<(), Failed> {
    // The whole chain of causes, without a backtrace into the test runner.
    result.map_err(|error| Failed::from(format!("{error:#}")))
}
