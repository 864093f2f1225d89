//! Rows as values: `ROW(…)`, `t` and `t.*` inside an expression; and the names of collations.

use datafusion::{
    common::{
        Column,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::Expr,
};
use lis_lake::names::Identifier;
use sqlparser::ast;

use super::{
    Binder,
    calls::{Calls, Reference},
    not_postgresql,
    place::Place,
    unsupported,
};
use crate::{
    dialect::marks::is_all_fields,
    error::{SqlError, SqlErrorKind},
    names::{Whole, identifier},
    types::{self, Collation, Typed},
};

impl Binder<'_> {
    /// `ROW(…)`, `(a, b)`.
    pub(super) fn row_value(&self, fields: &[ast::Expr], place: Place<'_>) -> Result<Typed, SqlError> {
        let mut values = Vec::new();
        for field in fields {
            match field {
                ast::Expr::QualifiedWildcard(name, _) => {
                    values.extend(self.row_of(name, place)?.into_iter().map(|(_, value)| value));
                }
                ast::Expr::CompoundFieldAccess { root, access_chain } if is_all_fields(access_chain) => {
                    let record = self.expression(root, place)?;
                    let all = types::records::fields(&record)?;
                    let all =
                        all.ok_or_else(|| unsupported(".* of this expression", self.start_of(field)))?;
                    values.extend(all.into_iter().map(|(_, value)| value));
                }
                plain => values.push(self.expression(plain, place)?),
            }
        }
        types::records::row(&self.binding, values)
    }

    /// The row of the table that a name means, as a value.
    pub(super) fn whole_row(
        &self,
        schema: Option<&Identifier>,
        name: &Identifier,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Option<Typed>, SqlError> {
        let Some((whole, columns)) = place.scope.whole_row(schema, name, position)? else { return Ok(None) };
        let mut fields = Vec::with_capacity(columns.len());
        for (name, typed) in columns {
            self.note_reference(&typed, position, place);
            fields.push((name.as_str().to_owned(), self.refers(typed)));
        }
        if whole == Whole::Value
            && let Some((_, value)) = fields.first()
        {
            return Ok(Some(value.clone()));
        }
        let columns: Vec<Typed> = fields.iter().map(|(_, typed)| typed.clone()).collect();
        let record = types::records::record(&self.binding, fields)?;
        let record =
            if whole == Whole::OuterRow { types::records::nullable(record, &columns) } else { record };
        Ok(Some(record.at(position)))
    }

    /// `table.*` where one value is wanted: the same as the table's name.
    pub(super) fn whole_row_of(&self, name: &ast::ObjectName, place: Place<'_>) -> Result<Typed, SqlError> {
        let parts: Vec<Identifier> =
            name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        let (schema, table) = match parts.as_slice() {
            [.., schema, table] => (Some(schema), table),
            [table] => (None, table),
            [] => return Err(not_postgresql("*", self.name_position(name))),
        };
        match self.whole_row(schema, table, self.name_position(name), place)? {
            Some(row) => Ok(row),
            // For its message.
            None => types::records::row(
                &self.binding,
                self.row_of(name, place)?.into_iter().map(|(_, value)| value).collect(),
            ),
        }
    }

    /// The columns of `table.*` inside an expression.
    pub(crate) fn row_of(
        &self,
        name: &ast::ObjectName,
        place: Place<'_>,
    ) -> Result<Vec<(Identifier, Typed)>, SqlError> {
        let position = self.name_position(name);
        let parts: Vec<Identifier> =
            name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
        let (schema, table) = match parts.as_slice() {
            [table] => (None, table),
            [.., schema, table] => (Some(schema), table),
            [] => return Err(not_postgresql("*", position)),
        };
        let columns = place.scope.table_columns(schema, table, position)?;
        for (_, typed) in &columns {
            self.note_reference(typed, position, place);
        }
        Ok(columns.into_iter().map(|(name, typed)| (name, self.refers(typed))).collect())
    }

    pub(super) fn note_reference(&self, typed: &Typed, position: Option<usize>, place: Place<'_>) {
        let note = |calls: Option<&Calls>, column: &Column| {
            if let Some(calls) = calls {
                calls.references.borrow_mut().push(Reference { column: column.clone(), position });
            }
        };
        // The closure does not fail.
        let _visited = typed.expr.apply(|node| {
            match node {
                Expr::Column(column) => note(place.calls, column),
                Expr::OuterReferenceColumn(_, column) => {
                    let scope = place.scope.level_of(column).and_then(|level| place.scope.ancestor(level));
                    let outer = scope.and_then(|scope| scope.aggregating);
                    note(outer.and_then(|outer| outer.calls), column);
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }

    /// The collation that a name in COLLATE means.
    pub(super) fn collation(&self, written: &ast::ObjectName) -> Result<Collation, SqlError> {
        let idents: Vec<&ast::Ident> = written.0.iter().filter_map(ast::ObjectNamePart::as_ident).collect();
        let position = idents.first().and_then(|ident| self.position(ident.span));
        let names: Vec<Identifier> = idents.into_iter().map(identifier).collect();
        let (schema, name) = match names.as_slice() {
            [name] => (None, name),
            [.., schema, name] => (Some(schema), name),
            [] => return Err(not_postgresql("collate", position)),
        };
        if let Some(schema) = schema
            && !self.binding.catalog.has_schema(schema)
        {
            let message = format!("schema \"{}\" does not exist", schema.as_str());
            return Err(SqlError::new(SqlErrorKind::InvalidSchemaName, message).at(position));
        }
        let known = schema.is_none_or(|schema| schema.as_str() == "pg_catalog");
        Collation::by_name(name.as_str()).filter(|_| known).ok_or_else(|| {
            let written: Vec<&str> = names.iter().map(Identifier::as_str).collect();
            let message = format!("collation \"{}\" for encoding \"UTF8\" does not exist", written.join("."));
            SqlError::new(SqlErrorKind::UndefinedObject, message).at(position)
        })
    }
}

/// The text of a number that is cast to a float.
pub(super) fn float_literal(operand: &ast::Expr, data_type: &ast::DataType) -> Option<String> {
    use ast::DataType as D;
    if !matches!(data_type, D::Real | D::Float4 | D::Float8 | D::DoublePrecision | D::Double(_) | D::Float(_))
    {
        return None;
    }
    match operand {
        ast::Expr::Value(value) => match &value.value {
            ast::Value::Number(text, false) => Some(text.to_string()),
            _ => None,
        },
        ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => {
            float_literal(expr, data_type).map(|text| format!("-{text}"))
        }
        _ => None,
    }
}
