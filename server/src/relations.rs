//! The server's own system relations: settings and sessions, as each viewer may see them. A session's statement text is
//! shown to its own user and to superusers and members of `lis_operator` alone; the others see that there is a session.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Int32Array, ListBuilder, StringViewArray, TimestampMicrosecondArray,
        UInt32Array, UInt32Builder,
    },
    datatypes::{Field, Schema},
    record_batch::{RecordBatch, RecordBatchOptions},
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use datafusion::common::Result;
use lis_lake::{
    ids::Oid,
    names::Identifier,
    types::{ColumnType, PgType},
};
use lis_pg_catalog::registry::{Registry, SystemColumn, SystemRelation, ViewContext};

use crate::session::{
    activity::{Activity, ActivityTable, CursorEntry, PreparedEntry},
    peer_name,
    settings::DEFINITIONS,
};

/// The role whose members see everybody's sessions.
pub(crate) const OPERATOR: &str = "lis_operator";

/// Adds the server's relations.
pub(crate) fn register(registry: &mut Registry, activity: &Arc<ActivityTable>) {
    registry.register(Arc::new(Settings));
    registry.register(Arc::new(Sessions { activity: Arc::clone(activity), lis: false }));
    registry.register(Arc::new(Sessions { activity: Arc::clone(activity), lis: true }));
    registry.register(Arc::new(PreparedStatements { activity: Arc::clone(activity) }));
    registry.register(Arc::new(Cursors { activity: Arc::clone(activity) }));
}

const fn column(name: &'static str, pg_type: PgType) -> SystemColumn {
    SystemColumn { name, column_type: ColumnType::plain(pg_type) }
}

fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringViewArray>())
}

fn nothing(count: usize) -> ArrayRef {
    text(std::iter::repeat_n(None, count))
}

fn times(values: impl Iterator<Item = Option<DateTime<Utc>>>) -> ArrayRef {
    let values = values.map(|value| value.map(|it| it.timestamp_micros()));
    Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
}

fn batch(columns: &[SystemColumn], arrays: Vec<ArrayRef>) -> Result<RecordBatch> {
    let rows = arrays.first().map_or(0, |array| array.len());
    let fields: Vec<Field> =
        columns.iter().map(|column| Field::new(column.name, column.column_type.to_arrow(), true)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?)
}

/// `pg_settings`
#[derive(Debug)]
struct Settings;

#[async_trait]
impl SystemRelation for Settings {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_settings"
    }

    fn oid(&self) -> Oid {
        Oid::new(12_110)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("name", PgType::Text),
            column("setting", PgType::Text),
            column("unit", PgType::Text),
            column("category", PgType::Text),
            column("short_desc", PgType::Text),
            column("extra_desc", PgType::Text),
            column("context", PgType::Text),
            column("vartype", PgType::Text),
            column("source", PgType::Text),
            column("min_val", PgType::Text),
            column("max_val", PgType::Text),
            column("enumvals", PgType::Array(&PgType::Text)),
            column("boot_val", PgType::Text),
            column("reset_val", PgType::Text),
            column("sourcefile", PgType::Text),
            column("sourceline", PgType::Int4),
            column("pending_restart", PgType::Bool),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let count = DEFINITIONS.len();
        let settings = &context.bind.settings;
        let value = |name: &str| settings.get(&name.to_ascii_lowercase()).map(String::as_str);
        let of = |get: fn(&'static crate::session::settings::Definition) -> &'static str| {
            text(DEFINITIONS.iter().map(move |it| Some(get(it))))
        };
        let lists =
            arrow::array::new_null_array(&ColumnType::plain(PgType::Array(&PgType::Text)).to_arrow(), count);
        batch(
            self.columns(),
            vec![
                of(|it| it.name),
                text(DEFINITIONS.iter().map(|it| value(it.name).or(Some(it.default)))),
                nothing(count),
                text(std::iter::repeat_n(Some("LIS"), count)),
                of(|it| it.description),
                nothing(count),
                of(|it| if it.is_preset() { "internal" } else { "user" }),
                of(|it| it.type_name()),
                text(DEFINITIONS.iter().map(|it| {
                    Some(if value(it.name).is_none_or(|now| now == it.default) {
                        "default"
                    } else {
                        "session"
                    })
                })),
                nothing(count),
                nothing(count),
                lists,
                of(|it| it.default),
                of(|it| it.default),
                nothing(count),
                arrow::array::new_null_array(&arrow::datatypes::DataType::Int32, count),
                Arc::new(BooleanArray::from(vec![false; count])),
            ],
        )
    }
}

