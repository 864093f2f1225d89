//! Temporary relations of one session: ordinary relations in a schema of the session's own, which is laid over every
//! snapshot that the session reads. They take part in its transactions like all others; a commit takes them from what
//! was staged into the session instead of writing them into the lake. Their rows are in Parquet files below the data
//! directory's `tmp`, which go with the last who refers to them, with the session, or, after a crash, at the next start.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lis_lake::{
    data_file::TableFiles,
    ids::{RelationId, SchemaId},
    snapshot::Snapshot,
    table::{Relation, Schema, Table},
};
use lis_sql::statement::OnCommit;

/// The directory below the data directory in which sessions keep what is temporary.
const DIRECTORY: &str = "tmp";
/// How a session's directory is called: this, the process, and a number.
const PREFIX: &str = "session-";

/// What a session has of temporary relations.
#[derive(Debug, Clone, Default)]
pub(crate) struct Temporary {
    schema: Option<Arc<Schema>>,
    relations: Vec<Relation>,
    on_commit: BTreeMap<RelationId, OnCommit>,
    directory: Option<Arc<SessionDirectory>>,
}

/// Removes a session's directory when the session is gone.
#[derive(Debug)]
struct SessionDirectory(PathBuf);

impl Drop for SessionDirectory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.0.display(), %error, "a session's temporary files could not be removed");
        }
    }
}

impl Temporary {
    /// A snapshot as the session sees it.
    pub(crate) fn over(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        match &self.schema {
            Some(schema) => {
                Arc::new(snapshot.with_temporary(Arc::clone(schema), self.relations.iter().cloned()))
            }
            None => snapshot,
        }
    }

    /// The schema, made if the session had none. `number` is one that no object has.
    pub(crate) fn schema(&mut self, data: &Path, number: SchemaId, owner: lis_lake::ids::Oid) -> Arc<Schema> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        if let Some(schema) = &self.schema {
            return Arc::clone(schema);
        }
        let session = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = data.join(DIRECTORY).join(format!("{PREFIX}{}-{session}", std::process::id()));
        let schema = Arc::new(Schema {
            id: number,
            name: lis_lake::names::Identifier::exact(&format!("pg_temp_{session}")),
            owner,
            comment: None,
            path: format!("{}/", path.display()),
            temporary: true,
        });
        self.directory = Some(Arc::new(SessionDirectory(path)));
        self.schema = Some(Arc::clone(&schema));
        schema
    }

    /// Notes what becomes of a new table at the end of the transaction.
    pub(crate) fn note_on_commit(&mut self, table: RelationId, on_commit: OnCommit) {
        self.on_commit.insert(table, on_commit);
    }

    /// What there is after a transaction with this outcome was committed.
    pub(crate) fn after(mut self, outcome: &Snapshot) -> Self {
        let on_commit = |id: RelationId| self.on_commit.get(&id).copied().unwrap_or_default();
        self.relations = outcome
            .relations()
            .filter(|relation| outcome.is_temporary(relation))
            .filter_map(|relation| match (relation, on_commit(relation.id())) {
                (_, OnCommit::Drop) => None,
                (Relation::Table(table), OnCommit::DeleteRows) => Some(Relation::Table(Arc::new(Table {
                    files: Arc::new(TableFiles::default()),
                    ..Table::clone(table)
                }))),
                (relation, _) => Some(relation.clone()),
            })
            .collect();
        let relations = &self.relations;
        self.on_commit.retain(|id, _| relations.iter().any(|relation| relation.id() == *id));
        self
    }

    /// The numbers of the relations.
    pub(crate) fn relations(&self) -> Vec<RelationId> {
        self.relations.iter().map(Relation::id).collect()
    }
}

/// Where this process keeps what does not fit into memory.
pub(crate) fn spill_directory(data: &Path) -> PathBuf {
    data.join(DIRECTORY).join(format!("{PREFIX}{}-spill", std::process::id()))
}

/// Removes the directories of sessions, and of what did not fit into memory, whose process is gone.
pub(crate) fn remove_left_behind(data: &Path) {
    let Ok(entries) = fs::read_dir(data.join(DIRECTORY)) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX))
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(process, _)| process.parse::<u32>().ok());
        let Some(process) = process else { continue };
        // A new process may have an old one's number: its own directories are made later than this.
        let alive = process != std::process::id() && Path::new("/proc").join(process.to_string()).exists();
        if !alive && let Err(error) = fs::remove_dir_all(entry.path()) {
            tracing::warn!(path = %entry.path().display(), %error, "temporary files could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_goes_and_what_a_living_one_has_stays() {
        let data = std::env::temp_dir().join(format!("lis-temporary-{}", std::process::id()));
        let tmp = data.join(DIRECTORY);
        let living = tmp.join(format!("{PREFIX}1-1"));
        let dead = tmp.join(format!("{PREFIX}4194399-spill"));
        let other = tmp.join("something");
        for directory in [&living, &dead, &other] {
            fs::create_dir_all(directory).unwrap();
        }
        remove_left_behind(&data);
        assert!(living.exists() && !dead.exists() && other.exists());
        fs::remove_dir_all(&data).unwrap();
    }
}
