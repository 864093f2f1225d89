//! The frames of windows. What the engine's own frames say exactly is left to them: to the ends of a partition, to the
//! current row, and a constant number of rows or groups. The rest is a [`Shape`]: offsets of rows or groups that are
//! known only when the query runs, frames that begin behind their end, and every RANGE with an offset. There the bound of
//! each row is computed as a value, by the same operators that a client's own `key + offset` would use (the engine's
//! ranges reckon in UTC, know no infinity, and take a bound that overflows for the partition's end).
//!
//! The key that a RANGE frame is ordered by is computed in a type in which its bounds fit: whole numbers as `numeric`, a
//! date as a timestamp, a time of day as its microseconds.

use std::cmp::Ordering;

use arrow::{
    compute::SortOptions,
    datatypes::{DECIMAL128_MAX_PRECISION, DataType, IntervalMonthDayNanoType},
};
use datafusion::{
    common::ScalarValue,
    logical_expr::{
        Expr, Operator, WindowFrame, WindowFrameBound, WindowFrameUnits, binary_expr, cast, lit, when,
    },
};
use lis_functions::windows::{Offsets, Shape, Way};
use lis_lake::types::{Category, ColumnType, PgType};
use sqlparser::ast;

use super::{
    Binder,
    order::{constant, has_placeholder},
    place::{Clause, Place},
    plan_error, unsupported,
    windows::{Definition, is_constant, windowing},
};
use crate::{
    error::{SqlError, SqlErrorKind},
    resolve,
    types::{CastContext, Typed, coerce},
};

/// A bound of a frame.
#[derive(Debug)]
enum Bound {
    Known(WindowFrameBound),
    /// A number of rows or groups, or a value, that is computed for each row.
    Computed(Way, Expr),
}

impl Bound {
    /// A known number of rows or groups as a computed one.
    fn computed(self) -> Self {
        let number = |rows: u64| lit(i64::try_from(rows).unwrap_or(i64::MAX));
        match self {
            Self::Known(WindowFrameBound::Preceding(ScalarValue::UInt64(Some(rows)))) => {
                Self::Computed(Way::Preceding, number(rows))
            }
            Self::Known(WindowFrameBound::Following(ScalarValue::UInt64(Some(rows)))) => {
                Self::Computed(Way::Following, number(rows))
            }
            other => other,
        }
    }
}

/// Which bound of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Start,
    End,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Start => "starting",
            Self::End => "ending",
        }
    }
}

