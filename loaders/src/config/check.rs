//! Raw TOML → [`LoadSpec`]: names become positions, patterns are compiled, types parsed, contradictions refused with their place.

use std::{collections::BTreeSet, ops::Range as Bytes, path::Path, sync::Arc};

use lis_lake::{
    names::{Identifier, QualifiedName},
    table::Collation,
    types::{ColumnType, PgType},
};
use regex::Regex;
use toml::Spanned;

use super::{
    AREA_DEFAULT, AdministrationSpec, ColumnSpec, FilePattern, ForeignKeySpec, LoadMode, LoadSpec,
    OriginSpec, REJECTS_MAX_DEFAULT, TableSpec, ValueOrigin, nearest,
    place::Place,
    raw::{RawBound, RawColumn, RawForeignKey, RawFormat, RawFrom, RawSource, RawSpec, RawTable},
    type_name, whole_match,
};
use crate::{
    cleanse::{
        Reading,
        numbers::{NumberFormat, Thousands},
        typed_bound,
    },
    dates::DateFormat,
    error::LoadError,
    formats::{delimited::DelimitedFormat, encoding::Encoding},
    rules::{Bound, Range, Rules, TableReference},
};

type Checked<T> = Result<T, LoadError>;

pub(super) fn check(path: &Path, text: &str) -> Checked<LoadSpec> {
    let place = Place { path, text };
    let raw: RawSpec = toml::from_str(text).map_err(|error| place.toml_error(&error))?;
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = source_name(place, &raw.source, stem)?;
    let origin = origin(place, &raw.source, &name)?;
    let rejects_max = share(place, raw.source.rejects_max.as_ref())?.unwrap_or(REJECTS_MAX_DEFAULT);
    let role = raw.source.role.as_ref().map(|role| Identifier::exact(role.get_ref()));
    let mut tables = Vec::with_capacity(raw.table.len());
    let mut names = BTreeSet::new();
    for table in raw.table {
        let span = table.name.span();
        let table = check_table(place, table, &raw.format, rejects_max)?;
        if !names.insert(table.name.clone()) {
            return Err(place.error(span, format!("table {} is described twice", table.name)));
        }
        tables.push((span, table));
    }
    if tables.is_empty() {
        return Err(place.error(0..0, "a source needs at least one [[table]]"));
    }
    let tables = in_order_of_references(place, tables)?;
    Ok(LoadSpec { name, comment: raw.source.comment, role, origin, tables, path: path.to_owned() })
}

fn source_name(place: Place<'_>, source: &RawSource, stem: &str) -> Checked<String> {
    if let Some(name) = &source.name
        && name.get_ref() != stem
    {
        let message = format!("source \"{}\" is described in a file named \"{stem}\"", name.get_ref());
        return Err(place.error_with_hint(
            name.span(),
            message,
            Some("Rename the file or leave out the name.".to_owned()),
        ));
    }
    let valid =
        !stem.is_empty() && stem.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'));
    if valid {
        Ok(stem.to_owned())
    } else {
        Err(place.error(0..0, format!("\"{stem}\" cannot name a source: use a-z, 0-9, _ and -")))
    }
}

fn origin(place: Place<'_>, source: &RawSource, name: &str) -> Checked<OriginSpec> {
    let kind = source.kind.as_ref().map_or(crate::DIRECTORY, |kind| kind.get_ref().as_str());
    if kind != crate::DIRECTORY {
        let span = source.kind.as_ref().map_or(0..0, Spanned::span);
        return Err(place.error_with_hint(
            span,
            format!("there is no kind of source \"{kind}\""),
            Some(format!("The kinds are {}.", crate::registry().join(", "))),
        ));
    }
    Ok(OriginSpec::Directory(source.path.clone().map_or_else(|| Path::new("inbox").join(name), Into::into)))
}

fn share(place: Place<'_>, value: Option<&Spanned<f64>>) -> Checked<Option<f64>> {
    match value {
        Some(share) if !(0.0..=1.0).contains(share.get_ref()) => {
            Err(place.error(share.span(), "a share is a number from 0 to 1"))
        }
        other => Ok(other.map(|share| *share.get_ref())),
    }
}

