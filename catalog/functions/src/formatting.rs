//! Formatting by template (PostgreSQL's section 9.8) and `format`. The templates of dates are in `formatting/dates.rs`,
//! those of numbers in `formatting/numbers.rs`; here are the kernels over columns. Names of months and days are English,
//! as with the C locale. A template is read once per call where it is a constant.

pub mod dates;
pub mod numbers;
pub mod sizes;

use arrow::{
    array::{Array, ArrayRef},
    compute::kernels::cast::cast,
    datatypes::DataType,
};

use crate::{
    calendar,
    casts::zone_argument,
    error::{FunctionError, FunctionErrorKind},
    kernels::{
        Date, Float4, Float8, Int8, Interval, Numeric, Text, Timestamp, map, map_nullable, map_text,
        map_text_nullable, result_scale, scale_of,
    },
    results::{TextColumn, check_length, out_of_memory},
    scalar::Arguments,
    strings::write_literal,
    text_input::rescale,
};
use dates::{DateTemplate, Fields, Moment, of_whole_text};
use numbers::NumberTemplate;

type Done = Result<ArrayRef, FunctionError>;

/// A template read once if it is a constant.
struct Templates<T> {
    constant: Option<T>,
    read: fn(&str) -> Result<T, FunctionError>,
}

impl<T> Templates<T> {
    fn of(
        arguments: &Arguments<'_>,
        index: usize,
        read: fn(&str) -> Result<T, FunctionError>,
    ) -> Result<Self, FunctionError> {
        let (texts, _) = arguments.typed::<arrow::array::StringViewArray>(index)?;
        let constant = arguments.is_constant(index) && texts.is_valid(0);
        Ok(Self { constant: constant.then(|| read(texts.value(0))).transpose()?, read })
    }

    fn with<R>(
        &self,
        text: &str,
        apply: impl FnOnce(&T) -> Result<R, FunctionError>,
    ) -> Result<R, FunctionError> {
        match &self.constant {
            Some(template) => apply(template),
            None => apply(&(self.read)(text)?),
        }
    }
}

/// `to_char(timestamp, text)`
pub fn to_char_timestamp(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, DateTemplate::read)?;
    map_text_nullable::<(Timestamp, Text)>(arguments, |(timestamp, text), out| {
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(None);
        }
        templates.with(text, |template| template.write(&Moment::of_timestamp(timestamp), out))
    })
}

/// `to_char(timestamptz, text)`, with the zone as a third argument.
pub fn to_char_timestamptz(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, DateTemplate::read)?;
    let zone = zone_argument(arguments, 2)?;
    map_text_nullable::<(Timestamp, Text)>(arguments, |(timestamp, text), out| {
        if calendar::is_infinite_timestamp(timestamp) {
            return Ok(None);
        }
        templates.with(text, |template| template.write(&Moment::in_zone(timestamp, zone), out))
    })
}

/// `to_char(interval, text)`
pub fn to_char_interval(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, DateTemplate::read)?;
    map_text_nullable::<(Interval, Text)>(arguments, |(interval, text), out| {
        templates.with(text, |template| template.write(&Moment::of_interval(interval), out))
    })
}

/// `to_date(text, text)`
pub fn to_date(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, DateTemplate::read)?;
    map::<(Text, Text), Date>(arguments, |(value, text)| {
        templates.with(text, |template| {
            let date = template.parse(value).and_then(Fields::into_date);
            date.map_err(|error| of_whole_text(error, value))
        })
    })
}

/// `to_timestamp(text, text)`, with the zone as a third argument.
pub fn to_timestamp(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, DateTemplate::read)?;
    let zone = zone_argument(arguments, 2)?;
    map::<(Text, Text), Timestamp>(arguments, |(value, text)| {
        templates.with(text, |template| {
            let moment = template.parse(value).and_then(|fields| fields.into_timestamp(zone));
            moment.map_err(|error| of_whole_text(error, value))
        })
    })
}

/// `to_char(numeric, text)`
pub fn to_char_numeric(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, NumberTemplate::read)?;
    let scale = scale_of(arguments, 0)?;
    map_text::<(Numeric, Text)>(arguments, |(value, text), out| {
        templates.with(text, |template| template.write_decimal(value, scale, out))
    })
}

