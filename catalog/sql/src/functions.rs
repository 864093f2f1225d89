//! PostgreSQL's functions over our types, as tables by family: name, arguments, result and how a call is made. The rows
//! are `pg_proc`'s. Functions that need to know the session's catalogue (`pg_table_is_visible`, …) come from
//! [`crate::catalog::Catalog::functions`].
//!
//! A function is not leakproof: almost every one can fail on a value. See [`crate::operators::is_leakproof`].

pub(crate) mod aggregates;
pub(crate) mod arrays;
pub(crate) mod dates;
pub(crate) mod json;
pub(crate) mod json_paths;
pub(crate) mod numbers;
pub(crate) mod session;
pub(crate) mod sets;
pub(crate) mod strings;
pub(crate) mod windows;

use std::sync::Arc;

use datafusion::logical_expr::ScalarUDF;
use lis_functions::scalar::Kernel;
use lis_lake::types::ColumnType;

use crate::{
    error::{SqlError, SqlErrorKind},
    resolve::{
        ResolvedAggregate, ResolvedSet, ResolvedWindow,
        select::{Candidate, Formal},
    },
    types::{Binding, CastContext, Typed, coerce, number_literal, string_literal},
};

/// How a call is made of its arguments, which have the row's types.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Make {
    /// A kernel that gives the result type's canonical Arrow type.
    Kernel {
        /// The name of the function that DataFusion sees: one name, one kernel.
        name: &'static str,
        /// The kernel.
        kernel: Kernel,
        /// Whether a null argument makes the result null.
        strict: bool,
    },
    /// A function that gives the result type's canonical Arrow type.
    Function(fn() -> Arc<ScalarUDF>),
    /// Anything else that is an expression.
    Build(fn(&Binding<'_>, Vec<Typed>) -> Result<Typed, SqlError>),
    /// An aggregate.
    Aggregate(fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedAggregate, SqlError>),
    /// A window function.
    Window(fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedWindow, SqlError>),
    /// A set.
    Set(fn(&Binding<'_>, Vec<Typed>) -> Result<ResolvedSet, SqlError>),
}

/// A row of the tables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FunctionRow {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its arguments. For an ordered-set aggregate the direct ones first, then those of WITHIN GROUP.
    pub(crate) arguments: &'static [Formal],
    /// Their names, where they have any.
    pub(crate) names: &'static [&'static str],
    /// How many must be given: the others have defaults.
    pub(crate) required: usize,
    /// What the others are if they are not given, as text; none says zero.
    pub(crate) defaults: &'static [&'static str],
    /// Whether the last argument may be repeated.
    pub(crate) variadic: bool,
    /// Whether it is an ordered-set aggregate.
    pub(crate) ordered_set: bool,
    /// Whether an array argument of one type may have several dimensions.
    pub(crate) shapes: bool,
    /// Its result.
    pub(crate) result: Formal,
    /// How it is made.
    pub(crate) make: Make,
}

impl FunctionRow {
    pub(crate) const fn new(
        name: &'static str,
        arguments: &'static [Formal],
        result: Formal,
        make: Make,
    ) -> Self {
        Self {
            name,
            arguments,
            names: &[],
            required: arguments.len(),
            defaults: &[],
            variadic: false,
            ordered_set: false,
            shapes: false,
            result,
            make,
        }
    }

    pub(crate) const fn variadic(mut self) -> Self {
        self.variadic = true;
        self
    }

    pub(crate) const fn shapes(mut self) -> Self {
        self.shapes = true;
        self
    }

    pub(crate) const fn ordered_set(mut self) -> Self {
        self.ordered_set = true;
        self
    }

