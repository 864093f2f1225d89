//! Functions that are constants of the statement: who asks, where, with which settings.

use datafusion::common::ScalarValue;
use lis_functions::{formatting::sizes, scalar::Scalar};
use lis_lake::types::{ColumnType, PgType};

use super::{FunctionRow, Make, build, kernel};
use crate::{
    error::{SqlError, SqlErrorKind},
    resolve::select::Formal::{Any, Is},
    types::{Binding, Typed},
};

use PgType::{Bool, Int4, Int8, Name, Numeric, Text, Uuid};

fn text(value: &str, pg_type: PgType) -> Typed {
    Typed::constant(ScalarValue::Utf8View(Some(value.to_owned())), ColumnType::plain(pg_type))
}

fn current_user(binding: &Binding<'_>, _: Vec<Typed>) -> Result<Typed, SqlError> {
    Ok(text(binding.context.current_user.as_str(), Name))
}

fn session_user(binding: &Binding<'_>, _: Vec<Typed>) -> Result<Typed, SqlError> {
    Ok(text(binding.context.session_user.as_str(), Name))
}

fn database(binding: &Binding<'_>, _: Vec<Typed>) -> Result<Typed, SqlError> {
    Ok(text(&binding.context.database, Name))
}

/// What `version()` says: clients read PostgreSQL's version out of its beginning.
fn version() -> String {
    format!(
        "PostgreSQL 15.18 (LIS {}) on {}-{}, compiled by rustc, 64-bit",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    )
}

fn constant_text(typed: Option<&Typed>) -> Option<&str> {
    match typed?.value()? {
        ScalarValue::Utf8View(Some(text)) | ScalarValue::Utf8(Some(text)) => Some(text),
        _ => None,
    }
}

fn current_setting(binding: &Binding<'_>, arguments: Vec<Typed>) -> Result<Typed, SqlError> {
    let Some(name) = constant_text(arguments.first()) else {
        if arguments.first().and_then(Typed::value).is_some_and(ScalarValue::is_null) {
            return Ok(Typed::null(ColumnType::plain(Text)));
        }
        return Err(SqlError::new(
            SqlErrorKind::FeatureNotSupported,
            "a setting's name that is not constant is not supported",
        ));
    };
    let missing_ok =
        matches!(arguments.get(1).and_then(Typed::value), Some(ScalarValue::Boolean(Some(true))));
    match binding.context.settings.get(&name.to_lowercase()) {
        Some(value) => Ok(text(value, Text)),
        None if missing_ok => Ok(Typed::null(ColumnType::plain(Text))),
        None => Err(SqlError::new(
            SqlErrorKind::UndefinedObject,
            format!("unrecognized configuration parameter \"{name}\""),
        )),
    }
}

fn integer(value: i32) -> Result<Typed, SqlError> {
    Ok(Typed::constant(ScalarValue::Int32(Some(value)), ColumnType::plain(Int4)))
}

fn boolean(value: bool) -> Result<Typed, SqlError> {
    Ok(Typed::constant(ScalarValue::Boolean(Some(value)), ColumnType::plain(Bool)))
}

/// `lis.my_administrations(area)`: a constant, so that a policy on it prunes.
pub(crate) fn my_administrations(binding: &Binding<'_>, arguments: &[Typed]) -> Result<Typed, SqlError> {
    let area = match arguments.first() {
        None => "",
        some => constant_text(some).ok_or_else(|| {
            SqlError::new(SqlErrorKind::FeatureNotSupported, "an area that is not constant is not supported")
        })?,
    };
    let codes = binding.context.administrations.get(area).map(Vec::as_slice).unwrap_or_default();
    let values: Vec<ScalarValue> =
        codes.iter().map(|code| ScalarValue::Utf8View(Some(code.clone()))).collect();
    let list = ScalarValue::new_list(&values, &arrow::datatypes::DataType::Utf8View, true);
    Ok(Typed::constant(ScalarValue::List(list), ColumnType::plain(PgType::Array(&PgType::Text))))
}

