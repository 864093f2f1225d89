//! The server's own system relations: settings and sessions, as each viewer may see them, in PostgreSQL's shapes. A
//! session's statement text is shown to its own user and to superusers and members of `lis_operator` alone; the others
//! see that there is a session.

use std::sync::Arc;

use lis_lake::{names::Identifier, types::PgType};
use lis_pg_catalog::{
    registry::{Registry, ViewContext},
    rows::{Cell, Rows},
    shapes::{Shape, column},
};

use crate::session::{
    activity::{Activity, ActivityTable},
    peer_name,
    settings::DEFINITIONS,
};

/// The role whose members see everybody's sessions.
pub(crate) const OPERATOR: &str = "lis_operator";
/// The number of the one database among PostgreSQL's.
const DATABASE_OID: i64 = 5;

type Fill = fn(&ActivityTable, &ViewContext, &mut Rows);

/// Adds the server's relations.
pub(crate) fn register(registry: &mut Registry, activity: &Arc<ActivityTable>) {
    let filled: [(&str, Fill); 4] = [
        ("pg_settings", settings),
        ("pg_stat_activity", sessions),
        ("pg_prepared_statements", prepared_statements),
        ("pg_cursors", cursors),
    ];
    let of_activity = |fill: Fill| -> lis_pg_catalog::registry::Fill {
        let activity = Arc::clone(activity);
        Box::new(move |context, rows| {
            fill(&activity, context, rows);
            Ok(())
        })
    };
    for (name, fill) in filled {
        registry.fill("pg_catalog", name, of_activity(fill));
    }
    registry.register_filled(&SESSIONS, of_activity(lis_sessions));
}

fn micros(time: chrono::DateTime<chrono::Utc>) -> Cell {
    Cell::Integer(time.timestamp_micros())
}

fn text(value: &str) -> Cell {
    Cell::Text(value.to_owned())
}

fn settings(_: &ActivityTable, context: &ViewContext, rows: &mut Rows) {
    for definition in DEFINITIONS.iter() {
        let value = context.bind.settings.get(&definition.name.to_ascii_lowercase());
        let value = value.map_or(definition.default, String::as_str);
        let source = if value == definition.default { "default" } else { "session" };
        let (setting, unit) = definition.in_unit(value);
        let (least, most) = definition.bounds().unzip();
        let choices =
            definition.choices().map(|it| it.iter().map(|it| (*it).to_owned()).collect::<Vec<String>>());
        let (default, _) = definition.in_unit(definition.default);
        rows.add([
            ("name", text(definition.name)),
            ("setting", Cell::Text(setting)),
            ("unit", unit.into()),
            ("category", text("LIS")),
            ("short_desc", text(definition.description)),
            ("context", text(if definition.is_preset() { "internal" } else { "user" })),
            ("vartype", text(definition.type_name())),
            ("source", text(source)),
            ("boot_val", Cell::Text(default.clone())),
            ("reset_val", Cell::Text(default)),
            ("min_val", least.into()),
            ("max_val", most.into()),
            ("enumvals", choices.into()),
            ("pending_restart", Cell::Bool(false)),
        ]);
    }
}

fn may_read(context: &ViewContext, activity: &Activity) -> bool {
    activity.user == context.bind.session_user
        || context.viewer.is_superuser()
        || context.viewer.has_role(None, &Identifier::exact(OPERATOR), "USAGE") == Some(true)
}

/// What a viewer reads of a statement.
fn shown_statement(activity: &Activity, readable: bool) -> Cell {
    text(if readable { &activity.query } else { "<insufficient privilege>" })
}

fn sessions(activity: &ActivityTable, context: &ViewContext, rows: &mut Rows) {
    for activity in activity.all() {
        let readable = may_read(context, &activity);
        let if_readable = |cell: Cell| if readable { cell } else { Cell::Null };
        rows.add([
            ("datid", Cell::Integer(DATABASE_OID)),
            ("datname", text(&activity.database)),
            ("pid", activity.pid.into()),
            ("usesysid", activity.user_oid.into()),
            ("usename", text(activity.user.as_str())),
            ("application_name", if_readable(text(&activity.application))),
            ("client_addr", if_readable(text(&peer_name(activity.peer)))),
            ("client_port", if_readable(Cell::Integer(i64::from(activity.peer.port())))),
            ("backend_start", if_readable(micros(activity.started_at))),
            ("xact_start", if_readable(activity.transaction_started_at.map_or(Cell::Null, micros))),
            ("query_start", if_readable(activity.statement_started_at.map_or(Cell::Null, micros))),
            ("state_change", if_readable(micros(activity.state_changed_at))),
            ("state", if_readable(text(activity.state.name()))),
            ("query", shown_statement(&activity, readable)),
            ("backend_type", text("client backend")),
        ]);
    }
}

fn prepared_statements(activity: &ActivityTable, context: &ViewContext, rows: &mut Rows) {
    let own = activity.of(context.bind.backend_pid);
    for entry in own.map(|own| own.prepared).unwrap_or_default() {
        let types = entry.parameters.iter().map(|pg_type| i64::from(pg_type.oid().get())).collect();
        rows.add([
            ("name", text(&entry.name)),
            ("statement", text(&entry.text)),
            ("prepare_time", micros(entry.prepared_at)),
            ("parameter_types", Cell::Integers(types)),
            ("from_sql", Cell::Bool(entry.from_sql)),
        ]);
    }
}

fn cursors(activity: &ActivityTable, context: &ViewContext, rows: &mut Rows) {
    let own = activity.of(context.bind.backend_pid);
    for entry in own.map(|own| own.cursors).unwrap_or_default() {
        rows.add([
            ("name", text(&entry.name)),
            ("statement", text(&entry.text)),
            ("is_holdable", Cell::Bool(entry.hold)),
            ("is_binary", Cell::Bool(entry.binary)),
            ("is_scrollable", Cell::Bool(entry.scroll)),
            ("creation_time", micros(entry.declared_at)),
        ]);
    }
}

/// `lis.sessions`
static SESSIONS: Shape = Shape::of_lis(
    "sessions",
    13_321,
    &[
        column("session", PgType::Int4),
        column("user_name", PgType::Text),
        column("application", PgType::Text),
        column("client", PgType::Text),
        column("encrypted", PgType::Bool),
        column("started_at", PgType::Timestamptz),
        column("state", PgType::Text),
        column("statement_started_at", PgType::Timestamptz),
        column("statement", PgType::Text),
    ],
);

fn lis_sessions(activity: &ActivityTable, context: &ViewContext, rows: &mut Rows) {
    for activity in activity.all() {
        let readable = may_read(context, &activity);
        let if_readable = |cell: Cell| if readable { cell } else { Cell::Null };
        rows.add([
            ("session", activity.pid.into()),
            ("user_name", text(activity.user.as_str())),
            ("application", if_readable(text(&activity.application))),
            ("client", if_readable(text(&peer_name(activity.peer)))),
            ("encrypted", Cell::Bool(activity.encrypted)),
            ("started_at", if_readable(micros(activity.started_at))),
            ("state", if_readable(text(activity.state.name()))),
            ("statement_started_at", if_readable(activity.statement_started_at.map_or(Cell::Null, micros))),
            ("statement", shown_statement(&activity, readable)),
        ]);
    }
}
