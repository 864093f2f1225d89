//! Templates of numbers: `to_char(1234.5, '9G999D99')`, `to_number`. The rules are those of PostgreSQL's
//! `formatting.c`: a template is a row of positions, and each position decides between a blank, a digit and nothing by
//! what has been written before it. Separators are the C locale's: a point and a comma.

use crate::{
    error::{FunctionError, FunctionErrorKind},
    text_input::{divide_rounding, power_of_ten},
};

/// A position of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Position {
    /// `9` or `0`: which, and its place in the digits.
    Digit { zero: bool },
    /// `.` or `D`
    Point,
    /// `,` or `G`
    Group,
    /// `MI`
    Minus,
    /// `PL`
    Plus,
    /// `SG`
    Sign,
    /// `RN`, `rn`
    Roman { lower: bool },
    /// `TH`, `th`
    Ordinal { lower: bool },
    /// `L`
    Currency,
    /// Anything else.
    Literal(char),
}

/// Where `S` puts the sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LocaleSign {
    Before,
    After,
}

/// A template that has been read.
#[derive(Debug, Clone)]
pub struct NumberTemplate {
    positions: Vec<Position>,
    /// Digits before and after the point.
    before: usize,
    after: usize,
    /// After `V`: digits to multiply by.
    multiply: usize,
    has_multiply: bool,
    fill_mode: bool,
    point: bool,
    /// The first `0` before the point, counted from 1.
    zero_start: Option<usize>,
    zero_end: usize,
    locale_sign: Option<LocaleSign>,
    bracket: bool,
    own_sign: bool,
    roman: bool,
    exponent: bool,
}

fn syntax(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::InvalidParameterValue, message)
}

impl NumberTemplate {
    /// Reads a template.
    pub fn read(text: &str) -> Result<Self, FunctionError> {
        let mut template = Self {
            positions: Vec::new(),
            before: 0,
            after: 0,
            multiply: 0,
            has_multiply: false,
            fill_mode: false,
            point: false,
            zero_start: None,
            zero_end: 0,
            locale_sign: None,
            bracket: false,
            own_sign: false,
            roman: false,
            exponent: false,
        };
        let mut sign_place = 0;
        let mut rest = text;
        while let Some(one) = rest.chars().next() {
            let two: String = rest.chars().take(2).collect();
            let four: String = rest.chars().take(4).collect();
            let mut used = one.len_utf8();
            match two.to_ascii_uppercase().as_str() {
                "FM" => (template.fill_mode, used) = (true, 2),
                "MI" => {
                    template.own_sign = true;
                    template.positions.push(Position::Minus);
                    used = 2;
                }
                // `PL` shows a plus only: the blank or the minus before the number stays.
                "PL" => {
                    template.positions.push(Position::Plus);
                    used = 2;
                }
                "SG" => {
                    template.own_sign = true;
                    template.positions.push(Position::Sign);
                    used = 2;
                }
                "PR" => (template.bracket, used) = (true, 2),
                "RN" => {
                    template.roman = true;
                    template.positions.push(Position::Roman { lower: two == "rn" });
                    used = 2;
                }
                "TH" => {
                    template.positions.push(Position::Ordinal { lower: two == "th" });
                    used = 2;
                }
                _ if four.eq_ignore_ascii_case("EEEE") => (template.exponent, used) = (true, 4),
                _ => match one {
                    '9' | '0' => template.push_digit(one == '0'),
                    '.' | 'D' | 'd' => {
                        if template.point {
                            return Err(syntax("multiple decimal points"));
                        }
                        template.point = true;
                        template.positions.push(Position::Point);
                    }
                    ',' | 'G' | 'g' => template.positions.push(Position::Group),
                    'S' | 's' => {
                        if template.locale_sign.is_some() {
                            return Err(syntax("cannot use \"S\" twice"));
                        }
                        sign_place = template.before;
                        let place = if template.point { LocaleSign::After } else { LocaleSign::Before };
                        template.locale_sign = Some(place);
                    }
                    'L' | 'l' => template.positions.push(Position::Currency),
                    'V' | 'v' => {
                        if template.point {
                            return Err(syntax("cannot use \"V\" and decimal point together"));
                        }
                        template.has_multiply = true;
                    }
                    'B' | 'b' => {}
                    '"' => {
                        let quoted = rest[1..].split('"').next().unwrap_or("");
                        template.positions.extend(quoted.chars().map(Position::Literal));
                        used = (quoted.len() + 2).min(rest.len());
                    }
                    '\\' => {
                        if let Some(escaped) = rest[1..].chars().next() {
                            template.positions.push(Position::Literal(escaped));
                            used = 1 + escaped.len_utf8();
                        }
                    }
                    other => template.positions.push(Position::Literal(other)),
                },
            }
            rest = &rest[used..];
        }
        if template.locale_sign == Some(LocaleSign::Before)
            && sign_place == template.before
            && template.before > 0
        {
            template.locale_sign = Some(LocaleSign::After);
        }
        Ok(template)
    }

