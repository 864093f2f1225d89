//! How many digits after the point a value of `numeric` shows. PostgreSQL keeps that number with each value; Arrow has
//! one scale for a column, which holds the digits of all of them. What PostgreSQL's number would be follows from the
//! value wherever it came from a quotient (a division, `avg`, `stddev`), since that number is chosen from the
//! quotient's size, and wherever a constant 0 stands beside a column.
//!
//! It says how a value is shown, never what it is. One case cannot be told from the value alone: a quotient a little
//! over a power of 10,000 has four digits more if both operands begin with the same group of four digits.

/// The largest number of digits that a column can show.
const SCALE_MAX: i32 = 38;

/// The largest constant that is kept.
const CONSTANT_MAX: i32 = (1 << 19) - 1;

/// How the values of a `numeric` without a modifier are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Shown {
    /// Where the number of digits comes from.
    pub rule: ShownRule,
    /// How many digits zero shows, where that is another number.
    pub zero: Option<u8>,
}

/// Where the number of digits comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ShownRule {
    /// The column's scale.
    #[default]
    Column,
    /// A quotient has at least 16 significant digits, and at least the digits of its operands. The value is
    /// `factor` · quotient + `shift`.
    Quotient {
        /// The digits of the operands.
        least: u8,
        /// The digits that a factor adds.
        more: u8,
        /// Whether the value is the square root of the quotient.
        root: bool,
        /// What the quotient was multiplied with.
        factor: i32,
        /// What was added to it.
        shift: i32,
    },
    /// A square root has at least 16 significant digits, and at least the digits of its operand.
    SquareRoot {
        /// The digits of the operand.
        least: u8,
    },
    /// As many as the value needs: constants that were written so.
    Needed {
        /// The fewest.
        least: u8,
    },
}

impl Shown {
    /// A quotient of operands with so many digits after the point.
    pub fn quotient(least: i32) -> Self {
        Self::of_quotient(least, false)
    }

    fn of_quotient(least: i32, root: bool) -> Self {
        let rule = ShownRule::Quotient { least: digits(least), more: 0, root, factor: 1, shift: 0 };
        Self { rule, zero: None }
    }

    /// A square root of values with so many digits after the point.
    pub fn square_root(least: i32) -> Self {
        Self { rule: ShownRule::SquareRoot { least: digits(least) }, zero: None }
    }

    /// A variance, or its square root, of values with so many digits after the point.
    pub fn variance(scale: i32, root: bool) -> Self {
        Self { zero: Some(0), ..Self::of_quotient(2 * scale, root) }
    }

    /// As many digits as each value needs, but at least so many.
    pub fn needed(least: i32) -> Self {
        Self { rule: ShownRule::Needed { least: digits(least) }, zero: None }
    }

    /// The same with another number for zero.
    #[must_use]
    pub fn with_zero(self, scale: i32) -> Self {
        Self { zero: Some(digits(scale)), ..self }
    }

    /// A sum with a value of so many digits, which is the constant `added` if it is one.
    #[must_use]
    pub fn plus(self, scale: i32, added: Option<i32>) -> Self {
        let ShownRule::Quotient { least, more, root, factor, shift } = self.rule else {
            return Self::default();
        };
        let shift = shift.saturating_add(added.unwrap_or(0)).clamp(-CONSTANT_MAX, CONSTANT_MAX);
        let least = least.max(digits(scale));
        Self { rule: ShownRule::Quotient { least, more, root, factor, shift }, zero: None }
    }

    /// A product with a value of so many digits, which is the constant `by` if it is one.
    #[must_use]
    pub fn times(self, scale: i32, by: Option<i32>) -> Self {
        let ShownRule::Quotient { least, more, root, factor, shift } = self.rule else {
            return Self::default();
        };
        let by = by.filter(|by| *by != 0).unwrap_or(1);
        let product = |value: i32| value.saturating_mul(by).clamp(-CONSTANT_MAX, CONSTANT_MAX);
        let more = digits(i32::from(more) + scale);
        let rule = ShownRule::Quotient { least, more, root, factor: product(factor), shift: product(shift) };
        Self { rule, zero: None }
    }