    /// Names its arguments; those from `required` on may be left out.
    pub(crate) const fn named(mut self, names: &'static [&'static str], required: usize) -> Self {
        self.names = names;
        self.required = required;
        self
    }

    /// What the arguments from `required` on are if they are left out.
    pub(crate) const fn defaults(mut self, defaults: &'static [&'static str]) -> Self {
        self.defaults = defaults;
        self
    }

    /// What an argument is that is left out; nothing if there is no such thing.
    pub(crate) fn default(&self, binding: &Binding<'_>, index: usize) -> Result<Option<Typed>, SqlError> {
        let Some(Formal::Is(pg_type)) = self.arguments.get(index) else { return Ok(None) };
        let written = index.checked_sub(self.required).and_then(|index| self.defaults.get(index));
        let written = match written {
            Some(text) => string_literal(text, None),
            None => number_literal("0", None)?,
        };
        coerce(binding, written, ColumnType::plain(*pg_type), CastContext::Explicit, None).map(Some)
    }

    pub(crate) fn is_aggregate(&self) -> bool {
        matches!(self.make, Make::Aggregate(_))
    }

    pub(crate) fn is_window(&self) -> bool {
        matches!(self.make, Make::Window(_))
    }

    pub(crate) fn is_ordered_set(&self) -> bool {
        self.ordered_set
    }

    /// The row, if a call with so many arguments and such names can mean it.
    pub(crate) fn for_call(self, names: &[Option<&str>], count: usize) -> Option<Self> {
        if names.iter().any(Option::is_some) {
            let known = names.iter().flatten().all(|name| self.names.contains(name));
            let enough = self.names.iter().take(self.required).enumerate().all(|(index, name)| {
                index < names.len() && names.get(index) == Some(&None) || names.contains(&Some(name))
            });
            return (known && enough && count <= self.arguments.len()).then_some(self);
        }
        let own = self.arguments.len();
        let fits = count == own
            || (self.variadic && count >= own)
            || (count < own && count >= self.required && !self.names.is_empty());
        fits.then_some(self)
    }
}

impl Candidate for FunctionRow {
    fn takes_shapes(&self) -> bool {
        self.shapes
    }

    fn formal(&self, index: usize, _: usize) -> Formal {
        self.arguments.get(index).or(self.arguments.last()).copied().unwrap_or(Formal::Any)
    }
}

/// A strict kernel.
pub(crate) const fn kernel(
    name: &'static str,
    arguments: &'static [Formal],
    result: Formal,
    function: &'static str,
    kernel: Kernel,
) -> FunctionRow {
    FunctionRow::new(name, arguments, result, Make::Kernel { name: function, kernel, strict: true })
}

/// An expression.
pub(crate) const fn build(
    name: &'static str,
    arguments: &'static [Formal],
    result: Formal,
    make: fn(&Binding<'_>, Vec<Typed>) -> Result<Typed, SqlError>,
) -> FunctionRow {
    FunctionRow::new(name, arguments, result, Make::Build(make))
}

/// A function of PostgreSQL's over a type that we do not have: it is there so that a literal without a type is as
/// ambiguous as in PostgreSQL.
pub(crate) const fn other_type(name: &'static str, arguments: &'static [Formal]) -> FunctionRow {
    FunctionRow::new(
        name,
        arguments,
        Formal::Any,
        Make::Build(|_, _| {
            let message =
                "this function is not supported for the type that PostgreSQL takes the argument for";
            Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message))
        }),
    )
}

/// The rows of a name.
pub(crate) fn candidates(name: &str) -> Vec<FunctionRow> {
    const TABLES: &[&[FunctionRow]] = &[
        aggregates::ROWS,
        arrays::ROWS,
        dates::ROWS,
        dates::FIELD_ROWS,
        json::ROWS,
        json_paths::ROWS,
        numbers::ROWS,
        session::ROWS,
        sets::ROWS,
        strings::ROWS,
        windows::ROWS,
    ];
    let mut found: Vec<FunctionRow> =
        TABLES.iter().flat_map(|table| table.iter()).filter(|row| row.name == name).copied().collect();
    found.extend(strings::defined(name));
    found
}