fn may_read(context: &ViewContext, activity: &Activity) -> bool {
    let operator = Identifier::exact(OPERATOR);
    activity.user == context.bind.session_user
        || context.viewer.is_superuser()
        || context.viewer.has_role(None, &operator, "USAGE") == Some(true)
}

/// `pg_stat_activity` and `lis.sessions`
#[derive(Debug)]
struct Sessions {
    activity: Arc<ActivityTable>,
    lis: bool,
}

#[async_trait]
impl SystemRelation for Sessions {
    fn schema(&self) -> &'static str {
        if self.lis { "lis" } else { "pg_catalog" }
    }

    fn name(&self) -> &'static str {
        if self.lis { "sessions" } else { "pg_stat_activity" }
    }

    fn oid(&self) -> Oid {
        Oid::new(if self.lis { 9_101 } else { 12_226 })
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const LIS: &[SystemColumn] = &[
            column("session", PgType::Int4),
            column("user_name", PgType::Text),
            column("application", PgType::Text),
            column("client", PgType::Text),
            column("encrypted", PgType::Bool),
            column("started_at", PgType::Timestamptz),
            column("state", PgType::Text),
            column("statement_started_at", PgType::Timestamptz),
            column("statement", PgType::Text),
        ];
        const PG: &[SystemColumn] = &[
            column("datid", PgType::Oid),
            column("datname", PgType::Name),
            column("pid", PgType::Int4),
            column("leader_pid", PgType::Int4),
            column("usesysid", PgType::Oid),
            column("usename", PgType::Name),
            column("application_name", PgType::Text),
            column("client_addr", PgType::Text),
            column("client_hostname", PgType::Text),
            column("client_port", PgType::Int4),
            column("backend_start", PgType::Timestamptz),
            column("xact_start", PgType::Timestamptz),
            column("query_start", PgType::Timestamptz),
            column("state_change", PgType::Timestamptz),
            column("wait_event_type", PgType::Text),
            column("wait_event", PgType::Text),
            column("state", PgType::Text),
            column("backend_xid", PgType::Xid),
            column("backend_xmin", PgType::Xid),
            column("query_id", PgType::Int8),
            column("query", PgType::Text),
            column("backend_type", PgType::Text),
        ];
        if self.lis { LIS } else { PG }
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let all = self.activity.all();
        let readable: Vec<bool> = all.iter().map(|activity| may_read(context, activity)).collect();
        let peers: Vec<String> = all.iter().map(|activity| peer_name(activity.peer)).collect();
        let count = all.len();
        let shown = || all.iter().zip(&readable).map(|(activity, readable)| readable.then_some(activity));
        let pid: ArrayRef = Arc::new(all.iter().map(|activity| Some(activity.pid)).collect::<Int32Array>());
        let user = text(all.iter().map(|activity| Some(activity.user.as_str())));
        let application = text(shown().map(|it| it.map(|activity| activity.application.as_str())));
        let client =
            text(peers.iter().zip(&readable).map(|(peer, readable)| readable.then_some(peer.as_str())));
        let started = times(shown().map(|it| it.map(|activity| activity.started_at)));
        let state = text(shown().map(|it| it.map(|activity| activity.state.name())));
        let statement_started =
            times(shown().map(|it| it.and_then(|activity| activity.statement_started_at)));
        let statement = text(all.iter().zip(&readable).map(|(activity, readable)| {
            Some(if *readable { activity.query.as_str() } else { "<insufficient privilege>" })
        }));
        let null = |pg_type| arrow::array::new_null_array(&ColumnType::plain(pg_type).to_arrow(), count);
        if self.lis {
            let encrypted: ArrayRef =
                Arc::new(all.iter().map(|activity| Some(activity.encrypted)).collect::<BooleanArray>());
            return batch(
                self.columns(),
                vec![pid, user, application, client, encrypted, started, state, statement_started, statement],
            );
        }
        batch(
            self.columns(),
            vec![
                Arc::new(UInt32Array::from(vec![DATABASE_OID; count])),
                text(all.iter().map(|activity| Some(activity.database.as_str()))),
                pid,
                null(PgType::Int4),
                Arc::new(all.iter().map(|activity| Some(activity.user_oid.get())).collect::<UInt32Array>()),
                user,
                application,
                client,
                null(PgType::Text),
                Arc::new(
                    shown()
                        .map(|it| it.map(|activity| i32::from(activity.peer.port())))
                        .collect::<Int32Array>(),
                ),
                started,
                times(shown().map(|it| it.and_then(|activity| activity.transaction_started_at))),
                statement_started,
                times(shown().map(|it| it.map(|activity| activity.state_changed_at))),
                null(PgType::Text),
                null(PgType::Text),
                state,
                null(PgType::Xid),
                null(PgType::Xid),
                null(PgType::Int8),
                statement,
                text(std::iter::repeat_n(Some("client backend"), count)),
            ],
        )
    }
}

