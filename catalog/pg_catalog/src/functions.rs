//! Functions that need to know the catalogue, for one session: visibility, definitions, privileges, names of objects.
//! A table of signatures, each with a function over one row's values: these are called on lists of tables and columns,
//! never on data, so that plain code is worth more than vectors.
//!
//! All are stable, so that a call with constants is computed once, when the statement is planned. None is leakproof:
//! most can fail on a name.

mod comments;
pub(crate) mod definitions;
mod facts;
mod names;
mod privileges;
mod types;

use std::{
    fmt::Debug,
    hash::{Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, Int16Type, Int32Type, Int64Type, UInt32Type},
};
use datafusion::{
    common::{Result, ScalarValue, internal_err},
    error::DataFusionError,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    },
};
use lis_lake::types::{ColumnType, PgType};
use lis_sql::{catalog::CatalogFunction, error::SqlError};

use crate::{
    registry::{FunctionSet, ViewContext},
    rows::{Cell, to_batch},
    shapes::column,
};

/// Computes one row.
type Kernel = fn(&ViewContext, &[Cell]) -> Result<Cell, SqlError>;

/// A function.
#[derive(Debug)]
struct Entry {
    schema: &'static str,
    name: &'static str,
    arguments: &'static [PgType],
    result: PgType,
    /// Whether a null argument gives null.
    strict: bool,
    kernel: Kernel,
}

const NAME: PgType = PgType::Name;
const TEXT: PgType = PgType::Text;
const OID: PgType = PgType::Oid;
const BOOL: PgType = PgType::Bool;
const INT2: PgType = PgType::Int2;
const INT4: PgType = PgType::Int4;
const INT8: PgType = PgType::Int8;
const CLASS: PgType = PgType::Regclass;
const TREE: PgType = PgType::PgNodeTree;

/// A strict function of `pg_catalog`.
const fn strict(name: &'static str, arguments: &'static [PgType], result: PgType, kernel: Kernel) -> Entry {
    Entry { schema: "pg_catalog", name, arguments, result, strict: true, kernel }
}

/// A function of `pg_catalog` that is called with nulls too.
const fn lenient(name: &'static str, arguments: &'static [PgType], result: PgType, kernel: Kernel) -> Entry {
    Entry { schema: "pg_catalog", name, arguments, result, strict: false, kernel }
}

/// A strict function of `information_schema`.
const fn standard(name: &'static str, kernel: Kernel) -> Entry {
    Entry { schema: "information_schema", name, arguments: &[OID, INT4], result: INT4, strict: true, kernel }
}

