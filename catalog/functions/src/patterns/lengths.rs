//! Which of the matches that begin at one place PostgreSQL takes (section 9.7.3.5 of its documentation): the longest or
//! the shortest of all, by the first part of the pattern that prefers one, whatever the order of alternatives; then, from
//! the left, each group the longest or the shortest that the whole allows.
//!
//! `regex` finds the place, which no preference changes, and then takes the first alternative that fits. Where that can
//! give another match, a [`Tree`] of the pattern finds the end and the groups: it computes, part by part, the set of
//! places that a part can lead to. That costs time in proportion to text and pattern, and never more.

use std::collections::BTreeSet;

use regex_syntax::{
    ast::{self, Ast, GroupKind, RepetitionKind, RepetitionRange},
    hir::{Class, Hir, HirKind, Look, translate::Translator},
    is_word_character,
};

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
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    preference: Option<Preference>,
    has_groups: bool,
}

impl Node {
    fn sequence(parts: Vec<Self>) -> Self {
        Self {
            preference: parts.iter().find_map(|part| part.preference),
            has_groups: parts.iter().any(|part| part.has_groups),
            kind: Kind::Sequence(parts),
        }
    }
}

/// A pattern whose matches are chosen by length.
#[derive(Debug)]
pub(super) struct Tree {
    root: Node,
    groups: usize,
}

impl Tree {
    /// The tree of a pattern in `regex`'s syntax; nothing where `regex` takes the same match anyway: without
    /// alternatives, without quantified groups and where nothing prefers the shortest.
    pub(super) fn of(pattern: &str, ast: &Ast, translator: &mut Translator) -> Option<Self> {
        if !is_ambiguous(ast) {
            return None;
        }
        let mut groups = 0;
        let root = node(pattern, ast, translator, &mut groups)?;
        Some(Self { root, groups })
    }

    /// Where the match that begins at `start` ends.
    pub(super) fn end(&self, text: &str, start: usize) -> Option<usize> {
        let ends = self.root.reach(text, vec![start]);
        match self.root.preference {
            Some(Preference::Shortest) => ends.first().copied(),
            _ => ends.last().copied(),
        }
    }

    /// The match that begins at `start`, and its groups.
    pub(super) fn groups(&self, text: &str, start: usize) -> Option<Vec<Option<Span>>> {
        let end = self.end(text, start)?;
        let mut spans = vec![None; self.groups + 1];
        if let Some(whole) = spans.first_mut() {
            *whole = Some((start, end));
        }
        self.root.dissect(text, (start, end), &mut spans);
        Some(spans)
    }
}

fn is_ambiguous(ast: &Ast) -> bool {
    match ast {
        Ast::Alternation(_) => true,
        Ast::Concat(concat) => concat.asts.iter().any(is_ambiguous),
        Ast::Group(group) => is_ambiguous(&group.ast),
        Ast::Repetition(repetition) => {
            !repetition.greedy || matches!(*repetition.ast, Ast::Group(_) | Ast::Repetition(_))
        }
        _ => false,
    }
}

