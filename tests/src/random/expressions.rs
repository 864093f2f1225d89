//! Expressions of a wanted type over the columns in sight.

use super::{Generator, Piece, Type, Visible};

/// Text put together of literal text and pieces: `{}` stands for the next piece.
pub(super) fn form(template: &str, pieces: impl IntoIterator<Item = Piece>) -> Vec<Piece> {
    let mut pieces = pieces.into_iter();
    let mut all = Vec::new();
    for (index, text) in template.split("{}").enumerate() {
        if index > 0 {
            all.extend(pieces.next());
        }
        all.push(Piece::from(text));
    }
    all
}

impl Generator {
    /// An expression of a type; always in parentheses if it is more than a name or a literal.
    pub(crate) fn expression(&mut self, kind: Type, scope: &[Visible], depth: usize) -> Piece {
        let simple = self.leaf(kind, scope);
        if depth == 0 || self.chance(25) {
            return Piece::Text(simple);
        }
        let full = self.compound(kind, scope, depth - 1);
        Piece::part(full, simple)
    }

    /// A column or a constant.
    pub(crate) fn leaf(&mut self, kind: Type, scope: &[Visible]) -> String {
        let columns: Vec<&Visible> = scope.iter().filter(|column| column.kind == kind).collect();
        if !columns.is_empty() && self.chance(75) {
            return self.pick(&columns).name.clone();
        }
        self.constant(kind)
    }

    pub(crate) fn constant(&mut self, kind: Type) -> String {
        if self.chance(12) {
            return format!("null::{}", kind.name());
        }
        let choices: &[&str] = match kind {
            Type::Integer => &["0", "1", "2", "3", "(-1)", "7", "100"],
            Type::Bigint => &["0::bigint", "1::bigint", "10::bigint", "(-5)::bigint", "4294967296"],
            Type::Numeric => &["0.0", "1.5", "(-1.50)", "2.001", "100.00", "10.25"],
            Type::Text => &["''", "'a'", "'b'", "'ab'", "'A'", "'%'", "'zzz'"],
            Type::Date => {
                &["date '2024-01-01'", "date '2024-02-29'", "date '1999-12-31'", "date '2024-01-02'"]
            }
            Type::Timestamp => &["timestamp '2024-01-01 00:00:00'", "timestamp '2024-01-01 12:30:00'"],
            Type::Interval => &[
                "interval '1 mon'",
                "interval '30 days'",
                "interval '-1 day'",
                "interval '36:00:00'",
                "interval '1 day 12:00:00'",
            ],
            Type::Float => {
                &["0.5::float8", "'NaN'::float8", "(-2.25)::float8", "'Infinity'::float8", "0::float8"]
            }
            Type::Integers => &["array[1,2]", "'{}'::integer[]", "array[2,null]", "array[1]", "array[3,1,2]"],
            Type::Boolean => &["true", "false"],
            Type::Jsonb => &[
                "'{\"a\": 1}'::jsonb",
                "'[1, \"b\", null]'::jsonb",
                "'\"a\"'::jsonb",
                "'null'::jsonb",
                "'{\"a\": {\"b\": [1, 2]}}'::jsonb",
                "'2'::jsonb",
                "'{}'::jsonb",
            ],
            Type::Zoned => &[
                "timestamptz '2024-03-31 01:30:00+01'",
                "timestamptz '2024-10-27 02:30:00+02'",
                "timestamptz '2024-01-01 00:00:00+00'",
                "timestamptz '1999-12-31 23:59:59-05'",
            ],
            Type::Named => &[
                "('å' collate \"sv-x-icu\")",
                "('Ä' collate \"sv-x-icu\")",
                "('w' collate \"sv-x-icu\")",
                "('Z' collate \"sv-x-icu\")",
                "('' collate \"sv-x-icu\")",
            ],
            Type::Padded => {
                &["'ab'::character(4)", "'a'::character(4)", "''::character(4)", "'B'::character(4)"]
            }
        };
        (*self.pick(choices)).to_owned()
    }

