//! COMMENT ON.

use lis_lake::{names::Identifier, staged::CommentTarget as StagedComment, table::Relation};
use lis_security::privileges;
use lis_sql::statement::{CommentTarget, ObjectName, RelationKind};

use super::{Ddl, check_kind, find_relation, no_column, no_relation, no_schema};
use crate::error::Result;

impl Ddl<'_> {
    pub(super) async fn comment_on(&mut self, target: &CommentTarget, comment: Option<String>) -> Result<()> {
        let comment = comment.filter(|comment| !comment.is_empty());
        let staged_target = match target {
            CommentTarget::Schema(name) => {
                let schema = self.request.snapshot.schema_named(name).ok_or_else(|| no_schema(name))?;
                self.request.judge(&self.server, |context| {
                    privileges::require_schema_owner(context, schema.id.oid())
                })?;
                StagedComment::Schema(schema.id)
            }
            CommentTarget::Table(name) => {
                StagedComment::Relation(self.owned(name, Some(RelationKind::Table))?.id())
            }
            CommentTarget::View(name) => {
                StagedComment::Relation(self.owned(name, Some(RelationKind::View))?.id())
            }
            CommentTarget::MaterializedView(name) => {
                StagedComment::Relation(self.owned(name, Some(RelationKind::MaterializedView))?.id())
            }
            CommentTarget::Column(name, column) => {
                let relation = self.owned(name, None)?;
                let found = relation
                    .columns()
                    .iter()
                    .find(|it| it.name == *column)
                    .ok_or_else(|| no_column(column, &Identifier::exact(&name.written())))?;
                StagedComment::Column(relation.id(), found.id)
            }
        };
        self.staged().await?.comment(staged_target, comment)?;
        Ok(())
    }

    fn owned(&self, name: &ObjectName, kind: Option<RelationKind>) -> Result<&Relation> {
        let relation = find_relation(&self.request, name)?.ok_or_else(|| no_relation("relation", name))?;
        if let Some(kind) = kind {
            check_kind(kind, relation)?;
        }
        self.require_owner(relation.id().oid())?;
        Ok(relation)
    }
}
