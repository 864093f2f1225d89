//! What every connection shares: the open warehouse, its security, the engine's state, and the tables of sessions.

use std::{net::SocketAddr, path::Path, sync::Arc};

use datafusion::{
    execution::{
        SessionState,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::{RuntimeEnv, RuntimeEnvBuilder},
    },
    prelude::SessionConfig,
};
use lis_lake::{lake::Lake, metadata::Component};
use lis_pg_catalog::registry::Registry;
use lis_security::{
    AuditEvent, Principal, Security,
    authenticate::{self, LoginChallenge},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    admission::Admission,
    config::Config,
    error::{Result, ServerError},
    functions::SessionFunctions,
    relations,
    session::{activity::ActivityTable, cancel::CancelTable, peer_name},
    task::Tasks,
    tls,
};

/// The crates that keep tables of their own in the metadata database.
pub(crate) const COMPONENTS: &[Component] = &[lis_security::COMPONENT, lis_loaders::COMPONENT];

/// A running server, or the part of one that a command needs (`lis load` has no sockets).
pub(crate) struct Server {
    /// The configuration.
    pub(crate) config: Config,
    /// The lake.
    pub(crate) lake: Arc<Lake>,
    /// Security.
    pub(crate) security: Security,
    /// System relations and functions.
    pub(crate) registry: Arc<Registry>,
    /// The engine's state, for planning.
    pub(crate) state: SessionState,
    /// How many may come in.
    pub(crate) admission: Admission,
    /// Who can be cancelled.
    pub(crate) cancel: Arc<CancelTable>,
    /// What others see of sessions.
    pub(crate) activity: Arc<ActivityTable>,
    /// TLS, if there is a certificate.
    pub(crate) tls: Option<TlsAcceptor>,
    /// Tasks.
    pub(crate) tasks: Tasks,
    /// Where sessions, planning and execution run; sockets have a runtime of their own, so that no query starves them.
    pub(crate) query_runtime: tokio::runtime::Handle,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("data", &self.config.data).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens the warehouse that the configuration names. Called on the runtime of the queries.
    pub(crate) async fn open(config: Config) -> Result<Arc<Self>> {
        let lake = Lake::open(&config.data, COMPONENTS).await?;
        Self::over(config, lake).await
    }

    /// A server over a lake that is open already.
    pub(crate) async fn over(config: Config, lake: Arc<Lake>) -> Result<Arc<Self>> {
        crate::session::temporary::remove_left_behind(lake.directory());
        let security = Security::open(Arc::clone(lake.metadata()), lake.directory()).await?;
        let runtime = runtime(&config, lake.directory())?;
        let state = lis_security::session_state(runtime, engine_config());
        let cancel = Arc::new(CancelTable::default());
        let activity = Arc::new(ActivityTable::default());
        let mut registry = Registry::default();
        lis_pg_catalog::builtin(&mut registry);
        lis_pg_catalog::register_snapshots(&mut registry, Arc::clone(&lake));
        security.register(&mut registry);
        lis_loaders::register(&mut registry, &lake);
        relations::register(&mut registry, &activity);
        registry.register_functions(Arc::new(SessionFunctions {
            activity: Arc::clone(&activity),
            cancel: Arc::clone(&cancel),
        }));
        Ok(Arc::new(Self {
            tls: tls::acceptor(&config)?,
            admission: Admission::new(config.limits.connections),
            config,
            lake,
            security,
            registry: Arc::new(registry),
            state,
            cancel,
            activity,
            tasks: Tasks::default(),
            query_runtime: tokio::runtime::Handle::current(),
        }))
    }

    /// Records an event that nothing waits for.
    pub(crate) fn record_behind(self: &Arc<Self>, event: AuditEvent) {
        let server = Arc::clone(self);
        self.tasks.spawn_on("audit", &self.query_runtime, async move {
            if let Err(error) = server.security.audit().record_behind(event).await {
                tracing::error!(%error, "the audit cannot be written");
            }
        });
    }

    /// Begins a login: what the client must prove, without saying whether there is such a user.
    pub(crate) async fn begin_login(&self, user: &str) -> Result<LoginChallenge> {
        Ok(authenticate::login(self.security.rights().await?.as_ref(), user)?)
    }

    /// Ends a login. The true reason of a refusal goes to the audit alone.
    pub(crate) async fn finish_login(
        &self,
        challenge: LoginChallenge,
        proved: bool,
        peer: SocketAddr,
    ) -> Result<Principal> {
        let user = challenge.user().clone();
        let rights = self.security.rights().await?;
        let open = self.activity.count_of(&user);
        match authenticate::finish_login(&rights, challenge, proved, open) {
            Ok(principal) => Ok(principal),
            Err(error) => {
                let reason = error.audit_reason.clone().unwrap_or_else(|| error.message.clone());
                self.security
                    .audit()
                    .record(AuditEvent::ConnectionRefused {
                        user: user.as_str().to_owned(),
                        client: peer_name(peer),
                        reason,
                    })
                    .await?;
                Err(ServerError::from(error))
            }
        }
    }
}

/// Memory that all statements share, fairly, and a place on disk for what does not fit.
fn runtime(config: &Config, data: &Path) -> Result<Arc<RuntimeEnv>> {
    let spilled = crate::session::temporary::spill_directory(data);
    std::fs::create_dir_all(&spilled)
        .map_err(ServerError::io(format!("cannot make {}", spilled.display())))?;
    let disk = DiskManagerBuilder::default()
        .with_mode(DiskManagerMode::Directories(vec![spilled]))
        .with_max_temp_directory_size(config.limits.spill_bytes);
    Ok(Arc::new(
        RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(config.limits.memory_bytes)))
            .with_disk_manager_builder(disk)
            .build()?,
    ))
}

fn engine_config() -> SessionConfig {
    let partitions = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut config = SessionConfig::new().with_target_partitions(partitions).with_information_schema(false);
    // It compares what logical and physical CASE say of being null, which do not reason alike.
    config.options_mut().execution.skip_physical_aggregate_schema_check = true;
    config
}
