//! Row policies as they are stored, and which of them apply to whom. A policy's expression is bound when it is created,
//! so that what cannot be bound is refused there, and bound again for each statement, since it speaks of the current
//! user. The combination is PostgreSQL's: permissive ones are joined by OR, restrictive ones by AND, and no permissive
//! one means no rows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use arrow::datatypes::SchemaRef;
use datafusion::{
    common::{DFSchema, ScalarValue, tree_node::TreeNode},
    error::DataFusionError,
    logical_expr::Expr,
    optimizer::simplify_expressions::{ExprSimplifier, SimplifyContext},
};
use lis_lake::{ids::Oid, names::Identifier};
pub use lis_sql::statement::PolicyCommand;
use lis_sql::{
    catalog::{Catalog, CatalogRelation, RelationSource},
    context::BindContext,
    expression_text,
};

use crate::{
    change::{SecurityChange, SecurityChanges},
    error::{SecurityError, SecurityErrorKind},
    grants::PUBLIC,
    rights::Rights,
};

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its number.
    pub oid: Oid,
    /// Its table.
    pub relation: Oid,
    /// Its name, unique within the table.
    pub name: Identifier,
    /// AS PERMISSIVE
    pub permissive: bool,
    /// FOR
    pub command: PolicyCommand,
    /// TO: [`PUBLIC`] is everybody.
    pub roles: Vec<Oid>,
    /// USING, as SQL text
    pub using: Option<String>,
    /// WITH CHECK, as SQL text
    pub with_check: Option<String>,
}

/// ALTER TABLE … ROW LEVEL SECURITY.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowSecurity {
    /// ENABLE
    pub enabled: bool,
    /// FORCE: also for the owner.
    pub forced: bool,
}

/// Every policy, and which tables have row security.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    pub(crate) by_relation: BTreeMap<Oid, Vec<Policy>>,
    pub(crate) row_security: BTreeMap<Oid, RowSecurity>,
}

impl Policies {
    /// The policies of a table.
    pub fn on(&self, relation: Oid) -> &[Policy] {
        self.by_relation.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// Every policy.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.by_relation.values().flatten()
    }

    /// A table's row security.
    pub fn row_security(&self, relation: Oid) -> RowSecurity {
        self.row_security.get(&relation).copied().unwrap_or_default()
    }

    /// The policies that apply to a command of someone who uses these roles.
    pub fn applicable<'a>(
        &'a self,
        relation: Oid,
        used: &'a BTreeSet<Oid>,
        command: PolicyCommand,
    ) -> impl Iterator<Item = &'a Policy> {
        self.on(relation).iter().filter(move |policy| {
            (policy.command == PolicyCommand::All || policy.command == command)
                && policy.roles.iter().any(|role| *role == PUBLIC || used.contains(role))
        })
    }
}

/// What a policy is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyUse {
    /// USING: the rows that the command sees.
    Seen,
    /// WITH CHECK, or USING in its place: the rows that the command writes.
    Written,
}

/// What a table's policies come to for one statement.
#[derive(Debug, Clone)]
pub struct BoundPolicy {
    /// True for the rows that may be seen.
    pub predicate: Expr,
    /// The policies that it is made of, for the audit.
    pub used: Vec<Oid>,
}

