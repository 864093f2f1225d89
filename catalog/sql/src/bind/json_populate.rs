//! `json_populate_record(base, json)` and its kin in FROM: the columns are the fields of a record, each the member of
//! its name, and where there is none what the record holds. The record is mostly `null::some_table`: for its columns
//! the table is read, without a row, so that who asks needs the right to read it.

use arrow::datatypes::DataType;
use datafusion::{
    common::{ScalarValue, tree_node::TreeNode},
    logical_expr::{Case, Expr, cast, lit},
};
use lis_functions::json::arrays;
use lis_lake::types::{ColumnType, PgType, list};
use sqlparser::ast::{self, Spanned};

use super::{
    Binder,
    json_records::function_name,
    not_postgresql,
    place::Place,
    table_functions::{List, Rows, Shown},
    unsupported,
};
use crate::{
    build::apply,
    error::{SqlError, SqlErrorKind},
    parse::parse_query,
    resolve::SetColumn,
    types::{self, CastContext, Typed, records},
};

/// Which of the functions.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonPopulate {
    name: &'static str,
    json: PgType,
    set: bool,
}

const FUNCTIONS: [JsonPopulate; 4] = [
    JsonPopulate { name: "json_populate_record", json: PgType::Json, set: false },
    JsonPopulate { name: "json_populate_recordset", json: PgType::Json, set: true },
    JsonPopulate { name: "jsonb_populate_record", json: PgType::Jsonb, set: false },
    JsonPopulate { name: "jsonb_populate_recordset", json: PgType::Jsonb, set: true },
];

impl JsonPopulate {
    /// The function of this name.
    pub(super) fn of(name: &ast::ObjectName) -> Option<Self> {
        let name = function_name(name)?;
        FUNCTIONS.into_iter().find(|function| function.name == name.as_str())
    }
}

impl Binder<'_> {
    /// Binds a call.
    pub(super) fn json_populated(
        &self,
        function: JsonPopulate,
        call: &ast::Function,
        place: Place<'_>,
    ) -> Result<Shown, SqlError> {
        let position = self.name_position(&call.name);
        let ast::FunctionArguments::List(written) = &call.args else {
            return Err(not_postgresql(function.name, position));
        };
        let [
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(base)),
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(json)),
        ] = written.args.as_slice()
        else {
            return Err(unsupported(&format!("{} of these arguments", function.name), position));
        };
        let (base, is_null) = match self.null_row(base, place)? {
            Some(row) => (row, true),
            None => (self.expression(base, place)?, false),
        };
        let Some(fields) = records::fields(&base)? else {
            let message = format!("could not determine row type for result of {}", function.name);
            return Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message)
                .with_hint("Provide a non-null record argument.")
                .at(position));
        };
        let refers = |expr: &Expr| expr.exists(|node| Ok(matches!(node, Expr::OuterReferenceColumn(..))));
        if refers(&base.expr).unwrap_or(true) {
            return Err(unsupported(&format!("{} over a row beside it", function.name), position));
        }
        let target = ColumnType::plain(function.json);
        let json = self.expression(json, place)?;
        let json = types::coerce(&self.binding, json, target, CastContext::Implicit, position)?;
        let list = if function.set {
            let name = ScalarValue::Utf8View(Some(function.name.to_owned()));
            let name = Typed::constant(name, ColumnType::plain(PgType::Text));
            apply("json_records", arrays::records, vec![json, name], target, list(DataType::Utf8View))?.expr
        } else {
            let json = apply("json_record", arrays::record, vec![json], target, DataType::Utf8View)?;
            datafusion::functions_nested::expr_fn::make_array(vec![json.expr])
        };
        let element = self.fresh_column("element");
        let record = Typed::new(Expr::Column(element.clone()), target, target.to_arrow());
        let mut columns = Vec::with_capacity(fields.len());
        let mut exprs = Vec::with_capacity(fields.len());
        for (index, (name, held)) in fields.into_iter().enumerate() {
            let value = self.member(&record, &name, held.column_type, position)?;
            let has = self.has_member(&record, &name)?;
            // The row that has none need stand in the plan only once.
            let held = match is_null && index > 0 {
                true => lit(ScalarValue::try_from(&value.arrow_type).unwrap_or(ScalarValue::Null)),
                false if held.arrow_type == value.arrow_type => held.expr,
                false => cast(held.expr, value.arrow_type.clone()),
            };
            let column = self.fresh_column(&name);
            let shown = SetColumn {
                name,
                column_type: value.column_type,
                arrow_type: value.arrow_type,
                collation: value.collation,
            };
            columns.push((shown, column.clone()));
            let when_then_expr = vec![(Box::new(has.expr), Box::new(value.expr))];
            exprs.push((
                Expr::Case(Case { expr: None, when_then_expr, else_expr: Some(Box::new(held)) }),
                column,
            ));
        }
        let lists = vec![List { list, element, fields: Vec::new() }];
        Ok(Shown { columns, rows: Rows::Computed { lists, exprs } })
    }

    fn has_member(&self, record: &Typed, name: &str) -> Result<Typed, SqlError> {
        let text = ColumnType::plain(PgType::Text);
        let key = types::string_literal(name, None);
        let key = types::coerce(&self.binding, key, text, CastContext::Implicit, None)?;
        let result = ColumnType::plain(PgType::Bool);
        apply("json_has_member", arrays::has_member, vec![record.clone(), key], result, DataType::Boolean)
    }

    /// `null::some_table`: a row of the table that is none. Nothing for anything else.
    fn null_row(&self, base: &ast::Expr, place: Place<'_>) -> Result<Option<Typed>, SqlError> {
        let ast::Expr::Cast { expr, data_type: data_type @ ast::DataType::Custom(name, modifiers), .. } =
            base
        else {
            return Ok(None);
        };
        let is_null =
            matches!(expr.as_ref(), ast::Expr::Value(value) if matches!(value.value, ast::Value::Null));
        let no_type =
            match types::type_by_name(data_type, self.position_after(expr.span(), &name.to_string())) {
                Err(error) if is_null && modifiers.is_empty() => error,
                _ => return Ok(None),
            };
        let query = parse_query(&format!("select base from {name} as base limit 0"))?;
        match self.expression(&ast::Expr::Subquery(query), place) {
            Ok(row) => Ok(Some(row)),
            Err(error) if error.kind == SqlErrorKind::UndefinedTable => Err(no_type),
            Err(error) => Err(error.at(None)),
        }
    }
}
