//! `json` and `jsonb`. Both are held as text: `json` as it was given, `jsonb` normalised on the way in (keys sorted by
//! length and then by bytes, the last of equal keys kept, one blank after `:` and `,`), so that access, comparison for
//! equality and output need no other form.

pub mod arrays;
pub mod build;
pub mod edit;
mod order;
pub mod path;

use arrow::array::{Array, ArrayRef, AsArray};

pub use self::order::order_key;

use crate::{
    arrays::shape::{self, Arrays},
    error::{FunctionError, FunctionErrorKind},
    interrupt,
    kernels::{Int4, Text, map, map_bool, map_slice, map_text, map_text_nullable},
    results::{TextColumn, check_length, out_of_memory},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// How deep arrays and objects may nest.
const DEPTH_MAX: usize = 512;

/// A parsed value. Numbers and the whole of anything else are slices of the text that was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, in order, duplicates and all.
    Object(Vec<(String, Json<'a>)>),
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn error(&self) -> FunctionError {
        FunctionError::new(FunctionErrorKind::InvalidTextRepresentation, "invalid input syntax for type json")
            .with_detail(match self.text.get(self.at..).and_then(|rest| rest.chars().next()) {
                Some(_) => {
                    let token: String = self
                        .text
                        .get(self.at..)
                        .unwrap_or_default()
                        .chars()
                        .enumerate()
                        .take_while(|(index, one)| *index == 0 || one.is_alphanumeric())
                        .map(|(_, one)| one)
                        .collect();
                    format!("Token \"{token}\" is invalid.")
                }
                None => "The input string ended unexpectedly.".to_owned(),
            })
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), FunctionError> {
        self.blanks();
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(self.error())
        }
    }

    /// Takes the byte if it is next.
    fn takes(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> Result<(), FunctionError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.error())
        }
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, FunctionError> {
        if depth > DEPTH_MAX {
            return Err(FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, "json nests too deep"));
        }
        self.blanks();
        match self.peek() {
            Some(b'n') => self.word("null").map(|()| Json::Null),
            Some(b't') => self.word("true").map(|()| Json::Bool(true)),
            Some(b'f') => self.word("false").map(|()| Json::Bool(false)),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') => self.number().map(Json::Number),
            Some(b'[') => {
                let mut elements = Vec::new();
                self.each_element(|parser| {
                    elements.push(parser.value(depth + 1)?);
                    Ok(())
                })?;
                Ok(Json::Array(elements))
            }
            Some(b'{') => {
                let mut members = Vec::new();
                self.each_member(|parser, key| {
                    members.push((key, parser.value(depth + 1)?));
                    Ok(())
                })?;
                Ok(Json::Object(members))
            }
            _ => Err(self.error()),
        }
    }

    fn each_element(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), FunctionError>,
    ) -> Result<(), FunctionError> {
        self.expect(b'[')?;
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            each(self)?;
            if self.takes(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn each_member(
        &mut self,
        mut each: impl FnMut(&mut Self, String) -> Result<(), FunctionError>,
    ) -> Result<(), FunctionError> {
        self.expect(b'{')?;
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            self.blanks();
            if self.peek() != Some(b'"') {
                return Err(self.error());
            }
            let key = self.string()?;
            self.expect(b':')?;
            each(self, key)?;
            if self.takes(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    fn number(&mut self) -> Result<&'a str, FunctionError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let digits = |parser: &mut Self| -> Result<usize, FunctionError> {
            let start = parser.at;
            while matches!(parser.peek(), Some(b'0'..=b'9')) {
                parser.at += 1;
            }
            if parser.at == start { Err(parser.error()) } else { Ok(start) }
        };
        let whole = digits(self)?;
        if self.text.as_bytes().get(whole) == Some(&b'0') && self.at > whole + 1 {
            self.at = start;
            return Err(self.error());
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            digits(self)?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            digits(self)?;
        }
        self.text.get(start..self.at).ok_or_else(|| self.error())
    }

    fn string(&mut self) -> Result<String, FunctionError> {
        self.at += 1;
        let mut value = String::new();
        loop {
            let start = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            value.push_str(self.text.get(start..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(value);
                }
                Some(b'\\') => {
                    self.at += 1;
                    let escaped = self.peek().ok_or_else(|| self.error())?;
                    self.at += 1;
                    value.push(match escaped {
                        b'"' | b'\\' | b'/' => char::from(escaped),
                        b'b' => '\u{8}',
                        b'f' => '\u{c}',
                        b'n' => '\n',
                        b'r' => '\r',
                        b't' => '\t',
                        b'u' => self.escaped_character()?,
                        _ => return Err(self.error()),
                    });
                }
                _ => return Err(self.error()),
            }
        }
    }

    fn hex4(&mut self) -> Result<u32, FunctionError> {
        let digits = self.text.get(self.at..self.at + 4).ok_or_else(|| self.error())?;
        let value = u32::from_str_radix(digits, 16).map_err(|_| self.error())?;
        self.at += 4;
        Ok(value)
    }

    fn escaped_character(&mut self) -> Result<char, FunctionError> {
        let first = self.hex4()?;
        if (0xd800..0xdc00).contains(&first) {
            self.word("\\u")?;
            let second = self.hex4()?;
            if !(0xdc00..0xe000).contains(&second) {
                return Err(self.error());
            }
            let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            return char::from_u32(code).ok_or_else(|| self.error());
        }
        if first == 0 {
            return Err(FunctionError::new(
                FunctionErrorKind::UntranslatableCharacter,
                "unsupported Unicode escape sequence",
            )
            .with_detail("\\u0000 cannot be converted to text."));
        }
        char::from_u32(first).ok_or_else(|| self.error())
    }

    /// The text of the next value.
    fn raw(&mut self) -> Result<&'a str, FunctionError> {
        self.blanks();
        let start = self.at;
        self.value(0)?;
        self.text.get(start..self.at).ok_or_else(|| self.error())
    }
}