/// `to_char(bigint, text)`
pub fn to_char_int8(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, NumberTemplate::read)?;
    map_text::<(Int8, Text)>(arguments, |(value, text), out| {
        templates.with(text, |template| template.write_decimal(value.into(), 0, out))
    })
}

/// `to_char(double precision, text)`
pub fn to_char_float8(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, NumberTemplate::read)?;
    map_text::<(Float8, Text)>(arguments, |(value, text), out| {
        templates.with(text, |template| template.write_float(value, 15, out))
    })
}

/// `to_char(real, text)`
pub fn to_char_float4(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, NumberTemplate::read)?;
    map_text::<(Float4, Text)>(arguments, |(value, text), out| {
        templates.with(text, |template| template.write_float(value.into(), 6, out))
    })
}

/// A constant text by a constant template, at the scale that it has: `None` is null.
pub fn number_of(value: &str, template: &str) -> Result<Option<(i128, i32)>, FunctionError> {
    let template = NumberTemplate::read(template)?;
    if template.is_empty() { Ok(None) } else { template.parse(value).map(Some) }
}

/// `to_number(text, text)`
pub fn to_number(arguments: &Arguments<'_>) -> Done {
    let templates = Templates::of(arguments, 1, NumberTemplate::read)?;
    let (_, scale) = result_scale(arguments)?;
    map_nullable::<(Text, Text), Numeric>(arguments, |(value, text)| {
        templates.with(text, |template| {
            if template.is_empty() {
                return Ok(None);
            }
            let (unscaled, from) = template.parse(value)?;
            rescale(unscaled, from, i32::from(scale)).map(Some).ok_or_else(FunctionError::numeric_overflow)
        })
    })
}