    /// As a number, which [`Self::from_code`] reads: for functions that show values and for the fields of records.
    pub fn code(self) -> i64 {
        let (kind, least, more, factor, shift) = match self.rule {
            ShownRule::Column => (0, 0, 0, 0, 0),
            ShownRule::Quotient { least, more, root, factor, shift } => {
                (1 + i64::from(root), least, more, factor, shift)
            }
            ShownRule::Needed { least } => (3, least, 0, 0, 0),
            ShownRule::SquareRoot { least } => (4, least, 0, 0, 0),
        };
        let zero = self.zero.map_or(0, |zero| i64::from(zero) + 1);
        let constant = |value: i32| i64::from(value + CONSTANT_MAX);
        kind | i64::from(least) << 3
            | i64::from(more) << 9
            | zero << 15
            | constant(factor) << 21
            | constant(shift) << 41
    }

    /// What [`Self::code`] wrote.
    pub fn from_code(code: i64) -> Self {
        let part = |shift: i64| u8::try_from(code >> shift & 0x3f).unwrap_or(0);
        let constant = |shift: i64| i32::try_from(code >> shift & 0xf_ffff).unwrap_or(0) - CONSTANT_MAX;
        let (least, more) = (part(3), part(9));
        let rule = match code & 7 {
            0 => ShownRule::Column,
            3 => ShownRule::Needed { least },
            4 => ShownRule::SquareRoot { least },
            kind => ShownRule::Quotient {
                least,
                more,
                root: kind == 2,
                factor: constant(21),
                shift: constant(41),
            },
        };
        Self { rule, zero: part(15).checked_sub(1) }
    }

    /// Whether every value shows the column's scale.
    pub fn is_column(self) -> bool {
        self == Self::default()
    }

    /// How many digits after the point the value `unscaled` · 10^-`scale` shows. More than `scale` only where the
    /// further ones are zeros.
    pub fn digits(self, unscaled: i128, scale: i8) -> i8 {
        let own = i32::from(scale);
        let shown = match (self.zero, self.rule) {
            (Some(zero), _) if unscaled == 0 => i32::from(zero),
            (_, ShownRule::Column) => own,
            (_, ShownRule::Needed { least }) => needed(unscaled, own, i32::from(least)),
            (_, ShownRule::Quotient { least, more, root, factor, shift }) => {
                let quotient = unshifted(unscaled, own, factor, shift);
                let weight = if root {
                    let (square, scale) = square(quotient, own);
                    weight(square, scale)
                } else {
                    weight(quotient, own)
                };
                (16 - 4 * weight).max(i32::from(least)) + i32::from(more)
            }
            (_, ShownRule::SquareRoot { least }) => {
                let (square, scale) = square(unscaled, own);
                (16 - (2 * group(square, scale).unwrap_or(0) + 1)).max(i32::from(least))
            }
        };
        let exact = shown <= own || unscaled % 10 == 0;
        let shown = if exact { shown } else { own };
        i8::try_from(shown.clamp(0, SCALE_MAX)).unwrap_or(scale)
    }
}

fn digits(scale: i32) -> u8 {
    u8::try_from(scale.clamp(0, SCALE_MAX)).unwrap_or(0)
}

fn power_of_ten(exponent: i32) -> Option<u128> {
    10_u128.checked_pow(u32::try_from(exponent).ok()?)
}

/// The digits after the point without the zeros at their end.
fn needed(unscaled: i128, scale: i32, least: i32) -> i32 {
    let (mut rest, mut digits) = (unscaled, scale);
    while digits > least && rest % 10 == 0 {
        rest /= 10;
        digits -= 1;
    }
    digits
}

/// The quotient that a value was made of.
fn unshifted(unscaled: i128, scale: i32, factor: i32, shift: i32) -> i128 {
    let shift = power_of_ten(scale).and_then(|one| i128::try_from(one).ok()?.checked_mul(shift.into()));
    let product = shift.and_then(|shift| unscaled.checked_sub(shift)).unwrap_or(unscaled);
    product.checked_div(factor.into()).unwrap_or(product)
}