/// Parses a whole text.
pub fn parse(text: &str) -> Result<Json<'_>, FunctionError> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(0)?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.error()) } else { Ok(value) }
}

/// `json`: the text as it is, if it is sound.
pub fn check(text: &str) -> Result<&str, FunctionError> {
    parse(text).map(|_| text)
}

/// `jsonb`: the text in its normal form.
pub fn normalise(text: &str) -> Result<String, FunctionError> {
    let mut out = String::with_capacity(text.len());
    write_normal(parse(text)?, &mut out)?;
    Ok(out)
}

fn write_normal(value: Json<'_>, out: &mut String) -> Result<(), FunctionError> {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        Json::Number(text) => match crate::text_input::parse_decimal(text) {
            Ok(decimal) => {
                let mut digits = Vec::new();
                crate::text_output::write_numeric(decimal.unscaled, decimal.scale, &mut digits);
                out.push_str(&String::from_utf8_lossy(&digits));
            }
            // Beyond 38 digits the number stays as it is written.
            Err(_) => out.push_str(text),
        },
        Json::String(text) => write_string(&text, out),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_normal(element, out)?;
            }
            out.push(']');
        }
        Json::Object(members) => {
            let members = members_in_order(members);
            out.push('{');
            for (index, (key, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_string(&key, out);
                out.push_str(": ");
                write_normal(value, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Members as `jsonb` keeps them: by the length of the key and then its bytes, the last of equal keys.
fn members_in_order(members: Vec<(String, Json<'_>)>) -> Vec<(String, Json<'_>)> {
    let mut members: Vec<_> = members.into_iter().enumerate().collect();
    members.sort_by(|(one_at, (one, _)), (two_at, (two, _))| {
        (one.len(), one.as_bytes(), two_at).cmp(&(two.len(), two.as_bytes(), one_at))
    });
    members.dedup_by(|(_, (later, _)), (_, (kept, _))| later == kept);
    members.into_iter().map(|(_, member)| member).collect()
}

/// A string between quotes, escaped as PostgreSQL does.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for one in text.chars() {
        match one {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// The text of a member of an object: the last one of that key.
fn member<'a>(text: &'a str, key: &str) -> Result<Option<&'a str>, FunctionError> {
    let mut parser = Parser { text, at: 0 };
    parser.blanks();
    if parser.peek() != Some(b'{') {
        return Ok(None);
    }
    let mut found = None;
    parser.each_member(|parser, name| {
        let value = parser.raw()?;
        if name == key {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

/// The text of an element of an array; a negative index counts from the end.
fn element(text: &str, index: i64) -> Result<Option<&str>, FunctionError> {
    let Some(elements) = elements(text)? else { return Ok(None) };
    let count = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    let index = if index < 0 { count + index } else { index };
    Ok(usize::try_from(index).ok().and_then(|index| elements.get(index).copied()))
}

/// The texts of the elements of an array; `None` for anything else.
pub fn elements(text: &str) -> Result<Option<Vec<&str>>, FunctionError> {
    let mut parser = Parser { text, at: 0 };
    parser.blanks();
    if parser.peek() != Some(b'[') {
        return Ok(None);
    }
    let mut elements = Vec::new();
    parser.each_element(|parser| {
        elements.push(parser.raw()?);
        Ok(())
    })?;
    Ok(Some(elements))
}

/// Keys and texts of the members of an object; `None` for anything else.
pub fn raw_members(text: &str) -> Result<Option<Vec<(String, &str)>>, FunctionError> {
    let mut parser = Parser { text, at: 0 };
    parser.blanks();
    if parser.peek() != Some(b'{') {
        return Ok(None);
    }
    let mut members = Vec::new();
    parser.each_member(|parser, name| {
        members.push((name, parser.raw()?));
        Ok(())
    })?;
    Ok(Some(members))
}

/// A value's text as `->>` gives it: a string without its quotes, null as null.
fn as_text(raw: &str, out: &mut String) -> Result<Option<()>, FunctionError> {
    match raw.as_bytes().first() {
        Some(b'"') => match parse(raw)? {
            Json::String(text) => out.push_str(&text),
            _ => out.push_str(raw),
        },
        Some(b'n') => return Ok(None),
        _ => out.push_str(raw),
    }
    Ok(Some(()))
}

fn as_raw(raw: Option<&str>, out: &mut String) -> Option<()> {
    raw.map(|raw| out.push_str(raw))
}

/// text → `json`
pub fn text_to_json(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text,)>(arguments, |(text,)| check(text))
}

/// text or `json` → `jsonb`
pub fn json_to_jsonb(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| write_normal(parse(text)?, out))
}

/// `json -> text`
pub fn get_member(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text, Text)>(arguments, |(text, key), out| Ok(as_raw(member(text, key)?, out)))
}

/// `json ->> text`
pub fn get_member_text(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text, Text)>(arguments, |(text, key), out| match member(text, key)? {
        Some(raw) => as_text(raw, out),
        None => Ok(None),
    })
}

/// `json -> integer`
pub fn get_element(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text, Int4)>(arguments, |(text, index), out| {
        Ok(as_raw(element(text, index.into())?, out))
    })
}

/// `json ->> integer`
pub fn get_element_text(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text, Int4)>(arguments, |(text, index), out| match element(text, index.into())? {
        Some(raw) => as_text(raw, out),
        None => Ok(None),
    })
}

/// `jsonb -> integer`: a scalar is the only element of itself.
pub fn get_element_of_scalar(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text, Int4)>(arguments, |(text, index), out| {
        Ok(as_raw(element_of_scalar(text, index.into())?, out))
    })
}

/// `jsonb ->> integer`
pub fn get_element_of_scalar_text(arguments: &Arguments<'_>) -> Done {
    map_text_nullable::<(Text, Int4)>(arguments, |(text, index), out| {
        match element_of_scalar(text, index.into())? {
            Some(raw) => as_text(raw, out),
            None => Ok(None),
        }
    })
}

fn element_of_scalar(text: &str, index: i64) -> Result<Option<&str>, FunctionError> {
    match text.as_bytes().first() {
        Some(b'[' | b'{') => element(text, index),
        _ => Ok((index == 0 || index == -1).then_some(text)),
    }
}

fn follow<'a>(text: &'a str, path: &ArrayRef) -> Result<Option<&'a str>, FunctionError> {
    let Some(path) = path.as_string_view_opt() else { return Ok(None) };
    let mut at = text;
    for step in path.iter() {
        let Some(step) = step else { return Ok(None) };
        let next = match at.trim_start().as_bytes().first() {
            Some(b'[') => match step.parse::<i64>() {
                Ok(index) => element(at, index)?,
                Err(_) => None,
            },
            _ => member(at, step)?,
        };
        match next {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn at_path(arguments: &Arguments<'_>, text_wanted: bool) -> Done {
    let path = arguments.full_array(1)?;
    let paths =
        path.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("a path must be an array"))?.clone();
    let mut row = 0;
    let nulls = arguments.nulls();
    // The loop calls back for rows without nulls only; this keeps step with it.
    map_text_nullable::<(Text,)>(arguments, |(text,), out| {
        while nulls.is_null(row) {
            row += 1;
        }
        let path = paths.value(row);
        row += 1;
        match follow(text, &path)? {
            Some(raw) if text_wanted => as_text(raw, out),
            found => Ok(as_raw(found, out)),
        }
    })
}

/// `json #> text[]`
pub fn get_path(arguments: &Arguments<'_>) -> Done {
    at_path(arguments, false)
}

/// `json #>> text[]`
pub fn get_path_text(arguments: &Arguments<'_>) -> Done {
    at_path(arguments, true)
}

/// `json_array_length`
pub fn array_length(arguments: &Arguments<'_>) -> Done {
    map::<(Text,), Int4>(arguments, |(text,)| match parse(text)? {
        Json::Array(elements) => {
            i32::try_from(elements.len()).map_err(|_| FunctionError::out_of_range("integer"))
        }
        Json::Object(_) => Err(FunctionError::invalid_parameter("cannot get array length of a non-array")),
        _ => Err(FunctionError::invalid_parameter("cannot get array length of a scalar")),
    })
}

/// `json_typeof`
pub fn type_of(arguments: &Arguments<'_>) -> Done {
    map_slice::<(Text,)>(arguments, |(text,)| {
        Ok(match parse(text)? {
            Json::Null => "null",
            Json::Bool(_) => "boolean",
            Json::Number(_) => "number",
            Json::String(_) => "string",
            Json::Array(_) => "array",
            Json::Object(_) => "object",
        })
    })
}

fn cannot_cast(value: &Json<'_>, type_name: &str) -> FunctionError {
    let shape = match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "numeric",
        Json::String(_) => "string",
        Json::Array(_) | Json::Object(_) => "array or object",
    };
    FunctionError::invalid_parameter(format!("cannot cast jsonb {shape} to type {type_name}"))
}

