//! Everything that exists, as one session's statement sees it: system relations, the lake's tables and views of the
//! statement's snapshot, and the functions that need to know either.
//!
//! A name is found whether or not the user has a right to it, as in PostgreSQL: using it is refused later, on the bound
//! plan. Only listings and hints keep to what the user may know.

use std::sync::Arc;

use datafusion::datasource::provider_as_source;
use lis_lake::{
    ids::Oid,
    lake::Lake,
    names::{Identifier, QualifiedName},
    provider::LakeTable,
    table::{Collation, Column, Constraint, ConstraintKind, Relation},
};
use lis_sql::{
    catalog::{Catalog, CatalogColumn, CatalogFunction, CatalogRelation, RelationSource, UniqueKey},
    context::BindContext,
};

use crate::{
    namespaces,
    registry::{SystemRelation, ViewContext, Viewer},
    system_table::{SystemTable, hidden_column},
};

/// `TableOidAttributeNumber`
const TABLEOID_NUMBER: i16 = -6;

/// The catalogue of one statement.
#[derive(Debug)]
pub struct SessionCatalog {
    lake: Arc<Lake>,
    context: Arc<ViewContext>,
}

impl SessionCatalog {
    /// What a viewer sees of a lake.
    pub fn new(lake: Arc<Lake>, context: ViewContext) -> Self {
        Self { lake, context: Arc::new(context) }
    }

    /// The same catalogue for another viewer and its facts.
    #[must_use]
    pub fn for_viewer(&self, viewer: Arc<dyn Viewer>, bind: Arc<BindContext>) -> Self {
        let context = ViewContext { viewer, bind, ..ViewContext::clone(&self.context) };
        Self { lake: Arc::clone(&self.lake), context: Arc::new(context) }
    }

    /// What it is made from.
    pub fn context(&self) -> &Arc<ViewContext> {
        &self.context
    }

    fn system_relation(&self, relation: &Arc<dyn SystemRelation>) -> CatalogRelation {
        let shape = relation.shape();
        let columns = shape.columns.iter().zip(1..).map(|(column, number)| CatalogColumn {
            name: Identifier::exact(column.name),
            column_type: column.column_type,
            number,
            collation: Collation::C,
            not_null: false,
            default: None,
            hidden: false,
        });
        let hidden = hidden_column(shape).map(|column| CatalogColumn {
            name: Identifier::exact(column.name),
            column_type: column.column_type,
            number: TABLEOID_NUMBER,
            collation: Collation::C,
            not_null: true,
            default: None,
            hidden: true,
        });
        CatalogRelation {
            oid: shape.oid,
            name: QualifiedName::new(shape.schema, shape.name),
            columns: columns.chain(hidden).collect(),
            primary_key: Vec::new(),
            unique_keys: Vec::new(),
            source: RelationSource::Scan(provider_as_source(Arc::new(SystemTable::new(
                Arc::clone(relation),
                Arc::clone(&self.context),
            )))),
        }
    }

    fn lake_relation(&self, relation: &Relation) -> Option<CatalogRelation> {
        let source = match relation {
            Relation::Table(table) => RelationSource::Scan(provider_as_source(Arc::new(LakeTable::new(
                Arc::clone(&self.lake),
                Arc::clone(table),
            )))),
            Relation::View(view) => RelationSource::View {
                definition: view.definition.clone(),
                reads: view.reads.clone(),
                security_invoker: view.security_invoker,
                owner: view.owner,
            },
        };
        Some(CatalogRelation {
            oid: relation.id().oid(),
            name: self.context.snapshot.qualified_name(relation)?,
            columns: relation.columns().iter().map(catalog_column).collect(),
            primary_key: primary_key(relation),
            unique_keys: unique_keys(relation),
            source,
        })
    }

    /// Schemas in which a name without one is looked for.
    fn path(&self) -> impl Iterator<Item = Identifier> + '_ {
        std::iter::once(Identifier::exact(namespaces::PG_CATALOG))
            .chain(self.context.bind.search_path.iter().cloned())
    }
}

