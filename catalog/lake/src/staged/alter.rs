//! ALTER: what can be changed of a relation that is there. Which changes are sound for the files that exist is decided
//! here ([`widens`]); what a statement means, and who may say it, elsewhere.

use std::sync::Arc;

use datafusion::common::ScalarValue;

use super::{NewColumn, NewConstraint, StagedChanges, column_ids, find_column, push_column, refuse_reserved};
use crate::{
    error::LakeError,
    ids::{ColumnId, Oid, RelationId, SchemaId},
    names::Identifier,
    table::{Constraint, ConstraintKind, MaterializedView, Relation, Table, View},
    types::{ColumnType, PgType},
};

impl StagedChanges {
    /// Changes a relation's name.
    pub fn rename_relation(&mut self, id: RelationId, name: Identifier) -> Result<(), LakeError> {
        let relation = self.relation(id)?;
        self.name_is_free(relation.schema_id(), &name)?;
        self.with_relation(relation, |table| table.name = name.clone(), |view| view.name = name.clone());
        Ok(())
    }

    /// Moves a relation to another schema. Its files stay where they are.
    pub fn set_schema(&mut self, id: RelationId, schema: SchemaId) -> Result<(), LakeError> {
        let relation = self.relation(id)?;
        self.schema(schema)?;
        self.name_is_free(schema, relation.name())?;
        self.with_relation(relation, |table| table.schema_id = schema, |view| view.schema_id = schema);
        Ok(())
    }

    /// Changes a relation's owner.
    pub fn set_owner(&mut self, id: RelationId, owner: Oid) -> Result<(), LakeError> {
        let relation = self.relation(id)?;
        self.with_relation(relation, |table| table.owner = owner, |view| view.owner = owner);
        Ok(())
    }

    fn with_relation(
        &mut self,
        relation: Relation,
        of_table: impl FnOnce(&mut Table),
        of_view: impl FnOnce(&mut View),
    ) {
        match relation {
            Relation::Table(table) => {
                let mut table = Table::clone(&table);
                of_table(&mut table);
                self.put_table(table);
            }
            Relation::View(view) => {
                let mut view = View::clone(&view);
                of_view(&mut view);
                self.change(|snapshot| snapshot.put_relation(Relation::View(Arc::new(view))));
            }
        }
    }

    /// Changes whose rights a view reads with: see [`View::security_invoker`].
    pub fn set_security_invoker(&mut self, id: RelationId, security_invoker: bool) -> Result<(), LakeError> {
        let view = View { security_invoker, ..View::clone(&*self.view(id)?) };
        self.change(|snapshot| snapshot.put_relation(Relation::View(Arc::new(view))));
        Ok(())
    }

    /// Changes a column's name. Its name inside the files stays; a check that names it is given anew by the caller.
    pub fn rename_column(
        &mut self,
        id: RelationId,
        column_id: ColumnId,
        name: Identifier,
    ) -> Result<(), LakeError> {
        let relation = self.relation(id)?;
        refuse_reserved(&name)?;
        if relation.columns().iter().any(|column| column.name == name) {
            return Err(LakeError::Duplicate { kind: "column", name: name.as_str().to_owned() });
        }
        match relation {
            Relation::Table(table) => {
                let mut table = Table::clone(&table);
                find_column(&mut table.columns, column_id)?.name = name;
                self.put_table(table);
            }
            Relation::View(view) => {
                let mut view = View::clone(&view);
                find_column(&mut view.columns, column_id)?.name = name;
                self.change(|snapshot| snapshot.put_relation(Relation::View(Arc::new(view))));
            }
        }
        Ok(())
    }