    fn compound(&mut self, kind: Type, scope: &[Visible], depth: usize) -> Vec<Piece> {
        // Forms that every type has.
        if self.chance(30) {
            match self.below(6) {
                0 => {
                    let condition = self.expression(Type::Boolean, scope, depth);
                    let (first, second) = self.two(kind, scope, depth);
                    return form("(case when {} then {} else {} end)", [condition, first, second]);
                }
                1 => {
                    let (first, second) = self.two(kind, scope, depth);
                    return form("coalesce({}, {})", [first, second]);
                }
                2 => {
                    let (first, second) = self.two(kind, scope, depth);
                    return form("nullif({}, {})", [first, second]);
                }
                3 if self.tables_left > 0 => return self.scalar_subquery(kind, scope, depth),
                4 if kind != Type::Boolean && kind != Type::Interval => {
                    let name = if self.chance(50) { "greatest" } else { "least" };
                    let (first, second) = self.two(kind, scope, depth);
                    return form(&format!("{name}({{}}, {{}})"), [first, second]);
                }
                _ => {
                    let operand = *self.pick(&[Type::Integer, Type::Text, Type::Date]);
                    let (value, when) = self.two(operand, scope, depth);
                    let (first, second) = self.two(kind, scope, depth);
                    return form("(case {} when {} then {} else {} end)", [value, when, first, second]);
                }
            }
        }
        match kind {
            Type::Boolean => self.predicate_form(scope, depth),
            Type::Integer => self.integer_form(scope, depth),
            Type::Bigint => self.bigint_form(scope, depth),
            Type::Numeric => self.numeric_form(scope, depth),
            Type::Text => self.text_form(scope, depth),
            Type::Date => self.date_form(scope, depth),
            Type::Timestamp => self.timestamp_form(scope, depth),
            Type::Interval => self.interval_form(scope, depth),
            Type::Float => self.float_form(scope, depth),
            Type::Integers => self.integers_form(scope, depth),
            Type::Jsonb => self.jsonb_form(scope, depth),
            Type::Zoned => self.zoned_form(scope, depth),
            Type::Named => self.named_form(scope, depth),
            Type::Padded => self.padded_form(scope, depth),
        }
    }

    pub(super) fn two(&mut self, kind: Type, scope: &[Visible], depth: usize) -> (Piece, Piece) {
        (self.expression(kind, scope, depth), self.expression(kind, scope, depth))
    }

    fn predicate_form(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        let kind = if self.chance(8) { Type::Interval } else { *self.pick(&Type::ALL) };
        match self.below(24) {
            21..=23 => self.richer_predicate(scope, depth),
            16 => {
                let operator = *self.pick(&["@>", "<@", "&&"]);
                let (left, right) = self.two(Type::Integers, scope, depth);
                form(&format!("({{}} {operator} {{}})"), [left, right])
            }
            17 => {
                let operator = *self.pick(&["= any", "<> all", "< any", ">= all"]);
                let value = self.expression(Type::Integer, scope, depth);
                let list = self.expression(Type::Integers, scope, depth);
                form(&format!("({{}} {operator} (({{}})::integer[]))"), [value, list])
            }
            18 => {
                let operator = *self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                let second = *self.pick(&Type::ALL);
                let (a, c) = self.two(kind, scope, depth);
                let (b, d) = self.two(second, scope, depth);
                form(&format!("(({{}}, {{}}) {operator} ({{}}, {{}}))"), [a, b, c, d])
            }
            19 => {
                let pattern = *self.pick(&["'^a'", "'b$'", "'[ab]+'", "'^.$'", "'(a|z)'"]);
                let operator = *self.pick(&["~", "!~", "~*"]);
                form(&format!("({{}} {operator} {pattern})"), [self.expression(Type::Text, scope, depth)])
            }
            20 => {
                let (low, high) = self.two(kind, scope, depth);
                let value = self.expression(kind, scope, depth);
                form("({} between symmetric {} and {})", [value, low, high])
            }
            0..=3 => {
                let operator = *self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                let (left, right) = self.two(kind, scope, depth);
                form(&format!("({{}} {operator} {{}})"), [left, right])
            }
            4 | 5 => {
                let operator = if self.chance(50) { "and" } else { "or" };
                let (left, right) = self.two(Type::Boolean, scope, depth);
                form(&format!("({{}} {operator} {{}})"), [left, right])
            }
            6 => form("(not {})", [self.expression(Type::Boolean, scope, depth)]),
            7 => {
                let test = *self.pick(&["is null", "is not null"]);
                form(&format!("({{}} {test})"), [self.expression(kind, scope, depth)])
            }
            8 => {
                let test = *self.pick(&["is true", "is not true", "is false", "is not false", "is unknown"]);
                form(&format!("({{}} {test})"), [self.expression(Type::Boolean, scope, depth)])
            }
            9 => {
                let test = *self.pick(&["is distinct from", "is not distinct from"]);
                let (left, right) = self.two(kind, scope, depth);
                form(&format!("({{}} {test} {{}})"), [left, right])
            }
            10 => {
                let not = *self.pick(&["", "not "]);
                let (low, high) = self.two(Type::Integer, scope, depth);
                let value = self.expression(Type::Integer, scope, depth);
                form(&format!("({{}} {not}between {{}} and {{}})"), [value, low, high])
            }
            11 => {
                let not = *self.pick(&["", "not "]);
                let value = self.expression(kind, scope, depth);
                let (first, second) = (self.constant(kind), self.expression(kind, scope, 0));
                form(&format!("({{}} {not}in ({{}}, {{}}))"), [value, Piece::Text(first), second])
            }
            12 => {
                let pattern = *self.pick(&["'a%'", "'%b'", "'_'", "'%'", "''", "'%a%'"]);
                let like = *self.pick(&["like", "not like", "ilike"]);
                form(&format!("({{}} {like} {pattern})"), [self.expression(Type::Text, scope, depth)])
            }
            _ if self.tables_left > 0 => self.subquery_predicate(scope, depth),
            _ => {
                let (left, right) = self.two(Type::Integer, scope, depth);
                form("({} = {})", [left, right])
            }
        }
    }