/// Nothing for what the translation never writes (flags inside a pattern).
fn node(pattern: &str, ast: &Ast, translator: &mut Translator, groups: &mut usize) -> Option<Node> {
    let leaf = |kind: Kind| Some(Node { kind, preference: None, has_groups: false });
    match ast {
        Ast::Empty(_) => leaf(Kind::Sequence(Vec::new())),
        Ast::Flags(_) => None,
        Ast::Literal(_)
        | Ast::Dot(_)
        | Ast::Assertion(_)
        | Ast::ClassUnicode(_)
        | Ast::ClassPerl(_)
        | Ast::ClassBracketed(_) => leaf(leaf_of(&translator.translate(pattern, ast).ok()?)?),
        Ast::Repetition(repetition) => {
            let body = Box::new(node(pattern, &repetition.ast, translator, groups)?);
            let (minimum, maximum, is_fixed) = range_of(repetition);
            let preference = match (is_fixed, repetition.greedy) {
                (true, true) => body.preference,
                (_, true) => Some(Preference::Longest),
                (_, false) => Some(Preference::Shortest),
            };
            let has_groups = body.has_groups;
            Some(Node { kind: Kind::Repeat { minimum, maximum, body }, preference, has_groups })
        }
        Ast::Group(group) => match &group.kind {
            GroupKind::NonCapturing(_) => node(pattern, &group.ast, translator, groups),
            GroupKind::CaptureIndex(_) | GroupKind::CaptureName { .. } => {
                *groups += 1;
                let number = *groups;
                let body = Box::new(node(pattern, &group.ast, translator, groups)?);
                let preference = body.preference;
                Some(Node { kind: Kind::Group { number, body }, preference, has_groups: true })
            }
        },
        Ast::Alternation(alternation) => {
            let branches = alternation
                .asts
                .iter()
                .map(|branch| node(pattern, branch, translator, groups))
                .collect::<Option<Vec<_>>>()?;
            Some(Node {
                has_groups: branches.iter().any(|branch| branch.has_groups),
                kind: Kind::Either(branches),
                preference: Some(Preference::Longest),
            })
        }
        Ast::Concat(concat) => {
            let mut parts: Vec<Node> = Vec::new();
            // What has no groups and prefers one thing is one part.
            let mut run: Vec<Node> = Vec::new();
            for ast in &concat.asts {
                let part = node(pattern, ast, translator, groups)?;
                let before = run.iter().find_map(|part| part.preference);
                let differs = part.preference.zip(before).is_some_and(|(one, other)| one != other);
                if part.has_groups || differs {
                    parts.extend((!run.is_empty()).then(|| Node::sequence(std::mem::take(&mut run))));
                }
                if part.has_groups { parts.push(part) } else { run.push(part) }
            }
            parts.extend((!run.is_empty()).then(|| Node::sequence(run)));
            Some(Node::sequence(parts))
        }
    }
}

fn leaf_of(hir: &Hir) -> Option<Kind> {
    Some(match hir.kind() {
        HirKind::Look(look) => Kind::Look(*look),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            let parts = text.chars().map(|one| Node {
                kind: Kind::One(vec![(one, one)]),
                preference: None,
                has_groups: false,
            });
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
            Kind::Group { body, .. } => body.reach(text, starts),
        }
    }

    /// The places where this can end when it begins at `start`, the preferred one first.
    fn preferred(&self, text: &str, start: usize) -> Vec<usize> {
        let mut ends = self.reach(text, vec![start]);
        if self.preference != Some(Preference::Shortest) {
            ends.reverse();
        }
        ends
    }

    /// Finds the groups of a part that matches just this span.
    fn dissect(&self, text: &str, (start, end): Span, spans: &mut [Option<Span>]) {
        if !self.has_groups {
            return;
        }
        match &self.kind {
            Kind::One(_) | Kind::Look(_) => {}
            Kind::Group { number, body } => {
                if let Some(span) = spans.get_mut(*number) {
                    *span = Some((start, end));
                }
                body.dissect(text, (start, end), spans);
            }
            Kind::Either(branches) => {
                let fits = |branch: &&Self| branch.reach(text, vec![start]).contains(&end);
                if let Some(branch) = branches.iter().find(fits) {
                    branch.dissect(text, (start, end), spans);
                }
            }
            Kind::Sequence(parts) => {
                let mut at = start;
                for (index, part) in parts.iter().enumerate() {
                    let rest = parts.get(index + 1..).unwrap_or_default();
                    let fits = |next: &usize| sequence(rest, text, vec![*next]).contains(&end);
                    let Some(next) = part.preferred(text, at).into_iter().find(fits) else { return };
                    part.dissect(text, (at, next), spans);
                    at = next;
                }
            }
            Kind::Repeat { minimum, maximum, body } => {
                let (mut at, mut minimum, mut maximum) = (start, *minimum, *maximum);
                while at != end || minimum > 0 {
                    (minimum, maximum) =
                        (minimum.saturating_sub(1), maximum.map(|most| most.saturating_sub(1)));
                    let fits = |next: &usize| {
                        (*next > at || at == end)
                            && repeat(body, minimum, maximum, text, vec![*next]).contains(&end)
                    };
                    let Some(next) = body.preferred(text, at).into_iter().find(fits) else { return };
                    body.forget(spans);
                    body.dissect(text, (at, next), spans);
                    at = next;
                }
            }
        }
    }

    /// The groups of an earlier turn do not count.
    fn forget(&self, spans: &mut [Option<Span>]) {
        match &self.kind {
            Kind::One(_) | Kind::Look(_) => {}
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