    /// Adds a column; rows that exist have its initial default in it, so without one it must be nullable unless the
    /// table is empty.
    pub fn add_column(&mut self, id: RelationId, column: NewColumn) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        if column.not_null && column.initial_default.is_none() && table.files.record_count() > 0 {
            return Err(LakeError::NullInColumn {
                relation: table.name.as_str().to_owned(),
                column: column.name.as_str().to_owned(),
            });
        }
        push_column(&mut table, column, false)?;
        table.files = Arc::new(table.files.for_columns());
        Ok(self.put_table(table))
    }

    /// Removes a column with every constraint that it is part of, also of other tables' foreign keys. Its values stay in
    /// the files that have them.
    pub fn drop_column(&mut self, id: RelationId, column_id: ColumnId) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        find_column(&mut table.columns, column_id)?;
        table.columns.retain(|column| column.id != column_id);
        table.constraints.retain(|constraint| !constraint.columns.contains(&column_id));
        if let Some(place) = table.sort_order.iter().position(|sorted| *sorted == column_id) {
            table.sort_order.truncate(place);
        }
        table.files = Arc::new(table.files.for_columns());
        let table = self.put_table(table);
        self.drop_constraints(|constraint| {
            matches!(&constraint.kind, ConstraintKind::ForeignKey { references, referenced_columns }
                if *references == id && referenced_columns.contains(&column_id))
        });
        self.table(table.id)
    }

    /// Changes a column's type and collation. Files that exist must be readable as the new type ([`widens`]), unless
    /// they are replaced as well.
    pub fn set_column_type(
        &mut self,
        id: RelationId,
        column_id: ColumnId,
        column_type: ColumnType,
        collation: crate::table::Collation,
    ) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        let column = find_column(&mut table.columns, column_id)?;
        if !column_type.pg_type.can_be_stored() {
            return Err(LakeError::UnsupportedType { type_name: column_type.pg_type.name() });
        }
        column.column_type = column_type;
        column.collation = collation;
        column.initial_default = match column.initial_default.take() {
            Some(value) => Some(value.cast_to(&column_type.to_arrow()).map_err(LakeError::Engine)?),
            None => None,
        };
        table.files = Arc::new(table.files.for_columns());
        Ok(self.put_table(table))
    }

    /// Sets or takes away NOT NULL. That no row has a null there is the caller's to find out.
    pub fn set_not_null(
        &mut self,
        id: RelationId,
        column_id: ColumnId,
        not_null: bool,
    ) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        find_column(&mut table.columns, column_id)?.not_null = not_null;
        if not_null {
            self.outcome.replaced.insert(id);
        }
        Ok(self.put_table(table))
    }

    /// Sets or takes away a column's DEFAULT for rows to come.
    pub fn set_default(
        &mut self,
        id: RelationId,
        column_id: ColumnId,
        default: Option<String>,
    ) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        find_column(&mut table.columns, column_id)?.default = default;
        Ok(self.put_table(table))
    }

    /// Sets the columns by which new files are sorted.
    pub fn set_sort_order(
        &mut self,
        id: RelationId,
        sort_order: Vec<ColumnId>,
    ) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        for column in &sort_order {
            find_column(&mut table.columns, *column)?;
        }
        table.sort_order = sort_order;
        Ok(self.put_table(table))
    }

    /// Adds a key or a check. That every row passes a check is the caller's to find out; the commit then conflicts with
    /// rows that somebody else added.
    pub async fn add_constraint(
        &mut self,
        id: RelationId,
        constraint: NewConstraint,
    ) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        self.push_constraint(&mut table, constraint).await?;
        self.outcome.replaced.insert(id);
        Ok(self.put_table(table))
    }

    /// Removes a constraint. The columns of a primary key stay NOT NULL.
    pub fn drop_constraint(&mut self, id: RelationId, oid: Oid) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        table.constraints.retain(|constraint| constraint.oid != oid);
        Ok(self.put_table(table))
    }

    /// Changes a constraint in its place: its name, or a check's text after a column's name changed.
    pub fn replace_constraint(&mut self, id: RelationId, new: Constraint) -> Result<Arc<Table>, LakeError> {
        let mut table = Table::clone(&*self.table(id)?);
        let taken = table.constraints.iter().any(|other| other.oid != new.oid && other.name == new.name);
        if taken {
            return Err(LakeError::Duplicate { kind: "constraint", name: new.name.as_str().to_owned() });
        }
        match table.constraints.iter_mut().find(|constraint| constraint.oid == new.oid) {
            Some(constraint) => *constraint = new,
            None => {
                return Err(LakeError::Unknown { kind: "constraint", name: new.name.as_str().to_owned() });
            }
        }
        Ok(self.put_table(table))
    }

    /// Removes the constraints of every table for which `goes` says so.
    pub fn drop_constraints(&mut self, goes: impl Fn(&Constraint) -> bool) {
        let affected: Vec<Arc<Table>> = self
            .outcome
            .snapshot
            .relations()
            .filter_map(Relation::as_table)
            .filter(|table| table.constraints.iter().any(&goes))
            .cloned()
            .collect();
        for table in affected {
            let mut table = Table::clone(&table);
            table.constraints.retain(|constraint| !goes(constraint));
            self.put_table(table);
        }
    }

    /// Changes the query behind a materialized view, or whether it has been filled.
    pub fn set_materialized(
        &mut self,
        id: RelationId,
        materialized: MaterializedView,
    ) -> Result<Arc<Table>, LakeError> {
        let table = Table { materialized: Some(Arc::new(materialized)), ..Table::clone(&*self.table(id)?) };
        Ok(self.put_table(table))
    }

    /// Columns by their names, for a caller that adds a constraint to what it has staged.
    pub fn column_ids(&self, id: RelationId, names: &[Identifier]) -> Result<Vec<ColumnId>, LakeError> {
        column_ids(&*self.table(id)?, names)
    }
}

/// Whether files that hold `from` can be read as `to`, value for value: a column may be widened without writing a row.
pub fn widens(from: ColumnType, to: ColumnType) -> bool {
    use PgType as T;
    match (from.pg_type, to.pg_type) {
        (a, b) if a == b && from.typmod == to.typmod && from.held_scale == to.held_scale => true,
        (T::Int2, T::Int4 | T::Int8) | (T::Int4, T::Int8) | (T::Float4, T::Float8) => true,
        (T::Varchar, T::Text) => true,
        (T::Text, T::Varchar) => to.length().is_none(),
        (T::Varchar, T::Varchar) => match (from.length(), to.length()) {
            (_, None) => true,
            (Some(from), Some(to)) => from <= to,
            (None, Some(_)) => false,
        },
        (T::Numeric, T::Numeric) => {
            let (Some((from_precision, from_scale)), Some((to_precision, to_scale))) =
                (stored_numeric(from), stored_numeric(to))
            else {
                return false;
            };
            let whole = |precision: u8, scale: i8| i16::from(precision) - i16::from(scale);
            to_scale >= from_scale && whole(to_precision, to_scale) >= whole(from_precision, from_scale)
        }
        _ => false,
    }
}

fn stored_numeric(column_type: ColumnType) -> Option<(u8, i8)> {
    match column_type.to_arrow() {
        arrow::datatypes::DataType::Decimal128(precision, scale) => Some((precision, scale)),
        _ => None,
    }
}

/// An initial default as the format writes it: `None` for a value that its text does not give back as it was, which
/// cannot be one.
pub fn can_be_initial_default(value: &ScalarValue) -> bool {
    crate::statistics::initial_default_text(value)
        .and_then(|text| crate::statistics::initial_default_value(&text, &value.data_type()))
        .is_some_and(|back| back == *value)
}
