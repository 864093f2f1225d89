//! `lis.set_retention`, `lis.drop_retention`, `lis.apply_retention`: how long a table's rows are kept. A rule is the
//! owner's to set, since it destroys rows; applying it is maintenance, and the schedule does it every night.

use std::sync::Arc;

use lis_lake::{
    ids::Oid,
    names::{Identifier, QualifiedName},
    retention::{RetentionRule, Span, can_rule},
};
use lis_security::privileges;

use super::{Call, Notices, maintenance::name_parts};
use crate::{
    error::{Condition, Result, ServerError},
    maintenance,
    relations::OPERATOR,
    wire::error::Report,
};

/// How long rows stay in the past after they have gone from the live table, unless the rule says otherwise.
const DEFAULT_GRACE: Span = Span { months: 0, days: 30, microseconds: 0 };

impl Call<'_> {
    /// `lis.set_retention(table, column, age [, grace])`
    pub(super) async fn set_retention(&mut self) -> Result<Notices> {
        let has_grace = self.arguments(3, 4)?.len() == 4;
        let (name, table) = self.table(0)?;
        self.require_owner_of(table.id.oid())?;
        if table.materialized.is_some() {
            return Err(ServerError::new(
                Condition::WrongObjectType,
                format!("\"{}\" is a materialized view, which its query fills", name.name),
            ));
        }
        let text = self.text(1, "column")?;
        let column = match name_parts(text).as_deref() {
            Some([column]) => table.column_named(column),
            _ => None,
        };
        let column = column.ok_or_else(|| {
            ServerError::new(
                Condition::UndefinedColumn,
                format!("column \"{text}\" of relation \"{}\" does not exist", name.name),
            )
        })?;
        if !can_rule(column.column_type.pg_type) {
            return Err(ServerError::new(
                Condition::DatatypeMismatch,
                format!("column \"{}\" is of no type that has an age", column.name),
            )
            .with_hint("Name a column of type date, timestamp or timestamp with time zone."));
        }
        let age = self.interval(2, "age")?;
        let grace = if has_grace { self.interval(3, "grace period")? } else { DEFAULT_GRACE };
        if !age.is_forward() || age.is_zero() {
            return Err(ServerError::new(Condition::InvalidParameterValue, "the age must be positive"));
        }
        if !grace.is_forward() {
            return Err(ServerError::new(
                Condition::InvalidParameterValue,
                "the grace period must not be negative",
            ));
        }
        let rule = RetentionRule {
            table: table.id,
            column: column.id,
            age,
            grace,
            author: self.author(),
            set_us: chrono::Utc::now().timestamp_micros(),
        };
        self.session.server.lake.set_retention(&rule).await?;
        Ok(Vec::new())
    }

    /// `lis.drop_retention(table)`
    pub(super) async fn drop_retention(&mut self) -> Result<Notices> {
        self.arguments(1, 1)?;
        let (name, table) = self.table(0)?;
        self.require_owner_of(table.id.oid())?;
        if self.session.server.lake.drop_retention(table.id).await? {
            return Ok(Vec::new());
        }
        Err(ServerError::new(
            Condition::UndefinedObject,
            format!("table \"{}\" has no retention rule", name.name),
        ))
    }

    /// `lis.apply_retention([table])`: of all tables for operators, of one for its owner too.
    pub(super) async fn apply_retention(&mut self) -> Result<Notices> {
        let named = match self.arguments(0, 1)?.len() {
            0 => {
                self.require_operator()?;
                None
            }
            _ => {
                let (_, table) = self.table(0)?;
                if !self.uses_role(&Identifier::exact(OPERATOR)) {
                    self.require_owner_of(table.id.oid())?;
                    // It tells how many rows went, and takes them away.
                    let hides = self.request.judge(&self.session.server, |context| {
                        lis_security::row_security_applies(context, &table)
                    })?;
                    if hides {
                        let message = "row-level security hides rows of the table from its owner";
                        return Err(ServerError::new(Condition::InsufficientPrivilege, message).with_hint(
                            "The schedule applies the rule every night, and so can an operator.",
                        ));
                    }
                }
                Some(table.id)
            }
        };
        let server = Arc::clone(&self.session.server);
        let author = self.author();
        let mut notices = Vec::new();
        for rule in server.lake.retention_rules().await? {
            if named.is_some_and(|named| named != rule.table) {
                continue;
            }
            let snapshot = &self.request.snapshot;
            let name = snapshot.relation(rule.table).and_then(|relation| snapshot.qualified_name(relation));
            let name = name
                .as_ref()
                .map_or_else(|| format!("dropped table {}", rule.table), QualifiedName::to_string);
            let done = maintenance::apply_retention(&server, rule, &author).await?;
            notices.push(Report::notice(format!(
                "{name}: {} rows removed, {} past files rewritten",
                done.removed, done.files_erased
            )));
            if done.files_unjudged > 0 {
                notices.push(Report::notice(format!(
                    "{name}: {} past files hold the column as another type; they go when their snapshots expire",
                    done.files_unjudged
                )));
            }
        }
        if !notices.is_empty() {
            server.lake.scrub_catalog().await?;
        }
        Ok(notices)
    }

    fn require_owner_of(&self, relation: Oid) -> Result<()> {
        self.request.judge(&self.session.server, |context| {
            privileges::require_relation_owner(context, relation, false)
        })
    }
}
