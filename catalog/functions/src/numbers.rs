//! Arithmetic of integers, which raises 22003 instead of wrapping. The loops are in `checked.rs`.
//! Floats are in `floats.rs`, `numeric` in `numeric.rs`.

mod checked;
mod degrees;
mod floats;
mod hyperbolic;
mod numeric;
mod rounding;

use arrow::{
    array::ArrayRef,
    datatypes::{Int16Type, Int32Type, Int64Type},
};

use self::checked::{combine, combine_freely, convert, convert_freely};
pub use self::{floats::*, numeric::*};
use crate::{
    error::FunctionError,
    kernels::{Int2, Int4, Int8, map},
    scalar::Arguments,
};

type Done = Result<ArrayRef, FunctionError>;

/// The nearest whole number, half to even; several at a time in a loop.
#[inline]
pub(crate) fn nearest_whole(value: f64) -> f64 {
    rounding::to_nearest(value)
}

macro_rules! integer_arithmetic {
    ($($add:ident $subtract:ident $multiply:ident $divide:ident $modulo:ident $negate:ident $abs:ident $type:ty, $name:literal;)*) => {
        $(
        /// `+`
        pub fn $add(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(arguments, |a, b| a.overflowing_add(b), |a, b| a.checked_add(b).is_none().then(|| FunctionError::out_of_range($name)))
        }
        /// `-`
        pub fn $subtract(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(arguments, |a, b| a.overflowing_sub(b), |a, b| a.checked_sub(b).is_none().then(|| FunctionError::out_of_range($name)))
        }
        /// `*`
        pub fn $multiply(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(arguments, |a, b| a.overflowing_mul(b), |a, b| a.checked_mul(b).is_none().then(|| FunctionError::out_of_range($name)))
        }
        /// `/`: truncates.
        pub fn $divide(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                Divide::quotient,
                |a, b| match b {
                    0 => Some(FunctionError::division_by_zero()),
                    b => a.checked_div(b).is_none().then(|| FunctionError::out_of_range($name)),
                },
            )
        }
        /// `%`: the sign of the dividend.
        pub fn $modulo(arguments: &Arguments<'_>) -> Done {
            combine::<$type>(
                arguments,
                Divide::remainder,
                |_, b| (b == 0).then(FunctionError::division_by_zero),
            )
        }
        /// Unary `-`
        pub fn $negate(arguments: &Arguments<'_>) -> Done {
            convert::<$type>(arguments, |a| a.overflowing_neg(), |a| {
                a.checked_neg().is_none().then(|| FunctionError::out_of_range($name))
            })
        }
        /// `abs`, `@`
        pub fn $abs(arguments: &Arguments<'_>) -> Done {
            convert::<$type>(arguments, |a| a.overflowing_abs(), |a| {
                a.checked_abs().is_none().then(|| FunctionError::out_of_range($name))
            })
        }
        )*
    };
}

integer_arithmetic! {
    int2_add int2_subtract int2_multiply int2_divide int2_modulo int2_negate int2_abs Int16Type, "smallint";
    int4_add int4_subtract int4_multiply int4_divide int4_modulo int4_negate int4_abs Int32Type, "integer";
    int8_add int8_subtract int8_multiply int8_divide int8_modulo int8_negate int8_abs Int64Type, "bigint";
}

/// Division, and whether it fails.
trait Divide: Sized {
    fn quotient(self, by: Self) -> (Self, bool);
    fn remainder(self, by: Self) -> (Self, bool);
}

/// A quotient of floats with twice the digits, cut, is that of the integers, and there are instructions for several at a
/// time. Out of range it is the largest or smallest integer.
macro_rules! divide_as_floats {
    ($($type:ty, $float:ty;)*) => {
        $(impl Divide for $type {
            #[inline]
            #[expect(clippy::cast_possible_truncation, reason = "what does not fit is reported")]
            fn quotient(self, by: Self) -> (Self, bool) {
                ((<$float>::from(self) / <$float>::from(by)) as $type, (by == 0) | ((self == Self::MIN) & (by == -1)))
            }

            #[inline]
            fn remainder(self, by: Self) -> (Self, bool) {
                let (quotient, _) = self.quotient(by);
                let remainder = self.wrapping_sub(quotient.wrapping_mul(by));
                (if by == -1 { 0 } else { remainder }, by == 0)
            }
        })*
    };
}

