//! The fields of the type `interval`: `interval day to second(2)`. They say what a bare number in its text means and which
//! fields a value keeps, and are the type's modifier.

use lis_lake::types::{ColumnType, PgType};
use sqlparser::ast;

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

/// How `interval` with a modifier is written: `interval day to second(2)`.
pub fn interval_type_name(typmod: i32) -> String {
    let fields = IntervalFields::of_modifier(typmod);
    let mut name = "interval".to_owned();
    if let Some((first, last)) = fields.range {
        name = format!("{name} {}", first.unit());
        if first != last {
            name = format!("{name} to {}", last.unit());
        }
    }
    match fields.precision {
        Some(digits) => format!("{name}({digits})"),
        None => name,
    }
}

/// The precision of seconds that says nothing.
const FULL_PRECISION: i32 = 0xFFFF;
/// The fields of a type that has only a precision.
const FULL_RANGE: i32 = 0x7FFF;

/// The fields of a type or literal, and its precision.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IntervalFields {
    range: Option<(Field, Field)>,
    precision: Option<i32>,
}

impl IntervalFields {
    /// Those that are written behind a literal.
    pub(crate) fn of_literal(interval: &ast::Interval) -> Option<Self> {
        let precision = interval.fractional_seconds_precision.or(interval.leading_precision);
        let Some(first) = &interval.leading_field else {
            return precision.is_some().then(|| Self::new(None, precision));
        };
        let first = Field::of(first)?;
        let last = match &interval.last_field {
            Some(last) => Field::of(last)?,
            None => first,
        };
        Some(Self::new(Some((first, last)), precision))
    }

    /// Those of a type's name.
    pub(super) fn of_type(fields: Option<&ast::IntervalFields>, precision: Option<u64>) -> Self {
        use ast::IntervalFields as F;
        let range = fields.map(|fields| match fields {
            F::Year => (Field::Year, Field::Year),
            F::Month => (Field::Month, Field::Month),
            F::Day => (Field::Day, Field::Day),
            F::Hour => (Field::Hour, Field::Hour),
            F::Minute => (Field::Minute, Field::Minute),
            F::Second => (Field::Second, Field::Second),
            F::YearToMonth => (Field::Year, Field::Month),
            F::DayToHour => (Field::Day, Field::Hour),
            F::DayToMinute => (Field::Day, Field::Minute),
            F::DayToSecond => (Field::Day, Field::Second),
            F::HourToMinute => (Field::Hour, Field::Minute),
            F::HourToSecond => (Field::Hour, Field::Second),
            F::MinuteToSecond => (Field::Minute, Field::Second),
        });
        Self::new(range, precision)
    }

    fn new(range: Option<(Field, Field)>, precision: Option<u64>) -> Self {
        // More than microseconds is cut with a warning in PostgreSQL.
        Self { range, precision: precision.map(|digits| i32::try_from(digits.min(6)).unwrap_or(6)) }
    }

    /// Those of a type's modifier.
    pub(super) fn of_modifier(typmod: i32) -> Self {
        let mask = typmod >> 16 & FULL_RANGE;
        let mut fields = Field::ALL.into_iter().filter(|field| mask & field.bit() != 0);
        let range = fields.next().map(|first| (first, fields.next_back().unwrap_or(first)));
        let precision = Some(typmod & FULL_PRECISION).filter(|precision| *precision != FULL_PRECISION);
        Self { range: range.filter(|_| mask != FULL_RANGE), precision }
    }

    /// The type.
    pub(crate) fn column_type(self) -> ColumnType {
        let mask = match self.range {
            Some((first, last)) => {
                Field::ALL.into_iter().filter(|field| (first..=last).contains(field)).map(Field::bit).sum()
            }
            None if self.precision.is_none() => return ColumnType::plain(PgType::Interval),
            None => FULL_RANGE,
        };
        let typmod = mask << 16 | self.precision.unwrap_or(FULL_PRECISION);
        ColumnType::new(PgType::Interval, typmod)
    }

    /// What a value keeps: the name of its smallest field, and the digits of its seconds.
    pub(super) fn kept(self) -> (&'static str, i32) {
        (self.range.map_or(Field::Second, |(_, last)| last).unit(), self.precision.unwrap_or(6))
    }

    /// The text with the units that its bare numbers have.
    pub(super) fn with_units(self, text: &str) -> String {
        let Some((first, last)) = self.range else { return text.to_owned() };
        let bare = |word: &&str| word.parse::<f64>().is_ok();
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [days, clock] if (first, last) == (Field::Day, Field::Hour) && bare(days) && bare(clock) => {
                format!("{days} day {clock} hour")
            }
            // Minutes and seconds, where a clock would be hours and minutes.
            [before @ .., clock]
                if (first, last) == (Field::Minute, Field::Second) && clock.matches(':').count() == 1 =>
            {
                let digits = clock.trim_start_matches(['-', '+']);
                let sign = &clock[..clock.len() - digits.len()];
                format!("{} {sign}00:{digits}", before.join(" "))
            }
            [.., number] if bare(number) => {
                let unit = last.unit();
                let next = words.iter().skip(1).map(Some).chain([None]);
                let with_unit = words.iter().zip(next).map(|(word, next)| {
                    let has_unit = next.is_some_and(|next| next.starts_with(char::is_alphabetic));
                    if bare(word) && !has_unit { format!("{word} {unit}") } else { (*word).to_owned() }
                });
                with_unit.collect::<Vec<_>>().join(" ")
            }
            _ => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modifier_gives_its_fields_back() {
        let fields = IntervalFields::of_type(Some(&ast::IntervalFields::DayToSecond), Some(2));
        assert_eq!(fields.column_type().typmod, (8 | 1 << 10 | 1 << 11 | 1 << 12) << 16 | 2);
        assert_eq!(IntervalFields::of_modifier(fields.column_type().typmod).kept(), ("second", 2));
        let precision = IntervalFields::of_type(None, Some(0));
        assert_eq!(precision.column_type().typmod, 0x7FFF << 16);
        assert_eq!(IntervalFields::of_modifier(0x7FFF << 16).kept(), ("second", 0));
        let year = IntervalFields::of_type(Some(&ast::IntervalFields::Year), None);
        assert_eq!(IntervalFields::of_modifier(year.column_type().typmod).kept(), ("year", 6));
    }
}