/// `jsonb` → the text of the number that it is: value, the name of the type that is wanted
pub fn number_text(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Text)>(arguments, |(text, type_name), out| match parse(text)? {
        Json::Number(number) => {
            out.push_str(number);
            Ok(())
        }
        other => Err(cannot_cast(&other, type_name)),
    })
}

/// `jsonb` → `boolean`
pub fn to_bool(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Text,)>(arguments, |(text,)| match parse(text)? {
        Json::Bool(value) => Ok(value),
        other => Err(cannot_cast(&other, "boolean")),
    })
}

/// Whether one value contains another (`@>`): each of the one is looked for in all of the other.
fn contains(outer: &Json<'_>, inner: &Json<'_>, top: bool) -> Result<bool, FunctionError> {
    let any = |held: &[Json<'_>], wanted: &Json<'_>| -> Result<bool, FunctionError> {
        interrupt::check()?;
        for held in held {
            if contains(held, wanted, false)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match (outer, inner) {
        (Json::Object(outer), Json::Object(inner)) => {
            for (key, value) in inner {
                interrupt::check()?;
                let Some((_, held)) = outer.iter().find(|(name, _)| name == key) else { return Ok(false) };
                if !contains(held, value, false)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Json::Array(outer), Json::Array(inner)) => {
            for value in inner {
                if !any(outer, value)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Json::Array(outer), scalar) if top && !matches!(scalar, Json::Object(_)) => any(outer, scalar),
        (Json::Number(one), Json::Number(two)) => Ok(one == two || order::same_number(one, two)),
        (one, two) => Ok(one == two),
    }
}

/// `jsonb @> jsonb`
pub fn jsonb_contains(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Text, Text)>(arguments, |(outer, inner)| contains(&parse(outer)?, &parse(inner)?, true))
}

/// `jsonb ? text`
pub fn jsonb_exists(arguments: &Arguments<'_>) -> Done {
    map_bool::<(Text, Text)>(arguments, |(text, key)| Ok(has_key(&parse(text)?, key)))
}

fn exists_several(arguments: &Arguments<'_>, all: bool) -> Done {
    let lists = arguments.full_array(1)?;
    let lists = lists.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("keys must be a list"))?;
    let nulls = arguments.nulls();
    let mut rows = (0..arguments.rows).filter(|row| !nulls.is_null(*row));
    map_bool::<(Text,)>(arguments, |(text,)| {
        let keys = lists.value(rows.next().unwrap_or(0));
        let value = parse(text)?;
        for key in keys.as_string_view().iter().flatten() {
            interrupt::check()?;
            if has_key(&value, key) != all {
                return Ok(!all);
            }
        }
        Ok(all)
    })
}

/// `jsonb ?| text[]`
pub fn jsonb_exists_any(arguments: &Arguments<'_>) -> Done {
    exists_several(arguments, false)
}

/// `jsonb ?& text[]`
pub fn jsonb_exists_all(arguments: &Arguments<'_>) -> Done {
    exists_several(arguments, true)
}

fn has_key(value: &Json<'_>, key: &str) -> bool {
    match value {
        Json::Object(members) => members.iter().any(|(name, _)| name == key),
        Json::Array(elements) => {
            elements.iter().any(|held| matches!(held, Json::String(held) if held == key))
        }
        Json::String(held) => held == key,
        _ => false,
    }
}

/// A text as a json string: `to_json(text)`.
pub fn quote(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| {
        write_string(text, out);
        Ok(())
    })
}

/// A float's text as json: what is no number is between quotes.
pub fn float(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| {
        if text.ends_with(|last: char| last.is_ascii_digit()) {
            out.push_str(text);
        } else {
            write_string(text, out);
        }
        Ok(())
    })
}

/// A timestamp's text as json has it: with a `T`.
pub fn quote_timestamp(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| {
        out.push('"');
        out.push_str(&text.replacen(' ', "T", 1));
        // ISO 8601 wants minutes in the offset.
        let zone_at = text.rfind(['+', '-']).filter(|at| *at > 10);
        if zone_at.is_some_and(|at| text.len() - at == 3) {
            out.push_str(":00");
        }
        out.push('"');
        Ok(())
    })
}

