//! Which of the matches that begin at one place PostgreSQL takes (section 9.7.3.5 of its documentation): the longest or
//! the shortest of all, by the first part of the pattern that prefers one, whatever the order of alternatives; then, from
//! the left, each group the longest or the shortest that the whole allows.
//!
//! `regex` finds the place, which no preference changes, and then takes the first alternative that fits. Where that can
//! give another match, a [`Tree`] of the pattern finds the end and the groups: it computes, part by part, the set of
//! places that a part can lead to. That costs time in proportion to text and pattern, and never more; but look-around
//! constraints do it again at each place, and back references try one way after another, as PostgreSQL does, until
//! nobody waits any more.

use std::collections::BTreeSet;

use regex_syntax::{
    ast::{self, Ast, GroupKind, RepetitionKind, RepetitionRange},
    hir::{Class, Hir, HirKind, Look, translate::Translator},
    is_word_character,
};

use super::translation::{Around, Mark};
use crate::interrupt;

/// From a byte to a byte.
pub(super) type Span = (usize, usize);

/// What a part likes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Preference {
    Longest,
    Shortest,
}

#[derive(Debug)]
enum Kind {
    /// One character of these ranges.
    One(Vec<(char, char)>),
    Look(Look),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat {
        minimum: u32,
        maximum: Option<u32>,
        body: Box<Node>,
    },
    Group {
        number: usize,
        body: Box<Node>,
    },
    /// What has to stand (or may not stand) behind or before a place.
    Around {
        constraint: Around,
        body: Box<Node>,
    },
    /// The text of a group once more. `body` is what the group itself can be.
    Reference {
        number: usize,
        fold: bool,
        body: Box<Node>,
    },
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    preference: Option<Preference>,
    has_groups: bool,
    has_references: bool,
}

impl Node {
    fn leaf(kind: Kind) -> Self {
        Self { kind, preference: None, has_groups: false, has_references: false }
    }

    fn sequence(parts: Vec<Self>) -> Self {
        Self {
            preference: parts.iter().find_map(|part| part.preference),
            has_groups: parts.iter().any(|part| part.has_groups),
            has_references: parts.iter().any(|part| part.has_references),
            kind: Kind::Sequence(parts),
        }
    }
}

/// A pattern whose matches are chosen by length.
#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
    groups: usize,
    is_constrained: bool,
}

impl Tree {
    /// The tree of a pattern in `regex`'s syntax, with what [`mark`](super::translation) stands for; nothing where
    /// `regex` takes the same match anyway: without alternatives, without quantified groups and where nothing prefers
    /// the shortest.
    pub(super) fn of(pattern: &str, ast: &Ast, translator: &mut Translator, fold: bool) -> Option<Self> {
        if !is_ambiguous(ast) {
            return None;
        }
        let mut builder =
            Builder { pattern, translator, fold, bodies: Vec::new(), is_plain: false, is_constrained: false };
        let root = builder.node(ast)?;
        Some(Self { root, groups: builder.bodies.len(), is_constrained: builder.is_constrained })
    }

    /// How many groups the pattern has.
    pub(super) fn groups_len(&self) -> usize {
        self.groups
    }

    /// The place that `regex` finds need not be one where the whole pattern holds: it knows neither constraints nor
    /// references.
    pub(super) fn is_constrained(&self) -> bool {
        self.is_constrained
    }

    /// Where the match that begins at `start` ends.
    pub(super) fn end(&self, text: &str, start: usize) -> Option<usize> {
        if self.root.has_references {
            return Some(self.groups(text, start)?.first().copied().flatten()?.1);
        }
        self.root.preferred(text, start).first().copied()
    }

    /// The match that begins at `start`, and its groups.
    pub(super) fn groups(&self, text: &str, start: usize) -> Option<Vec<Option<Span>>> {
        let mut spans = vec![None; self.groups + 1];
        let end = self.root.preferred(text, start).into_iter().find(|end| {
            spans.fill(None);
            self.root.dissect(text, (start, *end), &mut spans)
        })?;
        if let Some(whole) = spans.first_mut() {
            *whole = Some((start, end));
        }
        Some(spans)
    }
}

fn is_ambiguous(ast: &Ast) -> bool {
    match ast {
        Ast::Alternation(_) => true,
        Ast::Concat(concat) => concat.asts.iter().any(is_ambiguous),
        Ast::Group(group) => matches!(group.kind, GroupKind::CaptureName { .. }) || is_ambiguous(&group.ast),
        Ast::Repetition(repetition) => {
            !repetition.greedy || matches!(*repetition.ast, Ast::Group(_) | Ast::Repetition(_))
        }
        _ => false,
    }
}

