//! Records from JSON: `jsonb_to_recordset(…) AS x (a integer, b text)` and its kin. The columns are what the definitions
//! say: each is the member of that name, read as text is read into the type.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use lis_functions::{json::arrays, scalar::Kernel};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType},
};
use sqlparser::ast;

use super::{
    Binder, not_postgresql,
    place::Place,
    table_functions::{List, Rows, Shown},
    unsupported,
};
use crate::{
    build::apply,
    error::{SqlError, SqlErrorKind},
    names::identifier,
    resolve::{self, SetColumn},
    types::{self, CastContext, Typed},
};

/// Which of the functions.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonRecord {
    name: &'static str,
    json: PgType,
    set: bool,
}

const FUNCTIONS: [JsonRecord; 4] = [
    JsonRecord { name: "json_to_record", json: PgType::Json, set: false },
    JsonRecord { name: "json_to_recordset", json: PgType::Json, set: true },
    JsonRecord { name: "jsonb_to_record", json: PgType::Jsonb, set: false },
    JsonRecord { name: "jsonb_to_recordset", json: PgType::Jsonb, set: true },
];

impl JsonRecord {
    /// The function of this name.
    pub(super) fn of(name: &ast::ObjectName) -> Option<Self> {
        let name = function_name(name)?;
        FUNCTIONS.into_iter().find(|function| function.name == name.as_str())
    }
}

/// The name of a function of the catalogue.
pub(super) fn function_name(name: &ast::ObjectName) -> Option<Identifier> {
    let parts: Vec<Identifier> =
        name.0.iter().filter_map(ast::ObjectNamePart::as_ident).map(identifier).collect();
    match parts.as_slice() {
        [name] => Some(name.clone()),
        [schema, name] if schema.as_str() == "pg_catalog" => Some(name.clone()),
        _ => None,
    }
}

impl Binder<'_> {
    /// Binds a call; the definitions are the alias's.
    pub(super) fn json_record(
        &self,
        function: JsonRecord,
        call: &ast::Function,
        alias: Option<&ast::TableAlias>,
        place: Place<'_>,
    ) -> Result<Shown, SqlError> {
        let position = self.name_position(&call.name);
        let definitions = alias.map_or(&[][..], |alias| &alias.columns);
        if definitions.is_empty() || definitions.iter().any(|column| column.data_type.is_none()) {
            let message = "a column definition list is required for functions returning \"record\"";
            return Err(SqlError::new(SqlErrorKind::SyntaxError, message).at(position));
        }
        let ast::FunctionArguments::List(list) = &call.args else {
            return Err(not_postgresql(function.name, position));
        };
        let (arguments, _) = self.arguments(&list.args, function.name, position, place)?;
        let [argument] = <[resolve::Argument; 1]>::try_from(arguments)
            .map_err(|_| unsupported(&format!("{} of these arguments", function.name), position))?;
        let target = ColumnType::plain(function.json);
        let json = types::coerce(&self.binding, argument.value, target, CastContext::Implicit, position)?;
        let element = self.fresh_column("element");
        let list = if function.set {
            let name = ScalarValue::Utf8View(Some(function.name.to_owned()));
            let name = Typed::constant(name, ColumnType::plain(PgType::Text));
            let result = lis_lake::types::list(DataType::Utf8View);
            apply("json_records", arrays::records, vec![json, name], target, result)?.expr
        } else {
            let json = apply("json_record", arrays::record, vec![json], target, DataType::Utf8View)?;
            datafusion::functions_nested::expr_fn::make_array(vec![json.expr])
        };
        let record =
            Typed::new(datafusion::logical_expr::Expr::Column(element.clone()), target, target.to_arrow());
        let mut columns = Vec::with_capacity(definitions.len());
        let mut exprs = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let name = identifier(&definition.name);
            let at = self.position(definition.name.span);
            let Some(written) = &definition.data_type else { continue };
            let column_type = types::type_by_name(written, at)?;
            let value = self.member(&record, name.as_str(), column_type, at)?;
            let column = self.fresh_column(name.as_str());
            columns.push((
                SetColumn {
                    name: name.as_str().to_owned(),
                    column_type: column_type.shown(value.column_type.shown),
                    arrow_type: value.arrow_type.clone(),
                    collation: value.collation,
                },
                column.clone(),
            ));
            exprs.push((value.expr, column));
        }
        let lists = vec![List { list, element, fields: Vec::new() }];
        Ok(Shown { columns, rows: Rows::Computed { lists, exprs } })
    }

    /// A member of a JSON object as a value of a type.
    pub(super) fn member(
        &self,
        record: &Typed,
        name: &str,
        column_type: ColumnType,
        position: Option<usize>,
    ) -> Result<Typed, SqlError> {
        let is_json = matches!(column_type.pg_type, PgType::Json | PgType::Jsonb);
        if column_type.pg_type == PgType::Record {
            return Err(unsupported("a record as a column of a record from JSON", position));
        }
        if let PgType::Array(element) = column_type.pg_type {
            let (function, kernel): (_, Kernel) = match element {
                PgType::Json | PgType::Jsonb => ("json_member_json_array", arrays::member_as_json_array),
                _ => ("json_member_array", arrays::member_as_array),
            };
            let text = ColumnType::plain(PgType::Text);
            let key = types::coerce(
                &self.binding,
                types::string_literal(name, position),
                text,
                CastContext::Implicit,
                position,
            )?;
            let array = apply(function, kernel, vec![record.clone(), key], text, text.to_arrow())?;
            return self.read(array, column_type, position);
        }
        let operator = if is_json { "->" } else { "->>" };
        let key = types::string_literal(name, position);
        let mut member =
            resolve::operator(&self.binding, None, operator, Some(record.clone()), key, position)?;
        if is_json {
            // JSON's null is SQL's, also for a column that could hold it.
            let (column_type, arrow_type) = (member.column_type, member.arrow_type.clone());
            member = apply("json_member", arrays::member_not_null, vec![member], column_type, arrow_type)?;
        }
        self.read(member, column_type, position)
    }

    /// A text read into a type: what is too long for it is refused, not cut.
    fn read(&self, text: Typed, column_type: ColumnType, position: Option<usize>) -> Result<Typed, SqlError> {
        let plain = column_type.without_modifier();
        let value = types::coerce(&self.binding, text, plain, CastContext::Explicit, position)?;
        types::coerce(&self.binding, value, column_type, CastContext::Assignment, position)
    }
}
