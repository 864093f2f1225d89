//! The published list (`tests/matrix/differences.txt`) and the page for people (`catalog/functions/docs/agreement.md`).
//! Both are written by the test; the list is what a later run is held against.
//!
//! A line of the list is tab-separated: `refused`, the signature, the SQLSTATE: nothing that PostgreSQL answers is
//! answered. Or `refused-call` or `differs`, the signature, the way, the call, LIS's answer, PostgreSQL's answer, the reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    compare::Verdict,
    run::Outcome,
    signatures::{LeftOut, Signature},
};

/// What is known of a signature.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The SQLSTATE with which all of it is refused.
    pub refused: Option<String>,
    /// Calls that are refused, by way and text.
    pub refused_calls: BTreeSet<(String, String)>,
    /// Calls that differ, by way and text: what was said, and the reason.
    pub differing: BTreeMap<(String, String), Difference>,
}

/// A call that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// LIS's answer.
    pub ours: String,
    /// PostgreSQL's answer.
    pub theirs: String,
    /// Why it is left so.
    pub reason: String,
}

/// The list, by signature.
pub type List = BTreeMap<String, Known>;

/// Why an answer may differ, where it does: part of the signature, part of the call, part of our answer or PostgreSQL's,
/// and the reason. The first that fits. What none fits has no reason, and is a defect.
const REASONS: &[(&str, &str, &str, &str)] = &[
    (
        "cast(char as bpchar)",
        "CAST(''",
        "",
        "PostgreSQL makes a text of one zero byte, which no text can hold",
    ),
    (
        "age(",
        "infinity'",
        "error 22008",
        "PostgreSQL 15 reckons with the number that stands for infinity; 22008 here",
    ),
    (
        "overlaps(timestamptz",
        "294246-12-31",
        "error 22008",
        "timestamps end in January 294247: they count microseconds from 1970, PostgreSQL's from 2000",
    ),
    (
        "make_interval(",
        "",
        "error 22008",
        "PostgreSQL 15 wraps silently where an interval's field overflows; 22008 here",
    ),
    ("cbrt(float8)", "", "", LAST_DIGIT),
    ("||/ float8", "", "", LAST_DIGIT),
    ("extract(text, timestamp)", "'julian'", "", "the fraction of a julian day has 20 digits here"),
    ("round(numeric, int4)", "'2147483647'", "", DIGITS),
    ("trunc(numeric, int4)", "'2147483647'", "", DIGITS),
    ("var_pop(int8)", "922337203685477580", "error 22003", DIGITS),
    ("var_samp(int8)", "922337203685477580", "error 22003", DIGITS),
    ("variance(int8)", "922337203685477580", "error 22003", DIGITS),
    (
        "trim_array(",
        "NULL}",
        "",
        "binary form: PostgreSQL marks an array that had a null before it was cut as one that may have some",
    ),
    ("numeric / numeric", "'99999999999999999999'::numeric / ", "error 22003", DIGITS),
    ("json_agg(numeric", "VALUES", "0", ONE_SCALE),
    ("jsonb_agg(numeric", "VALUES", "0", ONE_SCALE),
    ("json_object_agg(numeric", "VALUES", "0", ONE_SCALE),
    ("jsonb_object_agg(numeric", "VALUES", "0", ONE_SCALE),
];

const LAST_DIGIT: &str = "last digit: the reference's C library does not round cube roots correctly";
const DIGITS: &str = "a numeric has 38 digits";
const ONE_SCALE: &str = "one scale per column of numeric";

/// What a difference has for a reason when there is none.
pub const NO_REASON: &str = "none: a defect";

fn reason(signature: &str, call: &str, ours: &str, theirs: &str) -> &'static str {
    REASONS
        .iter()
        .find(|(of, part, said, _)| {
            signature.contains(of) && call.contains(part) && (ours.contains(said) || theirs.contains(said))
        })
        .map_or(NO_REASON, |(.., reason)| reason)
}

