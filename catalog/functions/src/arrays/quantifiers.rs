//! A value against the elements of an array (`= ANY`, `< ALL`, …), and two arrays as sets (`@>`, `&&`). One constant array
//! stands once, however long it is: a subquery's may be.

use std::{cmp::Ordering, collections::HashSet, ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, BooleanBuilder, make_comparator},
    compute::SortOptions,
    row::{RowConverter, Rows, SortField},
};

use super::{Done, shape::Arrays};
use crate::{collation::by_value, error::FunctionError, interrupt, scalar::Arguments};

/// How an element is compared by `= ANY` and its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// `ANY`
    Any,
    /// `ALL`
    All,
}

/// `value = ANY (array)` over columns, by three-valued logic.
pub fn equals_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_eq())
}

/// `value <> ALL (array)`
pub fn differs_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_ne())
}

/// `value < ANY (array)`
pub fn less_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_lt())
}

/// `value > ANY (array)`
pub fn greater_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_gt())
}

/// `value <= ANY (array)`
pub fn at_most_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_le())
}

/// `value >= ANY (array)`
pub fn at_least_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_ge())
}

/// `value <> ANY (array)`
pub fn differs_any(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::Any, |ordering| ordering.is_ne())
}

/// `value = ALL (array)`
pub fn equals_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_eq())
}

/// `value < ALL (array)`
pub fn less_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_lt())
}

/// `value > ALL (array)`
pub fn greater_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_gt())
}

/// `value <= ALL (array)`
pub fn at_most_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_le())
}

/// `value >= ALL (array)`
pub fn at_least_all(arguments: &Arguments<'_>) -> Done {
    quantified(arguments, Quantifier::All, |ordering| ordering.is_ge())
}

fn quantified(arguments: &Arguments<'_>, quantifier: Quantifier, holds: impl Fn(Ordering) -> bool) -> Done {
    let value = by_value(&arguments.full_array(0)?, false)?;
    let lists = Arrays::argument(arguments, 1, 1)?;
    let elements = by_value(lists.elements(), false)?;
    let compare = make_comparator(&value, &elements, SortOptions::default())?;
    let decisive = quantifier == Quantifier::Any;
    let decides = |ordering| holds(ordering) == decisive;
    let against_all = (lists.is_constant() && lists.range(0).len() > ELEMENTS_MAX && !lists.is_null(0))
        .then(|| Extent::of(&elements, lists.range(0), decides(Ordering::Equal)))
        .transpose()?;
    let keys = match &against_all {
        Some(extent) if extent.members.is_some() => {
            Some(extent.converter.convert_columns(&[Arc::clone(&value)])?)
        }
        _ => None,
    };
    let mut builder = BooleanBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        if lists.is_null(row) {
            builder.append_null();
            continue;
        }
        let mut unknown = value.is_null(row) && !lists.range(row).is_empty();
        let decided = if value.is_null(row) {
            false
        } else if let Some(extent) = &against_all {
            unknown = extent.nulls;
            let beyond = |at: Option<usize>, wanted: Ordering| {
                decides(wanted) && at.is_some_and(|at| compare(row, at) == wanted)
            };
            beyond(extent.largest, Ordering::Less)
                || beyond(extent.smallest, Ordering::Greater)
                || extent
                    .members
                    .as_ref()
                    .zip(keys.as_ref())
                    .is_some_and(|(members, keys)| members.contains(keys.row(row).as_ref()))
        } else {
            lists.range(row).any(|at| {
                let is_null = elements.is_null(at);
                unknown |= is_null;
                !is_null && decides(compare(row, at))
            })
        };
        builder.append_option(match (decided, unknown) {
            (true, _) => Some(decisive),
            (false, true) => None,
            (false, false) => Some(!decisive),
        });
    }
    Ok(Arc::new(builder.finish()))
}

/// A constant array of up to so many elements is compared element by element.
const ELEMENTS_MAX: usize = 16;

/// What there is to know of one long array to compare any value with all of its elements at once: whether one is larger
/// than the value, or smaller, its largest and smallest say; whether one is equal, the set of them.
struct Extent {
    smallest: Option<usize>,
    largest: Option<usize>,
    nulls: bool,
    converter: RowConverter,
    members: Option<HashSet<Box<[u8]>>>,
}

