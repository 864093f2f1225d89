//! What stands in FROM.

use super::{
    Generator, Piece, Type, Visible,
    queries::{TABLES, table_columns},
};

impl Generator {
    /// A table, a WITH query, a subquery, VALUES, a join in parentheses or a function's rows, and its columns.
    pub(super) fn relation(
        &mut self,
        outer: &[Visible],
        depth: usize,
        lateral: bool,
    ) -> (Vec<Piece>, Vec<Visible>) {
        let alias = self.name("t");
        let shown = |columns: &[Visible]| {
            columns
                .iter()
                .map(|column| Visible { name: format!("{alias}.{}", column.name), kind: column.kind })
                .collect::<Vec<_>>()
        };
        if !lateral && !self.ctes.is_empty() && self.chance(60) {
            let ctes = self.ctes.clone();
            let (name, columns) = self.pick(&ctes).clone();
            return (vec![Piece::Text(format!("{name} as {alias}"))], shown(&columns));
        }
        if self.chance(if lateral { 25 } else { 4 }) {
            return self.function(if lateral { outer } else { &[] }, &alias);
        }
        if (lateral || self.chance(20)) && depth > 0 && self.tables_left > 0 {
            let types: Vec<Type> = (0..=self.below(2)).map(|_| *self.pick(&Type::ALL)).collect();
            let (query, names) = self.whole_query(outer, depth - 1, Some(&types), false);
            let mut pieces: Vec<Piece> = vec![if lateral { "lateral (" } else { "(" }.into()];
            pieces.extend(query);
            pieces.push(Piece::Text(format!(") as {alias}")));
            let columns: Vec<Visible> =
                names.into_iter().zip(types).map(|(name, kind)| Visible { name, kind }).collect();
            return (pieces, shown(&columns));
        }
        if self.chance(5) {
            let types: Vec<Type> = (0..=self.below(3)).map(|_| *self.pick(&Type::ALL)).collect();
            let columns: Vec<Visible> =
                types.iter().map(|kind| Visible { name: self.name("c"), kind: *kind }).collect();
            let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
            let names = format!(") as {alias} ({})", names.join(", "));
            let mut pieces: Vec<Piece> = vec![if lateral { "lateral (" } else { "(" }.into()];
            pieces.extend(self.values(&types, if lateral { outer } else { &[] }));
            pieces.push(names.into());
            return (pieces, shown(&columns));
        }
        self.tables_left = self.tables_left.saturating_sub(1);
        if self.tables_left > 1 && self.chance(8) {
            self.tables_left -= 1;
            return self.merged();
        }
        let index = *self.pick(&[0, 0, 1, 1, 2, 2, 3, 4, 4]);
        let (name, _) = TABLES[index];
        (vec![Piece::Text(format!("{name} as {alias}"))], shown(&table_columns(index)))
    }

    /// VALUES of a few rows.
    pub(super) fn values(&mut self, types: &[Type], scope: &[Visible]) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = vec!["values ".into()];
        for row in 0..=self.below(3) {
            pieces.push(if row == 0 { "(" } else { ", (" }.into());
            for (index, kind) in types.iter().enumerate() {
                pieces.push(if index == 0 { "(" } else { ", (" }.into());
                pieces.push(self.expression(*kind, scope, 1));
                pieces.push(Piece::Text(format!(")::{}", kind.name())));
            }
            pieces.push(")".into());
        }
        pieces
    }

    /// The rows of a function over what is in sight.
    fn function(&mut self, outer: &[Visible], alias: &str) -> (Vec<Piece>, Vec<Visible>) {
        let name = self.name("c");
        let mut columns = vec![Visible { name: format!("{alias}.{name}"), kind: Type::Integer }];
        let mut pieces: Vec<Piece> = Vec::new();
        let mut named = name;
        match self.below(3) {
            0 => {
                pieces.push("generate_series(1, ".into());
                pieces.push(self.expression(Type::Integer, outer, 1));
                pieces.push(" % 4)".into());
            }
            1 => {
                columns[0].kind = Type::Timestamp;
                pieces.push(
                    "generate_series(timestamp '2024-01-30', timestamp '2024-04-30', interval '1 month')"
                        .into(),
                );
            }
            _ => {
                pieces.push("unnest(".into());
                pieces.push(self.expression(Type::Integers, outer, 1));
                pieces.push(")".into());
            }
        }
        if self.chance(30) {
            let number = self.name("c");
            pieces.push(" with ordinality".into());
            named = format!("{named}, {number}");
            columns.push(Visible { name: format!("{alias}.{number}"), kind: Type::Bigint });
        }
        pieces.push(Piece::Text(format!(" as {alias} ({named})")));
        (pieces, columns)
    }

    /// Two tables joined by USING or NATURAL, whose column they share.
    fn merged(&mut self) -> (Vec<Piece>, Vec<Visible>) {
        let key = self.name("k");
        let mut columns = vec![Visible { name: key.clone(), kind: Type::Integer }];
        let mut sides = Vec::new();
        for _ in 0..2 {
            let (alias, index) = (self.name("t"), *self.pick(&[0, 1, 3, 4]));
            let mut names = vec![key.clone()];
            for column in table_columns(index).into_iter().skip(1) {
                let name = self.name("c");
                columns.push(Visible { name: format!("{alias}.{name}"), kind: column.kind });
                names.push(name);
            }
            sides.push(format!("{} as {alias} ({})", TABLES[index].0, names.join(", ")));
        }
        let kind = *self.pick(&["", "left ", "right ", "full "]);
        let text = if self.chance(50) {
            format!("({} natural {kind}join {})", sides[0], sides[1])
        } else {
            format!("({} {kind}join {} using ({key}))", sides[0], sides[1])
        };
        (vec![text.into()], columns)
    }
}
