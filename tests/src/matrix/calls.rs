//! The calls of a signature. They depend on the signature alone: a generator seeded with its name picks the combinations,
//! every value of every argument at least once, so that the published list can name a call.

use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};

use super::{
    samples::{self, Samples, sql_name},
    signatures::{Kind, Signature},
};

/// How many calls a signature of several arguments has.
const CALLS_MAX: usize = 26;

/// A call: what is given for each argument (a literal's text, or NULL), or a whole statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The arguments.
    pub values: Vec<Option<String>>,
    /// Whether the call has rows of its own and is a statement by itself.
    pub statement: Option<String>,
    /// Which of the ways: `constant`, `column`, or the shape of an aggregate's query.
    pub path: &'static str,
    /// What it is called in the published list.
    pub text: String,
}

/// All calls of a signature.
pub fn of(signature: &Signature) -> Vec<Call> {
    match signature.kind {
        Kind::Operator | Kind::Function | Kind::Cast => scalar(signature, &["constant", "column"]),
        Kind::Set => scalar(signature, &["set"]),
        Kind::Aggregate | Kind::OrderedSet | Kind::Hypothetical => aggregates(signature),
        Kind::Window => windows(signature),
    }
}

/// The call as an expression over the expressions of its arguments.
pub fn expression(signature: &Signature, arguments: &[String]) -> String {
    match (signature.kind, arguments) {
        (Kind::Operator, [right]) => format!("({} {right})", signature.name),
        (Kind::Operator, [left, right]) => format!("({left} {} {right})", signature.name),
        (Kind::Cast, [value]) => {
            format!("CAST({value} AS {})", sql_name(&signature.name).unwrap_or(&signature.name))
        }
        _ => {
            let mut arguments = arguments.to_vec();
            if signature.variadic_array
                && let Some(last) = arguments.last_mut()
            {
                *last = format!("VARIADIC {last}");
            }
            let name = match signature.name.as_str() {
                // These words are syntax as well.
                "overlay" | "position" | "substring" | "overlaps" | "timestamp" | "timestamptz"
                | "char_length" | "extract" | "normalize" | "like" => {
                    format!("pg_catalog.{:?}", signature.name)
                }
                plain => plain.to_owned(),
            };
            format!("{name}({})", arguments.join(", "))
        }
    }
}

/// A constant of a type.
pub fn constant(value: Option<&str>, typname: &str) -> String {
    let type_name = sql_name(typname).unwrap_or(typname);
    match value {
        None => format!("NULL::{type_name}"),
        Some(value) => format!("'{}'::{type_name}", value.replace('\'', "''")),
    }
}

/// A constant call.
pub fn constant_call(signature: &Signature, values: &[Option<String>]) -> String {
    let arguments: Vec<String> = values
        .iter()
        .zip(&signature.arguments)
        .map(|(value, typname)| constant(value.as_deref(), typname))
        .collect();
    expression(signature, &arguments)
}

fn seeded(signature: &Signature) -> StdRng {
    // FNV-1a: the same on every machine and in every version of the standard library.
    let hash = signature.id().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    StdRng::seed_from_u64(hash)
}

fn sampled(signature: &Signature) -> Vec<Samples> {
    signature
        .arguments
        .iter()
        .enumerate()
        .filter_map(|(index, typname)| {
            samples::of_argument(&signature.name, index, typname, &signature.arguments)
        })
        .collect()
}

