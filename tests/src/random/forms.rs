//! Functions and operators by the type that they give. A numeric never becomes text: its scale would show.

use super::{Generator, Piece, Type, Visible, expressions::form, richer_values::ZONES};

impl Generator {
    /// A template with one operand.
    pub(super) fn one_form(
        &mut self,
        template: &str,
        operand: Type,
        scope: &[Visible],
        depth: usize,
    ) -> Vec<Piece> {
        form(template, [self.expression(operand, scope, depth)])
    }

    /// A template with two operands of one type.
    pub(super) fn two_form(
        &mut self,
        template: &str,
        operand: Type,
        scope: &[Visible],
        depth: usize,
    ) -> Vec<Piece> {
        let (left, right) = self.two(operand, scope, depth);
        form(template, [left, right])
    }

    pub(super) fn integer_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(17) {
            15 => self.one_form("length({})", Type::Padded, scope, depth),
            16 => {
                let field = *self.pick(&["hour", "day", "doy", "timezone", "isoyear"]);
                self.one_form(&format!("(extract({field} from {{}})::integer)"), Type::Zoned, scope, depth)
            }
            0 | 1 => {
                let operator = *self.pick(&["+", "-"]);
                self.two_form(&format!("({{}} % 1000 {operator} {{}} % 1000)"), Type::Integer, scope, depth)
            }
            2 => self.two_form("({} % 100 * ({} % 100))", Type::Integer, scope, depth),
            3 => {
                let operator = *self.pick(&["/", "%"]);
                self.two_form(&format!("({{}} {operator} nullif({{}}, 0))"), Type::Integer, scope, depth)
            }
            4 => self.one_form("abs({} % 1000)", Type::Integer, scope, depth),
            5 => self.one_form("length({})", Type::Text, scope, depth),
            6 => {
                let field = *self.pick(&["day", "year", "month", "week", "isodow", "quarter", "doy"]);
                self.one_form(&format!("(extract({field} from {{}})::integer)"), Type::Date, scope, depth)
            }
            7 => self.one_form("cardinality({})", Type::Integers, scope, depth),
            8 => {
                let list = self.expression(Type::Integers, scope, depth);
                form("({})[{} % 3]", [list, self.expression(Type::Integer, scope, depth)])
            }
            9 => self.two_form("({} - {})", Type::Date, scope, depth),
            10 => self.two_form("position({} in {})", Type::Text, scope, depth),
            11 => {
                let operator = *self.pick(&["&", "|", "#"]);
                self.two_form(&format!("({{}} {operator} {{}})"), Type::Integer, scope, depth)
            }
            12 => {
                let list = self.expression(Type::Integers, scope, depth);
                form("array_position({}, {})", [list, self.expression(Type::Integer, scope, depth)])
            }
            13 => {
                self.one_form("(jsonb_build_object('a', {}) ->> 'a')::integer", Type::Integer, scope, depth)
            }
            _ => self.one_form("({})::integer", Type::Boolean, scope, depth),
        }
    }

    pub(super) fn bigint_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(3) {
            0 => self.one_form("({})::bigint", Type::Integer, scope, depth),
            1 => {
                let integer = self.expression(Type::Integer, scope, depth);
                form("({} % 1000000 + {})", [self.expression(Type::Bigint, scope, depth), integer])
            }
            _ => self.two_form("({} % 1000 - {} % 1000)", Type::Bigint, scope, depth),
        }
    }

    pub(super) fn numeric_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(9) {
            0 => self.one_form("({})::numeric", Type::Integer, scope, depth),
            1 => self.two_form("({} + {})", Type::Numeric, scope, depth),
            2 => self.two_form("({} - {})", Type::Numeric, scope, depth),
            3 => self.one_form("round({}, 1)", Type::Numeric, scope, depth),
            4 => self.one_form("abs({})", Type::Numeric, scope, depth),
            5 => {
                let name = *self.pick(&["ceil", "floor", "trunc", "sign"]);
                self.one_form(&format!("{name}({{}})"), Type::Numeric, scope, depth)
            }
            6 => self.two_form("({} % 10 * ({} % 10))", Type::Numeric, scope, depth),
            7 => self.one_form("extract(epoch from {})", Type::Timestamp, scope, depth),
            _ => self.one_form("(- {})", Type::Numeric, scope, depth),
        }
    }

    pub(super) fn text_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(23) {
            18 => self.one_form("({} collate \"C\")", Type::Named, scope, depth),
            19 => {
                let pattern = *self.pick(&["YYYY-MM-DD HH24:MI:SS TZH:TZM", "IYYY-IDDD HH12 am", "OF"]);
                self.one_form(&format!("to_char({{}}, '{pattern}')"), Type::Zoned, scope, depth)
            }
            20 => {
                let kind = *self.pick(&[Type::Zoned, Type::Padded, Type::Jsonb]);
                self.one_form("({})::text", kind, scope, depth)
            }
            21 => self.one_form("({} ->> 'a')", Type::Jsonb, scope, depth),
            22 => self.one_form("jsonb_typeof({})", Type::Jsonb, scope, depth),
            0 => self.two_form("({} || {})", Type::Text, scope, depth),
            1 => {
                let name = *self.pick(&["upper", "lower", "reverse", "initcap", "trim", "md5"]);
                self.one_form(&format!("{name}({{}})"), Type::Text, scope, depth)
            }
            2 => self.two_form("concat({}, '-', {})", Type::Text, scope, depth),
            3 => self.one_form("substr({}, 1, 2)", Type::Text, scope, depth),
            4 => self.one_form("({})::text", Type::Integer, scope, depth),
            5 => self.one_form("({})::text", Type::Date, scope, depth),
            6 => {
                let kind = *self.pick(&[
                    Type::Timestamp,
                    Type::Interval,
                    Type::Boolean,
                    Type::Float,
                    Type::Integers,
                ]);
                self.one_form("({})::text", kind, scope, depth)
            }
            7 => {
                let length = self.expression(Type::Integer, scope, depth);
                let side = *self.pick(&["left", "right"]);
                form(&format!("{side}({{}}, {{}} % 5)"), [self.expression(Type::Text, scope, depth), length])
            }
            8 => self.two_form("replace({}, {}, 'x')", Type::Text, scope, depth),
            9 => {
                let side = *self.pick(&["lpad", "rpad"]);
                self.one_form(&format!("{side}({{}}, 4, '*-')"), Type::Text, scope, depth)
            }
            10 => self.one_form("split_part({}, 'a', 1)", Type::Text, scope, depth),
            11 => {
                let pattern = *self.pick(&["YYYY-MM-DD", "DY DD Mon", "IYYY-IW", "Q", "FMMonth, FMDD"]);
                self.one_form(&format!("to_char({{}}, '{pattern}')"), Type::Timestamp, scope, depth)
            }
            12 => self.one_form("to_char({}, 'FM999990.00')", Type::Numeric, scope, depth),
            13 => self.one_form("array_to_string({}, ',', '?')", Type::Integers, scope, depth),
            14 => {
                let number = self.expression(Type::Integer, scope, depth);
                form(
                    "(jsonb_build_object('b', {}, 'a', {})::text)",
                    [self.expression(Type::Text, scope, depth), number],
                )
            }
            15 => self.two_form("(json_build_array({}, {})::text)", Type::Boolean, scope, depth),
            16 => self.one_form("(to_jsonb({}) #>> '{0}')", Type::Integers, scope, depth),
            _ => self.one_form("repeat({}, 2)", Type::Text, scope, depth),
        }
    }

    pub(super) fn date_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(5) {
            4 => self.one_form("({})::date", Type::Zoned, scope, depth),
            0 => {
                let days = self.expression(Type::Integer, scope, depth);
                form("({} + {} % 1000)", [self.expression(Type::Date, scope, 0), days])
            }
            1 => {
                let days = self.expression(Type::Integer, scope, depth);
                form("({} - {} % 100)", [self.expression(Type::Date, scope, 0), days])
            }
            2 => self.one_form("make_date(2024, 1 + abs({} % 12), 28)", Type::Integer, scope, depth),
            _ => self.one_form("({})::date", Type::Timestamp, scope, depth),
        }
    }

    pub(super) fn timestamp_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(7) {
            5 => self.one_form("({})::timestamp", Type::Zoned, scope, depth),
            6 => {
                let zone = *self.pick(ZONES);
                self.one_form(&format!("({{}} at time zone '{zone}')"), Type::Zoned, scope, depth)
            }
            0 => self.one_form("({})::timestamp", Type::Date, scope, depth),
            1 => {
                let field = *self.pick(&["month", "year", "week", "quarter", "hour", "day"]);
                self.one_form(&format!("date_trunc('{field}', {{}})"), Type::Timestamp, scope, depth)
            }
            2 => {
                let interval = self.expression(Type::Interval, scope, depth.min(1));
                let operator = *self.pick(&["+", "-"]);
                form(&format!("({{}} {operator} {{}})"), [self.expression(Type::Date, scope, 0), interval])
            }
            3 => {
                let interval = self.expression(Type::Interval, scope, 0);
                form("({} + {})", [self.expression(Type::Timestamp, scope, 0), interval])
            }
            _ => self.one_form("({} + interval '1 day')", Type::Timestamp, scope, 0),
        }
    }

    pub(super) fn interval_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(8) {
            7 => self.two_form("({} - {})", Type::Zoned, scope, depth.min(1)),
            0 => self.two_form("({} - {})", Type::Timestamp, scope, depth.min(1)),
            1 => self.two_form("({} + {})", Type::Interval, scope, depth.min(1)),
            2 => self.two_form("age({}, {})", Type::Timestamp, scope, depth.min(1)),
            3 => {
                let name = *self.pick(&["justify_days", "justify_hours", "justify_interval"]);
                self.one_form(&format!("{name}({{}})"), Type::Interval, scope, depth)
            }
            4 => self.one_form("make_interval(days => {} % 100)", Type::Integer, scope, depth),
            5 => self.one_form("({} % 10 * interval '1 day')", Type::Integer, scope, depth),
            _ => self.one_form("(- {})", Type::Interval, scope, depth),
        }
    }

    /// Floats whose sums are exact, so that their order does not show.
    pub(super) fn float_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(5) {
            0 => self.one_form("({})::float8", Type::Integer, scope, depth),
            1 => self.one_form("({} / 4.0::float8)", Type::Integer, scope, depth),
            2 => self.two_form("({} + {})", Type::Float, scope, depth.min(1)),
            // Never a negative zero, which equals zero and looks different.
            3 => self.one_form("(0 - {})", Type::Float, scope, depth),
            _ => self.one_form("abs({})", Type::Float, scope, depth),
        }
    }

    pub(super) fn integers_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(8) {
            0 | 1 => self.two_form("array[{}, {}]", Type::Integer, scope, depth),
            2 => self.two_form("({} || {})", Type::Integers, scope, depth.min(1)),
            3 => {
                let value = self.expression(Type::Integer, scope, depth);
                let name = *self.pick(&["array_append", "array_remove"]);
                form(&format!("{name}({{}}, {{}})"), [self.expression(Type::Integers, scope, depth), value])
            }
            4 => {
                let value = self.expression(Type::Integer, scope, depth);
                form("({} || {})", [value, self.expression(Type::Integers, scope, depth)])
            }
            5 => {
                let slice = *self.pick(&["[1:1]", "[2:]", "[:2]", "[0:5]"]);
                self.one_form(&format!("({{}}){slice}"), Type::Integers, scope, depth)
            }
            6 if self.tables_left > 0 => {
                let (query, names) = self.whole_query(scope, depth, Some(&[Type::Integer]), false);
                let (alias, column) = (self.name("s"), names.first().cloned().unwrap_or_default());
                let mut pieces = vec![Piece::Text(format!("array(select {alias}.{column} from ("))];
                pieces.extend(query);
                pieces.push(Piece::Text(format!(") as {alias} order by 1)")));
                pieces
            }
            _ => self.one_form("array_fill({}, array[2])", Type::Integer, scope, 0),
        }
    }
}
