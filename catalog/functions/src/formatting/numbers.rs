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
    /// `PL`
    plus: bool,
    /// `B`, ahead of every digit.
    blank: bool,
    roman: bool,
    exponent: bool,
}

fn syntax(message: &str) -> FunctionError {
    FunctionError::new(FunctionErrorKind::SyntaxError, message)
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
            plus: false,
            blank: false,
            roman: false,
            exponent: false,
        };
        let mut sign_place = 0;
        let mut rest = text;
        while let Some(one) = rest.chars().next() {
            let two: String = rest.chars().take(2).collect();
            let four: String = rest.chars().take(4).collect();
            let mut used = one.len_utf8();
            if template.exponent {
                template.check_exponent(&four, one)?;
            }
            match two.to_ascii_uppercase().as_str() {
                "FM" => (template.fill_mode, used) = (true, 2),
                "MI" => {
                    template.refuse_beside_sign("MI")?;
                    template.own_sign = true;
                    template.positions.push(Position::Minus);
                    used = 2;
                }
                // `PL` shows a plus only: the blank or the minus before the number stays.
                "PL" => {
                    template.refuse_beside_sign("PL")?;
                    template.plus = true;
                    template.positions.push(Position::Plus);
                    used = 2;
                }
                "SG" => {
                    template.refuse_beside_sign("SG")?;
                    template.own_sign = true;
                    template.positions.push(Position::Sign);
                    used = 2;
                }
                "PR" => {
                    if template.locale_sign.is_some() || template.own_sign || template.plus {
                        return Err(syntax("cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together"));
                    }
                    (template.bracket, used) = (true, 2);
                }
                "RN" => {
                    template.roman = true;
                    template.positions.push(Position::Roman { lower: two == "rn" });
                    used = 2;
                }
                "TH" => {
                    template.positions.push(Position::Ordinal { lower: two == "th" });
                    used = 2;
                }
                _ if four.eq_ignore_ascii_case("EEEE") => {
                    if template.is_more_than_digits() {
                        return Err(syntax("\"EEEE\" is incompatible with other formats").with_detail(
                            "\"EEEE\" may only be used together with digit and decimal point patterns.",
                        ));
                    }
                    (template.exponent, used) = (true, 4);
                }
                _ => match one {
                    '9' | '0' => {
                        if template.bracket {
                            return Err(syntax(&format!("\"{one}\" must be ahead of \"PR\"")));
                        }
                        template.push_digit(one == '0');
                    }
                    '.' | 'D' | 'd' => {
                        if template.has_multiply {
                            return Err(syntax("cannot use \"V\" and decimal point together"));
                        }
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
                        if template.own_sign || template.plus || template.bracket {
                            let message = "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together";
                            return Err(syntax(message));
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
                    'B' | 'b' => template.blank |= template.before + template.after == 0,
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

    /// `MI`, `PL` and `SG` do not go with `S`.
    fn refuse_beside_sign(&self, pattern: &str) -> Result<(), FunctionError> {
        if self.locale_sign.is_some() {
            return Err(syntax(&format!("cannot use \"S\" and \"{pattern}\" together")));
        }
        Ok(())
    }

    fn is_more_than_digits(&self) -> bool {
        self.blank
            || self.fill_mode
            || self.locale_sign.is_some()
            || self.bracket
            || self.own_sign
            || self.plus
            || self.roman
            || self.has_multiply
    }

    /// Nothing but text follows `EEEE`.
    fn check_exponent(&self, four: &str, one: char) -> Result<(), FunctionError> {
        if four.eq_ignore_ascii_case("EEEE") {
            return Err(syntax("cannot use \"EEEE\" twice"));
        }
        let two = four.get(..2).unwrap_or_default().to_ascii_uppercase();
        let pattern = matches!(two.as_str(), "FM" | "MI" | "PL" | "SG" | "PR" | "RN" | "TH")
            || "90.,DGSLVBdgslvb".contains(one);
        if pattern { Err(syntax("\"EEEE\" must be the last pattern used")) } else { Ok(()) }
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
            self.write_decimal_exponent(unscaled, scale, out);
            return Ok(());
        }
        let rounded = if drop > 0 {
            power_of_ten(drop.unsigned_abs()).map_or(0, |divisor| divide_rounding(unscaled, divisor))
        } else {
            power_of_ten(drop.unsigned_abs())
                .and_then(|factor| unscaled.checked_mul(factor))
                .ok_or_else(overflow)?
        };
        if self.roman {
            let whole =
                power_of_ten(wanted.unsigned_abs()).map_or(0, |divisor| divide_rounding(rounded, divisor));
            let value = i32::try_from(whole).map_err(|_| FunctionError::out_of_range("integer"))?;
            self.write_roman(value, out);
            return Ok(());
        }
        let mut digits = rounded.unsigned_abs().to_string();
        while digits.len() <= self.after {
            digits.insert(0, '0');
        }
        let (integer, fraction) = digits.split_at(digits.len() - self.after);
        self.write(rounded < 0, integer, fraction, out);
        Ok(())
    }

    /// Writes a floating-point number with at most so many significant digits (15, and 6 of a `real`).
    pub fn write_float(&self, value: f64, significant: usize, out: &mut String) -> Result<(), FunctionError> {
        if self.exponent {
            return self.write_exponent(value, out);
        }
        if self.roman {
            let rounded = value.round_ties_even();
            let fits = (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded);
            #[expect(clippy::cast_possible_truncation, reason = "checked to be in range")]
            let value = fits.then_some(rounded as i32);
            self.write_roman(value.ok_or_else(|| FunctionError::out_of_range("integer"))?, out);
            return Ok(());
        }
        let value = value * 10_f64.powi(i32::try_from(self.multiply).unwrap_or(0));
        let shown = |digits: usize| {
            if value.is_nan() {
                "NaN".to_owned()
            } else if value.is_infinite() {
                "Infinity".to_owned()
            } else {
                format!("{:.*}", digits, value.abs())
            }
        };
        let after = self.after.min(significant.saturating_sub(shown(0).len()));
        let text = shown(after);
        let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let negative = value.is_sign_negative() && !value.is_nan();
        if after == self.after {
            self.write(negative, integer, fraction, out);
        } else {
            Self { after, ..self.clone() }.write(negative, integer, fraction, out);
        }
        Ok(())
    }

    /// A decimal's first digits, rounded half away from zero, and its exponent.
    fn write_decimal_exponent(&self, unscaled: i128, scale: i8, out: &mut String) {
        let magnitude = unscaled.unsigned_abs();
        let last = i32::try_from(magnitude.checked_ilog10().unwrap_or(0)).unwrap_or(0);
        let dropped = last - i32::try_from(self.after).unwrap_or(i32::MAX);
        let kept = match u32::try_from(dropped).ok().and_then(power_of_ten) {
            Some(divisor) => divide_rounding(unscaled, divisor).unsigned_abs(),
            None => magnitude,
        };
        let exponent = if unscaled == 0 { 0 } else { last - i32::from(scale) };
        let mut digits = kept.to_string();
        let missing = (self.after + 1).saturating_sub(digits.len());
        digits.extend(std::iter::repeat_n('0', missing));
        // 9.996 is 10.00e+00 there.
        let (first, rest) = digits.split_at(digits.len() - self.after);
        out.push(if unscaled < 0 { '-' } else { ' ' });
        out.push_str(first);
        if self.after > 0 {
            out.push('.');
            out.push_str(rest);
        }
        out.push_str(&format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
    }

    fn write_exponent(&self, value: f64, out: &mut String) -> Result<(), FunctionError> {
        if !value.is_finite() {
            out.push(' ');
            out.extend(std::iter::repeat_n('#', self.before));
            out.push('.');
            // Beside the digits: e, its sign and two digits.
            out.extend(std::iter::repeat_n('#', self.after + 4));
            return Ok(());
        }
        let text = format!("{:.*e}", self.after, value.abs());
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().map_err(|_| FunctionError::numeric_overflow())?;
        out.push(if value.is_sign_negative() { '-' } else { ' ' });
        out.push_str(mantissa);
        out.push_str(&format!("e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs()));
        Ok(())
    }

    /// Writes what stands before and behind the point.
    fn write(&self, negative: bool, integer: &str, fraction: &str, out: &mut String) {
        let before = self.before + self.multiply;
        let overflowed = integer.len() > before;
        let number: Vec<char> = if overflowed {
            let mut filled = vec!['#'; before];
            if self.point {
                filled.push('.');
            }
            filled.extend(std::iter::repeat_n('#', self.after));
            filled
        } else if self.point && integer != "NaN" {
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
        if overflowed {
            writer.run(&"#".repeat(before), &"#".repeat(self.after), out);
        } else {
            writer.run(integer, fraction, out);
        }
    }

    fn write_roman(&self, value: i32, out: &mut String) {
        const STEPS: [(i32, &str); 13] = [
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
        let lower = self.positions.contains(&Position::Roman { lower: true });
        let mut text = String::new();
        match value {
            mut value @ 1..=3999 => {
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

    /// Whether the template is empty: then there is no number.
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty() && self.locale_sign.is_none() && !self.bracket && !self.exponent
    }

    /// Reads a number by the template: `to_number`. Gives the unscaled value and its scale.
    ///
    /// A position for a digit takes one character of the text, whether it is one or not; what else the template has takes
    /// only what it looks for.
    pub fn parse(&self, text: &str) -> Result<(i128, i32), FunctionError> {
        let unsupported =
            |what: &str| FunctionError::not_supported(format!("\"{what}\" not supported for input"));
        if self.exponent {
            return Err(unsupported("EEEE"));
        }
        if self.roman {
            return Err(unsupported("RN"));
        }
        let mut reader = Reader {
            template: self,
            text: text.chars().collect(),
            at: 0,
            sign: None,
            digits: String::new(),
            before: 0,
            after: 0,
            point: false,
        };
        for position in &self.positions {
            if reader.at >= reader.text.len() {
                break;
            }
            reader.position(position);
        }
        if reader.digits.is_empty() {
            return Err(FunctionError::invalid_input("numeric", " "));
        }
        let value: i128 = reader.digits.parse().map_err(|_| FunctionError::numeric_overflow())?;
        let whole = reader.digits.trim_start_matches('0').len().saturating_sub(reader.after);
        if whole > self.before + self.multiply {
            return Err(FunctionError::new(
                FunctionErrorKind::NumericValueOutOfRange,
                "numeric field overflow",
            ));
        }
        let scale = i32::try_from(reader.after + self.multiply).unwrap_or(0);
        Ok((if reader.sign == Some('-') { -value } else { value }, scale))
    }
}

/// The state while a text is read position by position.
struct Reader<'a> {
    template: &'a NumberTemplate,
    text: Vec<char>,
    at: usize,
    sign: Option<char>,
    digits: String,
    before: usize,
    after: usize,
    point: bool,
}

impl Reader<'_> {
    fn here(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    fn next_is(&mut self, wanted: char) -> bool {
        let found = self.here() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn position(&mut self, position: &Position) {
        match position {
            Position::Digit { .. } => {
                self.number(true);
                self.at += 1;
            }
            Position::Point => {
                self.number(false);
                self.at += 1;
            }
            Position::Group => {
                if !self.template.fill_mode {
                    self.next_is(',');
                }
            }
            Position::Minus if self.here() == Some('-') => self.take_sign(),
            Position::Plus if self.here() == Some('+') => self.take_sign(),
            Position::Sign if matches!(self.here(), Some('-' | '+')) => self.take_sign(),
            Position::Minus | Position::Plus | Position::Sign | Position::Literal(_) => self.skip_text(1),
            Position::Currency => self.skip_text(1),
            Position::Ordinal { .. } if self.sign == Some('-') || self.template.point => {}
            Position::Ordinal { .. } => self.skip_text(2),
            Position::Roman { .. } => {}
        }
    }

    fn take_sign(&mut self) {
        self.sign = self.here();
        self.at += 1;
    }

    /// Passes over characters that are no part of a number.
    fn skip_text(&mut self, count: usize) {
        for _ in 0..count {
            match self.here() {
                Some(one) if !one.is_ascii_digit() && !matches!(one, '.' | ',' | '+' | '-') => self.at += 1,
                _ => break,
            }
        }
    }

    /// A sign before the number, a digit or the point, a sign behind it. Leaves the last character that was read for the
    /// caller to pass over.
    fn number(&mut self, for_digit: bool) {
        self.next_is(' ');
        let nothing_read = self.before + self.after == 0;
        if self.sign.is_none() && for_digit && nothing_read {
            if self.template.locale_sign == Some(LocaleSign::Before) {
                if matches!(self.here(), Some('-' | '+')) {
                    self.take_sign();
                }
            } else if self.here() == Some('-') || (self.template.bracket && self.here() == Some('<')) {
                self.sign = Some('-');
                self.at += 1;
            } else if self.here() == Some('+') {
                self.take_sign();
            }
        }
        let mut read = false;
        match self.here() {
            Some(digit) if digit.is_ascii_digit() => {
                if self.point && self.after == self.template.after {
                    return;
                }
                self.digits.push(digit);
                if self.point {
                    self.after += 1;
                } else {
                    self.before += 1;
                }
                read = true;
            }
            Some('.') if self.template.point && !self.point => {
                self.point = true;
                read = true;
            }
            _ => {}
        }
        if self.sign.is_none() && self.before + self.after > 0 && read && self.template.locale_sign.is_some()
        {
            // `S` is bound to the last digit.
            if let Some(sign @ ('-' | '+')) = self.text.get(self.at + 1) {
                self.sign = Some(*sign);
                self.at += 1;
            }
        }
    }
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
                if self.negative || !fill {
                    out.push(if self.negative { '<' } else { ' ' });
                }
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
                if self.negative || !fill {
                    out.push(if self.negative { '>' } else { ' ' });
                }
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
            (" 485", "999", (485, 0)),
            // Each position takes a character.
            ("  485", "999", (48, 0)),
            ("1.2.3", "999", (12, 0)),
        ];
        for (text, template, expected) in cases {
            assert_eq!(NumberTemplate::read(template).expect(template).parse(text), Ok(*expected), "{text}");
        }
    }
}
