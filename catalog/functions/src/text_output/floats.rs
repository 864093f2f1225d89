//! Floats as text: the shortest digits that are read back as the same value, the nearest to it among those, the even one
//! of two that are equally near. As PostgreSQL, and unlike `ryu` itself, never digits that lie just between the value and
//! its neighbour, which only rounding half to even reads back: `1e23` is `9.999999999999999e+22`.

use super::{write_decimal, write_unsigned};

/// Digits and the power of ten of the first of them.
struct Shortest {
    buffer: [u8; DIGITS_MAX],
    /// How many of them there are.
    count: usize,
    exponent: i32,
}

/// As many as are read: 17 digits decide a value, and before and behind them there are zeros.
const DIGITS_MAX: usize = 32;

impl Shortest {
    /// Reads `-12.5`, `1e23`, `1.25e-7`, `0.001`.
    fn read(text: &str) -> Self {
        let (mantissa, exponent) = text.trim_start_matches('-').split_once('e').unwrap_or((text, "0"));
        let mantissa = mantissa.trim_start_matches('-');
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = || whole.bytes().chain(fraction.bytes());
        let zeros = all().take_while(|digit| *digit == b'0').count();
        let (mut buffer, mut count) = ([0; DIGITS_MAX], 0);
        for (place, digit) in buffer.iter_mut().zip(all().skip(zeros)) {
            *place = digit;
            count += 1;
        }
        while count > 1 && buffer[count - 1] == b'0' {
            count -= 1;
        }
        let place = i32::try_from(whole.len()).unwrap_or(0) - 1 - i32::try_from(zeros).unwrap_or(0);
        Self { buffer, count, exponent: exponent.parse::<i32>().unwrap_or(0) + place }
    }

    fn digits(&self) -> &[u8] {
        &self.buffer[..self.count]
    }

    /// Whether the digits lie just between `mantissa · 2^power` and one of its neighbours.
    fn is_between(&self, mantissa: u64, power: i32) -> bool {
        let zeros = self.exponent + 1 - i32::try_from(self.count).unwrap_or(0);
        let Some(fives) = u32::try_from(zeros).ok().and_then(|zeros| 5_u128.checked_pow(zeros)) else {
            return false;
        };
        let number =
            self.digits().iter().fold(0_u128, |number, digit| number * 10 + u128::from(digit - b'0'));
        let Some(number) = number.checked_mul(fives).filter(|number| *number != 0) else { return false };
        let twos = i32::try_from(number.trailing_zeros()).unwrap_or(0);
        let (odd, twos) = (number >> twos, twos + zeros);
        let (mantissa, is_first) = (u128::from(mantissa), mantissa.is_power_of_two());
        (twos == power - 1 && (odd == 2 * mantissa + 1 || (odd == 2 * mantissa - 1 && !is_first)))
            || (twos == power - 2 && odd == 4 * mantissa - 1 && is_first)
    }

