//! Keys that order bytewise as ICU orders text, and keys that order arrays and records as PostgreSQL does.
//!
//! A key of text is ICU's sort key, a zero byte (which no sort key contains) and the text itself: texts that the
//! collation holds equal are ordered bytewise, as PostgreSQL's deterministic collations do, equal keys mean equal texts,
//! and the text can be had back from its key, so that MIN and MAX work on keys.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, StringViewArray, StructArray},
    compute::SortOptions,
    datatypes::{DataType, Field, Float32Type, Float64Type},
    row::{RowConverter, SortField},
};
use icu_collator::{CollatorBorrowed, options::CollatorOptions};

use crate::{
    error::FunctionError,
    kernels::{Bytes, map_text},
    results::{BytesColumn, TextColumn},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// A locale of ICU's that has a collation here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Locale(&'static str);

impl Locale {
    /// Å, Ä and Ö after Z.
    pub const SWEDISH: Self = Self("sv");

    /// Every locale, by BCP 47 tag: the languages of the north and those that reports most often come in. PostgreSQL has
    /// more; a name that is not here is refused as unknown.
    pub const ALL: &'static [Self] = &[
        Self("und"),
        Self("sv"),
        Self("sv-SE"),
        Self("sv-FI"),
        Self("da"),
        Self("da-DK"),
        Self("de"),
        Self("de-DE"),
        Self("en"),
        Self("en-GB"),
        Self("en-US"),
        Self("es"),
        Self("fi"),
        Self("fi-FI"),
        Self("fr"),
        Self("fr-FR"),
        Self("is"),
        Self("nb"),
        Self("nb-NO"),
        Self("nl"),
        Self("nn"),
        Self("pl"),
        Self("se"),
    ];

    /// The locale of a tag.
    pub fn by_tag(tag: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|locale| locale.0 == tag)
    }

    /// Its BCP 47 tag.
    pub fn tag(self) -> &'static str {
        self.0
    }
}

/// Writes keys of one locale.
struct Keys {
    collator: CollatorBorrowed<'static>,
    recent: Vec<(String, Vec<u8>)>,
}

/// How many recent keys are kept for texts that come again: names of accounts and departments do.
const RECENT: usize = 512;

impl Keys {
    fn new(tag: &str) -> Result<Self, FunctionError> {
        let locale = icu_collator::CollatorPreferences::from(
            &tag.parse::<icu_locale_core::Locale>()
                .map_err(|error| FunctionError::internal(error.to_string()))?,
        );
        let collator = CollatorBorrowed::try_new(locale, CollatorOptions::default())
            .map_err(|error| FunctionError::internal(error.to_string()))?;
        Ok(Self { collator, recent: vec![(String::new(), Vec::new()); RECENT] })
    }

    /// The key of a text.
    fn key(&mut self, text: &str) -> &[u8] {
        let slot = slot_of(text.as_bytes());
        let (known, key) = &mut self.recent[slot];
        if known != text || key.is_empty() {
            known.clear();
            known.push_str(text);
            key.clear();
            let Ok(()) = self.collator.write_sort_key_to(text, key);
            key.push(0);
            key.extend_from_slice(text.as_bytes());
        }
        key
    }
}

/// Where a text's key is kept (FNV-1a).
fn slot_of(text: &[u8]) -> usize {
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
    });
    usize::try_from(hash % 512).unwrap_or(0)
}

fn tag_argument<'a>(arguments: &'a Arguments<'_>) -> Result<Option<&'a str>, FunctionError> {
    let (tags, _) = arguments.typed::<StringViewArray>(1)?;
    Ok((!tags.is_null(0)).then(|| tags.value(0)))
}

