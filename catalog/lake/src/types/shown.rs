//! How many digits after the point a value of `numeric` shows. PostgreSQL keeps that number with each value; Arrow has
//! one scale for a column, which holds the digits of all of them. What PostgreSQL's number would be follows from the
//! value wherever it came from a quotient (a division, `avg`, `stddev`), since that number is chosen from the
//! quotient's size, and wherever a constant 0 stands beside a column.
//!
//! It says how a value is shown, never what it is. One case cannot be told from the value alone: a quotient a little
//! over a power of 10,000 has four digits more if both operands begin with the same group of four digits.

/// The largest number of digits that a column can show.
const SCALE_MAX: i32 = 38;

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
    /// A quotient has at least 16 significant digits, and at least the digits of its operands.
    Quotient {
        /// The digits of the operands.
        least: u8,
        /// The digits that a factor adds.
        more: u8,
        /// Whether the value is the square root of the quotient.
        root: bool,
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
        Self { rule: ShownRule::Quotient { least: digits(least), more: 0, root: false }, zero: None }
    }

    /// A variance, or its square root, of values with so many digits after the point.
    pub fn variance(scale: i32, root: bool) -> Self {
        Self { rule: ShownRule::Quotient { least: digits(2 * scale), more: 0, root }, zero: Some(0) }
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

    /// A sum with a value of so many digits; no sum is known to be zero.
    #[must_use]
    pub fn plus(self, scale: i32) -> Self {
        Self { rule: self.raised(scale, 0), zero: None }
    }

    /// A product with a value of so many digits.
    #[must_use]
    pub fn times(self, scale: i32) -> Self {
        Self { rule: self.raised(0, scale), zero: None }
    }

    fn raised(self, at_least: i32, by: i32) -> ShownRule {
        match self.rule {
            ShownRule::Quotient { least, more, root } => ShownRule::Quotient {
                least: least.max(digits(at_least)),
                more: digits(i32::from(more) + by),
                root,
            },
            ShownRule::Column | ShownRule::Needed { .. } => ShownRule::Column,
        }
    }

    /// As a number, which [`Self::from_code`] reads: for functions that show values and for the fields of records.
    pub fn code(self) -> i32 {
        let (kind, least, more) = match self.rule {
            ShownRule::Column => (0, 0, 0),
            ShownRule::Quotient { least, more, root } => (1 + i32::from(root), least, more),
            ShownRule::Needed { least } => (3, least, 0),
        };
        let zero = self.zero.map_or(0, |zero| i32::from(zero) + 1);
        kind | i32::from(least) << 2 | i32::from(more) << 8 | zero << 14
    }

    /// What [`Self::code`] wrote.
    pub fn from_code(code: i32) -> Self {
        let part = |shift: i32| u8::try_from(code >> shift & 0x3f).unwrap_or(0);
        let (least, more) = (part(2), part(8));
        let rule = match code & 3 {
            0 => ShownRule::Column,
            3 => ShownRule::Needed { least },
            kind => ShownRule::Quotient { least, more, root: kind == 2 },
        };
        Self { rule, zero: part(14).checked_sub(1) }
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
            (_, ShownRule::Quotient { least, more, root }) => {
                let weight = if root { square_weight(unscaled, own) } else { weight(unscaled, own) };
                (16 - 4 * weight).max(i32::from(least)) + i32::from(more)
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

/// PostgreSQL's estimate of a quotient's weight: which group of four digits, counted from the point, it begins with.
fn weight(unscaled: i128, scale: i32) -> i32 {
    let magnitude = unscaled.unsigned_abs();
    let Some(exponent) = magnitude.checked_ilog10().and_then(|digits| i32::try_from(digits).ok()) else {
        return -1;
    };
    let weight = (exponent - scale).div_euclid(4);
    // Operands that begin with the same group give a quotient of little over one.
    let same_groups = power_of_ten(4 * weight + scale)
        .is_some_and(|one| magnitude / one == 1 && (magnitude % one).saturating_mul(400) < one);
    weight - i32::from(same_groups)
}

/// The weight of the square of a value.
fn square_weight(unscaled: i128, scale: i32) -> i32 {
    // Twelve digits are enough to tell.
    let magnitude = unscaled.unsigned_abs();
    let Some(exponent) = magnitude.checked_ilog10().and_then(|digits| i32::try_from(digits).ok()) else {
        return -1;
    };
    let dropped = (exponent - 12).max(0);
    let leading = magnitude / power_of_ten(dropped).unwrap_or(1);
    let square = i128::try_from(leading.saturating_mul(leading)).unwrap_or(i128::MAX);
    weight(square, 2 * (scale - dropped))
}

#[cfg(test)]
mod tests {
    use super::Shown;

    #[test]
    fn quotients_show_sixteen_digits_or_more() {
        let average = Shown::quotient(2);
        assert_eq!(average.digits(25_40_000_000_000_000_000_000, 20), 16);
        assert_eq!(average.digits(139_844_550_000_000_000_000, 16), 12);
        assert_eq!(average.digits(5_050_000_000_000_000_000, 20), 20);
        assert_eq!(average.digits(1_000_000_000_000_000_000, 18), 20, "a sum and a count that are the same");
        assert_eq!(average.digits(1_500_000_000_000_000_000, 18), 16);
        assert_eq!(average.digits(0, 20), 20);
        assert_eq!(Shown::quotient(18).digits(25_400_000_000_000_000_000, 18), 18);
        assert_eq!(average.digits(3_333_333_333_333_333, 16), 16, "digits that are not there");
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
            Shown::quotient(38).times(2),
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