/// Makes what is known of a signature out of the outcomes of all its calls.
pub fn known(signature: &str, outcomes: &[Outcome]) -> Known {
    let mut known = Known::default();
    let answered: Vec<&Outcome> =
        outcomes.iter().filter(|outcome| !outcome.theirs.starts_with("error ")).collect();
    let states: BTreeSet<&str> = answered
        .iter()
        .map(|outcome| match &outcome.verdict {
            Verdict::Refused(state) => state.as_str(),
            _ => "",
        })
        .collect();
    let whole = match states.iter().copied().collect::<Vec<_>>().as_slice() {
        [one] if !one.is_empty() && *one != "22003" => Some((*one).to_owned()),
        _ => None,
    };
    for outcome in outcomes {
        let key = (outcome.path.to_owned(), outcome.text.clone());
        match &outcome.verdict {
            Verdict::Refused(_) if whole.is_none() => {
                known.refused_calls.insert(key);
            }
            Verdict::Differs => {
                let reason = reason(signature, &outcome.text, &outcome.ours, &outcome.theirs).to_owned();
                let (ours, theirs) = (outcome.ours.clone(), outcome.theirs.clone());
                known.differing.insert(key, Difference { ours, theirs, reason });
            }
            Verdict::Refused(_) | Verdict::Agree => {}
        }
    }
    known.refused = whole;
    known
}

/// Writes the list.
pub fn write(list: &List) -> String {
    let mut text = String::new();
    for (signature, known) in list {
        if let Some(state) = &known.refused {
            let _infallible = writeln!(text, "refused\t{signature}\t{state}");
        }
        for (path, call) in &known.refused_calls {
            let _infallible = writeln!(text, "refused-call\t{signature}\t{path}\t{call}");
        }
        for ((path, call), Difference { ours, theirs, reason }) in &known.differing {
            let _infallible =
                writeln!(text, "differs\t{signature}\t{path}\t{call}\t{ours}\t{theirs}\t{reason}");
        }
    }
    text
}

/// Reads the list.
pub fn read(text: &str) -> List {
    let mut list = List::new();
    for line in text.lines() {
        match line.split('\t').collect::<Vec<_>>().as_slice() {
            ["refused", signature, state] => {
                list.entry((*signature).to_owned()).or_default().refused = Some((*state).to_owned());
            }
            ["refused-call", signature, path, call] => {
                let key = ((*path).to_owned(), (*call).to_owned());
                list.entry((*signature).to_owned()).or_default().refused_calls.insert(key);
            }
            ["differs", signature, path, call, ours, theirs, reason] => {
                let key = ((*path).to_owned(), (*call).to_owned());
                let difference = Difference {
                    ours: (*ours).to_owned(),
                    theirs: (*theirs).to_owned(),
                    reason: (*reason).to_owned(),
                };
                list.entry((*signature).to_owned()).or_default().differing.insert(key, difference);
            }
            _ => {}
        }
    }
    list
}

/// What of an outcome the list does not say.
pub fn unexpected(signature: &str, known: Option<&Known>, outcome: &Outcome) -> Option<String> {
    let nothing = Known::default();
    let known = known.unwrap_or(&nothing);
    let key = (outcome.path.to_owned(), outcome.text.clone());
    let listed = known.differing.get(&key);
    let what = match &outcome.verdict {
        Verdict::Agree if listed.is_some() => "agrees now, and is listed as a difference".to_owned(),
        Verdict::Agree if known.refused_calls.contains(&key) => {
            "agrees now, and is listed as refused".to_owned()
        }
        Verdict::Agree if known.refused.is_some() && !outcome.theirs.starts_with("error ") => {
            format!("{signature} is listed as refused, and answers now")
        }
        Verdict::Agree => return None,
        Verdict::Refused(state) if known.refused.is_none() && !known.refused_calls.contains(&key) => {
            format!("refused ({state}), and not listed; PostgreSQL: {}", outcome.theirs)
        }
        Verdict::Refused(_) => return None,
        Verdict::Differs => match listed {
            Some(difference) if difference.ours == outcome.ours && difference.theirs == outcome.theirs => {
                return None;
            }
            Some(difference) => {
                format!("differs in another way: {}, not {} as listed", outcome.ours, difference.ours)
            }
            None => format!("{}, not {}", outcome.ours, outcome.theirs),
        },
    };
    Some(format!("[{}] {}\n    {what}", outcome.path, outcome.text))
}

/// The numbers of a family.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Signatures.
    pub signatures: usize,
    /// Calls.
    pub calls: usize,
    /// Calls that agree.
    pub agree: usize,
    /// Calls that are refused.
    pub refused: usize,
}