impl Binder<'_> {
    /// The frame as far as the engine has it; the definition gets what it cannot say.
    pub(super) fn frame(
        &self,
        frame: &ast::WindowFrame,
        definition: &mut Definition,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<WindowFrame, SqlError> {
        let units = match frame.units {
            ast::WindowFrameUnits::Rows => WindowFrameUnits::Rows,
            ast::WindowFrameUnits::Range => WindowFrameUnits::Range,
            ast::WindowFrameUnits::Groups => WindowFrameUnits::Groups,
        };
        if units == WindowFrameUnits::Groups && definition.order_by.is_empty() {
            let opening = position.and_then(|position| self.over_position(position));
            return Err(windowing("GROUPS mode requires an ORDER BY clause".to_owned(), opening));
        }
        let after_over = |word: &str| {
            let opening = self.over_position(position?)?;
            self.find_from(opening, word)
        };
        let current = ast::WindowFrameBound::CurrentRow;
        let end = frame.end_bound.as_ref().unwrap_or(&current);
        use ast::WindowFrameBound as B;
        let end_at = match end {
            B::Preceding(Some(offset)) | B::Following(Some(offset)) => self.start_of(offset),
            B::CurrentRow => after_over("current row"),
            _ => after_over("unbounded preceding"),
        };
        match (&frame.start_bound, end) {
            (B::Following(None), _) => {
                let at = after_over("unbounded");
                return Err(windowing("frame start cannot be UNBOUNDED FOLLOWING".to_owned(), at));
            }
            (_, B::Preceding(None)) => {
                let at = after_over("unbounded preceding");
                return Err(windowing("frame end cannot be UNBOUNDED PRECEDING".to_owned(), at));
            }
            (B::CurrentRow, B::Preceding(_)) => {
                return Err(windowing(
                    "frame starting from current row cannot have preceding rows".to_owned(),
                    end_at,
                ));
            }
            (B::Following(_), B::Preceding(_) | B::CurrentRow) => {
                return Err(windowing(
                    "frame starting from following row cannot have preceding rows".to_owned(),
                    end_at,
                ));
            }
            _ => {}
        }
        if units == WindowFrameUnits::Range && [&frame.start_bound, end].into_iter().any(has_offset) {
            self.range_key(frame, definition, place)?;
        }
        let start = self.frame_bound(&frame.start_bound, units, Side::Start, definition, position, place)?;
        let end = self.frame_bound(end, units, Side::End, definition, position, place)?;
        let (start, end) = if begins_behind_its_end(&start, &end) {
            (start.computed(), end.computed())
        } else {
            (start, end)
        };
        let mut known = |bound: Bound, unbounded: WindowFrameBound| match bound {
            Bound::Known(bound) => (bound, None),
            Bound::Computed(way, offset) => {
                definition.offsets.push(offset);
                (unbounded, Some(way))
            }
        };
        let nothing = ScalarValue::UInt64(None);
        let (start, start_way) = known(start, WindowFrameBound::Preceding(nothing.clone()));
        let (end, end_way) = known(end, WindowFrameBound::Following(nothing));
        let offsets = match (units, definition.order_by.as_slice()) {
            _ if definition.offsets.is_empty() => Offsets::Rows,
            (WindowFrameUnits::Rows, _) => Offsets::Rows,
            (WindowFrameUnits::Range, [key]) => {
                Offsets::Values(SortOptions { descending: !key.asc, nulls_first: key.nulls_first })
            }
            (WindowFrameUnits::Groups | WindowFrameUnits::Range, _) => Offsets::Groups,
        };
        definition.shape = Shape { start: start_way, end: end_way, offsets, ..definition.shape };
        Ok(WindowFrame::new_bounds(units, start, end))
    }

    fn frame_bound(
        &self,
        bound: &ast::WindowFrameBound,
        units: WindowFrameUnits,
        side: Side,
        definition: &Definition,
        position: Option<usize>,
        place: Place<'_>,
    ) -> Result<Bound, SqlError> {
        use ast::WindowFrameBound as B;
        let which = side.name();
        let (offset, preceding) = match bound {
            B::CurrentRow => return Ok(Bound::Known(WindowFrameBound::CurrentRow)),
            B::Preceding(offset) => (offset, true),
            B::Following(offset) => (offset, false),
        };
        let value = match offset {
            None => match (units, &definition.order_type) {
                (WindowFrameUnits::Range, Some(order)) if definition.order_by.len() == 1 => {
                    ScalarValue::try_from(&order.arrow_type).unwrap_or(ScalarValue::UInt64(None))
                }
                _ => ScalarValue::UInt64(None),
            },
            Some(offset) => {
                let typed = self.expression(offset, place.within(Clause::WindowFrame))?;
                let place_of = typed.position.or(position);
                let range = units == WindowFrameUnits::Range;
                let target = if range {
                    self.range_type(definition, typed.is_unknown(), position, place_of)?
                } else {
                    ColumnType::plain(PgType::Int8)
                };
                if !typed.expr.column_refs().is_empty() {
                    let message = format!("argument of {} must not contain variables", frame_units(units));
                    return Err(SqlError::new(SqlErrorKind::InvalidColumnReference, message).at(place_of));
                }
                let given = typed.pg_type();
                let typed = coerce(&self.binding, typed, target, CastContext::Implicit, place_of)
                    .map_err(|error| self.offset_error(error, units, given, definition, place_of))?;
                let way = if preceding { Way::Preceding } else { Way::Following };
                if !is_constant(&typed.expr) && !has_placeholder(&typed.expr) {
                    if range {
                        return Err(unsupported("a subquery as an offset in RANGE mode", place_of));
                    }
                    return Ok(Bound::Computed(way, typed.expr));
                }
                // The statement is bound again when its parameters are known.
                let value = if has_placeholder(&typed.expr) {
                    ScalarValue::new_zero(&typed.arrow_type).map_err(plan_error)?
                } else {
                    constant(&typed).map_err(|error| error.at(place_of))?
                };
                if value.is_null() {
                    let message = format!("frame {which} offset must not be null");
                    return Err(SqlError::new(SqlErrorKind::NullValueNotAllowed, message));
                }
                let is_nan = |value: &ScalarValue| match value {
                    ScalarValue::Float32(Some(value)) => value.is_nan(),
                    ScalarValue::Float64(Some(value)) => value.is_nan(),
                    _ => false,
                };
                if is_nan(&value) {
                    let message = "invalid preceding or following size in window function";
                    return Err(SqlError::new(SqlErrorKind::InvalidPrecedingOrFollowingSize, message));
                }
                let negative = is_negative(&value, definition);
                if negative && range {
                    let message = "invalid preceding or following size in window function";
                    return Err(SqlError::new(SqlErrorKind::InvalidPrecedingOrFollowingSize, message));
                }
                if negative {
                    let message = format!("frame {which} offset must not be negative");
                    return Err(SqlError::new(SqlErrorKind::InvalidPrecedingOrFollowingSize, message));
                }
                if range {
                    let bound = self.range_bound(definition, value, way, side, place_of)?;
                    return Ok(Bound::Computed(way, bound));
                }
                match value {
                    ScalarValue::Int64(Some(rows)) => ScalarValue::UInt64(Some(rows.unsigned_abs())),
                    value => value,
                }
            }
        };
        Ok(Bound::Known(if preceding {
            WindowFrameBound::Preceding(value)
        } else {
            WindowFrameBound::Following(value)
        }))
    }

    /// The type of an offset in RANGE mode: the ordering expression's, or an interval for dates and times.
    fn range_type(
        &self,
        definition: &Definition,
        is_unknown: bool,
        position: Option<usize>,
        offset: Option<usize>,
    ) -> Result<ColumnType, SqlError> {
        let Some(order) = definition.order_type.as_ref().filter(|_| definition.order_by.len() == 1) else {
            let opening = position.and_then(|position| self.over_position(position));
            return Err(windowing(
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column".to_owned(),
                opening,
            ));
        };
        let facts = order.pg_type().facts();
        match facts.category {
            Category::Numeric => Ok(ColumnType::plain(match order.pg_type() {
                own if is_unknown => own,
                PgType::Int2 | PgType::Int4 | PgType::Int8 => PgType::Int8,
                PgType::Numeric => PgType::Numeric,
                _ => PgType::Float8,
            })),
            Category::DateTime => Ok(ColumnType::plain(PgType::Interval)),
            _ => {
                let message = format!(
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {}",
                    match order.pg_type() {
                        // The operator family is text's.
                        PgType::Varchar => PgType::Text.facts().sql_name,
                        other => other.facts().sql_name,
                    }
                );
                Err(SqlError::new(SqlErrorKind::FeatureNotSupported, message).at(offset))
            }
        }
    }

    /// What is wrong with an offset of a type that cannot be one.
    fn offset_error(
        &self,
        error: SqlError,
        units: WindowFrameUnits,
        given: PgType,
        definition: &Definition,
        position: Option<usize>,
    ) -> SqlError {
        if error.kind != SqlErrorKind::CannotCoerce {
            return error;
        }
        match (units, &definition.order_type) {
            (WindowFrameUnits::Range, Some(order)) => {
                let message = format!(
                    "RANGE with offset PRECEDING/FOLLOWING is not supported for column type {} and offset type {}",
                    order.pg_type().facts().sql_name,
                    given.facts().sql_name
                );
                SqlError::new(SqlErrorKind::FeatureNotSupported, message)
                    .with_hint("Cast the offset value to an appropriate type.")
                    .at(position)
            }
            _ => {
                let message = format!(
                    "argument of {} must be type bigint, not type {}",
                    frame_units(units),
                    given.facts().sql_name
                );
                SqlError::new(SqlErrorKind::DatatypeMismatch, message).at(position)
            }
        }
    }

    /// The key of a RANGE frame with offsets, in a type in which what offsets are added to it fits.
    fn range_key(
        &self,
        frame: &ast::WindowFrame,
        definition: &mut Definition,
        place: Place<'_>,
    ) -> Result<(), SqlError> {
        let ([key], Some(order)) = (definition.order_by.as_mut_slice(), definition.order_type.as_mut())
        else {
            return Ok(());
        };
        let widened = match order.pg_type() {
            PgType::Int2 | PgType::Int4 | PgType::Int8 => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
            PgType::Numeric => {
                let DataType::Decimal128(_, mut scale) = order.arrow_type else { return Ok(()) };
                for bound in [Some(&frame.start_bound), frame.end_bound.as_ref()].into_iter().flatten() {
                    let (ast::WindowFrameBound::Preceding(Some(offset))
                    | ast::WindowFrameBound::Following(Some(offset))) = bound
                    else {
                        continue;
                    };
                    if let DataType::Decimal128(_, own) =
                        self.expression(offset, place.within(Clause::WindowFrame))?.arrow_type
                    {
                        scale = scale.max(own);
                    }
                }
                DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale)
            }
            PgType::Float4 | PgType::Float8 => {
                // With one zero, for bounds are compared by all their bits.
                order.expr = key.expr.clone();
                DataType::Float64
            }
            PgType::Date => {
                let timestamp = ColumnType::plain(PgType::Timestamp);
                let position = order.position;
                let wide = coerce(&self.binding, order.clone(), timestamp, CastContext::Implicit, position)?;
                order.expr = wide.expr;
                wide.arrow_type
            }
            PgType::Time => DataType::Int64,
            _ => return Ok(()),
        };
        order.expr = cast(order.expr.clone(), widened.clone());
        order.arrow_type = widened;
        key.expr = order.expr.clone();
        Ok(())
    }

    /// The value up to which a frame goes from a row in RANGE mode. Null where the key is.
    fn range_bound(
        &self,
        definition: &Definition,
        offset: ScalarValue,
        way: Way,
        side: Side,
        position: Option<usize>,
    ) -> Result<Expr, SqlError> {
        let (Some(order), [sort]) = (&definition.order_type, definition.order_by.as_slice()) else {
            return Err(SqlError::new(SqlErrorKind::Internal, "a range has one key"));
        };
        let forwards = (way == Way::Following) == sort.asc;
        let key = order.expr.clone();
        let moved = |by: ScalarValue| {
            let operator = if forwards { Operator::Plus } else { Operator::Minus };
            cast(binary_expr(key.clone(), operator, lit(by)), order.arrow_type.clone())
        };
        Ok(match (order.pg_type(), &offset) {
            (PgType::Date | PgType::Timestamp | PgType::Timestamptz, _) => {
                let pg_type =
                    if order.pg_type() == PgType::Date { PgType::Timestamp } else { order.pg_type() };
                let key = Typed::new(key, ColumnType::plain(pg_type), order.arrow_type.clone());
                let offset = Typed::constant(offset, ColumnType::plain(PgType::Interval));
                let name = if forwards { "+" } else { "-" };
                resolve::operator(&self.binding, None, name, Some(key), offset, position)?.expr
            }
            // Of an interval only the time of day counts.
            (PgType::Time, ScalarValue::IntervalMonthDayNano(Some(interval))) => {
                let (_, _, nanoseconds) = IntervalMonthDayNanoType::to_parts(*interval);
                moved(ScalarValue::Int64(Some(nanoseconds / 1000)))
            }
            (PgType::Float4 | PgType::Float8, value) if is_infinite(value) => {
                // From one infinity to the other everything is within reach.
                let here = if forwards { f64::NEG_INFINITY } else { f64::INFINITY };
                let everything =
                    if (side == Side::Start) == sort.asc { f64::NEG_INFINITY } else { f64::INFINITY };
                when(key.clone().eq(lit(here)), lit(everything))
                    .otherwise(moved(offset))
                    .map_err(plan_error)?
            }
            (PgType::Timetz, _) => return Err(unsupported("RANGE with an offset over this type", position)),
            _ => moved(offset.cast_to(&order.arrow_type).map_err(plan_error)?),
        })
    }
}