/// Binds the applicable policies of a table and joins them.
pub fn bind(
    policies: &Policies,
    used_roles: &BTreeSet<Oid>,
    command: PolicyCommand,
    asked: PolicyUse,
    relation: &CatalogRelation,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<BoundPolicy, SecurityError> {
    let mut used = Vec::new();
    let mut permissive: Option<Expr> = None;
    let mut restrictive: Option<Expr> = None;
    for policy in policies.applicable(relation.oid, used_roles, command) {
        let Some(text) = expression_for(policy, asked) else { continue };
        let bound = bind_expression(text, relation, catalog, context)?;
        used.push(policy.oid);
        if policy.permissive {
            permissive = Some(permissive.map_or(bound.clone(), |other| other.or(bound)));
        } else {
            restrictive = Some(restrictive.map_or(bound.clone(), |other| other.and(bound)));
        }
    }
    let predicate = match (permissive, restrictive) {
        (None, _) => Expr::Literal(ScalarValue::Boolean(Some(false)), None),
        (Some(permissive), None) => permissive,
        (Some(permissive), Some(restrictive)) => permissive.and(restrictive),
    };
    Ok(BoundPolicy { predicate, used })
}

/// The expression that decides. A policy without it says nothing of such rows: a permissive one lets none through.
fn expression_for(policy: &Policy, asked: PolicyUse) -> Option<&str> {
    match asked {
        PolicyUse::Seen => policy.using.as_deref(),
        PolicyUse::Written => policy.with_check.as_deref().or(policy.using.as_deref()),
    }
}

/// Binds one expression over a table's columns, and works out what is constant in it: `lis.my_administrations()` becomes a
/// list of codes, which prunes files.
pub fn bind_expression(
    text: &str,
    relation: &CatalogRelation,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SecurityError> {
    let RelationSource::Scan(source) = &relation.source else {
        return Err(SecurityError::new(
            SecurityErrorKind::WrongObjectType,
            format!("\"{}\" is not a table", relation.name.name.as_str()),
        ));
    };
    let bound = lis_sql::bind_predicate(text, relation, catalog, context)?;
    require_supported(&bound)?;
    simplified(bound, &source.schema())
}

/// Binds the expression of a CHECK constraint over a table's columns.
pub fn bind_check(
    text: &str,
    relation: Oid,
    catalog: &dyn Catalog,
    context: &BindContext,
) -> Result<Expr, SecurityError> {
    let relation = catalog
        .relation_by_oid(relation)
        .ok_or_else(|| SecurityError::internal("a table that the catalogue does not have"))?;
    let bound = lis_sql::bind_check(text, &relation, catalog, context)?;
    require_supported(&bound).map_err(|error| SecurityError {
        message:
            "a check constraint can use only the row's columns, constants and functions that are not volatile"
                .to_owned(),
        ..error
    })?;
    Ok(bound)
}

impl Rights {
    /// The names of the policies on a table whose expressions name a column.
    pub fn policies_naming(&self, relation: Oid, column: &Identifier) -> Vec<&Identifier> {
        let names = |text: &Option<String>| {
            text.as_deref().is_some_and(|text| {
                // What cannot be read may name anything.
                expression_text::names_in(text).map_or(true, |names| names.contains(column))
            })
        };
        let named = self.policies().on(relation).iter();
        named
            .filter(|policy| names(&policy.using) || names(&policy.with_check))
            .map(|policy| &policy.name)
            .collect()
    }

    /// The policies on a table after one of its columns was renamed.
    pub fn policies_with_column_renamed(
        &self,
        relation: Oid,
        from: &Identifier,
        to: &Identifier,
    ) -> Result<SecurityChanges, SecurityError> {
        let renamed = |text: &Option<String>| -> Result<Option<String>, SecurityError> {
            let Some(text) = text else { return Ok(None) };
            Ok(Some(expression_text::with_column_renamed(text, from, to)?))
        };
        let mut changes = Vec::new();
        for policy in self.policies().on(relation) {
            let (using, with_check) = (renamed(&policy.using)?, renamed(&policy.with_check)?);
            if using != policy.using || with_check != policy.with_check {
                changes.push(SecurityChange::PutPolicy(Policy { using, with_check, ..policy.clone() }));
            }
        }
        Ok(SecurityChanges::judged(self, changes))
    }
}

/// Only expressions over one row: the secured scan plans its filter itself, without the rules that turn a subquery into
/// a join.
fn require_supported(expression: &Expr) -> Result<(), SecurityError> {
    let beyond_a_row = expression
        .exists(|part| {
            Ok(match part {
                Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::ScalarSubquery(_)
                | Expr::SetComparison(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
                | Expr::Unnest(_)
                | Expr::GroupingSet(_)
                | Expr::Placeholder(_) => true,
                other => other.is_volatile_node(),
            })
        })
        .map_err(|error| SecurityError::internal(error.to_string()))?;
    if beyond_a_row {
        return Err(SecurityError::new(
            SecurityErrorKind::FeatureNotSupported,
            "a policy's expression can use only the row's columns, constants and functions that are not volatile",
        ));
    }
    Ok(())
}

fn simplified(expression: Expr, schema: &SchemaRef) -> Result<Expr, SecurityError> {
    let work = || {
        let schema = Arc::new(DFSchema::try_from(Arc::clone(schema))?);
        ExprSimplifier::new(SimplifyContext::builder().with_schema(schema).build()).simplify(expression)
    };
    // An error here is one of the policy's constants, which are the policy's author's and not the asker's business.
    work().map_err(|error: DataFusionError| SecurityError::internal(error.to_string()))
}
