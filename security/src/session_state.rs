//! The engine's state with an explicit list of rules.

use std::sync::Arc;

use datafusion::{
    execution::{SessionState, SessionStateBuilder, runtime_env::RuntimeEnv},
    prelude::SessionConfig,
};

/// The state that authorised plans are planned with.
pub fn session_state(runtime: Arc<RuntimeEnv>, config: SessionConfig) -> SessionState {
    SessionStateBuilder::new().with_config(config).with_runtime_env(runtime).with_default_features().build()
}
