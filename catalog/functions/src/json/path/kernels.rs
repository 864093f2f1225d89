//! The functions of SQL over paths. All take target, path, variables and whether errors are silent; where a zone may be
//! used, its name and its offset now follow. A null among them makes the result null (of a set: no rows).

use std::{rc::Rc, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, BooleanBuilder, Int32Array, ListArray, StringViewArray},
    buffer::OffsetBuffer,
    datatypes::DataType,
};

use super::{
    Path,
    datetime::Zone,
    evaluator::{Evaluator, Trouble, quietly},
    values::Value,
};
use crate::{
    calendar,
    error::{FunctionError, FunctionErrorKind},
    interrupt,
    json::{Json, parse},
    kernels::{Text, map_text},
    results::TextColumn,
    scalar::{Arguments, Nulls},
};

type Done = Result<ArrayRef, FunctionError>;

/// text → `jsonpath`
pub fn text_to_path(arguments: &Arguments<'_>) -> Done {
    map_text::<(Text,)>(arguments, |(text,), out| {
        out.push_str(&super::normalise(text)?);
        Ok(())
    })
}

/// The arguments of a call.
struct Call<'a> {
    targets: (&'a StringViewArray, usize),
    paths: (&'a StringViewArray, usize),
    variables: (&'a StringViewArray, usize),
    silent: (&'a BooleanArray, usize),
    zone: Option<Zone>,
    nulls: Nulls,
    rows: usize,
    /// The path that was parsed last.
    path: Option<(&'a str, Rc<Path>)>,
}

/// A row without nulls.
struct Row<'a> {
    target: Json<'a>,
    path: Rc<Path>,
    variables: Json<'a>,
    is_silent: bool,
    zone: Option<Zone>,
}

impl<'a> Call<'a> {
    fn of(arguments: &'a Arguments<'_>) -> Result<Self, FunctionError> {
        let zone = if arguments.len() > 4 {
            let (name, _) = arguments.typed::<StringViewArray>(4)?;
            let (offset, _) = arguments.typed::<Int32Array>(5)?;
            let zone = calendar::zone_by_name(name.value(0)).unwrap_or(chrono_tz::Tz::UTC);
            Some(Zone { zone, offset: offset.value(0).into() })
        } else {
            None
        };
        Ok(Self {
            targets: arguments.typed(0)?,
            paths: arguments.typed(1)?,
            variables: arguments.typed(2)?,
            silent: arguments.typed(3)?,
            zone,
            nulls: arguments.nulls(),
            rows: arguments.rows,
            path: None,
        })
    }

    /// A row, if nothing in it is null.
    fn row(&mut self, row: usize) -> Result<Option<Row<'a>>, FunctionError> {
        interrupt::check()?;
        if self.nulls.is_null(row) {
            return Ok(None);
        }
        let text_of = |(array, step): (&'a StringViewArray, usize)| array.value(row * step);
        let text = text_of(self.paths);
        let path = match &self.path {
            Some((known, path)) if *known == text => Rc::clone(path),
            _ => {
                let path = Rc::new(Path::parse(text)?);
                self.path = Some((text, Rc::clone(&path)));
                path
            }
        };
        Ok(Some(Row {
            target: parse(text_of(self.targets))?,
            path,
            variables: parse(text_of(self.variables))?,
            is_silent: self.silent.0.value(row * self.silent.1),
            zone: self.zone,
        }))
    }
}

impl Row<'_> {
    /// What an evaluation gives; nothing where its error is silenced.
    fn evaluate<T>(
        &self,
        work: impl for<'j> FnOnce(&mut Evaluator<'j>) -> Result<T, Trouble>,
    ) -> Result<Option<T>, FunctionError> {
        let mut evaluator = Evaluator::new(&self.path, &self.target, &self.variables, self.zone)?;
        match work(&mut evaluator) {
            Err(Trouble::Error(error)) if !self.is_silent => Err(error),
            result => quietly(result),
        }
    }

    /// Hands all values to something: those that were found before it where an error is silenced.
    fn each(
        &self,
        take: impl FnOnce(&[Value<'_>]) -> Result<(), FunctionError>,
    ) -> Result<(), FunctionError> {
        let mut evaluator = Evaluator::new(&self.path, &self.target, &self.variables, self.zone)?;
        let (values, outcome) = evaluator.all_until();
        match outcome {
            Err(Trouble::Error(error)) if !self.is_silent => return Err(error),
            outcome => quietly(outcome)?,
        };
        take(&values)
    }
}

fn booleans(
    arguments: &Arguments<'_>,
    compute: impl Fn(&Row<'_>) -> Result<Option<bool>, FunctionError>,
) -> Done {
    let mut call = Call::of(arguments)?;
    let mut builder = BooleanBuilder::with_capacity(call.rows);
    for row in 0..call.rows {
        builder.append_option(match call.row(row)? {
            Some(row) => compute(&row)?,
            None => None,
        });
    }
    Ok(Arc::new(builder.finish()))
}

/// `jsonb_path_exists`
pub fn exists(arguments: &Arguments<'_>) -> Done {
    booleans(arguments, |row| row.evaluate(|evaluator| evaluator.exists()))
}

/// `jsonb_path_match`: the one truth that a predicate gives.
pub fn matches(arguments: &Arguments<'_>) -> Done {
    booleans(arguments, |row| {
        let mut truth = None;
        let mut is_truth = false;
        row.each(|values| {
            if let [only] = values {
                truth = only.bool();
                is_truth = truth.is_some() || only.is_null();
            }
            Ok(())
        })?;
        if !is_truth && !row.is_silent {
            return Err(FunctionError::new(
                FunctionErrorKind::SingletonSqlJsonItemRequired,
                "single boolean result is expected",
            ));
        }
        Ok(truth)
    })
}

fn texts(arguments: &Arguments<'_>, write: impl Fn(&[Value<'_>], &mut String) -> Option<()>) -> Done {
    let mut call = Call::of(arguments)?;
    let mut builder = TextColumn::with_capacity(call.rows);
    let mut out = String::new();
    for row in 0..call.rows {
        out.clear();
        let written = match call.row(row)? {
            Some(row) => {
                let mut written = None;
                row.each(|values| {
                    written = write(values, &mut out);
                    Ok(())
                })?;
                written
            }
            None => None,
        };
        builder.append_option(written.map(|()| &out))?;
    }
    Ok(Arc::new(builder.finish()))
}

/// `jsonb_path_query_array`
pub fn query_array(arguments: &Arguments<'_>) -> Done {
    texts(arguments, |values, out| {
        out.push('[');
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            value.write(out);
        }
        out.push(']');
        Some(())
    })
}

/// `jsonb_path_query_first`
pub fn query_first(arguments: &Arguments<'_>) -> Done {
    texts(arguments, |values, out| values.first().map(|value| value.write(out)))
}

/// `jsonb_path_query`: a list of each row's values.
pub fn query(arguments: &Arguments<'_>) -> Done {
    let DataType::List(field) = arguments.result else {
        return Err(FunctionError::internal("a set must be a list"));
    };
    let mut call = Call::of(arguments)?;
    let mut values = TextColumn::new();
    let mut lengths = Vec::with_capacity(call.rows);
    let mut out = String::new();
    for row in 0..call.rows {
        let mut length = 0;
        if let Some(row) = call.row(row)? {
            row.each(|found| {
                length = found.len();
                found.iter().try_for_each(|value| {
                    out.clear();
                    value.write(&mut out);
                    values.append_value(&out)
                })
            })?;
        }
        lengths.push(length);
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, Arc::new(values.finish()), None)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a path finds, as an array, or the error's message.
    fn found(target: &str, path: &str) -> Result<String, String> {
        let row = Row {
            target: parse(target).map_err(|error| error.message)?,
            path: Rc::new(Path::parse(path).map_err(|error| error.message)?),
            variables: Json::Object(vec![("x".to_owned(), Json::Number("2"))]),
            is_silent: false,
            zone: None,
        };
        let mut out = Vec::new();
        row.each(|values| {
            for value in values {
                let mut text = String::new();
                value.write(&mut text);
                out.push(text);
            }
            Ok(())
        })
        .map_err(|error| error.message)?;
        Ok(out.join(" "))
    }

    #[test]
    fn lax_unwraps_and_wraps() {
        let target = r#"[{"a": 1}, {"a": [2, 3]}, 4]"#;
        assert_eq!(found(target, "$.a").as_deref(), Ok("1 [2, 3]"));
        assert_eq!(found(target, "$[*].a[*]").as_deref(), Ok("1 2 3"));
        assert_eq!(found(target, "$.**{2}.a").as_deref(), Ok(""));
        assert_eq!(found(target, "$[*] ? (@.a > $x).a").as_deref(), Ok("[2, 3]"));
        assert_eq!(found("1", "$[0]").as_deref(), Ok("1"));
        assert_eq!(found("[1, 2, 3]", "$[last - 1 to last]").as_deref(), Ok("2 3"));
        assert_eq!(found("[1, [2]]", "$.**{last}").as_deref(), Ok("1 2"));
    }

    #[test]
    fn strict_finds_errors() {
        let error = |target: &str, path: &str| found(target, path).unwrap_err();
        assert_eq!(error("{}", "strict $.a"), "JSON object does not contain key \"a\"");
        assert_eq!(error("1", "strict $[0]"), "jsonpath array accessor can only be applied to an array");
        assert_eq!(error("[1]", "strict $[1]"), "jsonpath array subscript is out of bounds");
        assert_eq!(error("1", "$y"), "could not find jsonpath variable \"y\"");
        assert_eq!(found("[1, \"a\"]", "strict $[*] ? (@ > 0)").as_deref(), Ok("1"));
    }

    #[test]
    fn depth_is_bounded() {
        // As deep as a server's threads can.
        let work = std::thread::Builder::new().stack_size(16 << 20).spawn(evaluate_deep).unwrap();
        work.join().unwrap();
    }

    fn evaluate_deep() {
        let path = format!("${}", ".a".repeat(5000));
        let mut target = "1".to_owned();
        for _ in 0..400 {
            target = format!("[{target}]");
        }
        assert_eq!(found(&target, &path).as_deref(), Ok(""));
        assert_eq!(
            found("1", &format!("${}", "[0]".repeat(5000))).unwrap_err(),
            "stack depth limit exceeded"
        );
    }
}