impl Extent {
    fn of(elements: &ArrayRef, range: Range<usize>, with_members: bool) -> Result<Self, FunctionError> {
        let compare = make_comparator(elements, elements, SortOptions::default())?;
        let converter = RowConverter::new(vec![SortField::new(elements.data_type().clone())])?;
        let mut known = range.clone().filter(|at| !elements.is_null(*at));
        let first = known.next();
        let (mut smallest, mut largest) = (first, first);
        for at in known {
            if smallest.is_some_and(|smallest| compare(at, smallest).is_lt()) {
                smallest = Some(at);
            }
            if largest.is_some_and(|largest| compare(at, largest).is_gt()) {
                largest = Some(at);
            }
        }
        let members = if with_members {
            let rows = converter.convert_columns(&[elements.slice(range.start, range.len())])?;
            let offsets = range.clone().enumerate().filter(|(_, at)| !elements.is_null(*at));
            Some(offsets.map(|(offset, _)| rows.row(offset).as_ref().into()).collect())
        } else {
            None
        };
        let nulls = range.clone().any(|at| elements.is_null(at));
        Ok(Self { smallest, largest, nulls, converter, members })
    }
}

/// The elements of two lists in Arrow's row format: equal elements have equal rows.
fn keys_of_both(one: &ArrayRef, two: &ArrayRef) -> Result<(Rows, Rows), FunctionError> {
    let (one, two) = (by_value(one, false)?, by_value(two, false)?);
    let converter = RowConverter::new(vec![SortField::new(one.data_type().clone())])?;
    Ok((converter.convert_columns(&[one])?, converter.convert_columns(&[two])?))
}

/// Up to so many comparisons for one row, comparing is quicker than hashing.
const COMPARISONS_MAX: usize = 256;

/// Whether the left array holds all elements of the right one, or any.
fn compare_sets(arguments: &Arguments<'_>, quantifier: Quantifier) -> Done {
    let (left, right) = (Arrays::argument(arguments, 0, 1)?, Arrays::argument(arguments, 1, 1)?);
    let (one, two) = keys_of_both(left.elements(), right.elements())?;
    // The left elements of one row, hashed, and where they begin: a constant's are hashed once.
    let mut hashed = (usize::MAX, HashSet::new());
    let mut builder = BooleanBuilder::with_capacity(arguments.rows);
    for row in 0..arguments.rows {
        interrupt::check()?;
        if left.is_null(row) || right.is_null(row) {
            builder.append_null();
            continue;
        }
        let (held, mut wanted) = (left.range(row), right.range(row));
        let elements = held.clone().filter(|at| !left.elements().is_null(*at)).map(|at| one.row(at));
        let few = held.len().saturating_mul(wanted.len()) <= COMPARISONS_MAX;
        if !few && hashed.0 != held.start {
            hashed = (held.start, elements.clone().collect());
        }
        // Null is not equal to null here.
        let is_held = |at: usize| {
            let wanted = two.row(at);
            !right.elements().is_null(at)
                && if few { elements.clone().any(|held| held == wanted) } else { hashed.1.contains(&wanted) }
        };
        builder.append_value(match quantifier {
            Quantifier::All => wanted.all(is_held),
            Quantifier::Any => wanted.any(is_held),
        });
    }
    Ok(Arc::new(builder.finish()))
}

/// `array @> array`
pub fn array_contains(arguments: &Arguments<'_>) -> Done {
    compare_sets(arguments, Quantifier::All)
}

/// `array && array`
pub fn array_overlaps(arguments: &Arguments<'_>) -> Done {
    compare_sets(arguments, Quantifier::Any)
}

#[cfg(test)]
mod tests {
    use arrow::{
        array::{AsArray, Int32Array},
        datatypes::DataType,
    };
    use datafusion::logical_expr::ColumnarValue;

    use super::{
        super::tests::{call, list},
        *,
    };

    #[test]
    fn quantifiers_know_null() {
        let value = ColumnarValue::Array(
            Arc::new(Int32Array::from(vec![Some(1), Some(1), Some(1), None])) as ArrayRef
        );
        let arrays = list(vec![
            Some(vec![Some(2), Some(1)]),
            Some(vec![Some(2), None]),
            Some(vec![]),
            Some(vec![Some(1)]),
        ]);
        let any = call(equals_any, vec![value.clone(), arrays.clone()], 4, &DataType::Boolean);
        let any = any.as_boolean();
        assert_eq!(any.iter().collect::<Vec<_>>(), [Some(true), None, Some(false), None]);
        let all = call(differs_all, vec![value, arrays], 4, &DataType::Boolean);
        assert_eq!(all.as_boolean().iter().collect::<Vec<_>>(), [Some(false), None, Some(true), None]);
    }
}