fn check_table(
    place: Place<'_>,
    raw: RawTable,
    source_format: &RawFormat,
    rejects_max: f64,
) -> Checked<TableSpec> {
    let name = table_name(place, raw.name.get_ref(), raw.name.span())?;
    let raw_format = raw.format.clone().over(source_format);
    let format = format(place, &raw_format)?;
    if raw.column.is_empty() {
        return Err(place.error(raw.name.span(), format!("table {name} needs at least one [[table.column]]")));
    }
    if raw.files.is_empty() {
        return Err(place.error(raw.name.span(), format!("table {name} needs a pattern in \"files\"")));
    }
    let mut files = Vec::new();
    for pattern in &raw.files {
        let checked = FilePattern::new(pattern.get_ref());
        files.push(checked.map_err(|message| place.error(pattern.span(), message))?);
    }
    let mut columns: Vec<ColumnSpec> = Vec::with_capacity(raw.column.len());
    for column in &raw.column {
        let checked = check_column(place, column, &raw_format, &files)?;
        if columns.iter().any(|other| other.name == checked.name) {
            let message = format!("column {} is described twice", checked.name);
            return Err(place.error(column.name.span(), message));
        }
        columns.push(checked);
    }
    let names: Vec<String> = columns.iter().map(|column| column.name.as_str().to_owned()).collect();
    let find = |name: &Spanned<String>| position(place, &names, name);
    let find_all = |list: &[Spanned<String>]| list.iter().map(find).collect::<Checked<Vec<usize>>>();

    let primary_key = raw.primary_key.as_deref().map(find_all).transpose()?.filter(|key| !key.is_empty());
    let unique = raw.unique.iter().flatten().map(|key| find_all(key)).collect::<Checked<Vec<_>>>()?;
    let administration = match &raw.administration {
        None => None,
        Some(administration) => Some(AdministrationSpec {
            column: find(&administration.column)?,
            area: administration.area.clone().unwrap_or_else(|| AREA_DEFAULT.to_owned()),
        }),
    };
    // A null key, or a row of no administration, is a row that nobody finds again.
    for required in primary_key.iter().flatten().copied().chain(administration.iter().map(|it| it.column)) {
        columns[required].rules.required = true;
        columns[required].not_null = true;
    }
    let sort = match &raw.sort {
        Some(sort) => find_all(sort)?,
        None => {
            let mut sort: Vec<usize> = administration.iter().map(|it| it.column).collect();
            let key = primary_key.iter().flatten().copied();
            sort.extend(key.filter(|column| administration.as_ref().is_none_or(|it| it.column != *column)));
            sort
        }
    };
    let mut foreign_keys = Vec::new();
    for (number, column) in columns.iter().enumerate() {
        if let Some(reference) = &column.rules.reference {
            foreign_keys.push(ForeignKeySpec { columns: vec![number], references: reference.clone() });
        }
    }
    for key in &raw.foreign_key {
        foreign_keys.push(foreign_key(place, key, find_all(&key.columns)?)?);
    }
    let mode = mode(place, &raw, &find_all)?;
    Ok(TableSpec {
        name,
        comment: raw.comment,
        files,
        mode,
        format,
        columns,
        primary_key,
        unique,
        foreign_keys,
        sort,
        administration,
        rejects_max: share(place, raw.rejects_max.as_ref())?.unwrap_or(rejects_max),
        ignore_columns: raw.ignore_columns.iter().map(|name| name.trim().to_lowercase()).collect(),
    })
}

fn position(place: Place<'_>, names: &[String], name: &Spanned<String>) -> Checked<usize> {
    names.iter().position(|known| known == name.get_ref()).ok_or_else(|| {
        let hint = nearest(name.get_ref(), names.iter().map(String::as_str)).map_or_else(
            || format!("The columns are {}.", names.join(", ")),
            |near| format!("Did you mean \"{near}\"?"),
        );
        place.error_with_hint(
            name.span(),
            format!("the table has no column \"{}\"", name.get_ref()),
            Some(hint),
        )
    })
}

/// Columns' places by their names.
type FindAll<'a> = &'a dyn Fn(&[Spanned<String>]) -> Checked<Vec<usize>>;

fn mode(place: Place<'_>, raw: &RawTable, find_all: FindAll<'_>) -> Checked<LoadMode> {
    let mode = match &raw.mode {
        None => LoadMode::Append,
        Some(mode) => match mode.get_ref().as_str() {
            "append" => LoadMode::Append,
            "replace" => LoadMode::Replace,
            other => {
                let message = format!("mode \"{other}\" is neither \"append\" nor \"replace\"");
                return Err(place.error(mode.span(), message));
            }
        },
    };
    match (&raw.replace_by, mode) {
        (None, mode) => Ok(mode),
        (Some(columns), LoadMode::Replace) if !columns.is_empty() => {
            Ok(LoadMode::ReplaceBy(find_all(columns)?))
        }
        (Some(columns), _) => {
            let span = columns.first().map_or_else(|| raw.name.span(), Spanned::span);
            Err(place.error(span, "\"replace_by\" needs columns and mode = \"replace\""))
        }
    }
}