divide_as_floats! {
    i16, f32;
    i32, f64;
}

impl Divide for i64 {
    #[inline]
    fn quotient(self, by: Self) -> (Self, bool) {
        match self.checked_div(by) {
            Some(value) => (value, false),
            None => (0, true),
        }
    }

    #[inline]
    fn remainder(self, by: Self) -> (Self, bool) {
        if by == 0 { (0, true) } else { (self.wrapping_rem(by), false) }
    }
}

/// The lowest bits of a number, as many as a type has.
trait Cut<T> {
    fn cut(self) -> T;
}

impl Cut<i16> for i32 {
    #[expect(clippy::cast_possible_truncation, reason = "what is shifted out is lost")]
    fn cut(self) -> i16 {
        self as i16
    }
}

impl Cut<i32> for i32 {
    fn cut(self) -> i32 {
        self
    }
}

impl Cut<i64> for i64 {
    fn cut(self) -> i64 {
        self
    }
}

macro_rules! bitwise {
    ($($and:ident $or:ident $xor:ident $not:ident $left:ident $right:ident $type:ty, $wide:ty;)*) => {
        $(
        /// `&`
        pub fn $and(arguments: &Arguments<'_>) -> Done {
            combine_freely::<$type, $type>(arguments, |a, b| a & b)
        }
        /// `|`
        pub fn $or(arguments: &Arguments<'_>) -> Done {
            combine_freely::<$type, $type>(arguments, |a, b| a | b)
        }
        /// `#`
        pub fn $xor(arguments: &Arguments<'_>) -> Done {
            combine_freely::<$type, $type>(arguments, |a, b| a ^ b)
        }
        /// `~`
        pub fn $not(arguments: &Arguments<'_>) -> Done {
            convert_freely::<$type>(arguments, |a| !a)
        }
        /// `<<`: the count goes round at the width that the machine computes in, which is 32 bits for `smallint` too.
        pub fn $left(arguments: &Arguments<'_>) -> Done {
            combine_freely::<$type, Int4>(arguments, |a, by| <$wide>::from(a).wrapping_shl(by.cast_unsigned()).cut())
        }
        /// `>>`
        pub fn $right(arguments: &Arguments<'_>) -> Done {
            combine_freely::<$type, Int4>(arguments, |a, by| <$wide>::from(a).wrapping_shr(by.cast_unsigned()).cut())
        }
        )*
    };
}

bitwise! {
    int2_and int2_or int2_xor int2_not int2_shift_left int2_shift_right Int2, i32;
    int4_and int4_or int4_xor int4_not int4_shift_left int4_shift_right Int4, i32;
    int8_and int8_or int8_xor int8_not int8_shift_left int8_shift_right Int8, i64;
}

/// `gcd(integer, integer)`
pub fn int4_gcd(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4), Int4>(arguments, |(a, b)| {
        i32::try_from(gcd(a.unsigned_abs().into(), b.unsigned_abs().into()))
            .map_err(|_| FunctionError::out_of_range("integer"))
    })
}

/// `gcd(bigint, bigint)`
pub fn int8_gcd(arguments: &Arguments<'_>) -> Done {
    map::<(Int8, Int8), Int8>(arguments, |(a, b)| {
        i64::try_from(gcd(a.unsigned_abs(), b.unsigned_abs()))
            .map_err(|_| FunctionError::out_of_range("bigint"))
    })
}

/// `lcm(integer, integer)`
pub fn int4_lcm(arguments: &Arguments<'_>) -> Done {
    map::<(Int4, Int4), Int4>(arguments, |(a, b)| {
        let multiple = lcm(a.unsigned_abs().into(), b.unsigned_abs().into());
        multiple
            .and_then(|value| i32::try_from(value).ok())
            .ok_or_else(|| FunctionError::out_of_range("integer"))
    })
}

