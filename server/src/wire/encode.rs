//! Rows to bytes, a batch at a time: what a column is and how it is written is decided once per column and batch; then
//! the whole batch goes into one buffer as finished DataRow messages, lengths patched in afterwards. No cell allocates.
//! The same writers serve COPY (`copy.rs`).

mod names;
mod values;

use std::ops::Range;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray, LargeStringArray,
        StringArray, StringViewArray,
    },
    buffer::NullBuffer,
    datatypes::{
        DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
        IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType, TimestampMicrosecondType,
        UInt32Type,
    },
    record_batch::RecordBatch,
};
use chrono_tz::Tz;
use lis_functions::{
    arrays::shape::{self, Arrays, Dimension, is_shaped},
    calendar,
    results::VALUE_BYTES_MAX,
    text_input::{parse_decimal, rescale},
    text_output::{self, DateLayout, Styles},
    timetz,
};
use lis_lake::types::{ColumnType, PgType, Shown, field_type};
use lis_sql::output::OutputColumn;

pub(crate) use self::names::ObjectNames;
use self::values::{bytea_escape, date_binary, general_float, numeric_binary, timestamp_binary};

use super::{
    outbox::CHUNK_BYTES,
    types::{Format, client_type},
};
use crate::{
    error::{Condition, Result, ServerError},
    session::{encoding::ClientEncoding, settings::Settings},
};

/// What the session's settings say about output.
#[derive(Debug, Clone)]
pub(crate) struct OutputOptions {
    styles: Styles,
    bytea_hex: bool,
    extra_float_digits: i32,
    encoding: ClientEncoding,
}

impl OutputOptions {
    /// From the settings of now.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            styles: Styles::from_settings(
                calendar::zone_by_name(&settings.get("TimeZone")).unwrap_or(Tz::UTC),
                &settings.get("DateStyle"),
                &settings.get("IntervalStyle"),
            ),
            bytea_hex: settings.get("bytea_output") == "hex",
            extra_float_digits: settings.extra_float_digits(),
            encoding: settings.encoding(),
        }
    }

    /// In another encoding than the session's: COPY's ENCODING.
    pub(crate) fn with_encoding(mut self, encoding: ClientEncoding) -> Self {
        self.encoding = encoding;
        self
    }
}

/// Writes rows of one result.
#[derive(Debug, Clone)]
pub(crate) struct RowEncoder {
    columns: Vec<(ColumnType, Format)>,
    names: ObjectNames,
    options: OutputOptions,
}

impl RowEncoder {
    /// For a result with these columns in these formats (text where there are none).
    pub(crate) fn new(outputs: &[OutputColumn], formats: &[Format], options: OutputOptions) -> Self {
        let formats = formats.iter().copied().chain(std::iter::repeat(Format::Text));
        let columns = outputs.iter().map(|output| output.column_type).zip(formats).collect();
        Self { columns, names: ObjectNames::default(), options }
    }

    /// With names of objects in the text format.
    pub(crate) fn with_names(mut self, names: &ObjectNames) -> Self {
        self.names.clone_from(names);
        for (index, (column_type, format)) in self.columns.iter_mut().enumerate() {
            if *format == Format::Text && names.has(index) {
                let array = matches!(column_type.pg_type, PgType::Array(_));
                column_type.pg_type = if array { PgType::Array(&PgType::Text) } else { PgType::Text };
            }
        }
        self
    }

    /// A column as its format wants it: names or numbers of objects, one representation of each type.
    fn prepared(&self, index: usize, array: &ArrayRef) -> Result<ArrayRef> {
        let (column_type, format) = self.columns[index];
        match self.names.translated(index, format, array)? {
            Some(translated) => Ok(translated),
            None => canonical(column_type, array),
        }
    }