/// `schema.table`, folded like any name written without quotes.
fn table_name(place: Place<'_>, text: &str, span: Bytes<usize>) -> Checked<QualifiedName> {
    match text.split('.').collect::<Vec<_>>().as_slice() {
        [schema, name] if !schema.is_empty() && !name.is_empty() => {
            Ok(QualifiedName { schema: Identifier::fold(schema.trim()), name: Identifier::fold(name.trim()) })
        }
        _ => Err(place.error(span, format!("\"{text}\" is not of the form schema.table"))),
    }
}

fn foreign_key(place: Place<'_>, raw: &RawForeignKey, columns: Vec<usize>) -> Checked<ForeignKeySpec> {
    let text = raw.references.get_ref();
    let wrong = || {
        place.error(raw.references.span(), format!("\"{text}\" is not of the form schema.table (column, …)"))
    };
    let (table, rest) = text.split_once('(').ok_or_else(wrong)?;
    let list = rest.trim_end().strip_suffix(')').ok_or_else(wrong)?;
    let referred: Vec<Identifier> = list.split(',').map(|name| Identifier::fold(name.trim())).collect();
    if referred.len() != columns.len() {
        return Err(
            place.error(raw.references.span(), "both sides of a foreign key need the same number of columns")
        );
    }
    let table = table_name(place, table.trim(), raw.references.span())?;
    Ok(ForeignKeySpec { columns, references: TableReference { table, columns: referred } })
}

fn reference(place: Place<'_>, text: &Spanned<String>) -> Checked<TableReference> {
    match text.get_ref().rsplit_once('.') {
        Some((table, column)) if !column.trim().is_empty() => Ok(TableReference {
            table: table_name(place, table, text.span())?,
            columns: vec![Identifier::fold(column.trim())],
        }),
        _ => Err(place
            .error(text.span(), format!("\"{}\" is not of the form schema.table.column", text.get_ref()))),
    }
}

fn one_byte(place: Place<'_>, key: &str, value: &Spanned<String>) -> Checked<u8> {
    match value.get_ref().as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | 0) => Ok(*byte),
        _ => Err(place.error(value.span(), format!("\"{key}\" must be one ASCII character"))),
    }
}

fn format(place: Place<'_>, raw: &RawFormat) -> Checked<DelimitedFormat> {
    if let Some(kind) = &raw.kind
        && kind.get_ref() != "delimited"
    {
        let message = format!("there is no format \"{}\"", kind.get_ref());
        return Err(place.error_with_hint(
            kind.span(),
            message,
            Some("The formats are delimited.".to_owned()),
        ));
    }
    let mut format = DelimitedFormat::default();
    if let Some(encoding) = &raw.encoding {
        let known = Encoding::NAMES.iter().find(|(name, _)| encoding.get_ref().eq_ignore_ascii_case(name));
        format.encoding = match known {
            Some((_, encoding)) => *encoding,
            None => {
                let names: Vec<&str> = Encoding::NAMES.iter().map(|(name, _)| *name).collect();
                return Err(place.error_with_hint(
                    encoding.span(),
                    format!("there is no encoding \"{}\"", encoding.get_ref()),
                    Some(format!("The encodings are {}.", names.join(", "))),
                ));
            }
        };
    }
    if let Some(delimiter) = &raw.delimiter {
        format.delimiter = one_byte(place, "delimiter", delimiter)?;
    }
    if let Some(quote) = &raw.quote {
        format.quote = if quote.get_ref().is_empty() { None } else { Some(one_byte(place, "quote", quote)?) };
    }
    if let Some(escape) = &raw.escape {
        format.escape = Some(one_byte(place, "escape", escape)?);
    }
    if format.quote == Some(format.delimiter) || format.escape == Some(format.delimiter) {
        let span = raw.delimiter.as_ref().map_or(0..0, Spanned::span);
        return Err(place.error(span, "delimiter, quote and escape must be different characters"));
    }
    format.header = raw.header.unwrap_or(raw.columns.is_none());
    format.columns.clone_from(&raw.columns);
    format.skip_lines = raw.skip_lines.unwrap_or(0);
    Ok(format)
}