    fn push_digit(&mut self, zero: bool) {
        if self.has_multiply {
            self.multiply += 1;
        } else if self.point {
            self.after += 1;
        } else {
            self.before += 1;
            if zero && self.zero_start.is_none() {
                self.zero_start = Some(self.before);
            }
        }
        if zero {
            self.zero_end = self.before + self.after + self.multiply;
        }
        self.positions.push(Position::Digit { zero });
    }

    /// Writes `unscaled × 10^-scale`.
    pub fn write_decimal(&self, unscaled: i128, scale: i8, out: &mut String) -> Result<(), FunctionError> {
        let overflow = FunctionError::numeric_overflow;
        let wanted = i32::try_from(self.after + self.multiply).unwrap_or(i32::MAX);
        let drop = i32::from(scale) - wanted;
        if self.exponent {
            let text = crate_decimal_text(unscaled, scale);
            let value: f64 = text.parse().map_err(|_| overflow())?;
            return self.write_exponent(value, out);
        }
        let rounded = if drop > 0 {
            power_of_ten(drop.unsigned_abs()).map_or(0, |divisor| divide_rounding(unscaled, divisor))
        } else {
            power_of_ten(drop.unsigned_abs())
                .and_then(|factor| unscaled.checked_mul(factor))
                .ok_or_else(overflow)?
        };
        let mut digits = rounded.unsigned_abs().to_string();
        while digits.len() <= self.after {
            digits.insert(0, '0');
        }
        self.write(rounded < 0, &digits, out);
        Ok(())
    }

    /// Writes a floating-point number: 15 significant digits at most.
    pub fn write_float(&self, value: f64, out: &mut String) -> Result<(), FunctionError> {
        if self.exponent {
            return self.write_exponent(value, out);
        }
        if !value.is_finite() {
            let width = self.before + usize::from(self.point) + self.after;
            out.push(' ');
            out.extend(std::iter::repeat_n('#', width));
            return Ok(());
        }
        let factor = 10_f64.powi(i32::try_from(self.multiply).unwrap_or(0));
        let value = value * factor;
        let integer_digits = format!("{:.0}", value.abs()).len();
        let decimals = self.after.min(15_usize.saturating_sub(integer_digits));
        let text = format!("{:.*}", decimals, value.abs());
        let mut digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits.extend(std::iter::repeat_n('0', self.after - decimals));
        let negative = value < 0.0 && digits.bytes().any(|digit| digit != b'0');
        self.write(negative, &digits, out);
        Ok(())
    }