    /// The columns of one batch, ready to write cells.
    pub(crate) fn columns<'a>(
        &'a self,
        batch: &'a RecordBatch,
        casts: &'a mut Vec<ArrayRef>,
    ) -> Result<Vec<Column<'a>>> {
        *casts = (0..self.columns.len())
            .zip(batch.columns())
            .map(|(index, array)| self.prepared(index, array))
            .collect::<Result<_>>()?;
        self.columns
            .iter()
            .zip(casts.iter())
            .map(|((column_type, format), array)| {
                let column_type = column_type.with_type(client_type(column_type.pg_type));
                Column::new(column_type, *format, array.as_ref(), &self.options)
            })
            .collect()
    }

    /// Appends rows of a batch as DataRow messages, until it has written a chunk: long values are not gathered. Where the
    /// next row begins.
    pub(crate) fn encode(&self, batch: &RecordBatch, rows: Range<usize>, out: &mut Vec<u8>) -> Result<usize> {
        let mut casts = Vec::new();
        let columns = self.columns(batch, &mut casts)?;
        let count = i16::try_from(columns.len())
            .map_err(|_| ServerError::new(Condition::ProgramLimitExceeded, "too many columns in a result"))?
            .to_be_bytes();
        let (start, end) = (rows.start, rows.end);
        let header = [b'D', 0, 0, 0, 0, count[0], count[1]];
        for row in rows {
            let message = out.len() + 1;
            out.extend_from_slice(&header);
            for column in &columns {
                column.put_with_length(row, out)?;
            }
            patch_length(out, message, message)?;
            if out.len() >= CHUNK_BYTES {
                return Ok(row + 1);
            }
            if row == start {
                // The others are about as long.
                let rest = (out.len() - message).saturating_mul(end - row);
                out.reserve(rest.min(CHUNK_BYTES + CHUNK_BYTES / 8));
            }
        }
        Ok(end)
    }
}

/// Writes the number of bytes since `from` at `at`.
pub(crate) fn patch_length(out: &mut [u8], at: usize, from: usize) -> Result<()> {
    let length = i32::try_from(out.len() - from).map_err(|_| too_long_a_row())?;
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    Ok(())
}

fn too_long_a_row() -> ServerError {
    ServerError::new(Condition::ProgramLimitExceeded, "a row is longer than 2 GiB")
}

/// An array of the type that the writers know: another representation of the same type is cast.
fn canonical(column_type: ColumnType, array: &ArrayRef) -> Result<ArrayRef> {
    let fits = match (column_type.to_arrow(), array.data_type()) {
        (_, DataType::Null) => true,
        (DataType::Utf8View, DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8) => true,
        // A text where values show digits of their own (`lis_sql::digits`).
        (DataType::Decimal128(..), DataType::Decimal128(..) | DataType::Utf8View) => true,
        (DataType::List(_), DataType::List(_)) => true,
        (_, DataType::Struct(_)) => true,
        (wanted, found) => wanted == *found,
    };
    if fits {
        return Ok(ArrayRef::clone(array));
    }
    Ok(arrow::compute::cast(array, &column_type.to_arrow())?)
}