struct Builder<'a> {
    pattern: &'a str,
    translator: &'a mut Translator,
    fold: bool,
    /// The groups so far, in order.
    bodies: Vec<&'a Ast>,
    /// Below a reference: groups do not count.
    is_plain: bool,
    is_constrained: bool,
}

impl<'a> Builder<'a> {
    /// Nothing for what the translation never writes (flags inside a pattern).
    fn node(&mut self, ast: &'a Ast) -> Option<Node> {
        match ast {
            Ast::Empty(_) => Some(Node::leaf(Kind::Sequence(Vec::new()))),
            Ast::Flags(_) => None,
            Ast::Literal(_)
            | Ast::Dot(_)
            | Ast::Assertion(_)
            | Ast::ClassUnicode(_)
            | Ast::ClassPerl(_)
            | Ast::ClassBracketed(_) => {
                Some(Node::leaf(leaf_of(&self.translator.translate(self.pattern, ast).ok()?)?))
            }
            Ast::Repetition(repetition) => {
                let body = Box::new(self.node(&repetition.ast)?);
                let (minimum, maximum, is_fixed) = range_of(repetition);
                let preference = match (is_fixed, repetition.greedy) {
                    (true, true) => body.preference,
                    (_, true) => Some(Preference::Longest),
                    (_, false) => Some(Preference::Shortest),
                };
                let (has_groups, has_references) = (body.has_groups, body.has_references);
                let kind = Kind::Repeat { minimum, maximum, body };
                Some(Node { kind, preference, has_groups, has_references })
            }
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(_) => self.node(&group.ast),
                GroupKind::CaptureName { name, .. } => self.marked(Mark::parse(&name.name)?, &group.ast),
                GroupKind::CaptureIndex(_) if self.is_plain => self.node(&group.ast),
                GroupKind::CaptureIndex(_) => {
                    self.bodies.push(&group.ast);
                    let number = self.bodies.len();
                    let body = Box::new(self.node(&group.ast)?);
                    let (preference, has_references) = (body.preference, body.has_references);
                    Some(Node {
                        kind: Kind::Group { number, body },
                        preference,
                        has_groups: true,
                        has_references,
                    })
                }
            },
            Ast::Alternation(alternation) => {
                let branches =
                    alternation.asts.iter().map(|branch| self.node(branch)).collect::<Option<Vec<_>>>()?;
                Some(Node {
                    has_groups: branches.iter().any(|branch| branch.has_groups),
                    has_references: branches.iter().any(|branch| branch.has_references),
                    kind: Kind::Either(branches),
                    preference: Some(Preference::Longest),
                })
            }
            Ast::Concat(concat) => {
                let mut parts: Vec<Node> = Vec::new();
                // What has no groups and prefers one thing is one part.
                let mut run: Vec<Node> = Vec::new();
                for ast in &concat.asts {
                    let part = self.node(ast)?;
                    let before = run.iter().find_map(|part| part.preference);
                    let differs = part.preference.zip(before).is_some_and(|(one, other)| one != other);
                    let stands_alone = part.has_groups || part.has_references;
                    if stands_alone || differs {
                        parts.extend((!run.is_empty()).then(|| Node::sequence(std::mem::take(&mut run))));
                    }
                    if stands_alone { parts.push(part) } else { run.push(part) }
                }
                parts.extend((!run.is_empty()).then(|| Node::sequence(run)));
                Some(Node::sequence(parts))
            }
        }
    }

    fn marked(&mut self, mark: Mark, ast: &'a Ast) -> Option<Node> {
        self.is_constrained = true;
        match mark {
            Mark::Around(constraint) => {
                let body = Box::new(self.node(ast)?);
                Some(Node::leaf(Kind::Around { constraint, body }))
            }
            Mark::Reference(number) => {
                let group = *self.bodies.get(number.checked_sub(1)?)?;
                let was_plain = std::mem::replace(&mut self.is_plain, true);
                let body = self.node(group);
                self.is_plain = was_plain;
                let kind = Kind::Reference { number, fold: self.fold, body: Box::new(body?) };
                Some(Node { kind, preference: None, has_groups: false, has_references: true })
            }
        }
    }
}

