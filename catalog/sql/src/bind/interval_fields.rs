//! An interval literal, `interval '1-2' YEAR TO MONTH`: its fields are the modifier of its type.

use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{Binder, not_postgresql, place::Place};
use crate::{
    error::SqlError,
    types::{self, CastContext, Typed, intervals::IntervalFields},
};

impl Binder<'_> {
    /// `interval '…' [fields]`.
    pub(super) fn interval(&self, interval: &ast::Interval, place: Place<'_>) -> Result<Typed, SqlError> {
        let ast::Expr::Value(value) = interval.value.as_ref() else {
            return Err(not_postgresql("interval", self.start_of(&interval.value)));
        };
        let position = self.position(value.span);
        let literal = self.literal(value, place)?;
        let target = match IntervalFields::of_literal(interval) {
            Some(fields) => fields.column_type(),
            None => ColumnType::plain(PgType::Interval),
        };
        types::coerce(&self.binding, literal, target, CastContext::Explicit, position)
    }
}
