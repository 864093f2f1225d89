//! `pg_namespace`: the schemas that the viewer may know of.

use crate::{namespaces::visible_namespaces, registry::ViewContext, rows::Rows};

pub(super) fn fill(context: &ViewContext, rows: &mut Rows) {
    for namespace in visible_namespaces(context) {
        let acl = if namespace.stored {
            context.viewer.schema_acl(namespace.oid)
        } else {
            Some(vec!["=U/lis_admin".to_owned()])
        };
        rows.add([
            ("oid", namespace.oid.into()),
            ("nspname", (&namespace.name).into()),
            ("nspowner", namespace.owner.into()),
            ("nspacl", acl.into()),
        ]);
    }
}