/// `format(text, …)`: arguments after the first are text already. `%s`, `%I`, `%L`, `%%`, `%n$s`, `-`, a width or `*`.
/// How `%I` quotes a name is the caller's knowledge of reserved words.
pub fn format(arguments: &Arguments<'_>, quote_identifier: fn(&str) -> String) -> Done {
    let mut texts = Vec::with_capacity(arguments.len());
    for index in 0..arguments.len() {
        texts.push(cast(&arguments.full_array(index)?, &DataType::Utf8View)?);
    }
    let columns: Vec<&arrow::array::StringViewArray> =
        texts.iter().filter_map(|array| array.as_any().downcast_ref()).collect();
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        let values: Vec<Option<&str>> =
            columns.iter().map(|column| column.is_valid(row).then(|| column.value(row))).collect();
        match values.split_first() {
            Some((Some(template), values)) => {
                out.clear();
                write_format(template, values, quote_identifier, &mut out)?;
                builder.append_value(&out)?;
            }
            _ => builder.append_null(),
        }
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

/// `format(template, VARIADIC array)`: template, list of texts.
pub fn format_array(arguments: &Arguments<'_>, quote_identifier: fn(&str) -> String) -> Done {
    let (templates, step) = arguments.typed::<arrow::array::StringViewArray>(0)?;
    let lists = crate::arrays::shape::Arrays::of(arguments.full_array(1)?.as_ref(), 1)?.lists;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        if templates.is_null(row * step) {
            builder.append_null();
            continue;
        }
        // A null array is no values.
        let values = if lists.is_null(row) { None } else { Some(lists.value(row)) };
        let values: Vec<Option<&str>> = values
            .as_ref()
            .and_then(|values| values.as_any().downcast_ref::<arrow::array::StringViewArray>())
            .map(|values| values.iter().collect())
            .unwrap_or_default();
        out.clear();
        write_format(templates.value(row * step), &values, quote_identifier, &mut out)?;
        builder.append_value(&out)?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

fn write_format(
    template: &str,
    values: &[Option<&str>],
    quote_identifier: fn(&str) -> String,
    out: &mut String,
) -> Result<(), FunctionError> {
    let too_few = || FunctionError::invalid_parameter("too few arguments for format()");
    let unterminated = || {
        FunctionError::invalid_parameter("unterminated format() type specifier")
            .with_detail("For a single \"%\" use \"%%\".")
    };
    let mut next = 0;
    let mut characters = template.chars().peekable();
    while let Some(one) = characters.next() {
        if one != '%' {
            out.push(one);
            continue;
        }
        if characters.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let number = |characters: &mut std::iter::Peekable<std::str::Chars<'_>>| {
            let mut value: Option<usize> = None;
            while let Some(digit) = characters.peek().and_then(|one| one.to_digit(10)) {
                characters.next();
                let digit = usize::try_from(digit).unwrap_or(0);
                value = Some(value.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            }
            value
        };
        let (mut width, mut left, mut index) = (None, false, None);
        if let Some(first) = number(&mut characters) {
            if characters.next_if_eq(&'$').is_some() {
                if first == 0 {
                    return Err(FunctionError::invalid_parameter(
                        "format specifies argument 0, but arguments are numbered from 1",
                    ));
                }
                index = Some(first - 1);
            } else {
                width = Some(first);
            }
        }
        while characters.next_if_eq(&'-').is_some() {
            left = true;
        }
        if characters.next_if_eq(&'*').is_some() {
            let from = match number(&mut characters) {
                Some(place) if characters.next_if_eq(&'$').is_some() => place.saturating_sub(1),
                Some(_) => {
                    return Err(FunctionError::invalid_parameter(
                        "width argument position must be ended by \"$\"",
                    ));
                }
                None => next,
            };
            let text = values.get(from).ok_or_else(too_few)?.unwrap_or("0");
            next = from + 1;
            let wide: i64 = crate::text_input::parse_int8(text)?;
            left |= wide < 0;
            width = usize::try_from(wide.unsigned_abs()).ok();
        } else if width.is_none() {
            width = number(&mut characters);
        }
        let kind = characters.next().ok_or_else(unterminated)?;
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(FunctionError::invalid_parameter(format!(
                "unrecognized format() type specifier \"{kind}\""
            ))
            .with_detail("For a single \"%\" use \"%%\"."));
        }
        let value = *values.get(index.unwrap_or(next)).ok_or_else(too_few)?;
        next = index.unwrap_or(next) + 1;
        let mut text = String::new();
        match (kind, value) {
            ('s', value) => text.push_str(value.unwrap_or("")),
            ('I', Some(value)) => text.push_str(&quote_identifier(value)),
            ('I', None) => {
                return Err(FunctionError::new(
                    FunctionErrorKind::NullValueNotAllowed,
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            (_, Some(value)) => write_literal(value, &mut text),
            (_, None) => text.push_str("NULL"),
        }
        let fill = width.unwrap_or(0).saturating_sub(text.chars().count());
        if fill > crate::results::VALUE_BYTES_MAX {
            return Err(FunctionError::invalid_parameter("number is out of range"));
        }
        check_length(out.len() + text.len() + fill)?;
        // At once and not more: growing it would take twice as much.
        out.try_reserve_exact(text.len() + fill).map_err(|_| out_of_memory(out.len() + fill))?;
        let (before, after) = if left { (0, fill) } else { (fill, 0) };
        out.extend(std::iter::repeat_n(' ', before));
        out.push_str(&text);
        out.extend(std::iter::repeat_n(' ', after));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write_format;

    fn quoted(name: &str) -> String {
        let mut out = String::new();
        crate::strings::write_identifier(name, &mut out);
        out
    }

    #[test]
    fn format_specifiers() {
        let cases: &[(&str, &[Option<&str>], &str)] = &[
            ("%s %I %L %%", &[Some("a"), Some("B c"), Some("d'e")], "a \"B c\" 'd''e' %"),
            ("%2$s %1$s", &[Some("a"), Some("b")], "b a"),
            ("%-5s|%5s|", &[Some("a"), Some("b")], "a    |    b|"),
            ("%s|%L", &[None, None], "|NULL"),
            ("%*s", &[Some("3"), Some("x")], "  x"),
        ];
        for (template, values, expected) in cases {
            let mut out = String::new();
            write_format(template, values, quoted, &mut out).expect(template);
            assert_eq!(out, *expected, "{template}");
        }
        assert!(write_format("%s", &[], quoted, &mut String::new()).is_err());
        assert!(write_format("%x", &[Some("a")], quoted, &mut String::new()).is_err());
    }
}
