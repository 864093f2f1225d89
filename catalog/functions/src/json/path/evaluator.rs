//! A path over a json value. What the standard calls lax unwraps arrays where a step wants something else, wraps what is
//! no array where a step wants one, and finds nothing where strict finds an error of structure.
//!
//! Errors are of two kinds: what the path's author may have silenced, and what a predicate turns into *unknown*
//! ([`Trouble::Error`]); and what ends the statement whatever was asked for ([`Trouble::Fatal`]).

use std::rc::Rc;

use recursive::recursive;

use super::{
    Arithmetic, Comparison, Head, Item, Method, Path, Predicate, Step,
    datetime::{self, Zone},
    layout::{self, Offsets},
    values::{Entry, Value, calculate, compare_numbers, rounded, truncated},
};
use crate::{
    casts::float_as_decimal,
    error::{FunctionError, FunctionErrorKind as Kind},
    interrupt,
    json::Json,
    results::{BATCH_BYTES_MAX, out_of_memory},
    text_input::{Decimal, parse_float8},
};

/// How deep the steps of an evaluation may nest.
const DEPTH_MAX: usize = 1000;
/// After so many steps it is asked whether the result is still wanted.
const STEPS_BETWEEN_CHECKS: usize = 1024;
/// The distance between the numbers of objects of different values.
const ID_STRIDE: i64 = 10_000_000_000;

/// What ends an evaluation early.
pub(super) enum Trouble {
    /// What can be silenced.
    Error(FunctionError),
    /// What cannot.
    Fatal(FunctionError),
}

/// Whether something was found.
type Outcome = Result<bool, Trouble>;
/// True, false or unknown.
type Truth = Option<bool>;

fn error(kind: Kind, message: impl Into<String>) -> Trouble {
    Trouble::Error(FunctionError::new(kind, message))
}

/// An error of computing.
fn silent(error: FunctionError) -> Trouble {
    Trouble::Error(error)
}

/// The outcome, or nothing where it was an error that can be silenced.
pub(super) fn quietly<T>(result: Result<T, Trouble>) -> Result<Option<T>, FunctionError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Trouble::Error(_)) => Ok(None),
        Err(Trouble::Fatal(error)) => Err(error),
    }
}

/// Where what is found goes: nowhere, if it only matters whether something is.
pub(super) struct Found<'j>(Option<Vec<Value<'j>>>);

impl<'j> Found<'j> {
    const fn nowhere() -> Self {
        Self(None)
    }

    const fn list() -> Self {
        Self(Some(Vec::new()))
    }

    const fn is_wanted(&self) -> bool {
        self.0.is_some()
    }

    fn push(&mut self, value: &Value<'j>) -> Result<(), Trouble> {
        let Some(values) = &mut self.0 else { return Ok(()) };
        if values.len() >= BATCH_BYTES_MAX / size_of::<Value<'_>>() {
            return Err(Trouble::Fatal(out_of_memory(BATCH_BYTES_MAX)));
        }
        values.push(value.clone());
        Ok(())
    }

    fn into_values(self) -> Vec<Value<'j>> {
        self.0.unwrap_or_default()
    }
}

/// The value that objects are numbered in.
#[derive(Clone)]
enum Base<'j> {
    Root,
    Variables,
    /// An entry that `.keyvalue()` made, and its number.
    Entry(Rc<Entry<'j>>, i64),
}

/// One evaluation.
pub(super) struct Evaluator<'j> {
    path: &'j Path,
    root: &'j Json<'j>,
    /// An object.
    variables: &'j Json<'j>,
    /// The zone that may be used.
    zone: Option<Zone>,
    /// Whether what is not there is an error.
    strict_structure: bool,
    current: Value<'j>,
    base: Base<'j>,
    /// The next number of a value that objects are numbered in.
    next_base: i64,
    /// How many elements the innermost array has that a subscript is of.
    array_size: Option<usize>,
    root_offsets: Option<Offsets>,
    variable_offsets: Option<Offsets>,
    depth: usize,
    steps_taken: usize,
}

