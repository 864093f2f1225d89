//! What the binder is told from outside: constants about who asks and when. Nothing here can change while a statement
//! is bound, and nothing in the binder asks anybody else.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use datafusion::common::ScalarValue;
use lis_lake::{ids::Oid, names::Identifier, types::PgType};

/// The facts that a statement is bound with.
#[derive(Debug, Clone)]
pub struct BindContext {
    /// `current_user`.
    pub current_user: Identifier,
    /// The role's number.
    pub current_user_oid: Oid,
    /// `session_user`.
    pub session_user: Identifier,
    /// `current_database()`: the name that the client connected with.
    pub database: String,
    /// The codes of `lis.my_administrations(area)` by area; `""` is the ordinary areas.
    pub administrations: BTreeMap<String, Vec<String>>,
    /// Schemas in which an unqualified name is looked for, after `pg_catalog`. `"$user"` is resolved already.
    pub search_path: Vec<Identifier>,
    /// `TimeZone`, an IANA name.
    pub time_zone: String,
    /// `now()`: the start of the transaction.
    pub transaction_started_at: DateTime<Utc>,
    /// `statement_timestamp()`.
    pub statement_started_at: DateTime<Utc>,
    /// `current_setting(name)`: every setting that the session has, by lower-case name.
    pub settings: Arc<BTreeMap<String, String>>,
    /// The types that the client declared for `$1`, `$2`, …; `None` is left to the binder.
    pub parameter_types: Vec<Option<PgType>>,
    /// The values of the parameters, of the types that an earlier binding found. Empty while a statement is only
    /// described; a statement is bound again with its values when a portal is made, so that a parameter prunes and
    /// types like a literal of that type.
    pub parameter_values: Vec<ScalarValue>,
    /// `pg_backend_pid()`.
    pub backend_pid: i32,
}