fn scalar(signature: &Signature, paths: &[&'static str]) -> Vec<Call> {
    let mut calls = Vec::new();
    for values in combinations(signature) {
        let text = constant_call(signature, &values);
        for path in paths {
            if *path == "column" && values.is_empty() {
                continue;
            }
            let statement = (*path == "set").then(|| format!("SELECT {text}"));
            calls.push(Call { values: values.clone(), statement, path, text: text.clone() });
        }
    }
    calls
}

fn combinations(signature: &Signature) -> Vec<Vec<Option<String>>> {
    let samples = sampled(signature);
    let count = samples.len();
    let mut lists: Vec<Vec<&'static str>> = samples
        .iter()
        .map(|samples| samples.ordinary.iter().chain(samples.boundary).copied().collect())
        .collect();
    if signature.kind == Kind::Cast && ["text", "varchar"].contains(&signature.arguments[0].as_str()) {
        let own = samples::of_type(&signature.name).unwrap_or(samples[0]);
        lists[0] = own.ordinary.iter().chain(own.boundary).copied().collect();
        lists[0].extend(samples::TEXTS_FOR_CASTS);
    }
    let mut combinations: Vec<Vec<Option<String>>> = Vec::new();
    let mut add = |combination: Vec<Option<String>>| {
        if !combinations.contains(&combination) {
            combinations.push(combination);
        }
    };
    match lists.as_slice() {
        [] => add(Vec::new()),
        [only] => {
            for value in only {
                add(vec![Some((*value).to_owned())]);
            }
        }
        lists => {
            let mut random = seeded(signature);
            let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
            // Ordinary values first, every value of every argument once.
            let mut orders: Vec<Vec<&str>> = lists.to_vec();
            for (order, samples) in orders.iter_mut().zip(&samples) {
                let (ordinary, _) = order.split_at_mut(samples.ordinary.len());
                ordinary.shuffle(&mut random);
            }
            for index in 0..longest {
                let row = orders.iter().map(|order| {
                    let value = match order.get(index) {
                        Some(value) => value,
                        None => order[random.random_range(0..order.len())],
                    };
                    Some(value.to_owned())
                });
                add(row.collect());
            }
            for _ in 0..CALLS_MAX.saturating_sub(longest) {
                let row = lists.iter().zip(&samples).map(|(list, samples)| {
                    // Three in four are ordinary: two edges at once seldom say more than one.
                    let limit =
                        if random.random_range(0..4) < 3 { samples.ordinary.len() } else { list.len() };
                    Some(list[random.random_range(0..limit.max(1))].to_owned())
                });
                add(row.collect());
            }
        }
    }
    for null in 0..count {
        let row = lists.iter().enumerate().map(|(index, list)| (index != null).then(|| list[0].to_owned()));
        add(row.collect());
    }
    combinations
}

/// The rows that an aggregate is tried over.
fn row_sets(signature: &Signature) -> Vec<(&'static str, Vec<Vec<Option<String>>>)> {
    let samples = sampled(signature);
    let direct = signature.direct;
    let values = |pick: fn(&Samples) -> Vec<&'static str>, nulls: bool| -> Vec<Vec<Option<String>>> {
        let lists: Vec<Vec<&str>> = samples.iter().skip(direct).map(pick).collect();
        let longest = lists.iter().map(Vec::len).max().unwrap_or(3);
        let mut rows: Vec<Vec<Option<String>>> = (0..longest)
            .map(|row| {
                lists
                    .iter()
                    .enumerate()
                    // Each argument starts elsewhere, so that pairs are not always equal.
                    .map(|(index, list)| {
                        list.get((row + index * 2) % list.len().max(1)).map(|&one| one.to_owned())
                    })
                    .collect()
            })
            .collect();
        if let Some(first) = rows.first().cloned() {
            rows.push(first);
        }
        if nulls {
            rows.insert(1, vec![None; lists.len()]);
            rows.push(vec![None; lists.len()]);
        }
        rows
    };
    let ordinary = values(|samples| samples.ordinary.to_vec(), false);
    let one = ordinary.first().cloned().into_iter().collect();
    let mut sets = vec![
        ("ordinary", ordinary),
        ("with nulls", values(|samples| samples.ordinary.to_vec(), true)),
        ("one", one),
        ("nulls only", vec![vec![None; samples.len() - direct]; 2]),
    ];
    let edges = values(
        |samples| samples.boundary.iter().chain(samples.ordinary.iter().take(1)).copied().collect(),
        false,
    );
    sets.push(("boundary", edges));
    for (index, samples) in samples.iter().skip(direct).enumerate().take(1) {
        for edge in samples.boundary {
            let mut rows: Vec<Vec<Option<String>>> = sets[0].1.iter().take(2).cloned().collect();
            if let Some(value) = rows.first_mut().and_then(|row| row.get_mut(index)) {
                *value = Some((*edge).to_owned());
            }
            sets.push(("one edge", rows));
        }
    }
    sets
}

/// `(VALUES …) AS v(n, c0, c1 …)`
pub fn table(types: &[String], rows: &[Vec<Option<String>>]) -> String {
    let listed: Vec<String> = rows
        .iter()
        .enumerate()
        .map(|(number, row)| {
            let mut values = vec![number.to_string()];
            values.extend(row.iter().zip(types).map(|(value, typname)| constant(value.as_deref(), typname)));
            format!("({})", values.join(", "))
        })
        .collect();
    let columns: String = (0..types.len()).map(|index| format!(", c{index}")).collect();
    format!("(VALUES {}) AS v(n{columns})", listed.join(", "))
}

/// The names of the columns.
fn columns(count: usize) -> Vec<String> {
    (0..count).map(|index| format!("c{index}")).collect()
}