/// A range of levels below a value.
#[derive(Clone, Copy)]
struct Levels {
    first: Option<u32>,
    last: Option<u32>,
    /// Whether what is not there is no error for the steps that follow.
    forgiving: bool,
    /// Whether the step that follows unwraps arrays.
    unwrap: bool,
}

impl<'j> Evaluator<'j> {
    /// 22023 if the variables are no object.
    pub(super) fn new(
        path: &'j Path,
        root: &'j Json<'j>,
        variables: &'j Json<'j>,
        zone: Option<Zone>,
    ) -> Result<Self, FunctionError> {
        if !matches!(variables, Json::Object(_)) {
            return Err(FunctionError::invalid_parameter("\"vars\" argument is not an object").with_detail(
                "Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.",
            ));
        }
        Ok(Self {
            path,
            root,
            variables,
            zone,
            strict_structure: path.strict,
            current: Value::Json(root),
            base: Base::Root,
            next_base: 2,
            array_size: None,
            root_offsets: None,
            variable_offsets: None,
            depth: 0,
            steps_taken: 0,
        })
    }

    /// Whether there is anything.
    pub(super) fn exists(&mut self) -> Outcome {
        if self.path.strict {
            // Errors of structure after the first item count too.
            return self.all().map(|values| !values.is_empty());
        }
        self.item(&self.path.root, &Value::Json(self.root), &mut Found::nowhere())
    }