/// The number of the one database among PostgreSQL's.
const DATABASE_OID: u32 = 5;

/// `pg_prepared_statements`: the session's own.
#[derive(Debug)]
struct PreparedStatements {
    activity: Arc<ActivityTable>,
}

#[async_trait]
impl SystemRelation for PreparedStatements {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_prepared_statements"
    }

    fn oid(&self) -> Oid {
        Oid::new(12_096)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("name", PgType::Text),
            column("statement", PgType::Text),
            column("prepare_time", PgType::Timestamptz),
            column("parameter_types", PgType::Array(&PgType::Regtype)),
            column("from_sql", PgType::Bool),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let all: Vec<PreparedEntry> =
            self.activity.of(context.bind.backend_pid).map(|activity| activity.prepared).unwrap_or_default();
        let mut types = ListBuilder::new(UInt32Builder::new());
        for entry in &all {
            for pg_type in &entry.parameters {
                types.values().append_value(pg_type.oid().get());
            }
            types.append(true);
        }
        batch(
            self.columns(),
            vec![
                text(all.iter().map(|entry| Some(entry.name.as_str()))),
                text(all.iter().map(|entry| Some(entry.text.as_ref()))),
                times(all.iter().map(|entry| Some(entry.prepared_at))),
                Arc::new(types.finish()),
                Arc::new(all.iter().map(|entry| Some(entry.from_sql)).collect::<BooleanArray>()),
            ],
        )
    }
}

/// `pg_cursors`: the session's own.
#[derive(Debug)]
struct Cursors {
    activity: Arc<ActivityTable>,
}

#[async_trait]
impl SystemRelation for Cursors {
    fn schema(&self) -> &'static str {
        "pg_catalog"
    }

    fn name(&self) -> &'static str {
        "pg_cursors"
    }

    fn oid(&self) -> Oid {
        Oid::new(12_083)
    }

    fn is_view(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [SystemColumn] {
        const COLUMNS: &[SystemColumn] = &[
            column("name", PgType::Text),
            column("statement", PgType::Text),
            column("is_holdable", PgType::Bool),
            column("is_binary", PgType::Bool),
            column("is_scrollable", PgType::Bool),
            column("creation_time", PgType::Timestamptz),
        ];
        COLUMNS
    }

    async fn rows(&self, context: &ViewContext) -> Result<RecordBatch> {
        let all: Vec<CursorEntry> =
            self.activity.of(context.bind.backend_pid).map(|activity| activity.cursors).unwrap_or_default();
        let flags = |get: fn(&CursorEntry) -> bool| -> ArrayRef {
            Arc::new(all.iter().map(|entry| Some(get(entry))).collect::<BooleanArray>())
        };
        batch(
            self.columns(),
            vec![
                text(all.iter().map(|entry| Some(entry.name.as_str()))),
                text(all.iter().map(|entry| Some(entry.text.as_str()))),
                flags(|entry| entry.hold),
                flags(|entry| entry.binary),
                flags(|entry| entry.scroll),
                times(all.iter().map(|entry| Some(entry.declared_at))),
            ],
        )
    }
}
