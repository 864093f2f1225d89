//! The fields of an interval literal, `interval '1-2' YEAR TO MONTH`: what its numbers mean, which fields it keeps, and the
//! modifier of its type.

use datafusion::{common::ScalarValue, logical_expr::Expr};
use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

use super::{Binder, not_postgresql, place::Place};
use crate::{
    error::SqlError,
    types::{self, CastContext, Typed},
};

impl Binder<'_> {
    /// `interval '…' [fields]`.
    pub(super) fn interval(&self, interval: &ast::Interval, place: Place<'_>) -> Result<Typed, SqlError> {
        let ast::Expr::Value(value) = interval.value.as_ref() else {
            return Err(not_postgresql("interval", self.start_of(&interval.value)));
        };
        let position = self.position(value.span);
        let literal = self.literal(value, place)?;
        let fields = IntervalFields::of(interval);
        let literal = match (&fields, literal.value()) {
            (Some(fields), Some(ScalarValue::Utf8View(Some(text)))) => {
                types::string_literal(&fields.with_units(text), position)
            }
            _ => literal,
        };
        let target = ColumnType::plain(PgType::Interval);
        let typed = types::coerce(&self.binding, literal, target, CastContext::Explicit, position)?;
        Ok(match fields {
            Some(fields) => fields.kept(typed),
            None => typed,
        })
    }
}

/// A field, from the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Field {
    fn of(field: &ast::DateTimeField) -> Option<Self> {
        Some(match field {
            ast::DateTimeField::Year => Self::Year,
            ast::DateTimeField::Month => Self::Month,
            ast::DateTimeField::Day => Self::Day,
            ast::DateTimeField::Hour => Self::Hour,
            ast::DateTimeField::Minute => Self::Minute,
            ast::DateTimeField::Second => Self::Second,
            _ => return None,
        })
    }

    const ALL: [Self; 6] = [Self::Year, Self::Month, Self::Day, Self::Hour, Self::Minute, Self::Second];

    /// The field's bit in a type's modifier.
    fn bit(self) -> i32 {
        match self {
            Self::Month => 1 << 1,
            Self::Year => 1 << 2,
            Self::Day => 1 << 3,
            Self::Hour => 1 << 10,
            Self::Minute => 1 << 11,
            Self::Second => 1 << 12,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Year => "year",
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
        }
    }
}

/// The precision of seconds that says nothing.
const FULL_PRECISION: i32 = 0xFFFF;
const NANOSECONDS_PER_MINUTE: i64 = 60_000_000_000;

/// The fields of one literal.
#[derive(Debug, Clone, Copy)]
pub(super) struct IntervalFields {
    first: Field,
    last: Field,
    precision: Option<u32>,
}

impl IntervalFields {
    /// Those that are written behind a literal.
    pub(super) fn of(interval: &ast::Interval) -> Option<Self> {
        let first = Field::of(interval.leading_field.as_ref()?)?;
        let last = match &interval.last_field {
            Some(last) => Field::of(last)?,
            None => first,
        };
        let precision = interval.fractional_seconds_precision.or(interval.leading_precision);
        Some(Self { first, last, precision: precision.and_then(|digits| u32::try_from(digits).ok()) })
    }

    /// The text with the units that its bare numbers have.
    pub(super) fn with_units(self, text: &str) -> String {
        let bare = |word: &&str| word.parse::<f64>().is_ok();
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [days, clock]
                if (self.first, self.last) == (Field::Day, Field::Hour) && bare(days) && bare(clock) =>
            {
                format!("{days} day {clock} hour")
            }
            // Minutes and seconds, where a clock would be hours and minutes.
            [before @ .., clock]
                if (self.first, self.last) == (Field::Minute, Field::Second)
                    && clock.matches(':').count() == 1 =>
            {
                let digits = clock.trim_start_matches(['-', '+']);
                let sign = &clock[..clock.len() - digits.len()];
                format!("{} {sign}00:{digits}", before.join(" "))
            }
            [.., last] if bare(last) => format!("{text} {}", self.last.unit()),
            _ => text.to_owned(),
        }
    }

    /// The value without the fields that are smaller than the last one, under the modifier that says so.
    pub(super) fn kept(self, typed: Typed) -> Typed {
        let Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(mut value)), metadata) = typed.expr else {
            return typed;
        };
        let within = |value: i64, unit: i64| value - value % unit;
        value.nanoseconds = match self.last {
            Field::Year | Field::Month | Field::Day => 0,
            Field::Hour => within(value.nanoseconds, 60 * NANOSECONDS_PER_MINUTE),
            Field::Minute => within(value.nanoseconds, NANOSECONDS_PER_MINUTE),
            Field::Second => match self.precision {
                Some(digits) if digits < 6 => {
                    let unit = 10_i64.pow(9 - digits);
                    let half = if value.nanoseconds < 0 { -unit / 2 } else { unit / 2 };
                    within(value.nanoseconds.saturating_add(half), unit)
                }
                _ => value.nanoseconds,
            },
        };
        if self.last <= Field::Month {
            value.days = 0;
        }
        if self.last == Field::Year {
            value.months -= value.months % 12;
        }
        let fields = Field::ALL.into_iter().filter(|field| (self.first..=self.last).contains(field));
        let mask: i32 = fields.map(Field::bit).sum();
        let precision = self.precision.and_then(|digits| i32::try_from(digits).ok());
        let typmod = mask << 16 | precision.map_or(FULL_PRECISION, |digits| digits.min(6));
        Typed {
            expr: Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), metadata),
            column_type: ColumnType::new(PgType::Interval, typmod),
            ..typed
        }
    }
}
