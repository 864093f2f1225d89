//! Statements that change the tables: INSERT, UPDATE, DELETE and MERGE, with RETURNING. What they leave does not depend on
//! the order in which rows are looked at: what is joined to a table has one row for each of its rows.

use super::{
    Generator, Piece, Query, Type, Visible,
    queries::{TABLES, table_columns},
};

impl Generator {
    /// A statement that changes one of the tables.
    pub fn change(&mut self) -> Query {
        self.next_name = 0;
        self.tables_left = 4;
        let index = self.below(TABLES.len());
        let mut pieces = match self.below(8) {
            0..=2 => self.insert(index),
            3..=5 => self.update(index),
            6 => self.delete(index),
            _ => return Query { pieces: self.merge(index), ordered: false },
        };
        if self.chance(30) {
            let scope = qualified(index);
            let kind = *self.pick(&Type::ALL);
            let mut returning: Vec<Piece> = vec![" returning ".into()];
            returning.push(self.expression(kind, &scope, 1));
            pieces.push(Piece::part(returning, ""));
        }
        Query { pieces, ordered: false }
    }

    fn insert(&mut self, index: usize) -> Vec<Piece> {
        let (name, columns) = TABLES[index];
        // The first column of one table may not be null.
        let count = 1 + self.below(columns.len());
        let (types, names): (Vec<Type>, Vec<&str>) =
            columns.iter().take(count).map(|(name, kind)| (*kind, *name)).unzip();
        let mut pieces = vec![Piece::Text(format!("insert into {name} ({}) ", names.join(", ")))];
        if self.chance(50) {
            pieces.extend(self.values(&types, &[]));
            return pieces;
        }
        let (query, columns) = self.whole_query(&[], 1, Some(&types), false);
        let alias = self.name("s");
        let shown: Vec<String> = columns.iter().map(|column| format!("{alias}.{column}")).collect();
        let keys: Vec<String> = (1..=shown.len()).map(|number| number.to_string()).collect();
        pieces.push(Piece::Text(format!("select {} from (", shown.join(", "))));
        pieces.extend(query);
        // A total order, so that it is determined which rows there are; few, so that tables stay small.
        pieces.push(Piece::Text(format!(") as {alias} order by {} limit 4", keys.join(", "))));
        pieces
    }

    fn assignments(&mut self, index: usize, scope: &[Visible]) -> Vec<Piece> {
        let (_, columns) = TABLES[index];
        let first = self.below(columns.len());
        let count = 1 + self.below(3);
        let mut pieces = Vec::new();
        for (place, (name, kind)) in columns.iter().skip(first).take(count).enumerate() {
            pieces.push(Piece::Text(format!("{}{name} = ", if place == 0 { "" } else { ", " })));
            pieces.push(self.expression(*kind, scope, 2));
        }
        pieces
    }

    fn update(&mut self, index: usize) -> Vec<Piece> {
        let mut scope = qualified(index);
        let mut pieces = vec![Piece::Text(format!("update {} set ", TABLES[index].0))];
        let source = self.chance(25).then(|| self.unique_source());
        if let Some((_, columns)) = &source {
            scope.extend(columns.iter().cloned());
        }
        pieces.extend(self.assignments(index, &scope));
        let condition = self.expression(Type::Boolean, &scope, 2);
        match source {
            Some((source, columns)) => {
                let key = columns.first().map(|column| column.name.clone()).unwrap_or_default();
                pieces.push(" from ".into());
                pieces.push(source.into());
                pieces.push(Piece::Text(format!(" where {} = {key}", scope[0].name)));
                pieces.push(Piece::part(vec![" and ".into(), condition], ""));
            }
            None => pieces.push(Piece::part(vec![" where ".into(), condition], "")),
        }
        pieces
    }

    fn delete(&mut self, index: usize) -> Vec<Piece> {
        let mut scope = qualified(index);
        let mut pieces = vec![Piece::Text(format!("delete from {}", TABLES[index].0))];
        let mut joined = " where true".to_owned();
        if self.chance(40) {
            let (source, columns) = self.unique_source();
            joined = format!(" using {source} where {} = {}", scope[0].name, columns[0].name);
            scope.extend(columns);
        }
        pieces.push(joined.into());
        let condition = self.expression(Type::Boolean, &scope, 2);
        pieces.push(Piece::part(vec![" and ".into(), condition], ""));
        pieces
    }

    fn merge(&mut self, index: usize) -> Vec<Piece> {
        let scope = qualified(index);
        let (source, columns) = self.unique_source();
        let mut both = scope.clone();
        both.extend(columns.iter().cloned());
        let mut pieces = vec![Piece::Text(format!(
            "merge into {} using {source} on {} = {}",
            TABLES[index].0, scope[0].name, columns[0].name
        ))];
        for _ in 0..=self.below(2) {
            let condition = self.expression(Type::Boolean, &both, 1);
            pieces.push(" when matched".into());
            pieces.push(Piece::part(vec![" and ".into(), condition], ""));
            match self.below(3) {
                0 => pieces.push(" then delete".into()),
                1 => pieces.push(" then do nothing".into()),
                _ => {
                    pieces.push(" then update set ".into());
                    pieces.extend(self.assignments(index, &both));
                }
            }
        }
        if self.chance(60) {
            let condition = self.expression(Type::Boolean, &columns, 1);
            pieces.push(" when not matched".into());
            pieces.push(Piece::part(vec![" and ".into(), condition], ""));
            let (_, table) = TABLES[index];
            pieces.push(Piece::Text(format!(" then insert ({}) values ({}", table[0].0, columns[0].name)));
            pieces.push(")".into());
        }
        pieces
    }

    /// Rows of another table, one for each value of their first column.
    fn unique_source(&mut self) -> (String, Vec<Visible>) {
        let alias = self.name("s");
        let (key, text, number) = (self.name("c"), self.name("c"), self.name("c"));
        let source = *self.pick(&[
            "ea as a, max(ec) as b, sum(eb) as c from slump.ett group by ea",
            "ta, min(tc), count(*) from slump.tva group by ta",
            "ta, max(tc), sum(tb) from slump.tre where ta is not null group by ta",
        ]);
        let column = |name: &str, kind| Visible { name: format!("{alias}.{name}"), kind };
        (
            format!("(select {source}) as {alias} ({key}, {text}, {number})"),
            vec![column(&key, Type::Integer), column(&text, Type::Text), column(&number, Type::Bigint)],
        )
    }
}

/// The columns of a table, with its name.
fn qualified(index: usize) -> Vec<Visible> {
    let table = TABLES[index].0.trim_start_matches("slump.");
    let mut columns = table_columns(index);
    for column in &mut columns {
        column.name.insert_str(0, &format!("{table}."));
    }
    columns
}
