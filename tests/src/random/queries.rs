//! Whole queries: FROM, WHERE, GROUP BY, windows, set operations, WITH, ORDER BY and LIMIT.

use super::{Generator, Piece, Type, Visible};

/// A table: its name, and its columns' names and types.
pub(super) type Table = (&'static str, &'static [(&'static str, Type)]);

pub(super) const TABLES: [Table; 5] = [
    (
        "slump.ett",
        &[
            ("ea", Type::Integer),
            ("eb", Type::Integer),
            ("ec", Type::Text),
            ("ed", Type::Numeric),
            ("ee", Type::Date),
            ("ef", Type::Boolean),
            ("eg", Type::Bigint),
        ],
    ),
    (
        "slump.tva",
        &[
            ("ta", Type::Integer),
            ("tb", Type::Integer),
            ("tc", Type::Text),
            ("td", Type::Numeric),
            ("te", Type::Date),
            ("tf", Type::Boolean),
            ("tg", Type::Bigint),
        ],
    ),
    (
        "slump.tre",
        &[
            ("ta", Type::Integer),
            ("td", Type::Numeric),
            ("te", Type::Timestamp),
            ("tf", Type::Boolean),
            ("tg", Type::Bigint),
        ],
    ),
    ("slump.tom", &[("ea", Type::Integer), ("ec", Type::Text)]),
    (
        "slump.fyra",
        &[
            ("fa", Type::Integer),
            ("fj", Type::Jsonb),
            ("fz", Type::Zoned),
            ("fs", Type::Named),
            ("fc", Type::Padded),
        ],
    ),
];

/// What leaves rows out behind a total order.
const LIMITS: &[&str] = &[
    " limit 1",
    " limit 3",
    " limit 0",
    " limit 2 offset 1",
    " offset 2",
    " fetch first 2 rows only",
    " offset 1 fetch next 1 row only",
];

/// The columns of a table by its place in the list.
pub(super) fn table_columns(index: usize) -> Vec<Visible> {
    let columns = TABLES.get(index).map_or(&[] as &[_], |(_, columns)| columns);
    columns.iter().map(|(name, kind)| Visible { name: (*name).to_owned(), kind: *kind }).collect()
}

impl Generator {
    /// A query with what may go round its body, and its columns' names. `outer` is in sight for correlation; `wanted` are
    /// the columns' types.
    pub(crate) fn whole_query(
        &mut self,
        outer: &[Visible],
        depth: usize,
        wanted: Option<&[Type]>,
        ordered: bool,
    ) -> (Vec<Piece>, Vec<String>) {
        let types: Vec<Type> = match wanted {
            Some(wanted) => wanted.to_vec(),
            None => (0..=self.below(3)).map(|_| *self.pick(&Type::ALL)).collect(),
        };
        let mut pieces = Vec::new();
        let ctes = self.ctes.len();
        if depth > 1 && self.tables_left > 2 && self.chance(15) {
            pieces.extend(self.with(depth - 1));
        }
        if depth > 0 && self.chance(6) {
            let (body, names) = self.distinct_on(outer, depth - 1, &types);
            pieces.extend(body);
            self.ctes.truncate(ctes);
            return (pieces, names);
        }
        let (body, names) = if depth > 0 && self.tables_left > 1 && self.chance(20) {
            self.set_operation(outer, depth - 1, &types)
        } else {
            self.select(outer, depth, &types)
        };
        pieces.extend(body);
        let limited = self.chance(if ordered { 40 } else { 10 });
        let order = if ordered || limited {
            let keys: Vec<String> = (1..=types.len()).map(|number| number.to_string()).collect();
            self.order_by(&keys)
        } else {
            String::new()
        };
        let limit = if limited { self.limit() } else { "" };
        if ordered {
            pieces.push(order.into());
            pieces.push(Piece::part(vec![limit.into()], ""));
        } else {
            // The limit never without the order: which rows it leaves would not be determined.
            pieces.push(Piece::part(vec![order.into(), limit.into()], ""));
        }
        self.ctes.truncate(ctes);
        (pieces, names)
    }

    /// An order by all of some keys.
    pub(super) fn order_by(&mut self, keys: &[String]) -> String {
        let keys: Vec<String> = keys
            .iter()
            .map(|key| {
                let direction = *self.pick(&["", "", " desc", " nulls first", " desc nulls last"]);
                format!("{key}{direction}")
            })
            .collect();
        format!(" order by {}", keys.join(", "))
    }

    fn limit(&mut self) -> &'static str {
        let limit: &&'static str = self.pick(LIMITS);
        limit
    }

    /// SELECT DISTINCT ON, in an order that says which row of each group is the first.
    fn distinct_on(&mut self, outer: &[Visible], depth: usize, types: &[Type]) -> (Vec<Piece>, Vec<String>) {
        let (query, below) = self.select(outer, depth, types);
        let alias = self.name("s");
        let columns: Vec<String> = below.iter().map(|name| format!("{alias}.{name}")).collect();
        let names: Vec<String> = types.iter().map(|_| self.name("c")).collect();
        let shown: Vec<String> =
            columns.iter().zip(&names).map(|(column, name)| format!("{column} as {name}")).collect();
        let keys = columns[..=self.below(columns.len())].join(", ");
        let mut pieces =
            vec![Piece::Text(format!("select distinct on ({keys}) {} from (", shown.join(", ")))];
        pieces.extend(query);
        let order = self.order_by(&columns);
        pieces.push(Piece::Text(format!(") as {alias}{order}")));
        (pieces, names)
    }

    fn with(&mut self, depth: usize) -> Vec<Piece> {
        if self.chance(30) {
            return self.recursive(depth);
        }
        let name = self.name("w");
        let types: Vec<Type> = (0..=self.below(3)).map(|_| *self.pick(&Type::ALL)).collect();
        let materialized = *self.pick(&["", "", "materialized ", "not materialized "]);
        let (query, names) = self.whole_query(&[], depth, Some(&types), false);
        let mut pieces = vec![Piece::Text(format!("with {name} as {materialized}("))];
        pieces.extend(query);
        pieces.push(") ".into());
        let columns =
            names.into_iter().zip(types).map(|(name, kind)| Visible { name, kind }).collect::<Vec<_>>();
        self.ctes.push((name, columns));
        pieces
    }

    /// WITH RECURSIVE: a few steps from a row or a table.
    fn recursive(&mut self, depth: usize) -> Vec<Piece> {
        let (name, mut kind) = (self.name("w"), *self.pick(&Type::ALL));
        if kind == Type::Named {
            // The first term says the collation, and PostgreSQL wants the second to agree.
            kind = Type::Text;
        }
        let (step, value, alias) = (self.name("c"), self.name("c"), self.name("t"));
        let columns = |qualifier: &str| {
            vec![
                Visible { name: format!("{qualifier}{step}"), kind: Type::Integer },
                Visible { name: format!("{qualifier}{value}"), kind },
            ]
        };
        let mut pieces =
            vec![Piece::Text(format!("with recursive {name} ({step}, {value}) as (select 1, ("))];
        pieces.push(self.expression(kind, &[], depth.min(1)));
        pieces.push(Piece::Text(format!(")::{}", kind.name())));
        let union = *self.pick(&["union", "union all"]);
        pieces.push(Piece::Text(format!(" {union} select {alias}.{step} + 1, (")));
        let mut scope = columns(&format!("{alias}."));
        let mut joined = String::new();
        if self.tables_left > 1 && self.chance(40) {
            self.tables_left -= 1;
            let other = self.name("t");
            joined = format!(" join slump.ett as {other} on {other}.eb = {alias}.{step}");
            scope.extend(table_columns(0).into_iter().map(|mut column| {
                column.name.insert_str(0, &format!("{other}."));
                column
            }));
        }
        pieces.push(self.expression(kind, &scope, depth.min(2)));
        pieces.push(Piece::Text(format!(
            ")::{} from {name} as {alias}{joined} where {alias}.{step} < 4",
            kind.name()
        )));
        let condition = self.expression(Type::Boolean, &scope, 1);
        pieces.push(Piece::part(vec![" and ".into(), condition], ""));
        pieces.push(") ".into());
        self.ctes.push((name, columns("")));
        pieces
    }

    fn set_operation(
        &mut self,
        outer: &[Visible],
        depth: usize,
        types: &[Type],
    ) -> (Vec<Piece>, Vec<String>) {
        let operator =
            *self.pick(&["union", "union all", "intersect", "except", "intersect all", "except all"]);
        let (left, names) = self.arm(outer, depth, types);
        let (right, _) = if self.chance(25) && self.tables_left > 0 {
            self.set_operation(outer, depth, types)
        } else if self.chance(10) {
            (self.values(types, outer), Vec::new())
        } else {
            self.arm(outer, depth, types)
        };
        let mut pieces: Vec<Piece> = vec!["(".into()];
        pieces.extend(left);
        let mut rest: Vec<Piece> = vec![Piece::Text(format!(" {operator} "))];
        rest.extend(right);
        pieces.push(Piece::part(rest, ""));
        pieces.push(")".into());
        (pieces, names)
    }

    /// A side of a set operation, which may have an order and a limit of its own.
    fn arm(&mut self, outer: &[Visible], depth: usize, types: &[Type]) -> (Vec<Piece>, Vec<String>) {
        let (query, names) = self.select(outer, depth, types);
        if !self.chance(15) {
            return (query, names);
        }
        let keys: Vec<String> = (1..=types.len()).map(|number| number.to_string()).collect();
        let order = self.order_by(&keys);
        let limit = self.limit();
        let mut pieces: Vec<Piece> = vec!["(".into()];
        pieces.extend(query);
        pieces.push(Piece::part(vec![order.into(), limit.into()], ""));
        pieces.push(")".into());
        (pieces, names)
    }

    fn select(&mut self, outer: &[Visible], depth: usize, types: &[Type]) -> (Vec<Piece>, Vec<String>) {
        let (from, own) = self.from(outer, depth);
        let mut scope = own.clone();
        scope.extend(outer.iter().cloned());
        let condition = self.chance(70).then(|| self.expression(Type::Boolean, &scope, depth.min(2)));
        let names: Vec<String> = types.iter().map(|_| self.name("c")).collect();
        let grouped = self.chance(30);
        let windowed = !grouped && self.chance(20);
        let mut pieces: Vec<Piece> = vec!["select ".into()];
        if !grouped && self.chance(20) {
            pieces.push(Piece::part(vec!["distinct ".into()], ""));
        }
        let keys = if grouped { self.group_keys(&own) } else { Vec::new() };
        let mut above = keys.clone();
        above.extend(outer.iter().cloned());
        for (index, (kind, name)) in types.iter().zip(&names).enumerate() {
            if index > 0 {
                pieces.push(", ".into());
            }
            if grouped && *kind == Type::Integer && !keys.is_empty() && self.chance(15) {
                let key = self.pick(&keys).name.clone();
                pieces.push(Piece::Text(format!("grouping({key})")));
            } else if grouped && self.chance(10) {
                pieces.extend(self.window(*kind, &[], &above, depth.min(1)));
            } else if grouped && self.chance(60) {
                // Over outer columns alone it would be the enclosing query's.
                let aggregate = self.aggregate(*kind, &own, depth.min(1));
                pieces.push(Piece::part(aggregate, format!("null::{}", kind.name())));
            } else if grouped {
                pieces.push(self.expression(*kind, &above, depth.min(2)));
            } else if windowed && self.chance(60) {
                pieces.extend(self.window(*kind, &own, &scope, depth));
            } else if !grouped && *kind == Type::Integer && self.chance(4) {
                let list = self.expression(Type::Integers, &scope, 1);
                pieces.push(Piece::part(vec!["unnest(".into(), list, ")".into()], "1"));
            } else {
                pieces.push(self.expression(*kind, &scope, depth.min(2)));
            }
            pieces.push(Piece::Text(format!(" as {name}")));
        }
        pieces.extend(from);
        if let Some(condition) = condition {
            pieces.push(Piece::part(vec![" where ".into(), condition], ""));
        }
        if !keys.is_empty() {
            let list: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
            let list = list.join(", ");
            let form = self.below(13);
            let first = list.split(", ").next().unwrap_or_default().to_owned();
            pieces.push(Piece::Text(match form {
                0 => format!(" group by rollup ({list})"),
                1 => format!(" group by cube ({list})"),
                2 => format!(" group by grouping sets (({list}), ())"),
                10 => format!(" group by grouping sets (({list}), {first}, rollup ({list}))"),
                11 => format!(" group by {first}, cube ({list})"),
                12 => format!(" group by distinct rollup ({list}), cube ({first})"),
                _ => format!(" group by {list}"),
            }));
        }
        if grouped && self.chance(30) {
            let kind = *self.pick(&[Type::Bigint, Type::Numeric, Type::Text, Type::Date]);
            let mut having: Vec<Piece> = vec![" having (".into()];
            having.extend(self.aggregate(kind, &own, depth.min(1)));
            let operator = *self.pick(&["=", "<>", "<", ">="]);
            having.push(Piece::Text(format!(" {operator} ")));
            having.push(self.expression(kind, &above, depth.min(1)));
            having.push(")".into());
            pieces.push(Piece::part(having, ""));
        }
        (pieces, names)
    }

    fn group_keys(&mut self, own: &[Visible]) -> Vec<Visible> {
        let mut keys: Vec<Visible> = Vec::new();
        for _ in 0..self.below(3) {
            let key = self.pick(own).clone();
            if !keys.iter().any(|known| known.name == key.name) {
                keys.push(key);
            }
        }
        keys
    }

    /// FROM, and the columns that it shows.
    fn from(&mut self, outer: &[Visible], depth: usize) -> (Vec<Piece>, Vec<Visible>) {
        let (mut pieces, mut columns) = self.relation(outer, depth, false);
        pieces.insert(0, " from ".into());
        while self.tables_left > 0 && self.chance(35) {
            let kind = self.below(6);
            let lateral = kind < 4 && self.chance(20);
            let mut in_sight = columns.clone();
            in_sight.extend(outer.iter().cloned());
            let (right, right_columns) =
                self.relation(if lateral { &in_sight } else { outer }, depth, lateral);
            let equality = self.equality(&columns, &right_columns);
            let mut both = columns.clone();
            both.extend(right_columns.iter().cloned());
            let condition = |generator: &mut Self| {
                if generator.chance(70) {
                    vec![Piece::part(vec![equality.clone().into()], "true")]
                } else {
                    vec![generator.expression(Type::Boolean, &both, depth.min(2))]
                }
            };
            match kind {
                0 => {
                    pieces.push(" cross join ".into());
                    pieces.extend(right);
                }
                1 | 2 => {
                    let condition = condition(self);
                    pieces.push(" join ".into());
                    pieces.extend(right);
                    pieces.push(" on ".into());
                    pieces.extend(condition);
                }
                3 | 4 => {
                    let condition = condition(self);
                    pieces.push(if kind == 3 { " left join " } else { " right join " }.into());
                    pieces.extend(right);
                    pieces.push(" on ".into());
                    pieces.extend(condition);
                }
                _ => {
                    // PostgreSQL has full joins by equality only.
                    pieces.push(" full join ".into());
                    pieces.extend(right);
                    pieces.push(Piece::Text(format!(" on {equality}")));
                }
            }
            columns = both;
        }
        (pieces, columns)
    }

    fn equality(&mut self, left: &[Visible], right: &[Visible]) -> String {
        let mut pairs = Vec::new();
        for one in left {
            for other in right.iter().filter(|other| other.kind == one.kind) {
                pairs.push(format!("{} = {}", one.name, other.name));
            }
        }
        if pairs.is_empty() {
            return "1 = 1".to_owned();
        }
        self.pick(&pairs).clone()
    }
}
