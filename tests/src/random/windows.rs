//! Window functions whose value does not depend on the order of rows that tie.

use super::{Generator, Piece, Type, Visible, expressions::form};

/// Frames that may cut between rows that tie.
const ROWS: &[&str] = &[
    "",
    " rows unbounded preceding",
    " rows between 1 preceding and 1 following",
    " rows between current row and unbounded following",
    " rows between 2 preceding and 1 preceding",
    " rows between 1 following and 2 following",
    " rows 1 preceding exclude current row",
];

/// Frames that do not.
const PEERS: &[&str] = &[
    "",
    "",
    "",
    " range between current row and unbounded following",
    " range between unbounded preceding and unbounded following",
    " groups between 1 preceding and 1 following",
    " groups between 1 following and unbounded following",
    " range between unbounded preceding and current row exclude group",
    " groups 1 preceding exclude ties",
];

impl Generator {
    /// A window function; `own` are all the columns of the rows it ranges over, none if these are not told apart by them.
    pub(super) fn window(
        &mut self,
        kind: Type,
        own: &[Visible],
        scope: &[Visible],
        depth: usize,
    ) -> Vec<Piece> {
        // Rows that tie in all of their columns are the same row; of two such windows, though, each may take another of them
        // for the first.
        let total = !own.is_empty() && !self.cut && self.chance(40);
        if kind == Type::Jsonb && !total {
            // It has no aggregate whose value its rows' order does not show in.
            return vec![self.expression(kind, scope, depth)];
        }
        self.cut |= total;
        let mut pieces = if total && (kind == Type::Jsonb || self.chance(70)) {
            self.ordered_call(kind, scope, depth.min(1))
        } else {
            match (kind, self.below(3)) {
                (Type::Bigint, 0) => vec!["rank()".into()],
                (Type::Bigint, 1) => vec!["dense_rank()".into()],
                (Type::Bigint, _) => vec!["count(*)".into()],
                _ => self.plain_aggregate(kind, scope, depth.min(1)),
            }
        };
        pieces.push(" over (".into());
        if self.chance(50) {
            let key = *self.pick(&Type::ALL);
            pieces.push("partition by ".into());
            pieces.push(self.expression(key, scope, 1));
        }
        if total {
            let names: Vec<String> = own.iter().map(|column| column.name.clone()).collect();
            let order = self.order_by(&names);
            let frame = *self.pick(ROWS);
            pieces.push(Piece::Text(format!("{order}{frame}")));
        } else if self.chance(70) {
            let key = *self.pick(&Type::ALL);
            let direction = *self.pick(&["", " desc", " nulls first"]);
            pieces.push(" order by ".into());
            pieces.push(self.expression(key, scope, 1));
            let frame = match key {
                Type::Integer | Type::Bigint | Type::Numeric if self.chance(40) => *self.pick(&[
                    " range 1 preceding",
                    " range between 1 following and 10 following",
                    " range between 2 preceding and 1 following exclude current row",
                ]),
                Type::Date | Type::Timestamp | Type::Zoned if self.chance(40) => *self.pick(&[
                    " range interval '1 month' preceding",
                    " range between current row and interval '10 days' following",
                ]),
                _ => *self.pick(PEERS),
            };
            pieces.push(direction.into());
            pieces.push(Piece::part(vec![frame.into()], ""));
        }
        pieces.push(")".into());
        pieces
    }

    /// A function to which the order of the rows matters.
    fn ordered_call(&mut self, kind: Type, scope: &[Visible], depth: usize) -> Vec<Piece> {
        match (kind, self.below(7)) {
            (Type::Bigint, 0..=2) => vec!["row_number()".into()],
            (Type::Integer, 0 | 1) => vec!["ntile(3)".into()],
            (Type::Float, 0) => vec!["cume_dist()".into()],
            (Type::Float, 1) => vec!["percent_rank()".into()],
            (Type::Integers, 0..=2) => form("array_agg({})", [self.expression(Type::Integer, scope, depth)]),
            (_, 3) => form("first_value({})", [self.expression(kind, scope, depth)]),
            (_, 4) => form("last_value({})", [self.expression(kind, scope, depth)]),
            (_, 5) => form("nth_value({}, 2)", [self.expression(kind, scope, depth)]),
            _ => {
                let name = *self.pick(&["lag", "lead"]);
                let rest = *self.pick(&["", ", 2", ", 0", ", -1"]);
                if self.chance(30) {
                    let (value, default) = self.two(kind, scope, depth);
                    return form(&format!("{name}({{}}, 1, {{}})"), [value, default]);
                }
                form(&format!("{name}({{}}{rest})"), [self.expression(kind, scope, depth)])
            }
        }
    }

    fn plain_aggregate(&mut self, kind: Type, scope: &[Visible], depth: usize) -> Vec<Piece> {
        let (name, argument) = match kind {
            Type::Bigint => ("sum", Type::Integer),
            Type::Numeric => ("sum", Type::Numeric),
            Type::Boolean => ("bool_or", Type::Boolean),
            _ if self.chance(50) => ("max", kind),
            _ => ("min", kind),
        };
        let argument = self.expression(argument, scope, depth);
        vec![Piece::Text(format!("{name}(")), argument, ")".into()]
    }
}