fn catalog_column(column: &Column) -> CatalogColumn {
    CatalogColumn {
        name: column.name.clone(),
        column_type: column.column_type,
        number: attribute_number(column),
        collation: column.collation,
        not_null: column.not_null,
        default: column.default.clone(),
        hidden: false,
    }
}

/// `attnum` of the primary key's columns.
fn primary_key(relation: &Relation) -> Vec<i16> {
    let primary = |constraint: &&Constraint| constraint.kind == ConstraintKind::PrimaryKey;
    constraints(relation).iter().find(primary).map(key_columns).unwrap_or_default()
}

fn unique_keys(relation: &Relation) -> Vec<UniqueKey> {
    constraints(relation)
        .iter()
        .filter(|constraint| matches!(constraint.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique))
        .map(|constraint| UniqueKey { name: constraint.name.clone(), columns: key_columns(constraint) })
        .collect()
}

fn constraints(relation: &Relation) -> &[Constraint] {
    match relation {
        Relation::Table(table) => &table.constraints,
        Relation::View(_) => &[],
    }
}

fn key_columns(key: &Constraint) -> Vec<i16> {
    key.columns.iter().filter_map(|column| i16::try_from(column.get()).ok()).collect()
}

/// `attnum`
pub(crate) fn attribute_number(column: &Column) -> i16 {
    i16::try_from(column.id.get()).unwrap_or(i16::MAX)
}

impl Catalog for SessionCatalog {
    fn as_any(&self) -> Option<&dyn std::any::Any> {
        Some(self)
    }

    fn relation(&self, name: &QualifiedName) -> Option<CatalogRelation> {
        match self.context.registry.relation(name) {
            Some(relation) => Some(self.system_relation(relation)),
            None => self.lake_relation(self.context.snapshot.relation_named(name)?),
        }
    }

    fn relation_by_oid(&self, oid: Oid) -> Option<CatalogRelation> {
        if oid.get() < Oid::FIRST_NORMAL {
            let relation = self.context.registry.relations().find(|relation| relation.shape().oid == oid)?;
            return Some(self.system_relation(relation));
        }
        self.lake_relation(self.context.snapshot.relation_by_oid(oid)?)
    }

    fn has_schema(&self, name: &Identifier) -> bool {
        namespaces::namespace_oid(&self.context, name).is_some()
    }

    fn may_use_schema(&self, name: &Identifier) -> bool {
        self.context.viewer.may_use_schema(&self.context.snapshot, name)
    }

    fn may_see(&self, relation: Oid) -> bool {
        self.context.viewer.may_see_relation(relation)
    }

    fn functions(&self, schema: Option<&Identifier>, name: &Identifier) -> Vec<CatalogFunction> {
        let schemas = match schema {
            Some(schema) => vec![schema.clone()],
            None => self.path().collect(),
        };
        schemas
            .iter()
            .flat_map(|schema| {
                self.context
                    .registry
                    .functions()
                    .iter()
                    .flat_map(|set| set.functions(schema.as_str(), name.as_str(), &self.context))
            })
            .collect()
    }

    fn similar_relation(&self, name: &Identifier) -> Option<QualifiedName> {
        let nearest = namespaces::visible_relations(&self.context)
            .map(|(schema, relation)| {
                (
                    distance(relation.name().as_str(), name.as_str()),
                    schema.name.clone(),
                    relation.name().clone(),
                )
            })
            .min()?;
        let (distance, schema, name) = nearest;
        (distance * 2 < name.as_str().chars().count()).then_some(QualifiedName { schema, name })
    }
}

/// How many letters differ (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, other) in right.iter().enumerate() {
            let replaced = previous[column] + usize::from(letter != *other);
            current.push(replaced.min(previous[column + 1] + 1).min(current[column] + 1));
        }
        previous = current;
    }
    previous.last().copied().unwrap_or_default()
}