fn is_infinite(value: &ScalarValue) -> bool {
    matches!(value, ScalarValue::Float64(Some(f64::INFINITY)) | ScalarValue::Float32(Some(f32::INFINITY)))
}

fn has_offset(bound: &ast::WindowFrameBound) -> bool {
    matches!(bound, ast::WindowFrameBound::Preceding(Some(_)) | ast::WindowFrameBound::Following(Some(_)))
}

/// Whether constant bounds leave no row in any frame, which the engine takes for a mistake.
fn begins_behind_its_end(start: &Bound, end: &Bound) -> bool {
    use WindowFrameBound::{Following, Preceding};
    match (start, end) {
        (Bound::Known(Preceding(start)), Bound::Known(Preceding(end))) => {
            !start.is_null() && start.partial_cmp(end) == Some(Ordering::Less)
        }
        (Bound::Known(Following(start)), Bound::Known(Following(end))) => {
            !end.is_null() && start.partial_cmp(end) == Some(Ordering::Greater)
        }
        _ => false,
    }
}

/// Whether an offset goes the wrong way. Months have 30 days, as where intervals are compared; of an offset to a time of
/// day only the time counts.
fn is_negative(offset: &ScalarValue, definition: &Definition) -> bool {
    let ScalarValue::IntervalMonthDayNano(Some(interval)) = offset else {
        return ScalarValue::new_zero(&offset.data_type()).is_ok_and(|zero| *offset < zero);
    };
    let (months, days, nanoseconds) = IntervalMonthDayNanoType::to_parts(*interval);
    if definition.order_type.as_ref().is_some_and(|order| order.pg_type() == PgType::Time) {
        return nanoseconds < 0;
    }
    let days = i128::from(months) * 30 + i128::from(days);
    days * 86_400_000_000_000 + i128::from(nanoseconds) < 0
}

fn frame_units(units: WindowFrameUnits) -> &'static str {
    match units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => "GROUPS",
    }
}

/// A RANGE frame over keys as GROUPS: from peers to peers it is the same, and DataFusion has no ranges of bytes.
pub(super) fn by_groups(frame: WindowFrame, position: Option<usize>) -> Result<WindowFrame, SqlError> {
    if frame.units != WindowFrameUnits::Range {
        return Ok(frame);
    }
    let bound = |bound: WindowFrameBound| match bound {
        WindowFrameBound::CurrentRow => Ok(WindowFrameBound::CurrentRow),
        WindowFrameBound::Preceding(value) if value.is_null() => {
            Ok(WindowFrameBound::Preceding(ScalarValue::UInt64(None)))
        }
        WindowFrameBound::Following(value) if value.is_null() => {
            Ok(WindowFrameBound::Following(ScalarValue::UInt64(None)))
        }
        _ => Err(unsupported("RANGE with an offset over this type", position)),
    };
    Ok(WindowFrame::new_bounds(WindowFrameUnits::Groups, bound(frame.start_bound)?, bound(frame.end_bound)?))
}
