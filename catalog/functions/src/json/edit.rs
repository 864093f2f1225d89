//! What makes one `jsonb` of another: `||`, `-`, `#-`, `jsonb_set`, `jsonb_insert`, `jsonb_strip_nulls`, `jsonb_pretty`.

use std::collections::HashSet;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, StringViewArray};

use super::{Json, members_in_order, parse, write_normal, write_string};
use crate::{
    arrays::shape::Arrays,
    error::{FunctionError, FunctionErrorKind},
    kernels::{Int4, Text, TextArgument, map_text, text_rows},
    results::TextColumn,
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// Where nothing is, PostgreSQL does not look at the path.
fn is_empty(value: &Json<'_>) -> bool {
    match value {
        Json::Array(elements) => elements.is_empty(),
        Json::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn is_scalar(value: &Json<'_>) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

fn as_elements(value: Json<'_>) -> Vec<Json<'_>> {
    match value {
        Json::Array(elements) => elements,
        other => vec![other],
    }
}

/// `jsonb || jsonb`
pub fn concat(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Text)>(arguments, |(left, right), out| {
        let joined = match (parse(left)?, parse(right)?) {
            (Json::Object(mut members), Json::Object(more)) => {
                members.extend(more);
                Json::Object(members)
            }
            (left, right) => {
                let mut elements = as_elements(left);
                elements.extend(as_elements(right));
                Json::Array(elements)
            }
        };
        write_normal(joined, out)
    })
}

fn cannot_delete() -> FunctionError {
    FunctionError::invalid_parameter("cannot delete from scalar")
}

fn without_keys<'a>(value: Json<'a>, keys: &HashSet<&str>) -> Result<Json<'a>, FunctionError> {
    match value {
        Json::Object(mut members) => {
            members.retain(|(name, _)| !keys.contains(name.as_str()));
            Ok(Json::Object(members))
        }
        Json::Array(mut elements) => {
            elements.retain(|element| !matches!(element, Json::String(text) if keys.contains(text.as_str())));
            Ok(Json::Array(elements))
        }
        _ => Err(cannot_delete()),
    }
}

/// `jsonb - text`
pub fn delete_key(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Text)>(arguments, |(text, key), out| {
        write_normal(without_keys(parse(text)?, &HashSet::from([key]))?, out)
    })
}

/// `jsonb - integer`
pub fn delete_element(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text, Int4)>(arguments, |(text, index), out| match parse(text)? {
        Json::Array(mut elements) => {
            if let Some(at) = place(index.into(), elements.len()) {
                elements.remove(at);
            }
            write_normal(Json::Array(elements), out)
        }
        Json::Object(_) => {
            Err(FunctionError::invalid_parameter("cannot delete from object using integer index"))
        }
        _ => Err(cannot_delete()),
    })
}

/// An index of an array, from its end if negative.
fn place(index: i64, length: usize) -> Option<usize> {
    let length_signed = i64::try_from(length).ok()?;
    let index = if index < 0 { length_signed + index } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

/// The texts of a row's list.
fn texts_of(lists: &Arrays, row: usize) -> Result<StringViewArray, FunctionError> {
    let range = lists.range(row);
    lists
        .elements()
        .as_string_view_opt()
        .map(|texts| texts.slice(range.start, range.len()))
        .ok_or_else(|| FunctionError::internal("a list of texts is wanted here"))
}

/// `jsonb - text[]`
pub fn delete_keys(arguments: &Arguments<'_>) -> Done {
    let (targets, lists) = (TextArgument::of(arguments, 0)?, Arrays::argument(arguments, 1, 1)?);
    text_rows(arguments, |row, out| {
        let keys = texts_of(&lists, row)?;
        let keys: HashSet<&str> = keys.iter().flatten().collect();
        write_normal(without_keys(parse(targets.get(row))?, &keys)?, out)
    })
}

/// What is done at the end of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// `#-`
    Delete,
    /// `jsonb_set` where the key is there, and where `create` says so elsewhere
    Set { create: bool },
    /// `jsonb_insert`
    Insert { after: bool },
}

fn path_of(path: &StringViewArray) -> Result<Vec<&str>, FunctionError> {
    path.iter()
        .enumerate()
        .map(|(index, step)| {
            step.ok_or_else(|| {
                FunctionError::new(
                    FunctionErrorKind::NullValueNotAllowed,
                    format!("path element at position {} is null", index + 1),
                )
            })
        })
        .collect()
}