/// text, locale → the key that orders it.
pub fn collation_key(arguments: &Arguments<'_>) -> Done {
    let tag =
        tag_argument(arguments)?.ok_or_else(|| FunctionError::internal("a collation without a locale"))?;
    let (texts, step) = arguments.typed::<StringViewArray>(0)?;
    let mut keys = Keys::new(tag)?;
    let mut builder = BytesColumn::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if texts.is_null(row * step) {
            builder.append_null();
        } else {
            builder.append_value(keys.key(texts.value(row * step)))?;
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// The text at the end of a key.
fn text_in(key: &[u8]) -> Result<&str, FunctionError> {
    key.iter()
        .position(|byte| *byte == 0)
        .and_then(|zero| std::str::from_utf8(key.get(zero + 1..)?).ok())
        .ok_or_else(|| FunctionError::internal("a sort key without its text"))
}

/// A key of [`collation_key`] → its text.
pub fn text_of_key(arguments: &Arguments<'_>) -> Done {
    map_text::<(Bytes,)>(arguments, |(key,), out| {
        out.push_str(text_in(key)?);
        Ok(())
    })
}

/// A list of keys → the array of their texts.
pub fn texts_of_keys(arguments: &Arguments<'_>) -> Done {
    let array = arguments.full_array(0)?;
    let lists = array.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("a list is wanted here"))?;
    let mut builder = TextColumn::with_capacity(lists.values().len());
    for key in lists.values().as_binary_view() {
        builder.append_option(key.map(text_in).transpose()?)?;
    }
    let field = Arc::new(Field::new_list_field(DataType::Utf8View, true));
    let texts = Arc::new(builder.finish());
    Ok(Arc::new(ListArray::try_new(field, lists.offsets().clone(), texts, lists.nulls().cloned())?))
}

/// A list of keys, delimiter → their texts joined, without the nulls; null if that leaves nothing.
pub fn joined_texts_of_keys(arguments: &Arguments<'_>) -> Done {
    let array = arguments.full_array(0)?;
    let lists = array.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("a list is wanted here"))?;
    let (delimiters, _) = arguments.typed::<StringViewArray>(1)?;
    let mut builder = TextColumn::with_capacity(lists.len());
    for row in 0..lists.len() {
        if lists.is_null(row) {
            builder.append_null();
            continue;
        }
        let keys = lists.value(row);
        let texts = keys.as_binary_view().iter().flatten().map(text_in).collect::<Result<Vec<_>, _>>()?;
        builder.append_option((!texts.is_empty()).then(|| texts.join(delimiters.value(0))))?;
    }
    Ok(Arc::new(builder.finish()))
}

/// What texts inside an array or a record are.
enum Texts {
    /// Texts that are ordered bytewise.
    Plain,
    /// Texts of a locale.
    Of(Keys),
    /// `jsonb`.
    Json,
}

/// In place of a locale's tag: the texts are `jsonb`, in which `1` and `1.0` are equal.
pub const JSONB_TAG: &str = "jsonb";

/// The number of a field's type, which stands in its metadata.
fn oid_of(field: &Field) -> Option<&str> {
    field.metadata().get("lis.type").and_then(|said| said.split_once(',')).map(|(oid, _)| oid)
}

/// Whether a field is `jsonb` or an array of it.
fn is_jsonb(field: &Field) -> bool {
    matches!(oid_of(field), Some("3802" | "3807"))
}

/// Whether a field is a `char`, whose blanks at the end do not count.
fn is_padded(field: &Field) -> bool {
    oid_of(field) == Some("1042")
}