/// `to_json` of an array whose elements are json already, in the brackets of its dimensions.
pub fn array_to_json(arguments: &Arguments<'_>) -> Done {
    let arrays = Arrays::of(arguments.full_array(0)?.as_ref(), 1)?;
    let parts = arrays
        .lists
        .values()
        .as_string_view_opt()
        .ok_or_else(|| FunctionError::internal("to_json wants texts of json here"))?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = Vec::new();
    for row in 0..arguments.rows {
        if arrays.lists.is_null(row) {
            builder.append_null();
            continue;
        }
        out.clear();
        let start = arrays.range(row).start;
        shape::write_nested(&arrays.dimensions(row), [b"[", b",", b"]"], &mut out, &mut |number, out| {
            let at = start + number;
            out.extend_from_slice(if parts.is_null(at) { b"null" } else { parts.value(at).as_bytes() });
            check_length(out.len())
        })?;
        builder.append_value(String::from_utf8_lossy(&out))?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

/// Joins values that are json already: `{"k" : v, …}` of `json_build_object`, keys and values in turn. Nulls among the
/// values are json's null; a null key is an error.
pub fn build_object(arguments: &Arguments<'_>) -> Done {
    let columns: Vec<_> = (0..arguments.len())
        .map(|index| arguments.typed::<arrow::array::StringViewArray>(index))
        .collect::<Result<_, _>>()?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        out.clear();
        out.push('{');
        for (index, pair) in columns.chunks(2).enumerate() {
            let [(keys, key_step), (values, value_step)] = pair else {
                return Err(FunctionError::invalid_parameter(
                    "argument list must have even number of elements",
                ));
            };
            if index > 0 {
                out.push_str(", ");
            }
            if keys.is_null(row * key_step) {
                return Err(FunctionError::invalid_parameter(format!(
                    "argument {}: key must not be null",
                    index * 2 + 1
                )));
            }
            write_string(keys.value(row * key_step), &mut out);
            out.push_str(" : ");
            let at = row * value_step;
            out.push_str(if values.is_null(at) { "null" } else { values.value(at) });
        }
        out.push('}');
        builder.append_value(&out)?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

/// `json_build_array` of values that are json already.
pub fn build_array(arguments: &Arguments<'_>) -> Done {
    let columns: Vec<_> = (0..arguments.len())
        .map(|index| arguments.typed::<arrow::array::StringViewArray>(index))
        .collect::<Result<_, _>>()?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        out.clear();
        out.push('[');
        for (index, (values, step)) in columns.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            let at = row * step;
            out.push_str(if values.is_null(at) { "null" } else { values.value(at) });
        }
        out.push(']');
        builder.append_value(&out)?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

/// `"key" : value` of `json_object_agg`: key, value that is json already. Called for nulls too.
pub fn member_text(arguments: &Arguments<'_>) -> Done {
    let (keys, key_step) = arguments.typed::<arrow::array::StringViewArray>(0)?;
    let (values, value_step) = arguments.typed::<arrow::array::StringViewArray>(1)?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..arguments.rows {
        if keys.is_null(row * key_step) {
            return Err(FunctionError::invalid_parameter("field name must not be null"));
        }
        out.clear();
        write_string(keys.value(row * key_step), &mut out);
        out.push_str(" : ");
        let at = row * value_step;
        out.push_str(if values.is_null(at) { "null" } else { values.value(at) });
        builder.append_value(&out)?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

fn joined(arguments: &Arguments<'_>, between: &str, open: &str, close: &str) -> Done {
    let array = arguments.full_array(0)?;
    let lists = array.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("a list is wanted here"))?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    let mut out = String::new();
    for row in 0..lists.len() {
        if lists.is_null(row) {
            builder.append_null();
            continue;
        }
        let parts = lists.value(row);
        let parts = || parts.as_string_view().iter().map(|part| part.unwrap_or("null"));
        let length = parts().map(|part| part.len() + between.len()).sum::<usize>() + open.len() + close.len();
        check_length(length)?;
        out.clear();
        out.try_reserve_exact(length).map_err(|_| out_of_memory(length))?;
        out.push_str(open);
        for (index, part) in parts().enumerate() {
            if index > 0 {
                out.push_str(between);
            }
            out.push_str(part);
        }
        out.push_str(close);
        builder.append_value(&out)?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

/// A list of json texts, separator → one json array: the end of `json_agg`.
pub fn array_of_elements(arguments: &Arguments<'_>) -> Done {
    let (between, _) = arguments.typed::<arrow::array::StringViewArray>(1)?;
    joined(arguments, between.value(0), "[", "]")
}

/// A list of members → one json object: the end of `json_object_agg`.
pub fn object_of_members(arguments: &Arguments<'_>) -> Done {
    joined(arguments, ", ", "{ ", " }")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jsonb_has_one_form() {
        assert_eq!(
            normalise(r#" {"bb":1.50, "a" : [1e2,null,"\u00e5\n"], "a":true} "#).unwrap(),
            r#"{"a": true, "bb": 1.50}"#
        );
        assert_eq!(normalise("[]").unwrap(), "[]");
        for text in ["", "{", "[1,]", "{a:1}", "01", "1 2", "\"\\x\"", "nul"] {
            assert_eq!(parse(text).unwrap_err().kind, FunctionErrorKind::InvalidTextRepresentation, "{text}");
        }
    }

    #[test]
    fn access() {
        let text = r#"{"a": {"b": [10, "x", null]}, "a2": 1}"#;
        assert_eq!(member(text, "a").unwrap(), Some(r#"{"b": [10, "x", null]}"#));
        assert_eq!(member(text, "z").unwrap(), None);
        assert_eq!(element("[1, 2, 3]", -1).unwrap(), Some("3"));
        assert_eq!(element("{}", 0).unwrap(), None);
        let mut out = String::new();
        assert_eq!(as_text("\"x\\ty\"", &mut out).unwrap(), Some(()));
        assert_eq!(out, "x\ty");
    }

    #[test]
    fn containment() {
        let holds = |outer: &str, inner: &str| {
            contains(&parse(outer).unwrap(), &parse(inner).unwrap(), true).unwrap()
        };
        assert!(holds(r#"{"a":1,"b":{"c":2}}"#, r#"{"b":{"c":2}}"#));
        assert!(holds("[1,2,[3]]", "[2]"));
        assert!(holds("[1,2]", "1"));
        assert!(!holds("[1,[2]]", "[[3]]"));
    }
}
