//! Temporary.
use datafusion::datasource::provider_as_source;
use lis_lake::{
    ids::Oid,
    lake::Lake,
    names::{Identifier, QualifiedName},
    provider::LakeTable,
    table::Relation,
};
use lis_pg_catalog::registry::ViewContext;
use lis_sql::catalog::{Catalog, CatalogColumn, CatalogFunction, CatalogRelation, RelationSource};
use std::sync::Arc;

#[derive(Debug)]
pub(crate) struct SessionCatalog {
    lake: Arc<Lake>,
    context: ViewContext,
}
impl SessionCatalog {
    pub(crate) fn new(lake: Arc<Lake>, context: ViewContext) -> Self {
        Self { lake, context }
    }
    fn of(&self, relation: &Relation) -> Option<CatalogRelation> {
        let name = self.context.snapshot.qualified_name(relation)?;
        let columns = relation
            .columns()
            .iter()
            .map(|c| CatalogColumn {
                name: c.name.clone(),
                column_type: c.column_type,
                number: i16::try_from(c.id.get()).unwrap_or(0),
                not_null: c.not_null,
                hidden: false,
            })
            .collect();
        let source = match relation {
            Relation::Table(table) => RelationSource::Scan(provider_as_source(Arc::new(LakeTable::new(
                Arc::clone(&self.lake),
                Arc::clone(table),
            )))),
            Relation::View(view) => RelationSource::View {
                definition: view.definition.clone(),
                security_invoker: view.security_invoker,
                owner: view.owner,
            },
        };
        Some(CatalogRelation { oid: relation.id().oid(), name, columns, source })
    }
}
impl Catalog for SessionCatalog {
    fn relation(&self, name: &QualifiedName) -> Option<CatalogRelation> {
        self.of(self.context.snapshot.relation_named(name)?)
    }
    fn relation_by_oid(&self, oid: Oid) -> Option<CatalogRelation> {
        self.of(self.context.snapshot.relation_by_oid(oid)?)
    }
    fn has_schema(&self, name: &Identifier) -> bool {
        self.context.snapshot.schema_named(name).is_some()
    }
    fn functions(&self, _schema: Option<&Identifier>, _name: &Identifier) -> Vec<CatalogFunction> {
        Vec::new()
    }
}
