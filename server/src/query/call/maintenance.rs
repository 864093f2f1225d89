//! The commands of maintenance: `lis.compact`, `lis.expire_snapshots`, `lis.remove_orphans`,
//! `lis.refresh_statistics`. What they do is in `server/src/maintenance.rs`, where the schedule calls it too.

use std::{sync::Arc, time::Duration};

use datafusion::common::ScalarValue;
use lis_lake::{
    names::{Identifier, QualifiedName},
    retention::Span,
    table::{Relation, Table},
    types::PgType,
};
use lis_sql::statement::ObjectName;

use super::{Call, Notices};
use crate::{
    error::{Condition, Result, ServerError},
    maintenance,
    query::ddl,
    wire::error::Report,
};

impl Call<'_> {
    /// `lis.compact([table])`
    pub(super) async fn compact(&mut self) -> Result<Notices> {
        self.require_operator()?;
        let tables = self.tables().await?;
        let server = Arc::clone(&self.session.server);
        let author = self.author();
        let mut notices = Vec::new();
        for (name, table) in tables {
            let done = maintenance::compact(&server, table.id, &author).await?;
            if done.files_before > 0 {
                let (before, after) = (done.files_before, done.files_after);
                notices.push(Report::notice(format!("{name}: {before} files became {after}")));
            }
        }
        Ok(notices)
    }

    /// `lis.expire_snapshots([age])`
    pub(super) async fn expire_snapshots(&mut self) -> Result<Notices> {
        self.require_operator()?;
        self.arguments(0, 1)?;
        let server = Arc::clone(&self.session.server);
        let age = self.duration(0, "age", server.config.maintenance.expire_after)?;
        let done = maintenance::expire(&server, age).await?;
        Ok(vec![Report::notice(format!(
            "{} snapshots expired, {} files with {} bytes are scheduled for deletion",
            done.snapshots, done.files, done.bytes
        ))])
    }

    /// `lis.remove_orphans([grace])`
    pub(super) async fn remove_orphans(&mut self) -> Result<Notices> {
        self.require_operator()?;
        self.arguments(0, 1)?;
        let server = Arc::clone(&self.session.server);
        let grace = self.duration(0, "grace period", server.config.maintenance.grace)?;
        let removed = maintenance::remove_orphans(&server, grace).await?;
        Ok(vec![Report::notice(format!("{removed} files removed"))])
    }

    /// `lis.refresh_statistics([table])`
    pub(super) async fn refresh_statistics(&mut self) -> Result<Notices> {
        self.require_operator()?;
        for (_, table) in self.tables().await? {
            self.session.server.lake.refresh_statistics(table.id).await?;
        }
        Ok(Vec::new())
    }

    /// The table that the first argument names, or all.
    async fn tables(&mut self) -> Result<Vec<(QualifiedName, Arc<Table>)>> {
        if self.arguments(0, 1)?.is_empty() {
            let snapshot = &self.request.snapshot;
            let named = snapshot.relations().filter_map(|relation| {
                Some((snapshot.qualified_name(relation)?, Arc::clone(relation.as_table()?)))
            });
            return Ok(named.collect());
        }
        Ok(vec![self.table(0)?])
    }

    /// The table that an argument names, as SQL writes names.
    pub(super) fn table(&self, position: usize) -> Result<(QualifiedName, Arc<Table>)> {
        let text = self.text(position, "table")?;
        let snapshot = &self.request.snapshot;
        let missing =
            || ServerError::new(Condition::UndefinedTable, format!("relation \"{text}\" does not exist"));
        let parts = name_parts(text).ok_or_else(|| {
            ServerError::new(Condition::InvalidName, format!("invalid name syntax: \"{text}\""))
        })?;
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name.clone()),
            [schema, name] => (Some(schema.clone()), name.clone()),
            _ => return Err(missing()),
        };
        let name = ObjectName { schema, name, position: None };
        let relation = ddl::find_relation(&self.request, &name)?.ok_or_else(missing)?;
        let qualified = snapshot.qualified_name(relation).ok_or_else(missing)?;
        match relation {
            Relation::Table(table) => Ok((qualified, Arc::clone(table))),
            Relation::View(_) => Err(ServerError::new(
                Condition::WrongObjectType,
                format!("\"{}\" is not a table", relation.name()),
            )),
        }
    }

    /// An interval; months are taken as 30 days.
    fn duration(&self, position: usize, what: &str, default: Duration) -> Result<Duration> {
        if self.arguments(0, usize::MAX)?.len() <= position {
            return Ok(default);
        }
        let parts = self.interval(position, what)?;
        parts.as_duration().ok_or_else(|| {
            ServerError::new(Condition::InvalidParameterValue, format!("the {what} must not be negative"))
        })
    }

    /// An interval.
    pub(super) fn interval(&self, position: usize, what: &str) -> Result<Span> {
        let text = self.text(position, what)?;
        let value = self.request.parse_value(&self.session.server, text, PgType::Interval)?;
        match value {
            ScalarValue::IntervalMonthDayNano(Some(interval)) => Ok(Span {
                months: interval.months,
                days: interval.days,
                microseconds: interval.nanoseconds / 1000,
            }),
            _ => Err(ServerError::new(
                Condition::InvalidParameterValue,
                format!("the {what} must be an interval"),
            )),
        }
    }
}

/// Splits `schema."Table"` at its dot, folded as SQL folds names.
pub(super) fn name_parts(text: &str) -> Option<Vec<Identifier>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let mut end = 0;
                let mut name = String::new();
                let mut characters = quoted.char_indices().peekable();
                loop {
                    let (at, character) = characters.next()?;
                    if character != '"' {
                        name.push(character);
                    } else if characters.next_if(|(_, next)| *next == '"').is_some() {
                        name.push('"');
                    } else {
                        end += at + 1;
                        break;
                    }
                }
                (Identifier::exact(&name), &quoted[end..])
            }
            None => {
                let end = rest.find('.').unwrap_or(rest.len());
                (Identifier::exact(&rest[..end].trim().to_lowercase()), &rest[end..])
            }
        };
        if part.as_str().is_empty() {
            return None;
        }
        parts.push(part);
        match after.trim_start().strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None => return after.trim().is_empty().then_some(parts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_as_sql_writes_them() {
        let parts = |text: &str| {
            name_parts(text)
                .map(|parts| parts.iter().map(|part| part.as_str().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(parts("Ekonomi.Bokslut").unwrap(), ["ekonomi", "bokslut"]);
        assert_eq!(parts("\"A.b\".\"c\"\"d\"").unwrap(), ["A.b", "c\"d"]);
        assert_eq!(parts(" t ").unwrap(), ["t"]);
        for wrong in ["", ".", "a.", "\"a", "\"a\"b"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