fn number_format(
    place: Place<'_>,
    decimal: Option<&Spanned<String>>,
    thousands: Option<&Spanned<String>>,
) -> Checked<NumberFormat> {
    let mut format = NumberFormat::default();
    if let Some(decimal) = decimal {
        format.decimal = match decimal.get_ref().as_str() {
            "," => b',',
            "." => b'.',
            other => {
                return Err(place
                    .error(decimal.span(), format!("the decimal sign is \",\" or \".\", not \"{other}\"")));
            }
        };
    }
    if let Some(thousands) = thousands {
        format.thousands = match thousands.get_ref().as_str() {
            "" => Thousands::None,
            " " => Thousands::Blank,
            "." => Thousands::Sign(b'.'),
            "," => Thousands::Sign(b','),
            "'" => Thousands::Sign(b'\''),
            other => {
                let message =
                    format!("\"{other}\" is no thousands separator: \"\", \" \", \".\", \",\" or \"'\"");
                return Err(place.error(thousands.span(), message));
            }
        };
        if format.thousands == Thousands::Sign(format.decimal) {
            return Err(
                place.error(thousands.span(), "the decimal sign and the thousands separator are the same")
            );
        }
    }
    Ok(format)
}

fn reading(place: Place<'_>, raw: &RawColumn, format: &RawFormat) -> Checked<Reading> {
    let number = number_format(
        place,
        raw.decimal.as_ref().or(format.decimal.as_ref()),
        raw.thousands.as_ref().or(format.thousands.as_ref()),
    )?;
    let mut dates = Vec::new();
    match raw.dates.as_ref().or(format.dates.as_ref()) {
        None => dates.extend(DateFormat::new("YYYY-MM-DD")),
        Some(formats) => {
            for date in formats {
                let checked = DateFormat::new(date.get_ref());
                dates.push(checked.map_err(|message| place.error(date.span(), message))?);
            }
        }
    }
    let nulls = raw.null.clone().or_else(|| format.null.clone()).unwrap_or_else(|| vec![String::new()]);
    let extract = match &raw.extract {
        None => None,
        Some(pattern) => Some((
            Regex::new(pattern.get_ref()).map_err(|error| regex_error(place, pattern, &error))?,
            pattern.get_ref().clone(),
        )),
    };
    Ok(Reading {
        trim: raw.trim.or(format.trim).unwrap_or(true),
        null_empty: nulls.iter().any(String::is_empty),
        null_tokens: nulls.into_iter().filter(|token| !token.is_empty()).collect(),
        extract,
        map: raw.map.clone().map(|map| map.into_iter().collect()),
        number,
        dates,
    })
}

fn regex_error(place: Place<'_>, pattern: &Spanned<String>, error: &regex::Error) -> LoadError {
    // The last line says what is wrong; those before it draw the pattern.
    let text = error.to_string();
    let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ");
    place.error(pattern.span(), format!("\"{}\" is no regular expression: {what}", pattern.get_ref()))
}

fn check_column(
    place: Place<'_>,
    raw: &RawColumn,
    format: &RawFormat,
    files: &[FilePattern],
) -> Checked<ColumnSpec> {
    let name = Identifier::fold(raw.name.get_ref());
    if name.as_str().is_empty() {
        return Err(place.error(raw.name.span(), "a column needs a name"));
    }
    let column_type = type_name::parse(raw.type_name.get_ref())
        .map_err(|message| place.error(raw.type_name.span(), message))?;
    let collation = match &raw.collation {
        None => Collation::C,
        Some(collation) => match collation.get_ref().as_str() {
            "C" => Collation::C,
            "sv" => Collation::Swedish,
            other => {
                return Err(place
                    .error(collation.span(), format!("the collation is \"C\" or \"sv\", not \"{other}\"")));
            }
        },
    };
    let origin = value_origin(place, raw, files)?;
    let rules = rules(place, raw, column_type)?;
    Ok(ColumnSpec {
        name,
        column_type,
        collation,
        comment: raw.comment.clone(),
        origin,
        reading: reading(place, raw, format)?,
        not_null: rules.required,
        rules,
    })
}