impl Tally {
    /// Adds the outcomes of a signature.
    pub fn add(&mut self, outcomes: &[Outcome]) {
        self.signatures += 1;
        self.calls += outcomes.len();
        self.agree += outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Agree).count();
        self.refused +=
            outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Refused(_))).count();
    }

    fn differs(&self) -> usize {
        self.calls - self.agree - self.refused
    }
}

fn percent(part: usize, whole: usize) -> String {
    // One digit after the point, never rounded up to 100.0 %.
    let thousandths = (part * 1000).checked_div(whole).unwrap_or(1000);
    format!("{}.{} %", thousandths / 10, thousandths % 10)
}

/// The table of families.
pub fn table(tallies: &BTreeMap<&'static str, Tally>) -> String {
    let mut text = String::from(
        "| family | signatures | calls | agree | refused | differ | agree or refuse |\n|---|--:|--:|--:|--:|--:|--:|\n",
    );
    let mut all = Tally::default();
    for (family, tally) in tallies {
        row(&mut text, family, tally);
        all.signatures += tally.signatures;
        all.calls += tally.calls;
        all.agree += tally.agree;
        all.refused += tally.refused;
    }
    row(&mut text, "**all**", &all);
    text
}

fn row(text: &mut String, family: &str, tally: &Tally) {
    let _infallible = writeln!(
        text,
        "| {family} | {} | {} | {} | {} | {} | {} |",
        tally.signatures,
        tally.calls,
        percent(tally.agree, tally.calls),
        percent(tally.refused, tally.calls),
        tally.differs(),
        percent(tally.agree + tally.refused, tally.calls)
    );
}

/// The page for people.
pub fn page(
    tallies: &BTreeMap<&'static str, Tally>,
    list: &List,
    signatures: &[Signature],
    left_out: &LeftOut,
) -> String {
    let mut text = String::from(
        "# How LIS's functions agree with PostgreSQL's\n\n\
         Written by the test `matrix` of `tests/` (`LIS_MATRIX_WRITE=1`), not by hand. Every operator, function, cast, aggregate \
         and window function of PostgreSQL 15's own catalogue over the types that LIS has is called on both servers with \
         ordinary, boundary and null arguments, as constants and over columns, and the answers are compared in type, text, \
         binary form and SQLSTATE. *Refused* is an error that says so (0A000, 42883, and 22003 for a `numeric` of more than 38 \
         digits). Every call that differs stands in `tests/matrix/differences.txt`.\n\n",
    );
    text.push_str(&table(tallies));
    text.push_str(
        "\n## What counts as agreement\n\n\
         The same type, the same text, the same bytes, or the same SQLSTATE. Beyond that:\n\n\
         * A column of `numeric` has one scale, so numbers out of a column are compared by value (`1.50` is `1.5`), not by their \
         trailing zeros. Constants must have PostgreSQL's scale.\n\
         * `numeric` results of `/`, `^`, `avg`, `sqrt`, `ln`, `log`, `exp`, `power`, `stddev` and `variance` must agree in 16 \
         significant digits.\n\
         * Functions whose answer changes from call to call (`random`, `now`, …) are compared by type.\n",
    );
    text.push_str("\n## Refused\n\n");
    let mut refused: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for signature in signatures {
        let id = signature.id();
        if list.get(&id).is_some_and(|known| known.refused.is_some()) {
            refused.entry(signature.family).or_default().push(format!("`{id}`"));
        }
    }
    for (family, names) in &refused {
        let _infallible = writeln!(text, "* **{family}**: {}", names.join(", "));
    }
    text.push_str("\n## Different\n\n| reason | calls | for example |\n|---|--:|---|\n");
    let mut reasons: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for known in list.values() {
        for ((_, call), difference) in &known.differing {
            let entry = reasons.entry(&difference.reason).or_default();
            entry.0 += 1;
            if entry.1.is_empty() || call.len() < entry.1.len() {
                entry.1.clone_from(call);
            }
        }
    }
    for (reason, (calls, example)) in &reasons {
        let _infallible = writeln!(text, "| {reason} | {calls} | `{}` |", example.replace('|', "\\|"));
    }
    text.push_str("\n## Not called\n\n| reason | signatures |\n|---|--:|\n");
    for (reason, count) in left_out {
        let _infallible = writeln!(text, "| {reason} | {count} |");
    }
    text
}