fn leaf_of(hir: &Hir) -> Option<Kind> {
    Some(match hir.kind() {
        HirKind::Look(look) => Kind::Look(*look),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            let parts = text.chars().map(|one| Node::leaf(Kind::One(vec![(one, one)])));
            Kind::Sequence(parts.collect())
        }
        HirKind::Class(Class::Unicode(class)) => {
            Kind::One(class.ranges().iter().map(|range| (range.start(), range.end())).collect())
        }
        HirKind::Class(Class::Bytes(class)) => Kind::One(
            class.ranges().iter().map(|range| (char::from(range.start()), char::from(range.end()))).collect(),
        ),
        HirKind::Empty => Kind::Sequence(Vec::new()),
        HirKind::Repetition(_) | HirKind::Capture(_) | HirKind::Concat(_) | HirKind::Alternation(_) => {
            return None;
        }
    })
}

/// At least, at most, and whether it was written as one number.
fn range_of(repetition: &ast::Repetition) -> (u32, Option<u32>, bool) {
    match &repetition.op.kind {
        RepetitionKind::ZeroOrOne => (0, Some(1), false),
        RepetitionKind::ZeroOrMore => (0, None, false),
        RepetitionKind::OneOrMore => (1, None, false),
        RepetitionKind::Range(RepetitionRange::Exactly(count)) => (*count, Some(*count), true),
        RepetitionKind::Range(RepetitionRange::AtLeast(least)) => (*least, None, false),
        RepetitionKind::Range(RepetitionRange::Bounded(least, most)) => (*least, Some(*most), false),
    }
}

fn holds(look: Look, text: &str, at: usize) -> bool {
    let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
    let (last, first) = (before.chars().next_back(), after.chars().next());
    let (word_before, word_after) =
        (last.is_some_and(is_word_character), first.is_some_and(is_word_character));
    match look {
        Look::Start => before.is_empty(),
        Look::End => after.is_empty(),
        Look::StartLF => last.is_none_or(|one| one == '\n'),
        Look::EndLF => first.is_none_or(|one| one == '\n'),
        Look::StartCRLF => last.is_none_or(|one| matches!(one, '\n' | '\r')),
        Look::EndCRLF => first.is_none_or(|one| matches!(one, '\n' | '\r')),
        Look::WordAscii | Look::WordUnicode => word_before != word_after,
        Look::WordAsciiNegate | Look::WordUnicodeNegate => word_before == word_after,
        Look::WordStartAscii | Look::WordStartUnicode => !word_before && word_after,
        Look::WordEndAscii | Look::WordEndUnicode => word_before && !word_after,
        Look::WordStartHalfAscii | Look::WordStartHalfUnicode => !word_before,
        Look::WordEndHalfAscii | Look::WordEndHalfUnicode => !word_after,
    }
}

impl Node {
    /// Where this can end, in order, when it begins at one of some places, in order.
    fn reach(&self, text: &str, starts: Vec<usize>) -> Vec<usize> {
        if starts.is_empty() {
            return starts;
        }
        match &self.kind {
            Kind::One(ranges) => starts
                .into_iter()
                .filter_map(|start| {
                    let one = text.get(start..)?.chars().next()?;
                    let found = ranges.binary_search_by(|(first, last)| {
                        if *last < one {
                            std::cmp::Ordering::Less
                        } else if *first > one {
                            std::cmp::Ordering::Greater
                        } else {
                            std::cmp::Ordering::Equal
                        }
                    });
                    found.is_ok().then_some(start + one.len_utf8())
                })
                .collect(),
            Kind::Look(look) => starts.into_iter().filter(|at| holds(*look, text, *at)).collect(),
            Kind::Sequence(parts) => sequence(parts, text, starts),
            Kind::Either(branches) => {
                let ends: BTreeSet<usize> =
                    branches.iter().flat_map(|branch| branch.reach(text, starts.clone())).collect();
                ends.into_iter().collect()
            }
            Kind::Repeat { minimum, maximum, body } => repeat(body, *minimum, *maximum, text, starts),
            Kind::Group { body, .. } | Kind::Reference { body, .. } => body.reach(text, starts),
            Kind::Around { constraint, body } => {
                let holds = |at: &usize| match interrupt::is_raised() {
                    true => false,
                    false => body.stands(text, *at, constraint.is_ahead) != constraint.is_negated,
                };
                starts.into_iter().filter(holds).collect()
            }
        }
    }

    /// Whether this can begin, or else end, at a place.
    fn stands(&self, text: &str, at: usize, begins: bool) -> bool {
        if begins {
            return !self.reach(text, vec![at]).is_empty();
        }
        let starts = text.char_indices().map(|(start, _)| start).take_while(|start| *start < at);
        self.reach(text, starts.chain([at]).collect()).contains(&at)
    }

