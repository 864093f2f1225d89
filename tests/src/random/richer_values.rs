//! `jsonb`, `timestamptz`, text in the order of an alphabet, and `character(n)`: what is computed from them and gives them.
//!
//! Equal values look equal: no numbers in `jsonb` but whole ones. Text of another collation is never mixed with it.

use super::{Generator, Piece, Type, Visible, expressions::form};

/// Time zones whose clocks are put forward and back on different days, and some where they are not.
pub(super) const ZONES: &[&str] =
    &["Europe/Stockholm", "America/New_York", "UTC", "Asia/Kolkata", "Australia/Lord_Howe"];

impl Generator {
    pub(super) fn jsonb_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(9) {
            0 => {
                let kind =
                    *self.pick(&[Type::Integer, Type::Text, Type::Boolean, Type::Integers, Type::Date]);
                self.one_form("to_jsonb({})", kind, scope, depth)
            }
            1 => {
                let number = self.expression(Type::Integer, scope, depth);
                form(
                    "jsonb_build_object('b', {}, 'a', {})",
                    [self.expression(Type::Jsonb, scope, depth), number],
                )
            }
            2 => self.two_form("jsonb_build_array({}, {})", Type::Jsonb, scope, depth),
            3 => self.one_form("({} -> 'a')", Type::Jsonb, scope, depth),
            4 => {
                let index = self.expression(Type::Integer, scope, depth);
                form("({} -> ({} % 3))", [self.expression(Type::Jsonb, scope, depth), index])
            }
            5 => self.one_form("({} #> '{a,b}')", Type::Jsonb, scope, depth),
            6 => self.one_form("jsonb_strip_nulls({})", Type::Jsonb, scope, depth),
            7 => self.two_form("(jsonb_build_array({}) || {})", Type::Jsonb, scope, depth),
            _ => self.one_form("jsonb_path_query_first({}, '$.a')", Type::Jsonb, scope, depth),
        }
    }

    pub(super) fn zoned_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        let zone = *self.pick(ZONES);
        match self.below(6) {
            0 => self.one_form(&format!("({{}} at time zone '{zone}')"), Type::Timestamp, scope, depth),
            1 => self.one_form("({})::timestamptz", Type::Date, scope, depth),
            2 => self.one_form("({})::timestamptz", Type::Timestamp, scope, depth),
            3 => {
                let interval = self.expression(Type::Interval, scope, depth.min(1));
                let operator = *self.pick(&["+", "-"]);
                form(&format!("({{}} {operator} {{}})"), [self.expression(Type::Zoned, scope, 0), interval])
            }
            4 => {
                let field = *self.pick(&["month", "week", "day", "hour"]);
                self.one_form(&format!("date_trunc('{field}', {{}})"), Type::Zoned, scope, depth)
            }
            _ => self.one_form(&format!("date_trunc('day', {{}}, '{zone}')"), Type::Zoned, scope, depth),
        }
    }

    pub(super) fn named_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(5) {
            0 => self.two_form("({} || {})", Type::Named, scope, depth),
            1 => {
                let name = *self.pick(&["upper", "lower", "reverse", "initcap"]);
                self.one_form(&format!("{name}({{}})"), Type::Named, scope, depth)
            }
            2 => self.one_form("left({}, 2)", Type::Named, scope, depth),
            3 => self.one_form("lpad({}, 3, 'ö')", Type::Named, scope, depth),
            _ => self.two_form("replace({}, {}, 'é')", Type::Named, scope, depth),
        }
    }

    pub(super) fn padded_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(3) {
            0 => self.one_form("({})::character(4)", Type::Text, scope, depth),
            1 => self.one_form("({})::character(4)", Type::Integer, scope, depth),
            _ => self.two_form("({} || {})::character(4)", Type::Padded, scope, depth),
        }
    }

    /// A predicate that only these types have.
    pub(super) fn richer_predicate(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match self.below(5) {
            0 => {
                let operator = *self.pick(&["@>", "<@"]);
                self.two_form(&format!("({{}} {operator} {{}})"), Type::Jsonb, scope, depth)
            }
            1 => {
                let key = self.expression(Type::Text, scope, depth);
                form("({} ? {})", [self.expression(Type::Jsonb, scope, depth), key])
            }
            2 => self.one_form("({} ?| array['a', 'b'])", Type::Jsonb, scope, depth),
            3 => {
                let pattern = *self.pick(&["'a%'", "'_'", "'%ö'", "'Å%'"]);
                let like = *self.pick(&["like", "not like", "ilike"]);
                self.one_form(&format!("({{}} {like} {pattern})"), Type::Named, scope, depth)
            }
            _ => self.one_form("({} like 'a%')", Type::Padded, scope, depth),
        }
    }
}