const ENTRIES: &[Entry] = &[
    // Visibility.
    strict("pg_table_is_visible", &[OID], BOOL, names::table_is_visible),
    strict("pg_type_is_visible", &[OID], BOOL, names::type_is_visible),
    strict("pg_function_is_visible", &[OID], BOOL, names::function_is_visible),
    strict("pg_collation_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_operator_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_opclass_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_opfamily_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_ts_parser_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_ts_dict_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_ts_template_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_ts_config_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_conversion_is_visible", &[OID], BOOL, names::always_visible),
    strict("pg_statistics_obj_is_visible", &[OID], BOOL, names::always_visible),
    // Names of objects and back.
    strict("regclassin", &[TEXT], CLASS, names::regclass_in),
    strict("regclassout", &[CLASS], TEXT, names::regclass_out),
    strict("regtypein", &[TEXT], PgType::Regtype, types::regtype_in),
    strict("regtypeout", &[PgType::Regtype], TEXT, types::regtype_out),
    strict("regprocin", &[TEXT], PgType::Regproc, types::regproc_in),
    strict("regprocout", &[PgType::Regproc], TEXT, types::regproc_out),
    strict("regnamespacein", &[TEXT], PgType::Regnamespace, names::regnamespace_in),
    strict("regnamespaceout", &[PgType::Regnamespace], TEXT, names::regnamespace_out),
    strict("regrolein", &[TEXT], PgType::Regrole, names::regrole_in),
    strict("regroleout", &[PgType::Regrole], TEXT, names::regrole_out),
    strict("to_regclass", &[TEXT], CLASS, names::to_regclass),
    strict("to_regtype", &[TEXT], PgType::Regtype, types::to_regtype),
    strict("to_regproc", &[TEXT], PgType::Regproc, types::to_regproc),
    strict("to_regnamespace", &[TEXT], PgType::Regnamespace, names::to_regnamespace),
    strict("to_regrole", &[TEXT], PgType::Regrole, names::to_regrole),
    strict("pg_get_userbyid", &[OID], NAME, names::user_by_id),
    lenient("current_schema", &[], NAME, names::current_schema),
    strict("current_schemas", &[BOOL], PgType::Array(&PgType::Name), names::current_schemas),
    lenient("pg_my_temp_schema", &[], OID, facts::no_oid),
    strict("pg_is_other_temp_schema", &[OID], BOOL, facts::no),
    // Types.
    lenient("format_type", &[OID, INT4], TEXT, types::format_type),
    strict("pg_encoding_to_char", &[INT4], NAME, types::encoding_to_char),
    strict("pg_char_to_encoding", &[NAME], INT4, types::char_to_encoding),
    lenient("getdatabaseencoding", &[], NAME, types::database_encoding),
    strict("pg_encoding_max_length", &[INT4], INT4, types::encoding_max_length),
    standard("_pg_char_max_length", types::char_max_length),
    standard("_pg_char_octet_length", types::char_octet_length),
    standard("_pg_numeric_precision", types::numeric_precision),
    standard("_pg_numeric_precision_radix", types::numeric_precision_radix),
    standard("_pg_numeric_scale", types::numeric_scale),
    standard("_pg_datetime_precision", types::datetime_precision),
    // Definitions.
    strict("pg_get_expr", &[TREE, OID], TEXT, definitions::expression),
    strict("pg_get_expr", &[TREE, OID, BOOL], TEXT, definitions::expression),
    strict("pg_get_indexdef", &[OID], TEXT, definitions::index_definition),
    strict("pg_get_indexdef", &[OID, INT4, BOOL], TEXT, definitions::index_definition),
    strict("pg_get_constraintdef", &[OID], TEXT, definitions::constraint_definition),
    strict("pg_get_constraintdef", &[OID, BOOL], TEXT, definitions::constraint_definition),
    strict("pg_get_viewdef", &[OID], TEXT, definitions::view_definition),
    strict("pg_get_viewdef", &[OID, BOOL], TEXT, definitions::view_definition),
    strict("pg_get_viewdef", &[OID, INT4], TEXT, definitions::view_definition),
    strict("pg_get_viewdef", &[TEXT], TEXT, definitions::view_definition),
    strict("pg_get_viewdef", &[TEXT, BOOL], TEXT, definitions::view_definition),
    strict("pg_get_partkeydef", &[OID], TEXT, facts::none),
    strict("pg_get_partition_constraintdef", &[OID], TEXT, facts::none),
    strict("pg_get_serial_sequence", &[TEXT, TEXT], TEXT, definitions::serial_sequence),
    strict("pg_get_triggerdef", &[OID], TEXT, facts::none),
    strict("pg_get_triggerdef", &[OID, BOOL], TEXT, facts::none),
    strict("pg_get_ruledef", &[OID], TEXT, facts::none),
    strict("pg_get_ruledef", &[OID, BOOL], TEXT, facts::none),
    strict("pg_get_statisticsobjdef", &[OID], TEXT, facts::none),
    strict("pg_get_statisticsobjdef_columns", &[OID], TEXT, facts::none),
    strict("pg_get_function_result", &[OID], TEXT, definitions::function_result),
    strict("pg_get_function_arguments", &[OID], TEXT, definitions::function_arguments),
    strict("pg_get_function_identity_arguments", &[OID], TEXT, definitions::function_arguments),
    strict("pg_get_functiondef", &[OID], TEXT, facts::none),
    strict("pg_get_function_arg_default", &[OID, INT4], TEXT, facts::none),
    strict("pg_get_function_sqlbody", &[OID], TEXT, facts::none),
    // Comments.
    strict("obj_description", &[OID, NAME], TEXT, comments::object),
    strict("obj_description", &[OID], TEXT, comments::object),
    strict("col_description", &[OID, INT4], TEXT, comments::column),
    strict("shobj_description", &[OID, NAME], TEXT, facts::none),
    // Privileges.
    strict("has_table_privilege", &[NAME, TEXT, TEXT], BOOL, privileges::table),
    strict("has_table_privilege", &[NAME, OID, TEXT], BOOL, privileges::table),
    strict("has_table_privilege", &[OID, TEXT, TEXT], BOOL, privileges::table),
    strict("has_table_privilege", &[OID, OID, TEXT], BOOL, privileges::table),
    strict("has_table_privilege", &[TEXT, TEXT], BOOL, privileges::table),
    strict("has_table_privilege", &[OID, TEXT], BOOL, privileges::table),
    strict("has_any_column_privilege", &[NAME, TEXT, TEXT], BOOL, privileges::table),
    strict("has_any_column_privilege", &[NAME, OID, TEXT], BOOL, privileges::table),
    strict("has_any_column_privilege", &[OID, TEXT, TEXT], BOOL, privileges::table),
    strict("has_any_column_privilege", &[OID, OID, TEXT], BOOL, privileges::table),
    strict("has_any_column_privilege", &[TEXT, TEXT], BOOL, privileges::table),
    strict("has_any_column_privilege", &[OID, TEXT], BOOL, privileges::table),
    strict("has_column_privilege", &[NAME, TEXT, TEXT, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[NAME, TEXT, INT2, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[NAME, OID, TEXT, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[NAME, OID, INT2, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[OID, OID, TEXT, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[OID, OID, INT2, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[TEXT, TEXT, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[TEXT, INT2, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[OID, TEXT, TEXT], BOOL, privileges::column),
    strict("has_column_privilege", &[OID, INT2, TEXT], BOOL, privileges::column),
    strict("has_schema_privilege", &[NAME, TEXT, TEXT], BOOL, privileges::schema),
    strict("has_schema_privilege", &[NAME, OID, TEXT], BOOL, privileges::schema),
    strict("has_schema_privilege", &[OID, TEXT, TEXT], BOOL, privileges::schema),
    strict("has_schema_privilege", &[OID, OID, TEXT], BOOL, privileges::schema),
    strict("has_schema_privilege", &[TEXT, TEXT], BOOL, privileges::schema),
    strict("has_schema_privilege", &[OID, TEXT], BOOL, privileges::schema),
    strict("has_database_privilege", &[NAME, TEXT, TEXT], BOOL, privileges::database),
    strict("has_database_privilege", &[NAME, OID, TEXT], BOOL, privileges::database),
    strict("has_database_privilege", &[OID, TEXT, TEXT], BOOL, privileges::database),
    strict("has_database_privilege", &[OID, OID, TEXT], BOOL, privileges::database),
    strict("has_database_privilege", &[TEXT, TEXT], BOOL, privileges::database),
    strict("has_database_privilege", &[OID, TEXT], BOOL, privileges::database),
    strict("has_function_privilege", &[NAME, OID, TEXT], BOOL, privileges::function),
    strict("has_function_privilege", &[OID, OID, TEXT], BOOL, privileges::function),
    strict("has_function_privilege", &[OID, TEXT], BOOL, privileges::function),
    strict("has_function_privilege", &[NAME, TEXT, TEXT], BOOL, privileges::function),
    strict("has_function_privilege", &[OID, TEXT, TEXT], BOOL, privileges::function),
    strict("has_function_privilege", &[TEXT, TEXT], BOOL, privileges::function),
    strict("pg_has_role", &[NAME, NAME, TEXT], BOOL, privileges::role),
    strict("pg_has_role", &[NAME, OID, TEXT], BOOL, privileges::role),
    strict("pg_has_role", &[OID, NAME, TEXT], BOOL, privileges::role),
    strict("pg_has_role", &[OID, OID, TEXT], BOOL, privileges::role),
    strict("pg_has_role", &[NAME, TEXT], BOOL, privileges::role),
    strict("pg_has_role", &[OID, TEXT], BOOL, privileges::role),
    strict("row_security_active", &[OID], BOOL, privileges::row_security_active),
    strict("row_security_active", &[TEXT], BOOL, privileges::row_security_active),
    // Facts about the server and sizes.
    strict("pg_relation_size", &[CLASS], INT8, facts::relation_size),
    strict("pg_relation_size", &[CLASS, TEXT], INT8, facts::relation_size),
    strict("pg_table_size", &[CLASS], INT8, facts::relation_size),
    strict("pg_total_relation_size", &[CLASS], INT8, facts::relation_size),
    strict("pg_indexes_size", &[CLASS], INT8, facts::zero),
    strict("pg_database_size", &[OID], INT8, facts::database_size),
    strict("pg_database_size", &[NAME], INT8, facts::database_size),
    strict("pg_tablespace_size", &[OID], INT8, facts::database_size),
    strict("pg_tablespace_size", &[NAME], INT8, facts::database_size),
    strict("pg_tablespace_location", &[OID], TEXT, facts::no_place),
    strict("pg_stat_get_numscans", &[OID], INT8, facts::none),
    strict("pg_relation_is_publishable", &[CLASS], BOOL, facts::no),
    strict("pg_relation_is_updatable", &[CLASS, BOOL], INT4, facts::zero),
    strict("pg_column_is_updatable", &[CLASS, INT2, BOOL], BOOL, facts::no),
    lenient("pg_is_in_recovery", &[], BOOL, facts::no),
    lenient("pg_is_wal_replay_paused", &[], BOOL, facts::no),
    lenient("txid_current", &[], INT8, facts::transaction),
    lenient("inet_server_addr", &[], TEXT, facts::none),
    lenient("inet_server_port", &[], INT4, facts::none),
    lenient("inet_client_addr", &[], TEXT, facts::none),
    lenient("inet_client_port", &[], INT4, facts::none),
    lenient("pg_advisory_unlock_all", &[], PgType::Void, facts::void),
];

/// The functions of this crate.
#[derive(Debug)]
pub(crate) struct CatalogFunctions;

impl FunctionSet for CatalogFunctions {
    fn functions(&self, schema: &str, name: &str, context: &ViewContext) -> Vec<CatalogFunction> {
        let mut shared = None;
        ENTRIES
            .iter()
            .filter(|entry| entry.name == name && entry.schema == schema)
            .map(|entry| {
                let context = shared.get_or_insert_with(|| Arc::new(context.clone()));
                CatalogFunction {
                    arguments: entry.arguments.to_vec(),
                    result: entry.result,
                    implementation: Arc::new(ScalarUDF::new_from_impl(CatalogUdf::new(
                        entry,
                        Arc::clone(context),
                    ))),
                    leakproof: false,
                }
            })
            .collect()
    }
}

/// A function as DataFusion calls it, for one session's statement.
#[derive(Debug)]
struct CatalogUdf {
    entry: &'static Entry,
    context: Arc<ViewContext>,
    signature: Signature,
}

impl CatalogUdf {
    fn new(entry: &'static Entry, context: Arc<ViewContext>) -> Self {
        let types = entry
            .arguments
            .iter()
            .map(|argument| ColumnType::plain(*argument).to_arrow())
            .collect::<Vec<_>>();
        let signature = if types.is_empty() { TypeSignature::Nullary } else { TypeSignature::Exact(types) };
        Self { entry, context, signature: Signature::new(signature, Volatility::Stable) }
    }
}

impl PartialEq for CatalogUdf {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.entry, other.entry)
            && Arc::ptr_eq(&self.context.snapshot, &other.context.snapshot)
            && self.context.viewer.user() == other.context.viewer.user()
    }
}

impl Eq for CatalogUdf {}

impl Hash for CatalogUdf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.entry.name.hash(state);
        self.entry.arguments.hash(state);
    }
}

impl ScalarUDFImpl for CatalogUdf {
    fn name(&self) -> &str {
        self.entry.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(ColumnType::plain(self.entry.result).to_arrow())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = arguments.args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let count = if constant { 1 } else { arguments.number_rows };
        let arrays =
            arguments.args.iter().map(|argument| argument.to_array(count)).collect::<Result<Vec<_>>>()?;
        let mut rows = Vec::with_capacity(count);
        for row in 0..count {
            let cells = arrays.iter().map(|array| cell(array, row)).collect::<Result<Vec<_>>>()?;
            let result = if self.entry.strict && cells.contains(&Cell::Null) {
                Cell::Null
            } else {
                (self.entry.kernel)(&self.context, &cells)
                    .map_err(|error| DataFusionError::External(Box::new(error)))?
            };
            rows.push(vec![result]);
        }
        let column = column(self.entry.name, self.entry.result);
        let result = Arc::clone(to_batch(&[column], &rows)?.column(0));
        if constant {
            return Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&result, 0)?));
        }
        Ok(ColumnarValue::Array(result))
    }
}

/// An argument's value in one row.
fn cell(array: &ArrayRef, row: usize) -> Result<Cell> {
    if array.is_null(row) {
        return Ok(Cell::Null);
    }
    Ok(match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).into(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::UInt32 => i64::from(array.as_primitive::<UInt32Type>().value(row)).into(),
        DataType::Utf8View => array.as_string_view().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).into(),
        other => return internal_err!("a catalogue function was given {other}"),
    })
}

/// An argument that is a whole number.
fn integer(cells: &[Cell], index: usize) -> i64 {
    match cells.get(index) {
        Some(Cell::Integer(value)) => *value,
        _ => 0,
    }
}

/// An argument that is an object's number.
fn oid(cells: &[Cell], index: usize) -> lis_lake::ids::Oid {
    lis_lake::ids::Oid::new(u32::try_from(integer(cells, index)).unwrap_or_default())
}

/// An argument that is text.
fn text(cells: &[Cell], index: usize) -> &str {
    match cells.get(index) {
        Some(Cell::Text(value)) => value,
        _ => "",
    }
}