fn value_origin(place: Place<'_>, raw: &RawColumn, files: &[FilePattern]) -> Checked<ValueOrigin> {
    let given = [raw.from.is_some(), raw.constant.is_some(), raw.derived.is_some(), raw.file_part.is_some()];
    if given.iter().filter(|given| **given).count() > 1 {
        return Err(place.error(
            raw.name.span(),
            format!(
                "column \"{}\" has more than one of from, constant, derived, file_part",
                raw.name.get_ref()
            ),
        ));
    }
    if let Some(constant) = &raw.constant {
        return Ok(ValueOrigin::Constant(constant.clone()));
    }
    if let Some(derived) = &raw.derived {
        return Ok(match derived.get_ref().as_str() {
            "business_date" => ValueOrigin::BusinessDate,
            "file_name" => ValueOrigin::FileName,
            "line_number" => ValueOrigin::LineNumber,
            "batch_number" => ValueOrigin::BatchNumber,
            other => {
                return Err(place.error_with_hint(
                    derived.span(),
                    format!("nothing called \"{other}\" can be derived"),
                    Some("It is business_date, file_name, line_number or batch_number.".to_owned()),
                ));
            }
        });
    }
    if let Some(part) = &raw.file_part {
        if let Some(pattern) = files.iter().find(|pattern| !pattern.parts().contains(part.get_ref())) {
            let message = format!("the pattern \"{}\" has no part {{{}}}", pattern.text(), part.get_ref());
            return Err(place.error(part.span(), message));
        }
        return Ok(ValueOrigin::FilePart(part.get_ref().clone()));
    }
    Ok(match raw.from.as_ref().map(|from| (from.get_ref(), from.span())) {
        None => ValueOrigin::Header(vec![raw.name.get_ref().clone()]),
        Some((RawFrom::Name(name), _)) => ValueOrigin::Header(vec![name.clone()]),
        Some((RawFrom::Names(names), span)) if names.is_empty() => {
            return Err(place.error(span, "\"from\" needs at least one name"));
        }
        Some((RawFrom::Names(names), _)) => ValueOrigin::Header(names.clone()),
        Some((RawFrom::Position(position), span)) => match position.checked_sub(1) {
            Some(position) => ValueOrigin::Position(position),
            None => return Err(place.error(span, "positions count from 1")),
        },
    })
}

fn rules(place: Place<'_>, raw: &RawColumn, column_type: ColumnType) -> Checked<Rules> {
    let bound = |bound: &Option<Spanned<RawBound>>| -> Checked<Option<(Bound, String)>> {
        match bound {
            None => Ok(None),
            Some(bound) => {
                let text = bound.get_ref().text();
                let typed =
                    typed_bound(column_type, &text).map_err(|message| place.error(bound.span(), message))?;
                Ok(Some((typed, text)))
            }
        }
    };
    let is_text = matches!(column_type.pg_type, PgType::Text | PgType::Varchar | PgType::Bpchar);
    if !is_text && (raw.length_min.is_some() || raw.length_max.is_some()) {
        let message = format!("column \"{}\": only texts have a length", raw.name.get_ref());
        return Err(place.error(raw.name.span(), message));
    }
    let length_max = match (column_type.length(), raw.length_max) {
        (Some(of_type), Some(given)) => Some(of_type.min(given)),
        (of_type, given) => of_type.or(given),
    };
    let pattern = match &raw.pattern {
        None => None,
        Some(pattern) => Some((
            whole_match(pattern.get_ref()).map_err(|error| regex_error(place, pattern, &error))?,
            pattern.get_ref().clone(),
        )),
    };
    Ok(Rules {
        required: raw.required,
        length_min: raw.length_min,
        length_max,
        one_of: raw.one_of.clone(),
        pattern,
        range: Range { min: bound(&raw.min)?, max: bound(&raw.max)? },
        reference: raw.references.as_ref().map(|text| reference(place, text)).transpose()?,
    })
}

/// Tables that others refer to come first; the others keep their order. A circle cannot be judged row by row.
fn in_order_of_references(
    place: Place<'_>,
    mut waiting: Vec<(Bytes<usize>, TableSpec)>,
) -> Checked<Vec<Arc<TableSpec>>> {
    let mut ordered: Vec<Arc<TableSpec>> = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let ready = waiting.iter().position(|(_, table)| {
            table
                .foreign_keys
                .iter()
                .all(|key| !waiting.iter().any(|(_, other)| other.name == key.references.table))
        });
        match ready {
            Some(ready) => ordered.push(Arc::new(waiting.remove(ready).1)),
            None => {
                let (span, table) = &waiting[0];
                return Err(place.error(
                    span.clone(),
                    format!(
                        "table {} refers to itself, directly or through other tables of this source",
                        table.name
                    ),
                ));
            }
        }
    }
    Ok(ordered)
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