    /// The places where this can end when it begins at `start`, the preferred one first.
    fn preferred(&self, text: &str, start: usize) -> Vec<usize> {
        let mut ends = self.reach(text, vec![start]);
        if self.preference != Some(Preference::Shortest) {
            ends.reverse();
        }
        ends
    }

    /// Finds the groups of a part that, but for its references, matches just this span; whether these hold, too.
    fn dissect(&self, text: &str, (start, end): Span, spans: &mut [Option<Span>]) -> bool {
        if !self.has_groups && !self.has_references {
            return true;
        }
        if interrupt::is_raised() {
            return false;
        }
        match &self.kind {
            Kind::One(_) | Kind::Look(_) | Kind::Around { .. } => true,
            Kind::Reference { number, fold, .. } => {
                let of = |(start, end): Span| text.get(start..end);
                let before = spans.get(*number).copied().flatten().and_then(of);
                before.zip(of((start, end))).is_some_and(|(one, other)| {
                    one == other || (*fold && one.to_lowercase() == other.to_lowercase())
                })
            }
            Kind::Group { number, body } => {
                let fits = body.dissect(text, (start, end), spans);
                if let Some(span) = spans.get_mut(*number).filter(|_| fits) {
                    *span = Some((start, end));
                }
                fits
            }
            Kind::Either(branches) => branches.iter().any(|branch| {
                self.forget(spans);
                branch.reach(text, vec![start]).contains(&end) && branch.dissect(text, (start, end), spans)
            }),
            Kind::Sequence(parts) => dissect_sequence(parts, text, (start, end), spans),
            Kind::Repeat { minimum, maximum, body } => {
                dissect_repeat(body, *minimum, *maximum, text, (start, end), spans)
            }
        }
    }

    /// The groups of an earlier turn do not count.
    fn forget(&self, spans: &mut [Option<Span>]) {
        match &self.kind {
            Kind::One(_) | Kind::Look(_) | Kind::Around { .. } | Kind::Reference { .. } => {}
            Kind::Group { number, body } => {
                if let Some(span) = spans.get_mut(*number) {
                    *span = None;
                }
                body.forget(spans);
            }
            Kind::Either(parts) | Kind::Sequence(parts) => parts.iter().for_each(|part| part.forget(spans)),
            Kind::Repeat { body, .. } => body.forget(spans),
        }
    }
}

fn dissect_sequence(parts: &[Node], text: &str, (start, end): Span, spans: &mut [Option<Span>]) -> bool {
    let Some((part, rest)) = parts.split_first() else { return start == end };
    part.preferred(text, start).into_iter().any(|next| {
        sequence(rest, text, vec![next]).contains(&end)
            && part.dissect(text, (start, next), spans)
            && dissect_sequence(rest, text, (next, end), spans)
    })
}

fn dissect_repeat(
    body: &Node,
    minimum: u32,
    maximum: Option<u32>,
    text: &str,
    (start, end): Span,
    spans: &mut [Option<Span>],
) -> bool {
    let (mut at, mut minimum, mut maximum) = (start, minimum, maximum);
    while at != end || minimum > 0 {
        (minimum, maximum) = (minimum.saturating_sub(1), maximum.map(|most| most.saturating_sub(1)));
        let fits = |next: &usize| {
            (*next > at || at == end) && repeat(body, minimum, maximum, text, vec![*next]).contains(&end)
        };
        let mut turns = body.preferred(text, at).into_iter().filter(fits);
        if body.has_references {
            return turns.any(|next| {
                body.forget(spans);
                body.dissect(text, (at, next), spans)
                    && dissect_repeat(body, minimum, maximum, text, (next, end), spans)
            });
        }
        let Some(next) = turns.next() else { return false };
        body.forget(spans);
        body.dissect(text, (at, next), spans);
        at = next;
    }
    true
}

fn sequence(parts: &[Node], text: &str, starts: Vec<usize>) -> Vec<usize> {
    parts.iter().fold(starts, |places, part| part.reach(text, places))
}

fn repeat(body: &Node, minimum: u32, maximum: Option<u32>, text: &str, mut starts: Vec<usize>) -> Vec<usize> {
    for _ in 0..minimum {
        let next = body.reach(text, starts.clone());
        if next == starts {
            break;
        }
        starts = next;
    }
    let mut ends: BTreeSet<usize> = starts.iter().copied().collect();
    let mut turns = maximum.map(|most| most.saturating_sub(minimum));
    while !starts.is_empty() && turns != Some(0) {
        starts = body.reach(text, starts);
        starts.retain(|end| ends.insert(*end));
        turns = turns.map(|turns| turns - 1);
    }
    ends.into_iter().collect()
}