    /// Plain between 1e-4 and 1e`plain_below`, else with an exponent of two digits.
    fn write(&self, plain_below: i32, out: &mut Vec<u8>) {
        if !(-4..plain_below).contains(&self.exponent) {
            let (first, rest) = self.digits().split_at(self.count.min(1));
            out.extend_from_slice(first);
            if !rest.is_empty() {
                out.push(b'.');
                out.extend_from_slice(rest);
            }
            out.extend_from_slice(if self.exponent < 0 { b"e-" } else { b"e+" });
            if self.exponent.unsigned_abs() < 10 {
                out.push(b'0');
            }
            return write_unsigned(u64::from(self.exponent.unsigned_abs()), out);
        }
        let Ok(place) = usize::try_from(self.exponent) else {
            out.extend_from_slice(b"0.");
            out.extend(std::iter::repeat_n(b'0', self.exponent.unsigned_abs() as usize - 1));
            return out.extend_from_slice(self.digits());
        };
        let (whole, fraction) = self.digits().split_at(self.count.min(place + 1));
        out.extend_from_slice(whole);
        out.extend(std::iter::repeat_n(b'0', place + 1 - whole.len()));
        if !fraction.is_empty() {
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
    }
}

/// Writes a value of a few digits behind the point, such as amounts and measures have, if it is one. Two decimals of up to
/// 15 digits are never the same `double precision`, so one that is the value is the shortest that is.
fn write_short(value: f64, out: &mut Vec<u8>) -> bool {
    const DIGITS_END: f64 = 1e15;
    let magnitude = value.abs();
    for (places, power) in [(0, 1.0), (2, 100.0), (4, 10_000.0)] {
        let scaled = magnitude * power + 0.5;
        if scaled >= DIGITS_END {
            return false;
        }
        let mut digits = scaled as u64;
        // Both are exact, so the quotient is the value that is nearest to the decimal.
        if digits as f64 / power == magnitude {
            let mut places = places;
            while places > 0 && digits.is_multiple_of(10) {
                digits /= 10;
                places -= 1;
            }
            write_decimal(value.is_sign_negative(), digits, places, out);
            return true;
        }
    }
    false
}

/// A `real` is rarely written, and always the long way.
fn never_short(_value: f32, _out: &mut Vec<u8>) -> bool {
    false
}

macro_rules! writer {
    ($(#[$doc:meta])* $name:ident, $type:ty, $bits:literal, $bias:literal, $mask:literal, $plain_below:literal, $short:path) => {
        $(#[$doc])*
        pub fn $name(value: $type, out: &mut Vec<u8>) {
            if !value.is_finite() {
                return out.extend_from_slice(match (value.is_nan(), value > 0.0) {
                    (true, _) => b"NaN",
                    (false, true) => b"Infinity",
                    (false, false) => b"-Infinity",
                });
            }
            if $short(value, out) {
                return;
            }
            if value.is_sign_negative() {
                out.push(b'-');
            }
            if value == 0.0 {
                return out.push(b'0');
            }
            let mut buffer = ryu::Buffer::new();
            let mut shortest = Shortest::read(buffer.format_finite(value));
            let bits = u64::from(value.to_bits());
            let power = i32::try_from(bits >> $bits & $mask).unwrap_or(0) - $bias;
            let mantissa = bits & ((1 << $bits) - 1) | 1 << $bits;
            if power > 1 && mantissa % 2 == 0 && shortest.is_between(mantissa, power) {
                let nearest = (shortest.count..18)
                    .map(|count| format!("{:.*e}", count - 1, value.abs()))
                    .find(|text| {
                        text.parse() == Ok(value.abs()) && !Shortest::read(text).is_between(mantissa, power)
                    });
                shortest = nearest.map_or(shortest, |text| Shortest::read(&text));
            }
            shortest.write($plain_below, out);
        }
    };
}
writer! {
    /// A `double precision`: the shortest text that is read back as the same value.
    write_float8, f64, 52, 1075, 0x7ff, 15, write_short
}
writer! {
    /// A `real`.
    write_float4, f32, 23, 150, 0xff, 6, never_short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: f64) -> String {
        let mut out = Vec::new();
        write_float8(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn floats_are_as_short_as_postgresql_writes_them() {
        for (value, expected) in [
            (0.1, "0.1"),
            (-1.5, "-1.5"),
            (100.0, "100"),
            (123_456.789, "123456.789"),
            (1e14, "100000000000000"),
            (1e15, "1e+15"),
            (1e-4, "0.0001"),
            (1.25e-5, "1.25e-05"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (-0.0, "-0"),
            (f64::NEG_INFINITY, "-Infinity"),
            (1e22, "1e+22"),
            // Just between two values.
            (1e23, "9.999999999999999e+22"),
            // Two shortest texts are equally near: the even one.
            (1_666_666_666_666_833.2, "1.6666666666668332e+15"),
            (9_007_199_254_740_993.0, "9.007199254740992e+15"),
        ] {
            assert_eq!(shown(value), expected);
        }
        // What has a few digits behind the point, and its neighbours, which have 16 or 17.
        for value in
            [0.25, 0.01, 1e-4, 29.99, 0.3, 123_456_789.987_6, 99_999_999_999_999.9, 999_999_999_999_999.0]
        {
            for value in [f64::next_down(value), value, f64::next_up(value), -value] {
                let mut long = Vec::new();
                if value < 0.0 {
                    long.push(b'-');
                }
                Shortest::read(ryu::Buffer::new().format_finite(value)).write(15, &mut long);
                assert_eq!(shown(value).as_bytes(), long);
            }
        }
        let mut out = Vec::new();
        write_float4(3.4e38, &mut out);
        assert_eq!(out, b"3.4e+38");
    }
}