/// One column of one batch with the way to write it.
#[derive(Debug)]
pub(crate) struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    kind: Kind<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Strings<'a> {
    View(&'a StringViewArray),
    Small(&'a StringArray),
    Large(&'a LargeStringArray),
}

impl<'a> Strings<'a> {
    #[inline]
    fn value(self, row: usize) -> &'a str {
        match self {
            Self::View(array) => array.value(row),
            Self::Small(array) => array.value(row),
            Self::Large(array) => array.value(row),
        }
    }
}

#[derive(Debug)]
enum Kind<'a> {
    AllNull,
    BoolText(&'a BooleanArray),
    BoolBinary(&'a BooleanArray),
    Int2Text(&'a [i16]),
    Int2Binary(&'a [i16]),
    Int4Text(&'a [i32]),
    Int4Binary(&'a [i32]),
    Int8Text(&'a [i64]),
    Int8Binary(&'a [i64]),
    UnsignedText(&'a [u32]),
    UnsignedBinary(&'a [u32]),
    Float4Text(&'a [f32], i32),
    Float4Binary(&'a [f32]),
    Float8Text(&'a [f64], i32),
    Float8Binary(&'a [f64]),
    NumericText(&'a [i128], i8),
    NumericBinary(&'a [i128], i8),
    NumericShownText(&'a [i128], i8, Shown),
    NumericShownBinary(&'a [i128], i8, Shown),
    NumericOfText(Strings<'a>),
    Text(Strings<'a>),
    TextIn(Strings<'a>, ClientEncoding),
    CharBinary(Strings<'a>),
    JsonbBinary(Strings<'a>, ClientEncoding),
    ByteaHex(&'a BinaryViewArray),
    ByteaEscape(&'a BinaryViewArray),
    ByteaBinary(&'a BinaryViewArray),
    UuidText(&'a FixedSizeBinaryArray),
    UuidBinary(&'a FixedSizeBinaryArray),
    DateText(&'a [i32]),
    DateBinary(&'a [i32]),
    TimeText(&'a [i64]),
    TimeBinary(&'a [i64]),
    TimetzText(&'a FixedSizeBinaryArray),
    TimetzBinary(&'a FixedSizeBinaryArray),
    TimestampText(&'a [i64]),
    TimestamptzText(&'a [i64], Tz),
    TimestampBinary(&'a [i64]),
    DateStyled(&'a [i32], Styles),
    TimestampStyled(&'a [i64], Styles),
    TimestamptzStyled(&'a [i64], Styles),
    IntervalText(&'a [IntervalMonthDayNano], Styles),
    IntervalBinary(&'a [IntervalMonthDayNano]),
    ListText {
        offsets: &'a [i32],
        element: Box<Column<'a>>,
        shapes: Option<Arrays>,
    },
    VectorText {
        offsets: &'a [i32],
        element: Box<Column<'a>>,
    },
    ListBinary {
        offsets: &'a [i32],
        element: Box<Column<'a>>,
        element_type: PgType,
        lower_bound: i32,
        shapes: Option<Arrays>,
    },
    RecordText(Vec<Column<'a>>),
    RecordBinary(Vec<(PgType, Column<'a>)>),
}

fn strings(array: &dyn Array) -> Result<Strings<'_>> {
    match array.data_type() {
        DataType::Utf8View => Ok(Strings::View(array.as_string_view())),
        DataType::Utf8 => Ok(Strings::Small(array.as_string())),
        DataType::LargeUtf8 => Ok(Strings::Large(array.as_string())),
        other => Err(mismatch("text", other)),
    }
}

fn mismatch(wanted: &str, found: &DataType) -> ServerError {
    ServerError::new(Condition::InternalError, format!("a column of type {wanted} holds {found}"))
}

impl<'a> Column<'a> {
    fn new(
        column_type: ColumnType,
        format: Format,
        array: &'a dyn Array,
        options: &OutputOptions,
    ) -> Result<Self> {
        let pg_type = column_type.pg_type;
        let nulls = array.nulls();
        if array.data_type() == &DataType::Null {
            return Ok(Self { nulls, kind: Kind::AllNull });
        }
        let text = format == Format::Text;
        let iso = options.styles.layout == DateLayout::Iso;
        let found = || mismatch(pg_type.facts().name, array.data_type());
        macro_rules! values {
            ($arrow:ty) => {
                array.as_primitive_opt::<$arrow>().ok_or_else(found)?.values().as_ref()
            };
        }
        macro_rules! pick {
            ($text:expr, $binary:expr) => {
                if text { $text } else { $binary }
            };
        }
        let kind = match pg_type {
            PgType::Bool => {
                let values = array.as_boolean_opt().ok_or_else(found)?;
                pick!(Kind::BoolText(values), Kind::BoolBinary(values))
            }
            PgType::Int2 => pick!(Kind::Int2Text(values!(Int16Type)), Kind::Int2Binary(values!(Int16Type))),
            PgType::Int4 => pick!(Kind::Int4Text(values!(Int32Type)), Kind::Int4Binary(values!(Int32Type))),
            PgType::Int8 => pick!(Kind::Int8Text(values!(Int64Type)), Kind::Int8Binary(values!(Int64Type))),
            PgType::Oid
            | PgType::Xid
            | PgType::Regproc
            | PgType::Regclass
            | PgType::Regtype
            | PgType::Regnamespace
            | PgType::Regrole => {
                pick!(Kind::UnsignedText(values!(UInt32Type)), Kind::UnsignedBinary(values!(UInt32Type)))
            }
            PgType::Float4 => {
                let values = values!(Float32Type);
                pick!(Kind::Float4Text(values, options.extra_float_digits), Kind::Float4Binary(values))
            }
            PgType::Float8 => {
                let values = values!(Float64Type);
                pick!(Kind::Float8Text(values, options.extra_float_digits), Kind::Float8Binary(values))
            }
            PgType::Numeric if array.data_type() == &DataType::Utf8View => {
                pick!(Kind::Text(strings(array)?), Kind::NumericOfText(strings(array)?))
            }
            PgType::Numeric => {
                let DataType::Decimal128(_, scale) = array.data_type() else { return Err(found()) };
                let values = values!(Decimal128Type);
                let shown = column_type.shown;
                match (text, shown.is_column()) {
                    (true, true) => Kind::NumericText(values, *scale),
                    (false, true) => Kind::NumericBinary(values, *scale),
                    (true, false) => Kind::NumericShownText(values, *scale, shown),
                    (false, false) => Kind::NumericShownBinary(values, *scale, shown),
                }
            }
            PgType::Char if !text => Kind::CharBinary(strings(array)?),
            // Both are a version and the text.
            PgType::Jsonb | PgType::Jsonpath if !text => Kind::JsonbBinary(strings(array)?, options.encoding),
            PgType::Aclitem if !text => {
                return Err(ServerError::new(
                    Condition::UndefinedFunction,
                    "no binary output function available for type aclitem",
                ));
            }
            PgType::Text
            | PgType::Varchar
            | PgType::Bpchar
            | PgType::Name
            | PgType::Char
            | PgType::Unknown
            | PgType::Json
            | PgType::Jsonb
            | PgType::Jsonpath
            | PgType::Aclitem
            | PgType::PgNodeTree
            | PgType::Void => match options.encoding {
                ClientEncoding::Utf8 => Kind::Text(strings(array)?),
                other => Kind::TextIn(strings(array)?, other),
            },
            // A null that no row gave its shape.
            PgType::Record if array.null_count() == array.len() => Kind::RecordText(Vec::new()),
            PgType::Record => Self::record(format, array, options)?,
            PgType::Bytea => {
                let values = array.as_binary_view_opt().ok_or_else(found)?;
                match (text, options.bytea_hex) {
                    (true, true) => Kind::ByteaHex(values),
                    (true, false) => Kind::ByteaEscape(values),
                    (false, _) => Kind::ByteaBinary(values),
                }
            }
            PgType::Uuid => {
                let values = array.as_fixed_size_binary_opt().ok_or_else(found)?;
                pick!(Kind::UuidText(values), Kind::UuidBinary(values))
            }
            PgType::Date => {
                let values = values!(Date32Type);
                let written =
                    if iso { Kind::DateText(values) } else { Kind::DateStyled(values, options.styles) };
                pick!(written, Kind::DateBinary(values))
            }
            PgType::Time => {
                let values = values!(Time64MicrosecondType);
                pick!(Kind::TimeText(values), Kind::TimeBinary(values))
            }
            PgType::Timetz => {
                let values = array.as_fixed_size_binary_opt().ok_or_else(found)?;
                pick!(Kind::TimetzText(values), Kind::TimetzBinary(values))
            }
            PgType::Timestamp => {
                let values = values!(TimestampMicrosecondType);
                let written = if iso {
                    Kind::TimestampText(values)
                } else {
                    Kind::TimestampStyled(values, options.styles)
                };
                pick!(written, Kind::TimestampBinary(values))
            }
            PgType::Timestamptz => {
                let values = values!(TimestampMicrosecondType);
                let written = if iso {
                    Kind::TimestamptzText(values, options.styles.zone)
                } else {
                    Kind::TimestamptzStyled(values, options.styles)
                };
                pick!(written, Kind::TimestampBinary(values))
            }
            PgType::Interval => {
                let values = values!(IntervalMonthDayNanoType);
                pick!(Kind::IntervalText(values, options.styles), Kind::IntervalBinary(values))
            }
            PgType::Array(element_type) => Self::list(column_type, *element_type, format, array, options)?,
            PgType::Int2Vector => Self::list(column_type, PgType::Int2, format, array, options)?,
            PgType::OidVector => Self::list(column_type, PgType::Oid, format, array, options)?,
        };
        Ok(Self { nulls, kind })
    }

    fn list(
        column_type: ColumnType,
        element_type: PgType,
        format: Format,
        array: &'a dyn Array,
        options: &OutputOptions,
    ) -> Result<Kind<'a>> {
        let vector = matches!(column_type.pg_type, PgType::Int2Vector | PgType::OidVector);
        let wrong = || mismatch("array", array.data_type());
        // An array of several dimensions has its shape beside its elements.
        let (items, shape) = match array.as_struct_opt().filter(|_| is_shaped(array.data_type())) {
            Some(both) => (both.column(0).as_ref(), Some(array)),
            None => (array, None),
        };
        let list = items.as_list_opt::<i32>().ok_or_else(wrong)?;
        let element = Box::new(Column::new(
            column_type.with_type(element_type),
            format,
            list.values().as_ref(),
            options,
        )?);
        let offsets = list.value_offsets();
        let shapes = shape.map(|shaped| Arrays::of(shaped, 1)).transpose().map_err(|_| wrong())?;
        Ok(match format {
            Format::Text if vector => Kind::VectorText { offsets, element },
            Format::Text => Kind::ListText { offsets, element, shapes },
            Format::Binary => {
                let lower_bound = if vector { 0 } else { 1 };
                Kind::ListBinary { offsets, element, element_type, lower_bound, shapes }
            }
        })
    }

    fn record(format: Format, array: &'a dyn Array, options: &OutputOptions) -> Result<Kind<'a>> {
        let record = array.as_struct_opt().ok_or_else(|| mismatch("record", array.data_type()))?;
        let mut columns = Vec::with_capacity(record.num_columns());
        for (field, column) in record.fields().iter().zip(record.columns()) {
            let found = field_type(field).ok_or_else(|| mismatch("a known type", field.data_type()))?;
            let pg_type = client_type(found.pg_type);
            let column = Column::new(found.with_type(pg_type), format, column.as_ref(), options)?;
            columns.push((pg_type, column));
        }
        Ok(match format {
            Format::Text => Kind::RecordText(columns.into_iter().map(|(_, column)| column).collect()),
            Format::Binary => Kind::RecordBinary(columns),
        })
    }

    /// Whether a cell is null.
    #[inline]
    pub(crate) fn is_null(&self, row: usize) -> bool {
        self.nulls.is_some_and(|nulls| nulls.is_null(row)) || matches!(self.kind, Kind::AllNull)
    }

    /// Whether no value of the column can hold a character that COPY must escape or quote.
    pub(crate) fn is_plain(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Text(_)
                | Kind::TextIn(..)
                | Kind::ByteaHex(_)
                | Kind::ByteaEscape(_)
                | Kind::ListText { .. }
                | Kind::VectorText { .. }
                | Kind::TimestampText(_)
                | Kind::TimestamptzText(..)
                | Kind::IntervalText(..)
                | Kind::DateStyled(..)
                | Kind::TimestampStyled(..)
                | Kind::TimestamptzStyled(..)
                | Kind::RecordText(_)
        )
    }

    /// Appends a cell with its length before it, as DataRow and binary COPY have it.
    #[inline]
    pub(crate) fn put_with_length(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.is_null(row) {
            out.extend_from_slice(&(-1_i32).to_be_bytes());
            return Ok(());
        }
        // Of what is short the length is known before it is written.
        match &self.kind {
            Kind::BoolText(values) => return sized([if values.value(row) { b't' } else { b'f' }], out),
            Kind::BoolBinary(values) => return sized([u8::from(values.value(row))], out),
            Kind::Int2Text(values) => return sized(itoa::Buffer::new().format(values[row]), out),
            Kind::Int2Binary(values) => return sized(values[row].to_be_bytes(), out),
            Kind::Int4Text(values) => return sized(itoa::Buffer::new().format(values[row]), out),
            Kind::Int4Binary(values) => return sized(values[row].to_be_bytes(), out),
            Kind::Int8Text(values) => return sized(itoa::Buffer::new().format(values[row]), out),
            Kind::Int8Binary(values) => return sized(values[row].to_be_bytes(), out),
            Kind::Float4Binary(values) => return sized(values[row].to_be_bytes(), out),
            Kind::Float8Binary(values) => return sized(values[row].to_be_bytes(), out),
            Kind::Text(values) => return sized(values.value(row), out),
            Kind::DateBinary(values) => return sized(date_binary(values[row]).to_be_bytes(), out),
            Kind::TimeBinary(values) => return sized(values[row].to_be_bytes(), out),
            Kind::TimestampBinary(values) => return sized(timestamp_binary(values[row]).to_be_bytes(), out),
            _ => {}
        }
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        self.put(row, out)?;
        patch_length(out, at, at + 4)
    }

    /// Appends a cell that is not null.
    #[inline]
    pub(crate) fn put(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        match &self.kind {
            Kind::AllNull => {}
            Kind::BoolText(values) => out.push(if values.value(row) { b't' } else { b'f' }),
            Kind::BoolBinary(values) => out.push(u8::from(values.value(row))),
            Kind::Int2Text(values) => integer(values[row], out),
            Kind::Int2Binary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::Int4Text(values) => integer(values[row], out),
            Kind::Int4Binary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::Int8Text(values) => integer(values[row], out),
            Kind::Int8Binary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::UnsignedText(values) => integer(values[row], out),
            Kind::UnsignedBinary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::Float4Text(values, digits) if *digits <= 0 => {
                general_float(f64::from(values[row]), 6 + digits, out);
            }
            Kind::Float4Text(values, _) => text_output::write_float4(values[row], out),
            Kind::Float4Binary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::Float8Text(values, digits) if *digits <= 0 => general_float(values[row], 15 + digits, out),
            Kind::Float8Text(values, _) => text_output::write_float8(values[row], out),
            Kind::Float8Binary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::NumericText(values, scale) => text_output::write_numeric(values[row], *scale, out),
            Kind::NumericBinary(values, scale) => numeric_binary(values[row], *scale, out),
            Kind::NumericShownText(values, scale, shown) => {
                text_output::write_numeric_at(values[row], *scale, shown.digits(values[row], *scale), out);
            }
            Kind::NumericShownBinary(values, scale, shown) => {
                let digits = shown.digits(values[row], *scale);
                match rescale(values[row], (*scale).into(), digits.into()) {
                    Some(value) => numeric_binary(value, digits, out),
                    None => numeric_binary(values[row], *scale, out),
                }
            }
            Kind::NumericOfText(values) => {
                let value =
                    parse_decimal(values.value(row)).map_err(|_| mismatch("numeric", &DataType::Utf8View))?;
                numeric_binary(value.unscaled, value.scale, out);
            }
            Kind::Text(values) => out.extend_from_slice(values.value(row).as_bytes()),
            Kind::TextIn(values, encoding) => encoding.encode(values.value(row), out)?,
            Kind::CharBinary(values) => out.push(values.value(row).bytes().next().unwrap_or(0)),
            Kind::JsonbBinary(values, encoding) => {
                out.push(1);
                encoding.encode(values.value(row), out)?;
            }
            Kind::ByteaHex(values) => text_output::write_bytea(values.value(row), out),
            Kind::ByteaEscape(values) => bytea_escape(values.value(row), out),
            Kind::ByteaBinary(values) => out.extend_from_slice(values.value(row)),
            Kind::UuidText(values) => text_output::write_uuid(values.value(row), out),
            Kind::UuidBinary(values) => out.extend_from_slice(values.value(row)),
            Kind::DateText(values) => text_output::write_date(values[row], out),
            Kind::DateBinary(values) => out.extend_from_slice(&date_binary(values[row]).to_be_bytes()),
            Kind::TimeText(values) => text_output::write_time(values[row], out),
            Kind::TimeBinary(values) => out.extend_from_slice(&values[row].to_be_bytes()),
            Kind::TimetzText(values) => {
                let (time, offset) = timetz::decode(values.value(row));
                text_output::write_timetz(time, offset, out);
            }
            Kind::TimetzBinary(values) => {
                // On the wire the offset counts westward.
                let (time, offset) = timetz::decode(values.value(row));
                out.extend_from_slice(&time.to_be_bytes());
                out.extend_from_slice(&i32::try_from(-offset).unwrap_or(0).to_be_bytes());
            }
            Kind::DateStyled(values, styles) => styles.write_date(values[row], out),
            Kind::TimestampStyled(values, styles) => styles.write_timestamp(values[row], out),
            Kind::TimestamptzStyled(values, styles) => styles.write_timestamptz(values[row], out),
            Kind::TimestampText(values) => text_output::write_timestamp(values[row], out),
            Kind::TimestamptzText(values, zone) => text_output::write_timestamptz(values[row], *zone, out),
            Kind::TimestampBinary(values) => {
                out.extend_from_slice(&timestamp_binary(values[row]).to_be_bytes());
            }
            Kind::IntervalText(values, styles) => {
                let value = values[row];
                styles.write_interval(value.months, value.days, value.nanoseconds / 1000, out);
            }
            Kind::IntervalBinary(values) => {
                let value = values[row];
                out.extend_from_slice(&(value.nanoseconds / 1000).to_be_bytes());
                out.extend_from_slice(&value.days.to_be_bytes());
                out.extend_from_slice(&value.months.to_be_bytes());
            }
            Kind::RecordText(columns) => {
                out.push(b'(');
                for (index, column) in columns.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    if !column.is_null(row) {
                        let start = out.len();
                        column.put(row, out)?;
                        let plain = out.split_off(start);
                        text_output::write_record_field(&plain, out);
                    }
                }
                out.push(b')');
            }
            Kind::RecordBinary(columns) => {
                let count = i32::try_from(columns.len()).map_err(|_| {
                    ServerError::new(Condition::ProgramLimitExceeded, "a record has too many fields")
                })?;
                out.extend_from_slice(&count.to_be_bytes());
                for (pg_type, column) in columns {
                    out.extend_from_slice(&pg_type.oid().get().to_be_bytes());
                    column.put_with_length(row, out)?;
                }
            }
            Kind::ListText { offsets, element, shapes } => {
                let items = range(offsets, row);
                match shapes.as_ref().map(|shapes| shapes.dimensions(row)) {
                    Some(dimensions) => shaped_text(element, &dimensions, items.start, out)?,
                    None => list_text(element, items, out)?,
                }
            }
            Kind::VectorText { offsets, element } => {
                for (index, item) in range(offsets, row).enumerate() {
                    if index > 0 {
                        out.push(b' ');
                    }
                    element.put(item, out)?;
                }
            }
            Kind::ListBinary { offsets, element, element_type, lower_bound, shapes } => {
                let items = range(offsets, row);
                let dimensions = match shapes {
                    Some(shapes) => shapes.dimensions(row),
                    None if items.is_empty() => Vec::new(),
                    None => vec![Dimension { lower: *lower_bound, length: items.len() }],
                };
                list_binary(element, items, *element_type, &dimensions, out)?;
            }
        }
        Ok(())
    }
}

fn range(offsets: &[i32], row: usize) -> Range<usize> {
    let at = |index: usize| usize::try_from(offsets[index]).unwrap_or(0);
    at(row)..at(row + 1)
}

/// A cell with its length before it.
#[inline]
fn sized(cell: impl AsRef<[u8]>, out: &mut Vec<u8>) -> Result<()> {
    let cell = cell.as_ref();
    let length = i32::try_from(cell.len()).map_err(|_| too_long_a_row())?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(cell);
    Ok(())
}

#[inline]
fn integer<I: itoa::Integer>(value: I, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `{1,NULL,"a b"}`: an element is quoted when reading it back needs that (PostgreSQL's `array_out`).
fn list_text(element: &Column<'_>, items: Range<usize>, out: &mut Vec<u8>) -> Result<()> {
    let from = out.len();
    out.push(b'{');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        element_text(element, item, out)?;
        check_length(from, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn element_text(element: &Column<'_>, item: usize, out: &mut Vec<u8>) -> Result<()> {
    if element.is_null(item) {
        out.extend_from_slice(b"NULL");
        return Ok(());
    }
    let start = out.len();
    element.put(item, out)?;
    let plain = out.split_off(start);
    text_output::write_array_element(&plain, out);
    Ok(())
}

/// `[0:1][1:2]={{1,2},{3,4}}`
fn shaped_text(
    element: &Column<'_>,
    dimensions: &[Dimension],
    start: usize,
    out: &mut Vec<u8>,
) -> Result<()> {
    shape::write_bounds(dimensions, out);
    let from = out.len();
    shape::write_nested(dimensions, [b"{", b",", b"}"], out, &mut |number, out| {
        element_text(element, start + number, out)?;
        check_length(from, out)
    })
}

/// Many elements may share one text in memory; on the wire each has its own.
fn check_length(from: usize, out: &[u8]) -> Result<()> {
    if out.len() - from > VALUE_BYTES_MAX { Err(too_long()) } else { Ok(()) }
}

fn too_long() -> ServerError {
    ServerError::new(Condition::ProgramLimitExceeded, "array is too long")
}

fn list_binary(
    element: &Column<'_>,
    items: Range<usize>,
    element_type: PgType,
    dimensions: &[Dimension],
    out: &mut Vec<u8>,
) -> Result<()> {
    let from = out.len();
    let has_nulls = items.clone().any(|item| element.is_null(item));
    out.extend_from_slice(&i32::try_from(dimensions.len()).map_err(|_| too_long())?.to_be_bytes());
    out.extend_from_slice(&i32::from(has_nulls).to_be_bytes());
    out.extend_from_slice(&element_type.oid().get().to_be_bytes());
    for dimension in dimensions {
        out.extend_from_slice(&i32::try_from(dimension.length).map_err(|_| too_long())?.to_be_bytes());
        out.extend_from_slice(&dimension.lower.to_be_bytes());
    }
    items.into_iter().try_for_each(|item| {
        element.put_with_length(item, out)?;
        check_length(from, out)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Decimal128Array, Int32Array, Int32Builder, ListBuilder, StringViewBuilder},
        datatypes::{Field, Schema},
    };

    use super::*;

    fn options() -> OutputOptions {
        OutputOptions {
            styles: Styles::plain(Tz::UTC),
            bytea_hex: true,
            extra_float_digits: 1,
            encoding: ClientEncoding::Utf8,
        }
    }

    fn cell(pg_type: PgType, format: Format, array: &dyn Array, row: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let options = options();
        Column::new(ColumnType::plain(pg_type), format, array, &options).unwrap().put(row, &mut out).unwrap();
        out
    }

    #[test]
    fn a_batch_becomes_finished_messages() {
        let schema = Schema::new(vec![Field::new("a", DataType::Int32, true)]);
        let batch =
            RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int32Array::from(vec![Some(42), None]))])
                .unwrap();
        let output = OutputColumn {
            name: "a".to_owned(),
            column_type: ColumnType::plain(PgType::Int4),
            collation: lis_sql::types::Derived::default(),
            origin: None,
        };
        let mut out = Vec::new();
        RowEncoder::new(&[output], &[], options()).encode(&batch, 0..2, &mut out).unwrap();
        assert_eq!(out, b"D\0\0\0\x0c\0\x01\0\0\0\x0242D\0\0\0\x0a\0\x01\xff\xff\xff\xff");
    }

    #[test]
    fn a_decimal_is_shown_at_its_scale() {
        let array = Decimal128Array::from(vec![12345]).with_precision_and_scale(10, 2).unwrap();
        assert_eq!(cell(PgType::Numeric, Format::Text, &array, 0), b"123.45");
    }

    #[test]
    fn array_elements_are_quoted_where_reading_back_needs_it() {
        let mut builder = ListBuilder::new(StringViewBuilder::new());
        for item in [Some("a"), Some("b c"), None, Some(""), Some("null"), Some("x\"y\\"), Some("{")] {
            builder.values().append_option(item);
        }
        builder.append(true);
        let array = builder.finish();
        let text = PgType::Text.array().unwrap();
        assert_eq!(
            String::from_utf8(cell(text, Format::Text, &array, 0)).unwrap(),
            r#"{a,"b c",NULL,"","null","x\"y\\","{"}"#
        );
    }

    #[test]
    fn binary_arrays_have_their_header() {
        let mut builder = ListBuilder::new(Int32Builder::new());
        builder.values().append_value(7);
        builder.append(true);
        builder.append(true);
        let array = builder.finish();
        let ints = PgType::Int4.array().unwrap();
        let words = |words: &[i32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
        assert_eq!(cell(ints, Format::Binary, &array, 0), words(&[1, 0, 23, 1, 1, 4, 7]));
        assert_eq!(cell(ints, Format::Binary, &array, 1), words(&[0, 0, 23]));
    }
}