fn edit<'a>(
    value: Json<'a>,
    path: &[&str],
    depth: usize,
    action: Action,
    new: &Json<'a>,
) -> Result<Json<'a>, FunctionError> {
    let Some(step) = path.get(depth) else { return Ok(value) };
    let is_last = depth + 1 == path.len();
    match value {
        Json::Object(members) => {
            let mut members = members_in_order(members);
            let at = members.iter().position(|(name, _)| name == step);
            match (at, is_last) {
                (Some(at), true) => match action {
                    Action::Delete => {
                        members.remove(at);
                    }
                    Action::Set { .. } => {
                        if let Some((_, held)) = members.get_mut(at) {
                            *held = new.clone();
                        }
                    }
                    Action::Insert { .. } => {
                        return Err(FunctionError::invalid_parameter("cannot replace existing key")
                            .with_hint("Try using the function jsonb_set to replace key value."));
                    }
                },
                (Some(at), false) => {
                    if let Some((_, held)) = members.get_mut(at) {
                        *held = edit(std::mem::replace(held, Json::Null), path, depth + 1, action, new)?;
                    }
                }
                (None, true) if matches!(action, Action::Set { create: true } | Action::Insert { .. }) => {
                    members.push(((*step).to_owned(), new.clone()));
                }
                (None, _) => {}
            }
            Ok(Json::Object(members))
        }
        Json::Array(mut elements) => {
            let index: i64 = step.trim().parse().map_err(|_| {
                FunctionError::new(
                    FunctionErrorKind::InvalidTextRepresentation,
                    format!("path element at position {} is not an integer: \"{step}\"", depth + 1),
                )
            })?;
            let at = place(index, elements.len());
            match (at, is_last) {
                (Some(at), true) => match action {
                    Action::Delete => {
                        elements.remove(at);
                    }
                    Action::Set { .. } => {
                        if let Some(held) = elements.get_mut(at) {
                            *held = new.clone();
                        }
                    }
                    Action::Insert { after } => elements.insert(at + usize::from(after), new.clone()),
                },
                (Some(at), false) => {
                    if let Some(held) = elements.get_mut(at) {
                        *held = edit(std::mem::replace(held, Json::Null), path, depth + 1, action, new)?;
                    }
                }
                (None, true) if matches!(action, Action::Set { create: true } | Action::Insert { .. }) => {
                    let at = if index < 0 { 0 } else { elements.len() };
                    elements.insert(at, new.clone());
                }
                (None, _) => {}
            }
            Ok(Json::Array(elements))
        }
        scalar => Ok(scalar),
    }
}

/// `jsonb #- text[]`
pub fn delete_path(arguments: &Arguments<'_>) -> Done {
    let (targets, lists) = (TextArgument::of(arguments, 0)?, Arrays::argument(arguments, 1, 1)?);
    text_rows(arguments, |row, out| {
        let path = texts_of(&lists, row)?;
        let value = parse(targets.get(row))?;
        if is_scalar(&value) {
            return Err(FunctionError::invalid_parameter("cannot delete path in scalar"));
        }
        if is_empty(&value) {
            return write_normal(value, out);
        }
        write_normal(edit(value, &path_of(&path)?, 0, Action::Delete, &Json::Null)?, out)
    })
}

fn changed(arguments: &Arguments<'_>, action: impl Fn(bool) -> Action) -> Done {
    let (targets, news) = (TextArgument::of(arguments, 0)?, TextArgument::of(arguments, 1)?);
    let (flags, flag_step) = arguments.typed::<BooleanArray>(2)?;
    let lists = Arrays::argument(arguments, 3, 1)?;
    text_rows(arguments, |row, out| {
        let path = texts_of(&lists, row)?;
        let value = parse(targets.get(row))?;
        if is_scalar(&value) {
            return Err(FunctionError::invalid_parameter("cannot set path in scalar"));
        }
        let new = parse(news.get(row))?;
        let action = action(flags.value(row * flag_step));
        write_normal(edit(value, &path_of(&path)?, 0, action, &new)?, out)
    })
}

/// `jsonb_set`: target, new value, whether to create, path
pub fn set(arguments: &Arguments<'_>) -> Done {
    changed(arguments, |create| Action::Set { create })
}

/// `jsonb_insert`: target, new value, whether after, path
pub fn insert(arguments: &Arguments<'_>) -> Done {
    changed(arguments, |after| Action::Insert { after })
}