/// `lcm(bigint, bigint)`
pub fn int8_lcm(arguments: &Arguments<'_>) -> Done {
    map::<(Int8, Int8), Int8>(arguments, |(a, b)| {
        let multiple = lcm(a.unsigned_abs(), b.unsigned_abs());
        multiple
            .and_then(|value| i64::try_from(value).ok())
            .ok_or_else(|| FunctionError::out_of_range("bigint"))
    })
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn lcm(a: u64, b: u64) -> Option<u64> {
    if a == 0 || b == 0 { Some(0) } else { (a / gcd(a, b)).checked_mul(b) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{Array, AsArray, Decimal128Array, Int32Array},
        datatypes::{DataType, Decimal128Type},
    };
    use datafusion::{common::ScalarValue, logical_expr::ColumnarValue};

    use super::{
        numeric::{round_at, square_root},
        *,
    };
    use crate::error::FunctionErrorKind;

    fn call(
        kernel: crate::scalar::Kernel,
        values: Vec<ColumnarValue>,
        rows: usize,
        result: &DataType,
    ) -> Result<ArrayRef, FunctionErrorKind> {
        let arguments = Arguments::new(values, rows, result).unwrap();
        kernel(&arguments).map_err(|error| error.kind)
    }

    #[test]
    fn integers_overflow_only_where_nothing_is_null() {
        let column =
            |values: Vec<Option<i32>>| ColumnarValue::Array(Arc::new(Int32Array::from(values)) as ArrayRef);
        let one = ColumnarValue::Scalar(ScalarValue::Int32(Some(1)));
        let fine =
            call(int4_add, vec![column(vec![Some(1), None]), one.clone()], 2, &DataType::Int32).unwrap();
        assert_eq!(fine.as_primitive::<Int32Type>().value(0), 2);
        assert!(fine.is_null(1));
        assert_eq!(
            call(int4_add, vec![column(vec![Some(i32::MAX)]), one], 1, &DataType::Int32),
            Err(FunctionErrorKind::NumericValueOutOfRange)
        );
        let zero = ColumnarValue::Scalar(ScalarValue::Int32(Some(0)));
        assert_eq!(
            call(int4_divide, vec![column(vec![Some(1)]), zero], 1, &DataType::Int32),
            Err(FunctionErrorKind::DivisionByZero)
        );
    }

    #[test]
    fn integers_divide_as_floats() {
        let numbers =
            [0, 1, -1, 2, 3, -7, 10, 46_341, 65_535, -65_537, i32::MAX, i32::MAX - 1, i32::MIN, i32::MIN + 1];
        for (a, b) in numbers.into_iter().flat_map(|a| numbers.map(|b| (a, b))) {
            let (quotient, remainder) = (a.quotient(b), a.remainder(b));
            assert_eq!((!quotient.1).then_some(quotient.0), a.checked_div(b), "{a} / {b}");
            assert_eq!(
                (!remainder.1).then_some(remainder.0),
                (b != 0).then(|| a.wrapping_rem(b)),
                "{a} % {b}"
            );
        }
        let numbers = (i16::MIN..=i16::MAX).step_by(97).chain([-1, 0, 1, 2, 3, i16::MAX]);
        for (a, b) in numbers.clone().flat_map(|a| numbers.clone().map(move |b| (a, b))) {
            let (quotient, remainder) = (a.quotient(b), a.remainder(b));
            assert_eq!((!quotient.1).then_some(quotient.0), a.checked_div(b), "{a} / {b}");
            assert_eq!(
                (!remainder.1).then_some(remainder.0),
                (b != 0).then(|| a.wrapping_rem(b)),
                "{a} % {b}"
            );
        }
    }

    #[test]
    fn decimals_divide_and_round() {
        assert_eq!(divide_decimal(1, 0, 3, 0, 16), Some(3_333_333_333_333_333));
        assert_eq!(divide_decimal(2, 0, -3, 0, 4), Some(-6667));
        assert_eq!(divide_decimal(10_i128.pow(37), 0, 1, 0, 1), None);
        assert_eq!(divide_decimal(150, 2, 5, 1, 2), Some(300));
        assert_eq!(square_root(2, 0, 15), Some(1_414_213_562_373_095));
        assert_eq!(square_root(400, 2, 0), Some(2));
        assert_eq!(round_at(12_345, 2, 1, 1, false), Some(1235));
        assert_eq!(round_at(12_345, 2, -1, 0, false), Some(120));
        assert_eq!(round_at(-155, 1, 0, 0, true), Some(-15));
        let column = ColumnarValue::Array(Arc::new(
            Decimal128Array::from(vec![150_i128]).with_precision_and_scale(5, 2).unwrap(),
        ));
        let product =
            call(numeric_multiply, vec![column.clone(), column], 1, &DataType::Decimal128(38, 3)).unwrap();
        assert_eq!(product.as_primitive::<Decimal128Type>().value(0), 2250);
    }
}