/// An array or a record, locale or null → the key that orders it: element by element, nulls last, the shorter first.
pub fn nested_key(arguments: &Arguments<'_>) -> Done {
    let mut texts = match tag_argument(arguments)? {
        None => Texts::Plain,
        Some(JSONB_TAG) => Texts::Json,
        Some(tag) => Texts::Of(Keys::new(tag)?),
    };
    let values = comparable(&arguments.full_array(0)?, &mut texts)?;
    let options = SortOptions { descending: false, nulls_first: false };
    let field = SortField::new_with_options(values.data_type().clone(), options);
    let rows = RowConverter::new(vec![field])?.convert_columns(&[Arc::clone(&values)])?;
    let mut builder = BytesColumn::with_capacity(values.len());
    for row in 0..values.len() {
        if values.is_null(row) {
            builder.append_null();
        } else {
            builder.append_value(rows.row(row).as_ref())?;
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Elements in a form in which those that PostgreSQL holds equal are equal, and that has its order.
pub(crate) fn by_value(elements: &ArrayRef, are_jsonb: bool) -> Done {
    comparable(elements, &mut if are_jsonb { Texts::Json } else { Texts::Plain })
}

/// The same values in a form that Arrow orders as PostgreSQL does, but for nulls.
fn comparable(values: &ArrayRef, texts: &mut Texts) -> Done {
    Ok(match values.data_type() {
        DataType::List(_) => {
            let list = values.as_list::<i32>();
            let elements = comparable(list.values(), texts)?;
            let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
            Arc::new(ListArray::try_new(field, list.offsets().clone(), elements, list.nulls().cloned())?)
        }
        DataType::Struct(fields) => {
            let record = values.as_struct();
            let columns = fields
                .iter()
                .zip(record.columns())
                .map(|(field, column)| {
                    if is_jsonb(field) {
                        comparable(column, &mut Texts::Json)
                    } else if is_padded(field) && column.data_type() == &DataType::Utf8View {
                        let texts_of: StringViewArray = column
                            .as_string_view()
                            .iter()
                            .map(|text| text.map(|text| text.trim_end_matches(' ')))
                            .collect();
                        comparable(&(Arc::new(texts_of) as ArrayRef), texts)
                    } else {
                        comparable(column, texts)
                    }
                })
                .collect::<Result<Vec<_>, _>>()?;
            let fields = fields
                .iter()
                .zip(&columns)
                .map(|(field, column)| Field::new(field.name(), column.data_type().clone(), true))
                .collect();
            Arc::new(StructArray::try_new(fields, columns, record.nulls().cloned())?)
        }
        // The zeros are equal.
        DataType::Float32 => {
            Arc::new(values.as_primitive::<Float32Type>().unary::<_, Float32Type>(|value| value + 0.0))
        }
        DataType::Float64 => {
            Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(|value| value + 0.0))
        }
        DataType::Interval(_) => {
            let scalar = datafusion::logical_expr::ColumnarValue::Array(Arc::clone(values));
            let result = DataType::Decimal128(38, 0);
            crate::dates::interval_to_comparable(&Arguments::new(vec![scalar], values.len(), &result)?)?
        }
        DataType::Utf8View => match texts {
            Texts::Plain => Arc::clone(values),
            Texts::Json => {
                let column = datafusion::logical_expr::ColumnarValue::Array(Arc::clone(values));
                crate::json::order_key(&Arguments::new(vec![column], values.len(), &DataType::BinaryView)?)?
            }
            Texts::Of(keys) => {
                let texts = values.as_string_view();
                let mut builder = BytesColumn::with_capacity(texts.len());
                for text in texts {
                    match text {
                        Some(text) => builder.append_value(keys.key(text))?,
                        None => builder.append_null(),
                    }
                }
                Arc::new(builder.finish())
            }
        },
        _ => Arc::clone(values),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swedish_letters_come_after_z() {
        let mut words = ["örn", "zebra", "ärta", "åsna", "Apa", "apa", "wok", "vit", ""];
        let mut keys = Keys::new("sv").unwrap();
        words.sort_by_key(|word| keys.key(word).to_vec());
        assert_eq!(words, ["", "apa", "Apa", "vit", "wok", "zebra", "åsna", "ärta", "örn"]);
    }

    #[test]
    fn sort_keys_contain_no_zero_byte() {
        for locale in Locale::ALL {
            let mut keys = Keys::new(locale.tag()).unwrap();
            for word in ["", "a", "Å", "co-op", "\u{1}\u{7f}", "日本", "e\u{301}", "😀", " "] {
                let key = keys.key(word);
                let sort_key = &key[..key.len() - word.len() - 1];
                assert!(!sort_key.contains(&0), "{word:?}");
            }
        }
    }
}