    fn write_exponent(&self, value: f64, out: &mut String) -> Result<(), FunctionError> {
        if !value.is_finite() {
            out.push_str(" #.####");
            return Ok(());
        }
        let text = format!("{:.*e}", self.after, value.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().map_err(|_| FunctionError::numeric_overflow())?;
        out.push(if value < 0.0 { '-' } else { ' ' });
        out.push_str(mantissa);
        out.push_str(&format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
        Ok(())
    }

    /// Writes digits, of which the last `after` stand behind the point.
    fn write(&self, negative: bool, digits: &str, out: &mut String) {
        if self.roman {
            return self.write_roman(negative, digits, out);
        }
        let before = self.before + self.multiply;
        let (mut integer, fraction) = digits.split_at(digits.len() - self.after);
        if integer.is_empty() {
            integer = "0";
        }
        let overflowed = integer.len() > before;
        let number: Vec<char> = if overflowed {
            let mut filled = vec!['#'; before];
            if self.point {
                filled.push('.');
            }
            filled.extend(std::iter::repeat_n('#', self.after));
            filled
        } else if self.point {
            format!("{integer}.{fraction}").chars().collect()
        } else {
            integer.chars().collect()
        };
        let mut writer = Writer {
            template: self,
            blanks: if overflowed { 0 } else { before - integer.len() },
            last_relevant: None,
            negative,
            number,
            next: 0,
            current: 0,
            sign_written: self.own_sign,
            inside: false,
            zero_start: self.zero_start.map(|start| start - 1),
            count: 0,
        };
        writer.run(integer, fraction, out);
    }

    fn write_roman(&self, negative: bool, digits: &str, out: &mut String) {
        const STEPS: [(u32, &str); 13] = [
            (1000, "M"),
            (900, "CM"),
            (500, "D"),
            (400, "CD"),
            (100, "C"),
            (90, "XC"),
            (50, "L"),
            (40, "XL"),
            (10, "X"),
            (9, "IX"),
            (5, "V"),
            (4, "IV"),
            (1, "I"),
        ];
        const WIDTH: usize = 15;
        let integer = &digits[..digits.len() - self.after];
        let lower = self.positions.contains(&Position::Roman { lower: true });
        let mut text = String::new();
        match integer.parse::<u32>() {
            Ok(mut value @ 1..=3999) if !negative => {
                for (step, letters) in STEPS {
                    while value >= step {
                        value -= step;
                        text.push_str(letters);
                    }
                }
            }
            _ => text.push_str(&"#".repeat(WIDTH)),
        }
        if lower {
            text.make_ascii_lowercase();
        }
        if self.fill_mode {
            out.push_str(&text);
        } else {
            out.push_str(&format!("{text:>WIDTH$}"));
        }
    }

    /// Reads a number by the template: `to_number`. Gives the unscaled value and its scale.
    pub fn parse(&self, text: &str) -> Result<(i128, i32), FunctionError> {
        let mut digits = String::new();
        let (mut negative, mut point, mut scale) = (false, false, 0);
        let mut characters = text.trim_start().chars().peekable();
        let sign = |characters: &mut std::iter::Peekable<std::str::Chars<'_>>, negative: &mut bool| {
            while characters.next_if_eq(&' ').is_some() {}
            if characters.next_if(|one| matches!(one, '-' | '<')).is_some() {
                *negative = true;
            } else {
                characters.next_if_eq(&'+');
            }
        };
        sign(&mut characters, &mut negative);
        for position in &self.positions {
            match position {
                Position::Digit { .. } => {
                    // A point may come before the template expects it.
                    if !point && self.point && characters.next_if_eq(&'.').is_some() {
                        point = true;
                    }
                    if let Some(digit) = characters.next_if(char::is_ascii_digit) {
                        digits.push(digit);
                        scale += i32::from(point);
                    }
                }
                Position::Point => {
                    if !point && characters.next_if_eq(&'.').is_some() {
                        point = true;
                    }
                }
                Position::Group => {
                    characters.next_if_eq(&',');
                }
                Position::Minus | Position::Plus | Position::Sign => sign(&mut characters, &mut negative),
                Position::Literal(_) | Position::Currency => {
                    characters.next_if(|one| !one.is_ascii_digit() && !matches!(one, '-' | '+' | '.' | ','));
                }
                Position::Ordinal { .. } => {
                    characters.next_if(char::is_ascii_alphabetic);
                    characters.next_if(char::is_ascii_alphabetic);
                }
                Position::Roman { .. } => {
                    return Err(FunctionError::new(
                        FunctionErrorKind::FeatureNotSupported,
                        "\"RN\" not supported for input",
                    ));
                }
            }
        }
        if self.locale_sign == Some(LocaleSign::After) {
            sign(&mut characters, &mut negative);
        }
        let value: i128 = if digits.is_empty() {
            return Err(FunctionError::invalid_input("numeric", " "));
        } else {
            digits.parse().map_err(|_| FunctionError::numeric_overflow())?
        };
        scale += i32::try_from(self.multiply).unwrap_or(0);
        Ok((if negative { -value } else { value }, scale))
    }
}

fn crate_decimal_text(unscaled: i128, scale: i8) -> String {
    let mut out = Vec::new();
    crate::text_output::write_numeric(unscaled, scale, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// The state while a number is written position by position.
struct Writer<'a> {
    template: &'a NumberTemplate,
    /// Positions before the number's first digit.
    blanks: usize,
    /// With FM: the last digit worth writing.
    last_relevant: Option<usize>,
    negative: bool,
    number: Vec<char>,
    /// The next character of `number`.
    next: usize,
    /// The position reached.
    current: usize,
    sign_written: bool,
    /// A digit has been written.
    inside: bool,
    zero_start: Option<usize>,
    count: usize,
}

impl Writer<'_> {
    fn run(&mut self, integer: &str, fraction: &str, out: &mut String) {
        let template = self.template;
        self.count = (template.before + template.multiply + template.after).saturating_sub(1);
        if template.fill_mode && template.point {
            let kept = fraction.trim_end_matches('0').len();
            // The point itself stands where the integer's digits end.
            let mut last = integer.len() + kept;
            if template.zero_end > self.blanks {
                last = last.max((template.zero_end - self.blanks).min(self.number.len() - 1));
            }
            self.last_relevant = Some(last);
        }
        if !self.sign_written && self.blanks == 0 {
            self.count += 1;
        }
        for position in &template.positions {
            match position {
                Position::Digit { zero } => self.digit(*zero, out),
                Position::Point => self.digit(false, out),
                Position::Group if self.inside => out.push(','),
                Position::Minus if self.negative => out.push('-'),
                Position::Plus if !self.negative => out.push('+'),
                Position::Group | Position::Minus | Position::Plus | Position::Currency => {
                    if !template.fill_mode {
                        out.push(' ');
                    }
                }
                Position::Sign => out.push(if self.negative { '-' } else { '+' }),
                Position::Ordinal { lower } => {
                    if !self.negative && !template.point && self.number.first() != Some(&'#') {
                        out.push_str(&ordinal(&self.number, *lower));
                    }
                }
                Position::Roman { .. } => {}
                Position::Literal(one) => out.push(*one),
            }
        }
    }

    /// Whether this is the zero before a point that the template has no position for.
    fn leading_zero(&self) -> bool {
        self.template.zero_start.is_none()
            && self.next == 0
            && self.number.first() == Some(&'0')
            && self.template.after != 0
    }

    fn digit(&mut self, zero: bool, out: &mut String) {
        let template = self.template;
        let fill = template.fill_mode;
        let at_last_point = self.last_relevant.is_some_and(|last| self.number.get(last) == Some(&'.'));
        let zero_here = self.zero_start == Some(self.current);
        if !self.sign_written
            && (self.current >= self.blanks || zero_here)
            && (!self.leading_zero() || at_last_point)
        {
            if let Some(place) = template.locale_sign {
                if place == LocaleSign::Before {
                    out.push(if self.negative { '-' } else { '+' });
                    self.sign_written = true;
                }
            } else if template.bracket {
                out.push(if self.negative { '<' } else { ' ' });
                self.sign_written = true;
            } else {
                match (self.negative, fill) {
                    (true, _) => out.push('-'),
                    (false, false) => out.push(' '),
                    (false, true) => {}
                }
                self.sign_written = true;
            }
        }
        let before_zero = self.zero_start.is_none_or(|start| start > self.current);
        if self.current < self.blanks {
            if before_zero {
                if !fill {
                    out.push(' ');
                }
            } else {
                out.push('0');
                self.inside = true;
            }
        } else {
            let here = self.number.get(self.next).copied();
            match here {
                Some('.') if at_last_point && !fill => {}
                Some('.') => out.push('.'),
                _ if self.last_relevant.is_some_and(|last| self.next > last) && !zero => {}
                _ if self.leading_zero() => {
                    if !fill {
                        out.push(' ');
                    } else if at_last_point {
                        out.push('0');
                    }
                }
                Some(one) => {
                    out.push(one);
                    self.inside = true;
                }
                None => {}
            }
            if here.is_some() {
                self.next += 1;
            }
        }
        let mut end = self.count + usize::from(self.blanks > 0) + usize::from(template.point);
        if self.last_relevant.is_some_and(|last| last == self.next) {
            end = self.current;
        }
        if self.current + 1 == end {
            if self.sign_written && template.bracket {
                out.push(if self.negative { '>' } else { ' ' });
            } else if template.locale_sign == Some(LocaleSign::After) {
                out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.current += 1;
    }
}

fn ordinal(number: &[char], lower: bool) -> String {
    let tail = &number[number.len().saturating_sub(2)..];
    let suffix = match tail {
        ['1', _] => "TH",
        [.., '1'] => "ST",
        [.., '2'] => "ND",
        [.., '3'] => "RD",
        _ => "TH",
    };
    if lower { suffix.to_ascii_lowercase() } else { suffix.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::NumberTemplate;

    /// Each expectation is what PostgreSQL 15 answers.
    #[test]
    fn numbers_by_template() {
        let cases: &[(i128, i8, &str, &str)] = &[
            (12345, 1, "9999.99", " 1234.50"),
            (-12345, 1, "9,999.99", "-1,234.50"),
            (12, 0, "000", " 012"),
            (5, 1, "FM990.00", "0.50"),
            (1234567891, 3, "FM9,999,999.00", "1,234,567.89"),
            (5, 0, "RN", "              V"),
            (12345, 1, "9G999D99", " 1,234.50"),
            (-5, 0, "S999", "  -5"),
            (5, 0, "99MI", " 5 "),
            (-5, 0, "99MI", " 5-"),
            (1, 1, "9.9", "  .1"),
            (1, 1, "0.9", " 0.1"),
            (1, 1, "FM9.9", ".1"),
            (0, 0, "FM9.9", "0."),
            (12345, 0, "999", " ###"),
            (-123, 0, "999PR", "<123>"),
            (123, 0, "999PR", " 123 "),
            (123, 0, "999TH", " 123RD"),
            (485, 0, "999", " 485"),
            (-485, 0, "999", "-485"),
            (485, 0, "9 9 9", " 4 8 5"),
            (1485, 0, "9,999", " 1,485"),
            (1485, 1, "999.999", " 148.500"),
            (485, 0, "FM999", "485"),
            (485, 0, "PL999", "+ 485"),
            (-485, 0, "99999MI", "  485-"),
            (485, 0, "SG999", "+485"),
            (485, 0, "999S", "485+"),
            (12, 0, "99V999", " 12000"),
            (0, 0, "9999", "    0"),
            (0, 0, "FM9999", "0"),
            (1234, 2, "FM999.99", "12.34"),
            (1230, 2, "FM999.99", "12.3"),
        ];
        for (unscaled, scale, template, expected) in cases {
            let mut out = String::new();
            NumberTemplate::read(template)
                .expect(template)
                .write_decimal(*unscaled, *scale, &mut out)
                .expect(template);
            assert_eq!(out, *expected, "{unscaled}e-{scale} by {template}");
        }
    }

    #[test]
    fn numbers_from_text() {
        let cases: &[(&str, &str, (i128, i32))] = &[
            ("1,234.50", "9,999.99", (123450, 2)),
            ("-12", "S99", (-12, 0)),
            ("12.4-", "99.9S", (-124, 1)),
            ("  485", "999", (485, 0)),
        ];
        for (text, template, expected) in cases {
            assert_eq!(NumberTemplate::read(template).expect(template).parse(text), Ok(*expected), "{text}");
        }
    }
}
