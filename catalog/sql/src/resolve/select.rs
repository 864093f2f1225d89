//! The choice among candidates: PostgreSQL's `func_select_candidate` and the polymorphic types.

use lis_lake::types::{Category, PgType};

use crate::types::{CastContext, casts::can_coerce};

/// What a row of the operator or function table takes or gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Formal {
    /// This type.
    Is(PgType),
    /// Anything, each argument for itself (`"any"`).
    Any,
    /// `anyelement`
    AnyElement,
    /// `anyarray`
    AnyArray,
    /// `anynonarray`
    AnyNonArray,
    /// `anycompatible`
    AnyCompatible,
    /// `anycompatiblearray`
    AnyCompatibleArray,
    /// A type that we do not have, of this category: only a literal can be given.
    Foreign(Category),
}

impl Formal {
    /// Whether an argument can be given here, implicitly.
    fn takes(self, actual: PgType) -> bool {
        let is_array = actual.element().is_some() || actual == PgType::Unknown;
        match self {
            Self::Is(wanted) => can_coerce(actual, wanted, CastContext::Implicit),
            Self::Any | Self::AnyElement | Self::AnyCompatible => true,
            Self::AnyArray | Self::AnyCompatibleArray => is_array,
            Self::AnyNonArray => actual.element().is_none(),
            Self::Foreign(_) => actual == PgType::Unknown,
        }
    }

    fn is_exactly(self, actual: PgType) -> bool {
        self == Self::Is(actual)
    }

    fn category(self) -> Category {
        match self {
            Self::Is(pg_type) => pg_type.facts().category,
            Self::Foreign(category) => category,
            _ => Category::Pseudo,
        }
    }

    fn is_preferred(self) -> bool {
        matches!(self, Self::Is(pg_type) if pg_type.facts().preferred)
    }
}

/// A row that a call may mean.
pub(crate) trait Candidate {
    /// What argument `index` of a call with `count` arguments goes to; variadic rows repeat their last.
    fn formal(&self, index: usize, count: usize) -> Formal;

    /// Whether an argument of one array type may have several dimensions.
    fn takes_shapes(&self) -> bool {
        false
    }
}

/// How a choice ended.
pub(crate) enum Choice<T> {
    /// One is best.
    One(T),
    /// None fits.
    None,
    /// Several fit equally well.
    Several,
}

/// Chooses among candidates that have the right number of arguments.
pub(crate) fn choose<C: Candidate + Clone>(candidates: &[C], actual: &[PgType]) -> Choice<C> {
    let count = actual.len();
    // An exact match wins at once.
    let exact = candidates.iter().find(|one| {
        actual.iter().enumerate().all(|(index, actual)| one.formal(index, count).is_exactly(*actual))
    });
    if let Some(exact) = exact {
        return Choice::One(exact.clone());
    }
    let mut left: Vec<&C> = candidates
        .iter()
        .filter(|one| {
            actual.iter().enumerate().all(|(index, actual)| one.formal(index, count).takes(*actual))
        })
        .filter(|one| polymorphic_fits(*one, actual))
        .collect();
    if left.len() <= 1 {
        return left.first().map_or(Choice::None, |one| Choice::One((*one).clone()));
    }
    let known: Vec<(usize, PgType)> =
        actual.iter().copied().enumerate().filter(|(_, actual)| *actual != PgType::Unknown).collect();
    // Most exact matches.
    keep_best(&mut left, |one| {
        known.iter().filter(|(index, actual)| one.formal(*index, count).is_exactly(*actual)).count()
    });
    // Most exact or preferred matches.
    keep_best(&mut left, |one| {
        known
            .iter()
            .filter(|(index, actual)| {
                let formal = one.formal(*index, count);
                formal.is_exactly(*actual)
                    || (formal.is_preferred() && formal.category() == actual.facts().category)
            })
            .count()
    });
    if left.len() > 1 && known.len() < count {
        prefer_for_unknowns(&mut left, actual);
    }
    if left.len() > 1 {
        // If all that is known is one type, the unknown are taken to be of it too.
        if let Some((_, first)) = known.first()
            && known.iter().all(|(_, one)| one == first)
        {
            let fitting: Vec<&C> = left
                .iter()
                .copied()
                .filter(|one| (0..count).all(|index| one.formal(index, count).takes(*first)))
                .collect();
            if fitting.len() == 1 {
                left = fitting;
            }
        }
    }
    match left.as_slice() {
        [one] => Choice::One((*one).clone()),
        [] => Choice::None,
        _ => Choice::Several,
    }
}

