//! Columns of `regclass` and its like: numbers of objects that are shown as names.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, StructArray},
    datatypes::{DataType, Field},
};
use datafusion::{
    common::config::ConfigOptions,
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF},
};
use lis_lake::{
    names::Identifier,
    types::{ColumnType, PgType, field_type, record_field},
};
use lis_sql::{catalog::Catalog, output::OutputColumn};

use crate::{error::Result, wire::types::Format};

/// The functions that tell an object's name by its number and back. A column of `regclass` and its like is shown with names in
/// the text format and with numbers in the binary one; what an object is called is the catalogue's knowledge.
#[derive(Debug, Clone, Default)]
pub(crate) struct ObjectNames(Vec<Option<Shown>>);

/// How a column's values are shown.
#[derive(Debug, Clone)]
enum Shown {
    /// They are objects.
    Object(Naming),
    /// They are records, which may have objects among their fields.
    Record(Arc<[(PgType, Naming)]>),
}

/// The types whose values are objects.
const OBJECTS: [PgType; 5] =
    [PgType::Regclass, PgType::Regtype, PgType::Regproc, PgType::Regnamespace, PgType::Regrole];

#[derive(Debug, Clone)]
struct Naming {
    output: Arc<ScalarUDF>,
    input: Arc<ScalarUDF>,
}

impl ObjectNames {
    /// For a result's columns; the catalogue is asked only where there is a column of such a type.
    pub(crate) fn of<C: Catalog>(outputs: &[OutputColumn], catalog: impl FnOnce() -> C) -> Self {
        let element = |output: &OutputColumn| {
            let pg_type = output.column_type.pg_type;
            pg_type.element().unwrap_or(pg_type)
        };
        let may_be = |pg_type: PgType| OBJECTS.contains(&pg_type) || pg_type == PgType::Record;
        if !outputs.iter().any(|output| may_be(element(output))) {
            return Self::default();
        }
        let catalog = catalog();
        let schema = Identifier::exact("pg_catalog");
        let find = |name: String| {
            let functions = catalog.functions(Some(&schema), &Identifier::exact(&name));
            functions.into_iter().next().map(|function| function.implementation)
        };
        let naming = |pg_type: PgType| {
            let name = pg_type.facts().name;
            Some(Naming { output: find(format!("{name}out"))?, input: find(format!("{name}in"))? })
        };
        let all: Arc<[_]> = OBJECTS.into_iter().filter_map(|of| Some((of, naming(of)?))).collect();
        let shown = |output: &OutputColumn| match element(output) {
            PgType::Record => Some(Shown::Record(Arc::clone(&all))),
            object if OBJECTS.contains(&object) => naming(object).map(Shown::Object),
            _ => None,
        };
        Self(outputs.iter().map(shown).collect())
    }
}

impl ObjectNames {
    /// Whether a column's values are objects.
    pub(super) fn has(&self, index: usize) -> bool {
        matches!(self.0.get(index), Some(Some(Shown::Object(_))))
    }

    /// A column of objects as its format wants it; `None` where it is already, or is none.
    pub(super) fn translated(
        &self,
        index: usize,
        format: Format,
        array: &ArrayRef,
    ) -> Result<Option<ArrayRef>> {
        let naming = match self.0.get(index) {
            Some(Some(Shown::Object(naming))) => naming,
            Some(Some(Shown::Record(namings))) if format == Format::Text => {
                return with_named_fields(namings, array);
            }
            _ => return Ok(None),
        };
        let text = holds_text(array.data_type());
        match format {
            Format::Text if !text => applied(&naming.output, array, &DataType::Utf8View).map(Some),
            Format::Binary if text => applied(&naming.input, array, &DataType::UInt32).map(Some),
            Format::Text | Format::Binary => Ok(None),
        }
    }
}

/// Records with the names of the objects in their fields; `None` if there are none.
fn with_named_fields(namings: &[(PgType, Naming)], array: &ArrayRef) -> Result<Option<ArrayRef>> {
    let Some(records) = array.as_struct_opt() else { return Ok(None) };
    let naming_of = |field: &Field| {
        let pg_type = field_type(field)?.pg_type;
        namings.iter().find(|(known, _)| *known == pg_type).map(|(_, naming)| naming)
    };
    if !records.fields().iter().any(|field| naming_of(field).is_some()) {
        return Ok(None);
    }
    let mut fields = Vec::with_capacity(records.num_columns());
    let mut columns = Vec::with_capacity(records.num_columns());
    for (field, column) in records.fields().iter().zip(records.columns()) {
        match naming_of(field) {
            Some(naming) => {
                let named = applied(&naming.output, column, &DataType::Utf8View)?;
                let text = ColumnType::plain(PgType::Text);
                fields.push(Arc::new(record_field(field.name(), text, DataType::Utf8View)));
                columns.push(named);
            }
            None => {
                fields.push(Arc::clone(field));
                columns.push(Arc::clone(column));
            }
        }
    }
    let named = StructArray::try_new(fields.into(), columns, records.nulls().cloned())?;
    Ok(Some(Arc::new(named)))
}

/// Applies a function to a column, or to the elements of a column of arrays.
fn applied(function: &Arc<ScalarUDF>, array: &ArrayRef, result: &DataType) -> Result<ArrayRef> {
    if let Some(list) = array.as_list_opt::<i32>() {
        let values = applied(function, list.values(), result)?;
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        return Ok(Arc::new(ListArray::try_new(
            field,
            list.offsets().clone(),
            values,
            list.nulls().cloned(),
        )?));
    }
    let written = function.invoke_with_args(ScalarFunctionArgs {
        args: vec![ColumnarValue::Array(Arc::clone(array))],
        arg_fields: vec![Arc::new(Field::new("argument", array.data_type().clone(), true))],
        number_rows: array.len(),
        return_field: Arc::new(Field::new("result", result.clone(), true)),
        config_options: Arc::new(ConfigOptions::default()),
    })?;
    Ok(written.into_array(array.len())?)
}

fn holds_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 => true,
        DataType::List(element) => holds_text(element.data_type()),
        _ => false,
    }
}