/// `jsonb_set_lax`: target, path, new value, whether to create, what a null new value does. Called for nulls too.
pub fn set_lax(arguments: &Arguments<'_>) -> Done {
    let texts = |index: usize| arguments.typed::<StringViewArray>(index);
    let (targets, target_step) = texts(0)?;
    let (news, new_step) = texts(2)?;
    let (creates, create_step) = arguments.typed::<BooleanArray>(3)?;
    let (treatments, treatment_step) = texts(4)?;
    let paths = arguments.full_array(1)?;
    let paths = paths.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("a path must be a list"))?;
    let mut builder = TextColumn::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        let (target, create) = (row * target_step, row * create_step);
        if targets.is_null(target) || paths.is_null(row) || creates.is_null(create) {
            builder.append_null();
            continue;
        }
        let treatment = row * treatment_step;
        let treatment = (!treatments.is_null(treatment)).then(|| treatments.value(treatment));
        let at = row * new_step;
        // Any word will do where the new value is not null.
        let known = |treatment: &&str| {
            !news.is_null(at)
                || ["raise_exception", "use_json_null", "delete_key", "return_target"].contains(treatment)
        };
        let Some(treatment) = treatment.filter(known) else {
            return Err(FunctionError::invalid_parameter(
                "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or \"raise_exception\"",
            ));
        };
        let path = paths.value(row);
        let path =
            path.as_string_view_opt().ok_or_else(|| FunctionError::internal("a path of texts is wanted"))?;
        let value = parse(targets.value(target))?;
        if is_scalar(&value) {
            return Err(FunctionError::invalid_parameter("cannot set path in scalar"));
        }
        let set = Action::Set { create: creates.value(create) };
        let done = match (news.is_null(at), treatment) {
            (false, _) => edit(value, &path_of(path)?, 0, set, &parse(news.value(at))?)?,
            (true, "return_target") => value,
            (true, "delete_key") => edit(value, &path_of(path)?, 0, Action::Delete, &Json::Null)?,
            (true, "use_json_null") => edit(value, &path_of(path)?, 0, set, &Json::Null)?,
            (true, _) => {
                return Err(FunctionError::new(
                    FunctionErrorKind::NullValueNotAllowed,
                    "JSON value must not be null",
                )
                .with_detail("Exception was raised because null_value_treatment is \"raise_exception\".")
                .with_hint("To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed."));
            }
        };
        let mut out = String::new();
        write_normal(done, &mut out)?;
        builder.append_value(&out)?;
    }
    Ok(std::sync::Arc::new(builder.finish()))
}

fn stripped(value: Json<'_>) -> Json<'_> {
    match value {
        Json::Object(members) => Json::Object(
            members
                .into_iter()
                .filter(|(_, value)| *value != Json::Null)
                .map(|(name, value)| (name, stripped(value)))
                .collect(),
        ),
        Json::Array(elements) => Json::Array(elements.into_iter().map(stripped).collect()),
        other => other,
    }
}

/// `jsonb_strip_nulls`
pub fn strip_nulls_binary(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| write_normal(stripped(parse(text)?), out))
}

/// `json_strip_nulls`: without blanks, the members as they are written.
pub fn strip_nulls(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| {
        write_compact(&stripped(parse(text)?), out);
        Ok(())
    })
}

fn write_compact(value: &Json<'_>, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Json::Number(text) => out.push_str(text),
        Json::String(text) => write_string(text, out),
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_compact(element, out);
            }
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write_compact(value, out);
            }
            out.push('}');
        }
    }
}

/// `jsonb_pretty`
pub fn pretty(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| write_pretty(parse(text)?, 0, out))
}

fn write_pretty(value: Json<'_>, level: usize, out: &mut String) -> Result<(), FunctionError> {
    let new_line = |level: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', level * 4));
    };
    match value {
        Json::Array(elements) => {
            out.push('[');
            for (index, element) in elements.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                new_line(level + 1, out);
                write_pretty(element, level + 1, out)?;
            }
            new_line(level, out);
            out.push(']');
        }
        Json::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members_in_order(members).into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                new_line(level + 1, out);
                write_string(&name, out);
                out.push_str(": ");
                write_pretty(value, level + 1, out)?;
            }
            new_line(level, out);
            out.push('}');
        }
        scalar => write_normal(scalar, out)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(text: &str, path: &[&str], action: Action, new: &str) -> String {
        let mut out = String::new();
        write_normal(edit(parse(text).unwrap(), path, 0, action, &parse(new).unwrap()).unwrap(), &mut out)
            .unwrap();
        out
    }

    #[test]
    fn paths_are_edited() {
        let set = Action::Set { create: true };
        assert_eq!(done(r#"{"a":{"b":1}}"#, &["a", "b"], set, "2"), r#"{"a": {"b": 2}}"#);
        assert_eq!(done("[1,2]", &["-5"], set, "0"), "[0, 1, 2]");
        assert_eq!(done("[1,2]", &["9"], Action::Set { create: false }, "0"), "[1, 2]");
        assert_eq!(done("[1,2]", &["0"], Action::Insert { after: true }, "9"), "[1, 9, 2]");
        assert_eq!(done(r#"{"a":[1,2]}"#, &["a", "-1"], Action::Delete, "null"), r#"{"a": [1]}"#);
    }
}
