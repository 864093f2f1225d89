//! `json_agg(DISTINCT …)`: which values are equal, and how they are ordered, is known of the values and not of their
//! json. So they are collected as by `array_agg`, and the array is written as json.

use arrow::datatypes::DataType;
use lis_functions::json;
use lis_lake::types::{ColumnType, PgType};

use super::Binder;
use crate::{
    build::apply,
    error::SqlError,
    functions::strings::{as_json, to_jsonb},
    resolve::Argument,
    types::{Typed, casts, string_literal},
};

/// Whether a call of an aggregate with DISTINCT is one of these, of values that `array_agg` collects as they are.
pub(super) fn is_json_of_distinct(name: &str, arguments: &[Argument]) -> bool {
    let [only] = arguments else { return false };
    let pg_type = only.value.pg_type();
    matches!(name, "json_agg" | "jsonb_agg")
        && pg_type != PgType::Unknown
        && pg_type.element().is_none()
        && pg_type.array().is_some()
}

impl Binder<'_> {
    /// An array of values as json.
    pub(super) fn json_of_array(&self, name: &str, array: Typed) -> Result<Typed, SqlError> {
        let Some(element) = array.pg_type().element() else { return Ok(array) };
        let between = if element == PgType::Record { ", \n " } else { ", " };
        let texts = ColumnType::plain(PgType::Array(&PgType::Json));
        let values = casts::each_element(array, texts, |element| as_json(&self.binding, element))?;
        let between = casts::canonical_text(string_literal(between, None));
        let result = ColumnType::plain(PgType::Json);
        let arguments = vec![values, between];
        let made = apply("json_array_of", json::array_of_elements, arguments, result, DataType::Utf8View)?;
        if name == "jsonb_agg" { to_jsonb(made) } else { Ok(made) }
    }
}