    fn subquery_predicate(&mut self, scope: &[Visible], depth: usize) -> Vec<Piece> {
        let kind = *self.pick(&Type::ALL);
        let not = *self.pick(&["", "not "]);
        match self.below(6) {
            0 | 1 => {
                let (query, _) = self.whole_query(scope, depth, None, false);
                let mut pieces = vec![Piece::Text(format!("({not}exists ("))];
                pieces.extend(query);
                pieces.push("))".into());
                pieces
            }
            2 | 3 => {
                let value = self.expression(kind, scope, depth);
                let (query, _) = self.whole_query(scope, depth, Some(&[kind]), false);
                let mut pieces = vec!["(".into(), value, Piece::Text(format!(" {not}in ("))];
                pieces.extend(query);
                pieces.push("))".into());
                pieces
            }
            4 => {
                let (first, second) = (*self.pick(&Type::ALL), *self.pick(&Type::ALL));
                let left = self.expression(first, scope, 0);
                let right = self.expression(second, scope, 0);
                let (query, _) = self.whole_query(scope, depth, Some(&[first, second]), false);
                let mut pieces = form(&format!("(({{}}, {{}}) {not}in ("), [left, right]);
                pieces.extend(query);
                pieces.push("))".into());
                pieces
            }
            _ => {
                let operator = *self.pick(&["=", "<>", "<", "<=", ">", ">="]);
                let quantifier = *self.pick(&["any", "all"]);
                let value = self.expression(kind, scope, depth);
                let (query, _) = self.whole_query(scope, depth, Some(&[kind]), false);
                let mut pieces = vec!["(".into(), value, Piece::Text(format!(" {operator} {quantifier} ("))];
                pieces.extend(query);
                pieces.push("))".into());
                pieces
            }
        }
    }