fn aggregates(signature: &Signature) -> Vec<Call> {
    let (direct_types, types) = signature.arguments.split_at(signature.direct.min(signature.arguments.len()));
    let direct: Vec<Vec<String>> = if direct_types.is_empty() {
        vec![Vec::new()]
    } else {
        let lists = sampled(signature);
        (0..lists[0].ordinary.len() + lists[0].boundary.len())
            .map(|index| {
                direct_types
                    .iter()
                    .zip(&lists)
                    .map(|(typname, samples)| {
                        let all: Vec<&str> =
                            samples.ordinary.iter().chain(samples.boundary).copied().collect();
                        constant(Some(all[index % all.len()]), typname)
                    })
                    .collect()
            })
            .collect()
    };
    let ordered = ["array_agg", "string_agg", "json_agg", "jsonb_agg", "json_object_agg", "jsonb_object_agg"];
    let mut calls = Vec::new();
    for (set, rows) in row_sets(signature) {
        for direct in &direct {
            let names = columns(types.len());
            let call = |inner: &[String]| -> String {
                let name = &signature.name;
                match signature.kind {
                    Kind::OrderedSet | Kind::Hypothetical => {
                        format!("{name}({}) WITHIN GROUP (ORDER BY {})", direct.join(", "), inner.join(", "))
                    }
                    _ if inner.is_empty() => format!("{name}(*)"),
                    _ if ordered.contains(&name.as_str()) => {
                        format!("{name}({} ORDER BY n)", inner.join(", "))
                    }
                    _ => format!("{name}({})", inner.join(", ")),
                }
            };
            let expression = call(&names);
            let from = table(types, &rows);
            let mut push = |path: &'static str, statement: String| {
                calls.push(Call {
                    values: Vec::new(),
                    text: statement.clone(),
                    statement: Some(statement),
                    path,
                });
            };
            push("plain", format!("SELECT {expression} FROM {from}"));
            if set == "ordinary" || set == "with nulls" {
                push("grouped", format!("SELECT n % 2, {expression} FROM {from} GROUP BY 1"));
                push("empty", format!("SELECT {expression} FROM {from} WHERE n < 0"));
                if signature.kind == Kind::Aggregate {
                    let inner = format!(
                        "{}({})",
                        signature.name,
                        if names.is_empty() { "*".to_owned() } else { names.join(", ") }
                    );
                    push("running", format!("SELECT {inner} OVER (ORDER BY n) FROM {from} ORDER BY n"));
                    push(
                        "sliding",
                        format!(
                            "SELECT {inner} OVER (ORDER BY n ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM {from} ORDER BY n"
                        ),
                    );
                    push("filtered", format!("SELECT {expression} FILTER (WHERE n > 1) FROM {from}"));
                    if types.len() == 1 && !ordered.contains(&signature.name.as_str()) {
                        push("distinct", format!("SELECT {}(DISTINCT c0) FROM {from}", signature.name));
                    }
                }
            }
            if set == "one" && signature.kind == Kind::Aggregate && !types.is_empty() {
                let constants: Vec<String> = rows[0]
                    .iter()
                    .zip(types)
                    .map(|(value, typname)| constant(value.as_deref(), typname))
                    .collect();
                push("constant", format!("SELECT {}({})", signature.name, constants.join(", ")));
            }
        }
    }
    calls
}

fn windows(signature: &Signature) -> Vec<Call> {
    let samples = sampled(signature);
    // The first argument of these is the value; what follows, and ntile's one, says how far.
    let is_value = |index: usize| index == 0 && signature.name != "ntile";
    let frames = [
        "ORDER BY n",
        "ORDER BY n DESC",
        "PARTITION BY n % 2 ORDER BY n",
        "ORDER BY n / 2",
        "",
        "ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    ];
    let mut calls = Vec::new();
    let steps = samples.get(1).map_or(1, |samples| samples.ordinary.len() + samples.boundary.len()).max(
        if signature.name == "ntile" {
            samples.first().map_or(1, |one| one.ordinary.len() + one.boundary.len())
        } else {
            1
        },
    );
    for frame in frames {
        for step in 0..steps {
            let arguments: Vec<String> = signature
                .arguments
                .iter()
                .zip(&samples)
                .enumerate()
                .map(|(index, (typname, samples))| {
                    if is_value(index) {
                        return "c0".to_owned();
                    }
                    let all: Vec<&str> = samples.ordinary.iter().chain(samples.boundary).copied().collect();
                    constant(Some(all[step % all.len()]), typname)
                })
                .collect();
            let values: Vec<Vec<Option<String>>> = match (signature.arguments.first(), samples.first()) {
                (Some(_), Some(samples)) => samples
                    .ordinary
                    .iter()
                    .map(|value| vec![Some((*value).to_owned())])
                    .chain([vec![None]])
                    .collect(),
                _ => vec![Vec::new(); 5],
            };
            let types: Vec<String> = signature.arguments.iter().take(1).cloned().collect();
            let from = table(&types, &values);
            let statement = format!(
                "SELECT n, {}({}) OVER ({frame}) FROM {from} ORDER BY n",
                signature.name,
                arguments.join(", ")
            );
            calls.push(Call {
                values: Vec::new(),
                text: statement.clone(),
                statement: Some(statement),
                path: "window",
            });
        }
    }
    calls
}