/// Which group of four digits, counted from the point, a value begins with; zero with none.
fn group(unscaled: i128, scale: i32) -> Option<i32> {
    let exponent = i32::try_from(unscaled.unsigned_abs().checked_ilog10()?).ok()?;
    Some((exponent - scale).div_euclid(4))
}

/// PostgreSQL's estimate of a quotient's first group.
fn weight(unscaled: i128, scale: i32) -> i32 {
    let Some(weight) = group(unscaled, scale) else { return -1 };
    // Operands that begin with the same group give a quotient of little over one.
    let magnitude = unscaled.unsigned_abs();
    let same_groups = power_of_ten(4 * weight + scale)
        .is_some_and(|one| magnitude / one == 1 && (magnitude % one).saturating_mul(400) < one);
    weight - i32::from(same_groups)
}

/// About the square of a value, and its scale: twelve digits are enough to tell its size.
fn square(unscaled: i128, scale: i32) -> (i128, i32) {
    let magnitude = unscaled.unsigned_abs();
    let exponent = magnitude.checked_ilog10().and_then(|digits| i32::try_from(digits).ok()).unwrap_or(0);
    let dropped = (exponent - 12).max(0);
    let leading = magnitude / power_of_ten(dropped).unwrap_or(1);
    let square = i128::try_from(leading.saturating_mul(leading)).unwrap_or(i128::MAX);
    (square, 2 * (scale - dropped))
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn quotients_show_sixteen_digits_or_more() {
        let average = Shown::quotient(2);
        assert_eq!(average.digits(2_540_000_000_000_000_000_000, 20), 16);
        assert_eq!(average.digits(139_844_550_000_000_000_000, 16), 12);
        assert_eq!(average.digits(5_050_000_000_000_000_000, 20), 20);
        assert_eq!(average.digits(1_000_000_000_000_000_000, 18), 20, "a sum and a count that are the same");
        assert_eq!(average.digits(1_500_000_000_000_000_000, 18), 16);
        assert_eq!(average.digits(0, 20), 20);
        assert_eq!(Shown::quotient(18).digits(25_400_000_000_000_000_000, 18), 18);
        assert_eq!(average.digits(3_333_333_333_333_333, 16), 16, "digits that are not there");
    }

    #[test]
    fn quotients_are_seen_behind_constants() {
        let growth = Shown::quotient(2).plus(0, Some(-1));
        assert_eq!(growth.digits(70_370_370_370_370_370_370, 20), 16, "1.7037… less 1");
        assert_eq!(growth.times(0, Some(100)).digits(7_037_037_037_037_037_037_037, 20), 16);
        assert_eq!(
            Shown::quotient(2).times(0, Some(100)).digits(4_500_000_000_000_000_000_000, 20),
            20,
            "0.45 · 100"
        );
        assert_eq!(Shown::square_root(2).digits(269_258_240_356_725_201_563, 20), 15);
    }

    #[test]
    fn deviations_go_by_their_square() {
        let deviation = Shown::variance(2, true);
        assert_eq!(deviation.digits(23_130_054_561_111_610_141, 16), 12);
        assert_eq!(deviation.digits(0, 16), 0);
        assert_eq!(Shown::variance(2, false).digits(53_499_942_400_000_000_000_000, 16), 12);
    }

    #[test]
    fn codes_are_read_back() {
        for shown in [
            Shown::default(),
            Shown::default().with_zero(0),
            Shown::quotient(38).times(2, Some(100)).plus(0, Some(-100)),
            Shown::square_root(2),
            Shown::variance(4, true),
            Shown::needed(3).with_zero(12),
        ] {
            assert_eq!(Shown::from_code(shown.code()), shown);
        }
    }

    #[test]
    fn constants_show_what_was_written() {
        assert_eq!(Shown::default().with_zero(0).digits(0, 2), 0);
        assert_eq!(Shown::default().with_zero(0).digits(150, 2), 2);
        assert_eq!(Shown::needed(0).digits(300, 2), 0);
        assert_eq!(Shown::needed(0).digits(225, 2), 2);
        assert_eq!(Shown::needed(1).digits(300, 2), 1);
    }
}