    /// A subquery of one value, which is one by an aggregate or by LIMIT after a total order.
    fn scalar_subquery(&mut self, kind: Type, scope: &[Visible], depth: usize) -> Vec<Piece> {
        let (query, names) = self.whole_query(scope, depth, Some(&[kind]), false);
        let mut pieces: Vec<Piece> = Vec::new();
        let alias = self.name("s");
        let column = names.first().cloned().unwrap_or_default();
        match (kind, self.below(3)) {
            (Type::Integers, 0) => pieces.push(Piece::Text(format!(
                "(select array_agg(cardinality({alias}.{column}) order by {alias}.{column}) from ("
            ))),
            (Type::Boolean, 0) => {
                pieces.push(Piece::Text(format!("(select bool_and({alias}.{column}) from (")))
            }
            (Type::Boolean, 1) => {
                pieces.push(Piece::Text(format!("(select bool_or({alias}.{column}) from (")))
            }
            (Type::Bigint, 0) => pieces.push(Piece::Text(format!("(select count({alias}.{column}) from ("))),
            (Type::Boolean | Type::Jsonb, _) | (_, 2) => {
                pieces.push(Piece::Text(format!("(select {alias}.{column} from (")));
                pieces.extend(query);
                pieces.push(Piece::Text(format!(") as {alias} order by {alias}.{column} limit 1)")));
                return pieces;
            }
            (_, 0) => pieces.push(Piece::Text(format!("(select max({alias}.{column}) from ("))),
            _ => pieces.push(Piece::Text(format!("(select min({alias}.{column}) from ("))),
        }
        pieces.extend(query);
        pieces.push(Piece::Text(format!(") as {alias})")));
        pieces
    }

    /// An aggregate of a type, over ungrouped columns.
    pub(crate) fn aggregate(&mut self, kind: Type, scope: &[Visible], depth: usize) -> Vec<Piece> {
        let filter = if self.chance(20) {
            form(" filter (where {})", [self.expression(Type::Boolean, scope, depth)])
        } else {
            vec![Piece::from("")]
        };
        let distinct = if self.chance(25) { "distinct " } else { "" };
        let mut pieces = match (kind, self.below(4)) {
            (Type::Bigint, 0) => vec![Piece::from("count(*)")],
            (Type::Bigint, 1) => {
                let argument = *self.pick(&Type::ALL);
                form(&format!("count({distinct}{{}})"), [self.expression(argument, scope, depth)])
            }
            (Type::Bigint, _) => {
                form(&format!("sum({distinct}{{}})"), [self.expression(Type::Integer, scope, depth)])
            }
            (Type::Numeric, 0 | 1) => {
                form(&format!("sum({distinct}{{}})"), [self.expression(Type::Numeric, scope, depth)])
            }
            (Type::Numeric, 3) => {
                let average = form(
                    &format!("round(avg({distinct}{{}})"),
                    [self.expression(Type::Integer, scope, depth)],
                );
                return average.into_iter().chain(filter).chain([Piece::from(", 2)")]).collect();
            }
            (Type::Integer, 3) => {
                let grouped = *self.pick(&["bit_and", "bit_or", "bit_xor"]);
                form(&format!("{grouped}({distinct}{{}})"), [self.expression(Type::Integer, scope, depth)])
            }
            (Type::Integers, _) => {
                let value = self.leaf(Type::Integer, scope);
                let order = *self.pick(&["", " desc", " nulls first"]);
                vec![Piece::Text(format!("array_agg({distinct}{value} order by {value}{order})"))]
            }
            (Type::Jsonb, _) => {
                let value = self.leaf(Type::Jsonb, scope);
                vec![Piece::Text(format!("jsonb_agg({distinct}{value} order by {value})"))]
            }
            (Type::Boolean, 0 | 1) => form("bool_and({})", [self.expression(Type::Boolean, scope, depth)]),
            (Type::Boolean, _) => form("bool_or({})", [self.expression(Type::Boolean, scope, depth)]),
            (Type::Text, 0) => {
                // Equal values cannot be told apart, so the order is total.
                let value = self.leaf(Type::Text, scope);
                vec![Piece::Text(format!("string_agg({value}, ',' order by {value})"))]
            }
            // A value that ties with others is as good as they.
            (Type::Date | Type::Timestamp | Type::Zoned | Type::Numeric, 2) => {
                let fraction = *self.pick(&["0", "0.5", "0.9", "1"]);
                form(
                    &format!("percentile_disc({fraction}) within group (order by {{}})"),
                    [self.expression(kind, scope, depth)],
                )
            }
            (_, 0 | 2) => form("max({})", [self.expression(kind, scope, depth)]),
            _ => form("min({})", [self.expression(kind, scope, depth)]),
        };
        pieces.extend(filter);
        pieces
    }
}