fn keep_best<C>(left: &mut Vec<&C>, score: impl Fn(&C) -> usize) {
    let best = left.iter().map(|one| score(one)).max().unwrap_or(0);
    left.retain(|one| score(one) == best);
}

/// For unknown arguments: string if any candidate takes one, else the category that all agree on.
fn prefer_for_unknowns<C: Candidate>(left: &mut Vec<&C>, actual: &[PgType]) {
    let count = actual.len();
    let mut wanted: Vec<(usize, Category, bool)> = Vec::new();
    for (index, _) in actual.iter().enumerate().filter(|(_, actual)| **actual == PgType::Unknown) {
        let formals: Vec<Formal> = left.iter().map(|one| one.formal(index, count)).collect();
        let category = if formals.iter().any(|formal| formal.category() == Category::String) {
            Category::String
        } else {
            let Some(first) = formals.first().map(|formal| formal.category()) else { return };
            if formals.iter().any(|formal| formal.category() != first) {
                return;
            }
            first
        };
        let preferred = formals.iter().any(|formal| formal.category() == category && formal.is_preferred());
        wanted.push((index, category, preferred));
    }
    let fits = |one: &&C| {
        wanted.iter().all(|(index, category, preferred)| {
            let formal = one.formal(*index, count);
            formal.category() == *category && (!*preferred || formal.is_preferred())
        })
    };
    if left.iter().any(fits) {
        left.retain(fits);
    }
}

/// The types that stand for the polymorphic ones of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generic {
    /// `anyelement`
    pub(crate) element: Option<PgType>,
    /// `anycompatible`
    pub(crate) compatible: Option<PgType>,
}

impl Generic {
    /// The type that a formal one stands for; `None` for `"any"` and for what cannot be told.
    pub(crate) fn resolve(self, formal: Formal) -> Option<PgType> {
        match formal {
            Formal::Is(pg_type) => Some(pg_type),
            Formal::Any | Formal::Foreign(_) => None,
            Formal::AnyElement | Formal::AnyNonArray => self.element,
            Formal::AnyArray => self.element.and_then(PgType::array),
            Formal::AnyCompatible => self.compatible,
            Formal::AnyCompatibleArray => self.compatible.and_then(PgType::array),
        }
    }
}

fn polymorphic_fits<C: Candidate>(candidate: &C, actual: &[PgType]) -> bool {
    generic(candidate, actual).is_some()
}

/// Finds the types that the polymorphic ones stand for; `None` if the arguments do not agree.
pub(crate) fn generic<C: Candidate>(candidate: &C, actual: &[PgType]) -> Option<Generic> {
    let count = actual.len();
    let mut element: Option<PgType> = None;
    let mut compatible: Option<PgType> = None;
    let mut has_compatible = false;
    for (index, actual) in actual.iter().copied().enumerate() {
        let formal = candidate.formal(index, count);
        let own = match formal {
            Formal::AnyElement | Formal::AnyNonArray | Formal::AnyCompatible => Some(actual),
            Formal::AnyArray | Formal::AnyCompatibleArray => actual.element(),
            Formal::Is(_) | Formal::Any | Formal::Foreign(_) => continue,
        };
        let own = own.filter(|own| *own != PgType::Unknown);
        match formal {
            Formal::AnyCompatible | Formal::AnyCompatibleArray => {
                has_compatible = true;
                let Some(own) = own else { continue };
                compatible = Some(match compatible {
                    None => own,
                    Some(known) if known == own || can_coerce(own, known, CastContext::Implicit) => {
                        // The preferred of two that go both ways, else the wider.
                        if own != known
                            && !known.facts().preferred
                            && own.facts().preferred
                            && can_coerce(known, own, CastContext::Implicit)
                        {
                            own
                        } else {
                            known
                        }
                    }
                    Some(known) if can_coerce(known, own, CastContext::Implicit) => own,
                    Some(_) => return None,
                });
            }
            _ => {
                let Some(own) = own else { continue };
                match element {
                    None => element = Some(own),
                    Some(known) if known == own => {}
                    Some(_) => return None,
                }
            }
        }
    }
    if has_compatible && compatible.is_none() {
        compatible = Some(PgType::Text);
    }
    Some(Generic { element, compatible })
}