    /// All that there is.
    pub(super) fn all(&mut self) -> Result<Vec<Value<'j>>, Trouble> {
        let (values, outcome) = self.all_until();
        outcome.map(|_| values)
    }

    /// All that there is, or was found before an error.
    pub(super) fn all_until(&mut self) -> (Vec<Value<'j>>, Outcome) {
        let mut found = Found::list();
        let outcome = self.item(&self.path.root, &Value::Json(self.root), &mut found);
        (found.into_values(), outcome)
    }

    fn is_lax(&self) -> bool {
        !self.path.strict
    }

    #[recursive]
    fn item(&mut self, item: &'j Item, value: &Value<'j>, found: &mut Found<'j>) -> Outcome {
        let unwrap = self.is_lax();
        let steps = &item.steps;
        match &item.head {
            Head::Null => self.steps(steps, &Value::null(), unwrap, found),
            Head::Bool(value) => self.steps(steps, &Value::Bool(*value), unwrap, found),
            Head::Number(number) => self.steps(steps, &Value::Number(*number), unwrap, found),
            Head::Text(text) => self.steps(steps, &Value::Text(text), unwrap, found),
            Head::Current => {
                let current = self.current.clone();
                self.steps(steps, &current, unwrap, found)
            }
            Head::Root => self.based(Base::Root, steps, &Value::Json(self.root), found),
            Head::Variable(name) => match Value::Json(self.variables).member(name) {
                Some(value) => self.based(Base::Variables, steps, &value, found),
                None => Err(Trouble::Fatal(FunctionError::new(
                    Kind::UndefinedObject,
                    format!("could not find jsonpath variable \"{name}\""),
                ))),
            },
            Head::Last => {
                let Some(size) = self.array_size else {
                    let message = "evaluating jsonpath LAST outside of array subscript";
                    return Err(Trouble::Fatal(FunctionError::internal(message)));
                };
                let last = i128::try_from(size).unwrap_or(0) - 1;
                self.steps(steps, &Value::Number(Decimal { unscaled: last, scale: 0 }), unwrap, found)
            }
            Head::Arithmetic(operator, left, right) => {
                let number = self.arithmetic(*operator, left, right, value)?;
                self.steps(steps, &Value::Number(number), unwrap, found)
            }
            Head::Sign { negative, operand } => self.signed(*negative, operand, steps, value, found),
            Head::Predicate(predicate) => {
                let truth = self.truth(predicate, value)?;
                self.steps(steps, &truth.map_or(Value::null(), Value::Bool), unwrap, found)
            }
        }
    }

    /// Steps from a value that objects are numbered in.
    fn based(
        &mut self,
        base: Base<'j>,
        steps: &'j [Step],
        value: &Value<'j>,
        found: &mut Found<'j>,
    ) -> Outcome {
        let before = std::mem::replace(&mut self.base, base);
        let outcome = self.steps(steps, value, self.is_lax(), found);
        self.base = before;
        outcome
    }

    /// Takes steps from a value. `unwrap` says whether the first of them may be taken from each element of an array
    /// instead.
    fn steps(
        &mut self,
        steps: &'j [Step],
        value: &Value<'j>,
        unwrap: bool,
        found: &mut Found<'j>,
    ) -> Outcome {
        let Some((step, rest)) = steps.split_first() else {
            found.push(value)?;
            return Ok(true);
        };
        self.steps_taken += 1;
        if self.steps_taken.is_multiple_of(STEPS_BETWEEN_CHECKS) {
            interrupt::check().map_err(Trouble::Fatal)?;
        }
        if self.depth >= DEPTH_MAX {
            return Err(Trouble::Fatal(FunctionError::new(
                Kind::StatementTooComplex,
                "stack depth limit exceeded",
            )));
        }
        self.depth += 1;
        let outcome = self.step(step, steps, rest, value, unwrap, found);
        self.depth -= 1;
        outcome
    }

    #[recursive]
    fn step(
        &mut self,
        step: &'j Step,
        steps: &'j [Step],
        rest: &'j [Step],
        value: &Value<'j>,
        unwrap: bool,
        found: &mut Found<'j>,
    ) -> Outcome {
        let takes_arrays = match step {
            Step::AnyElement | Step::Elements(_) | Step::Descend { .. } => true,
            Step::Method(Method::Type | Method::Size) => true,
            // What is an array is no object, and is unwrapped.
            Step::Member(_) | Step::AnyMember | Step::Filter(_) | Step::Method(_) | Step::Datetime(_) => {
                false
            }
        };
        if !takes_arrays && unwrap && value.elements().is_some() {
            let levels = Levels { first: Some(1), last: Some(1), forgiving: false, unwrap: false };
            return self.children(steps, value, 1, levels, found);
        }
        let lax = self.is_lax();
        match step {
            Step::Member(name) => match value.member(name) {
                Some(member) => self.steps(rest, &member, lax, found),
                None if !self.strict_structure => Ok(false),
                None => Err(error(
                    Kind::SqlJsonMemberNotFound,
                    if value.is_object() {
                        format!("JSON object does not contain key \"{name}\"")
                    } else {
                        "jsonpath member accessor can only be applied to an object".to_owned()
                    },
                )),
            },
            Step::AnyMember if value.is_object() => {
                let levels = Levels { first: Some(1), last: Some(1), forgiving: false, unwrap: lax };
                self.children(rest, value, 1, levels, found)
            }
            Step::AnyMember => self.missing(
                Kind::SqlJsonObjectNotFound,
                "jsonpath wildcard member accessor can only be applied to an object",
            ),
            Step::AnyElement if value.elements().is_some() => {
                let levels = Levels { first: Some(1), last: Some(1), forgiving: false, unwrap: lax };
                self.children(rest, value, 1, levels, found)
            }
            Step::AnyElement if lax => self.steps(rest, value, lax, found),
            Step::AnyElement => self.missing(
                Kind::SqlJsonArrayNotFound,
                "jsonpath wildcard array accessor can only be applied to an array",
            ),
            Step::Elements(ranges) => match value.elements() {
                None if !lax => self.missing(
                    Kind::SqlJsonArrayNotFound,
                    "jsonpath array accessor can only be applied to an array",
                ),
                elements => {
                    let size = elements.map_or(1, <[_]>::len);
                    let before = self.array_size.replace(size);
                    let outcome = self.elements(ranges, rest, value, size, found);
                    self.array_size = before;
                    outcome
                }
            },
            Step::Descend { first, last } => {
                let levels = Levels { first: *first, last: *last, forgiving: true, unwrap: lax };
                let mut any = false;
                if *first == Some(0) {
                    any = self.forgiving(|this| this.steps(rest, value, lax, found))?;
                    if any && !found.is_wanted() {
                        return Ok(true);
                    }
                }
                Ok(self.children(rest, value, 1, levels, found)? || any)
            }
            Step::Filter(predicate) => {
                let before = std::mem::replace(&mut self.current, value.clone());
                let truth = self.truth(predicate, value);
                self.current = before;
                match truth? {
                    Some(true) => self.steps(rest, value, lax, found),
                    _ => Ok(false),
                }
            }
            Step::Method(method) => self.method(*method, rest, value, found),
            Step::Datetime(template) => {
                let Some(text) = value.text() else {
                    return Err(error(
                        Kind::InvalidArgumentForSqlJsonDatetimeFunction,
                        "jsonpath item method .datetime() can only be applied to a string",
                    ));
                };
                let datetime = match template {
                    Some(template) => datetime::parse_by(text, template),
                    None => datetime::parse(text),
                };
                self.steps(rest, &Value::Datetime(datetime.map_err(silent)?), lax, found)
            }
        }
    }

    /// What is not there: an error, or nothing.
    fn missing(&self, kind: Kind, message: &str) -> Outcome {
        if self.strict_structure { Err(error(kind, message)) } else { Ok(false) }
    }

    /// Work for which what is not there is no error.
    fn forgiving<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.strict_structure, false);
        let result = work(self);
        self.strict_structure = before;
        result
    }

    /// Steps from what is in an array or object, down to the last level.
    #[recursive]
    fn children(
        &mut self,
        steps: &'j [Step],
        value: &Value<'j>,
        level: u32,
        levels: Levels,
        found: &mut Found<'j>,
    ) -> Outcome {
        if levels.last.is_some_and(|last| level > last) {
            return Ok(false);
        }
        if self.depth >= DEPTH_MAX {
            return Err(Trouble::Fatal(FunctionError::new(
                Kind::StatementTooComplex,
                "stack depth limit exceeded",
            )));
        }
        let Some(children) = value.children() else { return Ok(false) };
        let mut any = false;
        for child in &children {
            let is_container = child.elements().is_some() || child.is_object();
            let wanted = match levels.first {
                Some(first) => level >= first,
                // Only the leaves.
                None => levels.last.is_none() && !is_container,
            };
            if wanted {
                any |= if levels.forgiving {
                    self.forgiving(|this| this.steps(steps, child, levels.unwrap, found))?
                } else {
                    self.steps(steps, child, levels.unwrap, found)?
                };
            }
            if any && !found.is_wanted() {
                return Ok(true);
            }
            if is_container && levels.last.is_none_or(|last| level < last) {
                self.depth += 1;
                let below = self.children(steps, child, level + 1, levels, found);
                self.depth -= 1;
                any |= below?;
                if any && !found.is_wanted() {
                    return Ok(true);
                }
            }
        }
        Ok(any)
    }

    /// Steps from the elements that subscripts name.
    fn elements(
        &mut self,
        ranges: &'j [(Item, Option<Item>)],
        steps: &'j [Step],
        value: &Value<'j>,
        size: usize,
        found: &mut Found<'j>,
    ) -> Outcome {
        let mut any = false;
        let size = i64::try_from(size).unwrap_or(i64::MAX);
        for (from, to) in ranges {
            let from = self.subscript(from, value)?;
            let to = match to {
                Some(to) => self.subscript(to, value)?,
                None => from,
            };
            if self.strict_structure && (from < 0 || from > to || to >= size) {
                return Err(error(
                    Kind::InvalidSqlJsonSubscript,
                    "jsonpath array subscript is out of bounds",
                ));
            }
            for index in from.max(0)..=to.min(size - 1) {
                let element = match value.elements() {
                    Some(elements) => usize::try_from(index)
                        .ok()
                        .and_then(|index| elements.get(index))
                        .map_or(Value::null(), Value::Json),
                    None => value.clone(),
                };
                any |= self.steps(steps, &element, self.is_lax(), found)?;
                if any && !found.is_wanted() {
                    return Ok(true);
                }
            }
        }
        Ok(any)
    }

    fn subscript(&mut self, item: &'j Item, value: &Value<'j>) -> Result<i64, Trouble> {
        let mut found = Found::list();
        self.item(item, value, &mut found)?;
        let number = match found.into_values().as_slice() {
            [only] => only.number().map_err(silent)?,
            _ => None,
        };
        let Some(number) = number else {
            let message = "jsonpath array subscript is not a single numeric value";
            return Err(error(Kind::InvalidSqlJsonSubscript, message));
        };
        i32::try_from(truncated(number)).map(i64::from).map_err(|_| {
            error(Kind::InvalidSqlJsonSubscript, "jsonpath array subscript is out of integer range")
        })
    }

    fn method(
        &mut self,
        method: Method,
        steps: &'j [Step],
        value: &Value<'j>,
        found: &mut Found<'j>,
    ) -> Outcome {
        let lax = self.is_lax();
        let refused = |kind: Kind, what: &str| {
            error(kind, format!("jsonpath item method .{}() can only be applied to {what}", method.name()))
        };
        let made = match method {
            Method::Type => Value::Text(value.type_name()),
            Method::Size => {
                let size = match value.elements() {
                    Some(elements) => elements.len(),
                    None if lax => 1,
                    None if !self.strict_structure => return Ok(false),
                    None => return Err(refused(Kind::SqlJsonArrayNotFound, "an array")),
                };
                Value::Number(Decimal { unscaled: i128::try_from(size).unwrap_or(0), scale: 0 })
            }
            Method::Double => match (value, value.text()) {
                (_, Some(text)) => {
                    let number = parse_float8(text).ok().filter(|number| number.is_finite());
                    let number = number.and_then(|number| float_as_decimal(number, 15).ok());
                    Value::Number(number.ok_or_else(|| {
                        let message = "string argument of jsonpath item method .double() is not a valid representation of a double precision number";
                        error(Kind::NonNumericSqlJsonItem, message)
                    })?)
                }
                (Value::Json(Json::Number(text)), _) => {
                    if !parse_float8(text).is_ok_and(f64::is_finite) {
                        let message = "numeric argument of jsonpath item method .double() is out of range for type double precision";
                        return Err(error(Kind::NonNumericSqlJsonItem, message));
                    }
                    value.clone()
                }
                (Value::Number(_), _) => value.clone(),
                _ => return Err(refused(Kind::NonNumericSqlJsonItem, "a string or numeric value")),
            },
            Method::Abs | Method::Floor | Method::Ceiling => {
                let Some(number) = value.number().map_err(silent)? else {
                    return Err(refused(Kind::NonNumericSqlJsonItem, "a numeric value"));
                };
                Value::Number(match method {
                    Method::Abs => Decimal { unscaled: number.unscaled.abs(), ..number },
                    other => rounded(number, other == Method::Ceiling),
                })
            }
            Method::KeyValue => return self.key_value(steps, value, found),
        };
        self.steps(steps, &made, lax, found)
    }

    /// `.keyvalue()`: an entry for each member.
    fn key_value(&mut self, steps: &'j [Step], value: &Value<'j>, found: &mut Found<'j>) -> Outcome {
        let Some(members) = value.members() else {
            let message = "jsonpath item method .keyvalue() can only be applied to an object";
            return Err(error(Kind::SqlJsonObjectNotFound, message));
        };
        let id = self.object_id(value);
        let mut any = false;
        for (key, value) in members {
            let entry = Rc::new(Entry { id, key, value });
            let base = Base::Entry(Rc::clone(&entry), self.next_base);
            self.next_base += 1;
            any |= self.based(base, steps, &Value::Entry(entry), found)?;
            if any && !found.is_wanted() {
                return Ok(true);
            }
        }
        Ok(any)
    }

    /// The number of an object.
    fn object_id(&mut self, value: &Value<'j>) -> i64 {
        let place = |offsets: &Offsets| match value {
            Value::Json(json) => offsets.get(&layout::address(json)).copied().unwrap_or(0),
            _ => 0,
        };
        let (number, offset) = match &self.base {
            Base::Root => (0, place(self.root_offsets.get_or_insert_with(|| layout::offsets(self.root)))),
            Base::Variables => {
                let variables = self.variables;
                (1, place(self.variable_offsets.get_or_insert_with(|| layout::offsets(variables))))
            }
            Base::Entry(entry, number) => (*number, place(&layout::offsets_in_entry(entry))),
        };
        number * ID_STRIDE + i64::try_from(offset).unwrap_or(0)
    }

    /// The items of an operand; in lax mode those of arrays among them, if they are to be `unwrapped`.
    fn operand(
        &mut self,
        item: &'j Item,
        value: &Value<'j>,
        unwrapped: bool,
    ) -> Result<Vec<Value<'j>>, Trouble> {
        let mut found = Found::list();
        self.item(item, value, &mut found)?;
        let values = found.into_values();
        if !unwrapped || !self.is_lax() || values.iter().all(|value| value.elements().is_none()) {
            return Ok(values);
        }
        let mut all = Found::list();
        for value in &values {
            match value.elements() {
                Some(elements) => {
                    elements.iter().try_for_each(|element| all.push(&Value::Json(element)))?;
                }
                None => all.push(value)?,
            }
        }
        Ok(all.into_values())
    }

    fn arithmetic(
        &mut self,
        operator: Arithmetic,
        left: &'j Item,
        right: &'j Item,
        value: &Value<'j>,
    ) -> Result<Decimal, Trouble> {
        let left = self.operand(left, value, true)?;
        let right = self.operand(right, value, true)?;
        let number = |values: &[Value<'j>], side: &str| {
            let number = match values {
                [only] => only.number().map_err(silent)?,
                _ => None,
            };
            number.ok_or_else(|| {
                error(
                    Kind::SingletonSqlJsonItemRequired,
                    format!(
                        "{side} operand of jsonpath operator {} is not a single numeric value",
                        operator.symbol()
                    ),
                )
            })
        };
        let (left, right) = (number(&left, "left")?, number(&right, "right")?);
        calculate(operator, left, right).map_err(silent)
    }

    fn signed(
        &mut self,
        negative: bool,
        operand: &'j Item,
        steps: &'j [Step],
        value: &Value<'j>,
        found: &mut Found<'j>,
    ) -> Outcome {
        let only_whether = steps.is_empty() && !found.is_wanted();
        let mut any = false;
        for value in self.operand(operand, value, true)? {
            if only_whether {
                if value.is_number() {
                    return Ok(true);
                }
                continue;
            }
            let Some(number) = value.number().map_err(silent)? else {
                let symbol = if negative { "-" } else { "+" };
                return Err(error(
                    Kind::SqlJsonNumberNotFound,
                    format!("operand of unary jsonpath operator {symbol} is not a numeric value"),
                ));
            };
            let unscaled = if negative { -number.unscaled } else { number.unscaled };
            any |= self.steps(steps, &Value::Number(Decimal { unscaled, ..number }), self.is_lax(), found)?;
            if any && !found.is_wanted() {
                return Ok(true);
            }
        }
        Ok(any)
    }

    /// Errors of what a predicate is made of make it unknown.
    #[recursive]
    fn truth(&mut self, predicate: &'j Predicate, value: &Value<'j>) -> Result<Truth, Trouble> {
        let fatal = Trouble::Fatal;
        Ok(match predicate {
            Predicate::And(left, right) => match self.truth(left, value)? {
                Some(false) => Some(false),
                left => match self.truth(right, value)? {
                    Some(true) => left,
                    right => right,
                },
            },
            Predicate::Or(left, right) => match self.truth(left, value)? {
                Some(true) => Some(true),
                left => match self.truth(right, value)? {
                    Some(false) => left,
                    right => right,
                },
            },
            Predicate::Not(inner) => self.truth(inner, value)?.map(|truth| !truth),
            Predicate::IsUnknown(inner) => Some(self.truth(inner, value)?.is_none()),
            Predicate::Exists(item) if self.is_lax() => {
                quietly(self.item(item, value, &mut Found::nowhere())).map_err(fatal)?
            }
            Predicate::Exists(item) => {
                quietly(self.operand(item, value, false)).map_err(fatal)?.map(|values| !values.is_empty())
            }
            Predicate::Compare(comparison, left, right) => {
                let Some(left) = quietly(self.operand(left, value, true)).map_err(fatal)? else {
                    return Ok(None);
                };
                let Some(right) = quietly(self.operand(right, value, true)).map_err(fatal)? else {
                    return Ok(None);
                };
                let pairs = left.iter().flat_map(|left| right.iter().map(move |right| (left, right)));
                self.any_of(pairs, |this, (left, right)| this.compare(*comparison, left, right))?
            }
            Predicate::StartsWith(whole, start) => {
                let Some(whole) = quietly(self.operand(whole, value, true)).map_err(fatal)? else {
                    return Ok(None);
                };
                let Some(starts) = quietly(self.operand(start, value, false)).map_err(fatal)? else {
                    return Ok(None);
                };
                let pairs = whole.iter().flat_map(|whole| starts.iter().map(move |start| (whole, start)));
                self.any_of(pairs, |_, (whole, start)| {
                    Ok(whole.text().zip(start.text()).map(|(whole, start)| whole.starts_with(start)))
                })?
            }
            Predicate::LikeRegex { operand, regex, .. } => {
                let Some(values) = quietly(self.operand(operand, value, true)).map_err(fatal)? else {
                    return Ok(None);
                };
                self.any_of(values.iter(), |_, value| Ok(value.text().map(|text| regex.is_match(text))))?
            }
        })
    }

    /// Whether anything holds for one of several; in strict mode each of them must be known.
    fn any_of<T>(
        &mut self,
        several: impl Iterator<Item = T>,
        mut holds: impl FnMut(&mut Self, T) -> Result<Truth, FunctionError>,
    ) -> Result<Truth, Trouble> {
        let (mut any, mut unknown) = (false, false);
        for one in several {
            self.steps_taken += 1;
            if self.steps_taken.is_multiple_of(STEPS_BETWEEN_CHECKS) {
                interrupt::check().map_err(Trouble::Fatal)?;
            }
            match holds(self, one).map_err(Trouble::Fatal)? {
                Some(true) if self.is_lax() => return Ok(Some(true)),
                Some(true) => any = true,
                None if !self.is_lax() => return Ok(None),
                None => unknown = true,
                Some(false) => {}
            }
        }
        Ok(if any {
            Some(true)
        } else if unknown {
            None
        } else {
            Some(false)
        })
    }

    fn compare(
        &self,
        comparison: Comparison,
        left: &Value<'j>,
        right: &Value<'j>,
    ) -> Result<Truth, FunctionError> {
        let ordering = if left.is_null() || right.is_null() {
            // Null equals null, and differs from all others without an order.
            if left.is_null() && right.is_null() {
                std::cmp::Ordering::Equal
            } else {
                return Ok(Some(comparison == Comparison::NotEqual));
            }
        } else if let (Some(left), Some(right)) = (left.bool(), right.bool()) {
            left.cmp(&right)
        } else if let (Some(left), Some(right)) = (left.text(), right.text()) {
            left.as_bytes().cmp(right.as_bytes())
        } else if let (Value::Datetime(left), Value::Datetime(right)) = (left, right) {
            match left.compare(*right, self.zone)? {
                Some(ordering) => ordering,
                None => return Ok(None),
            }
        } else if left.is_number() && right.is_number() {
            match (left.number(), right.number()) {
                (Ok(Some(left)), Ok(Some(right))) => compare_numbers(left, right),
                _ => return Ok(None),
            }
        } else {
            return Ok(None);
        };
        Ok(Some(match comparison {
            Comparison::Equal => ordering.is_eq(),
            Comparison::NotEqual => ordering.is_ne(),
            Comparison::Less => ordering.is_lt(),
            Comparison::LessOrEqual => ordering.is_le(),
            Comparison::Greater => ordering.is_gt(),
            Comparison::GreaterOrEqual => ordering.is_ge(),
        }))
    }
}