/// The rows.
pub(super) const ROWS: &[FunctionRow] = &[
    build("current_user", &[], Is(Name), current_user),
    build("current_role", &[], Is(Name), current_user),
    build("user", &[], Is(Name), current_user),
    build("session_user", &[], Is(Name), session_user),
    build("getpgusername", &[], Is(Name), current_user),
    build("current_database", &[], Is(Name), database),
    build("current_catalog", &[], Is(Name), database),
    build("version", &[], Is(Text), |_, _| Ok(text(&version(), Text))),
    build("current_setting", &[Is(Text)], Is(Text), current_setting),
    build("current_setting", &[Is(Text), Is(Bool)], Is(Text), current_setting),
    build("pg_client_encoding", &[], Is(Name), |binding, _| {
        let encoding = binding.context.settings.get("client_encoding");
        Ok(text(encoding.map_or("UTF8", String::as_str), Name))
    }),
    build("pg_backend_pid", &[], Is(Int4), |binding, _| integer(binding.context.backend_pid)),
    build("pg_is_in_recovery", &[], Is(Bool), |_, _| boolean(false)),
    build("txid_current", &[], Is(Int8), |binding, _| {
        let number = binding.context.transaction_started_at.timestamp_micros();
        Ok(Typed::constant(ScalarValue::Int64(Some(number)), ColumnType::plain(Int8)))
    }),
    FunctionRow::new(
        "gen_random_uuid",
        &[],
        Is(Uuid),
        Make::Function(|| {
            Scalar::volatile(
                "gen_random_uuid",
                arrow::datatypes::DataType::FixedSizeBinary(16),
                lis_functions::hashes::random_uuid,
            )
        }),
    ),
    kernel("md5", &[Is(Text)], Is(Text), "md5", lis_functions::hashes::md5_text),
    kernel("md5", &[Is(PgType::Bytea)], Is(Text), "md5_bytea", lis_functions::hashes::md5_bytes),
    kernel("sha224", &[Is(PgType::Bytea)], Is(PgType::Bytea), "sha224", lis_functions::hashes::sha224),
    kernel("sha256", &[Is(PgType::Bytea)], Is(PgType::Bytea), "sha256", lis_functions::hashes::sha256),
    kernel("sha384", &[Is(PgType::Bytea)], Is(PgType::Bytea), "sha384", lis_functions::hashes::sha384),
    kernel("sha512", &[Is(PgType::Bytea)], Is(PgType::Bytea), "sha512", lis_functions::hashes::sha512),
    kernel("pg_size_pretty", &[Is(Int8)], Is(Text), "pg_size_pretty", sizes::size_pretty),
    kernel("pg_size_pretty", &[Is(Numeric)], Is(Text), "pg_size_pretty_numeric", sizes::size_pretty_numeric),
    build("num_nulls", &[Any], Is(Int4), |_, arguments| count_nulls(arguments, true)).variadic(),
    build("num_nonnulls", &[Any], Is(Int4), |_, arguments| count_nulls(arguments, false)).variadic(),
];

fn count_nulls(arguments: Vec<Typed>, nulls: bool) -> Result<Typed, SqlError> {
    use datafusion::logical_expr::{lit, when};
    let internal =
        |error: datafusion::error::DataFusionError| SqlError::new(SqlErrorKind::Internal, error.to_string());
    let mut sum = Typed::constant(ScalarValue::Int32(Some(0)), ColumnType::plain(Int4));
    for argument in arguments {
        let condition = if nulls { argument.expr.is_null() } else { argument.expr.is_not_null() };
        let one = when(condition, lit(1_i32)).otherwise(lit(0_i32)).map_err(internal)?;
        let one = Typed::canonical(one, ColumnType::plain(Int4));
        sum = crate::build::apply(
            "int4pl",
            lis_functions::numbers::int4_add,
            vec![sum, one],
            ColumnType::plain(Int4),
            arrow::datatypes::DataType::Int32,
        )?;
    }
    Ok(sum)
}
