//! A session's transaction. It pins one snapshot at its first statement, so that every statement in it reads the same
//! morning; what it writes is staged over that snapshot, seen by itself only, and becomes one commit: the lake's changes
//! and security's, all of them or none. Rights are taken anew for every statement, with the transaction's own changes to
//! them laid over.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use lis_lake::{
    ids::{Oid, RelationId, SchemaId, SnapshotId},
    lake::Lake,
    names::Identifier,
    rewriting::RewriteIntent,
    snapshot::Snapshot,
    staged::{Mark, StagedChanges},
    table::{Relation, Schema},
};
use lis_security::{Principal, Rights, SecurityChange, SecurityChanges};
use lis_sql::statement::OnCommit;
use pgwire::messages::response::TransactionStatus;

use super::{settings::SettingsMark, temporary::Temporary};
use crate::error::{Condition, Result, ServerError};

/// Savepoints of one transaction.
const SAVEPOINTS_MAX: usize = 10_000;

/// Which kind of transaction block the session is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// None: each message is a transaction of its own.
    None,
    /// The implicit block of several statements in one message, or of the extended messages up to Sync.
    Implicit,
    /// BEGIN was said.
    Explicit,
    /// A statement in an explicit block failed; only ROLLBACK helps.
    Failed,
}

/// What a transaction or savepoint takes back when it is rolled back.
#[derive(Debug, Clone)]
pub(crate) struct SessionMark {
    /// Settings.
    pub(crate) settings: SettingsMark,
    /// Who the session was: a ROLLBACK brings the identity back under a new epoch.
    pub(crate) principal: Principal,
    /// What `is_superuser` said.
    pub(crate) is_superuser: String,
    /// Who it will be again after the transaction.
    pub(crate) identity_after: Option<(Principal, String)>,
}

#[derive(Debug)]
struct Savepoint {
    name: Identifier,
    staged: Option<Mark>,
    security: usize,
    session: SessionMark,
}

/// What an ended transaction leaves to be committed.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The lake's changes.
    pub(crate) staged: Option<StagedChanges>,
    /// What the session then has of temporary relations, if that changed.
    pub(crate) temporary: Option<Temporary>,
    /// Security's changes.
    pub(crate) security: Vec<SecurityChanges>,
    /// The first writing statement, for the snapshot's message.
    pub(crate) message: String,
    /// What the session goes back to if the commit fails.
    pub(crate) begin: Option<SessionMark>,
    /// Keep compaction away until the commit is written.
    pub(crate) intents: Vec<RewriteIntent>,
}

/// What a transaction has read and what it has locked, by the statements' own account.
#[derive(Debug, Default)]
pub(crate) struct Reliance(Mutex<Relied>);

#[derive(Debug, Default)]
struct Relied {
    read: BTreeSet<Oid>,
    locked: BTreeSet<Oid>,
}

impl Reliance {
    /// Notes what a statement reads, and what of it is locked.
    pub(crate) fn note(&self, read: &[Oid], locked: &[Oid]) {
        let mut relied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        relied.read.extend(read);
        relied.locked.extend(locked);
    }

    /// What a commit relies on: if it is serializable, all that was read.
    fn at_commit(&self, serializable: bool) -> BTreeSet<Oid> {
        let mut relied = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Relied { read, mut locked } = std::mem::take(&mut *relied);
        if serializable {
            locked.extend(read);
        }
        locked
    }
}

/// A session's transaction.
#[derive(Debug)]
pub(crate) struct Transaction {
    block: Block,
    started_at: DateTime<Utc>,
    begin: Option<SessionMark>,
    /// With the session's temporary relations, and what of it everybody has.
    snapshot: Option<(Arc<Snapshot>, Arc<Snapshot>)>,
    /// The past that the transaction reads: what `lis.as_of` said and what that was. Holding it keeps it from expiry.
    past: Option<(String, SnapshotId, Arc<Snapshot>)>,
    staged: Option<StagedChanges>,
    security: Vec<SecurityChanges>,
    savepoints: Vec<Savepoint>,
    message: String,
    has_run: bool,
    several: bool,
    /// The tables whose files the transaction replaces: compaction stays away from them meanwhile.
    intents: Vec<RewriteIntent>,
    reliance: Arc<Reliance>,
    /// The session's temporary relations as of the last commit: they outlive the transaction.
    temporary: Temporary,
    temporary_bytes_max: u64,
}

impl Transaction {
    /// No transaction.
    pub(crate) fn idle() -> Self {
        Self {
            block: Block::None,
            started_at: Utc::now(),
            begin: None,
            snapshot: None,
            past: None,
            staged: None,
            security: Vec::new(),
            savepoints: Vec::new(),
            message: String::new(),
            has_run: false,
            several: false,
            intents: Vec::new(),
            reliance: Arc::default(),
            temporary: Temporary::default(),
            temporary_bytes_max: u64::MAX,
        }
    }

    /// No transaction, of a session whose temporary tables can have so many bytes.
    pub(crate) fn idle_with(temporary_bytes_max: u64) -> Self {
        Self { temporary_bytes_max, ..Self::idle() }
    }

    /// A new transaction of the same session; gives the old one.
    fn renew(&mut self, block: Block, begin: Option<SessionMark>) -> Self {
        let temporary = std::mem::take(&mut self.temporary);
        let new = Self { block, begin, temporary, ..Self::idle_with(self.temporary_bytes_max) };
        std::mem::replace(self, new)
    }

    /// The schema of the session's temporary relations, made if there is none.
    pub(crate) fn temporary_schema(&mut self, data: &Path, number: SchemaId, owner: Oid) -> Arc<Schema> {
        self.temporary.schema(data, number, owner)
    }

    /// Notes what becomes of a new temporary table at the end of the transaction.
    pub(crate) fn note_on_commit(&mut self, table: RelationId, on_commit: OnCommit) {
        self.temporary.note_on_commit(table, on_commit);
    }

    /// The temporary relations as the transaction sees them.
    pub(crate) fn temporary_relations(&self) -> Vec<RelationId> {
        match &self.staged {
            Some(staged) => {
                let snapshot = staged.snapshot();
                snapshot
                    .relations()
                    .filter(|relation| snapshot.is_temporary(relation))
                    .map(lis_lake::table::Relation::id)
                    .collect()
            }
            None => self.temporary.relations(),
        }
    }

    /// What the session has of temporary relations after a commit.
    pub(crate) fn set_temporary(&mut self, temporary: Temporary) {
        self.temporary = temporary;
    }

    /// The kind of block.
    pub(crate) fn block(&self) -> Block {
        self.block
    }

    /// What ReadyForQuery says.
    pub(crate) fn status(&self) -> TransactionStatus {
        match self.block {
            Block::None | Block::Implicit => TransactionStatus::Idle,
            Block::Explicit => TransactionStatus::Transaction,
            Block::Failed => TransactionStatus::Error,
        }
    }

    /// `now()`.
    pub(crate) fn started_at(&self) -> DateTime<Utc> {
        self.started_at
    }

    /// Whether a statement that reads or writes has run, after which the isolation level can no longer be set.
    pub(crate) fn has_run(&self) -> bool {
        self.has_run
    }

    /// A message's statements begin. Outside a block this starts the implicit one.
    pub(crate) fn start_implicit(&mut self, mark: impl FnOnce() -> SessionMark) {
        if self.block == Block::None {
            self.renew(Block::Implicit, Some(mark()));
        }
    }

    /// The implicit block has more than one statement, which makes it a block for DECLARE.
    pub(crate) fn note_several(&mut self) {
        self.several = true;
    }

    /// Whether a cursor without HOLD would outlive its statement.
    pub(crate) fn is_block(&self) -> bool {
        match self.block {
            Block::None => false,
            Block::Implicit => self.several,
            Block::Explicit | Block::Failed => true,
        }
    }

    /// BEGIN. Whether there was a block already (a warning in PostgreSQL).
    pub(crate) fn begin(&mut self, mark: impl FnOnce() -> SessionMark) -> bool {
        match self.block {
            Block::Explicit | Block::Failed => true,
            Block::Implicit => {
                self.block = Block::Explicit;
                false
            }
            Block::None => {
                self.renew(Block::Explicit, Some(mark()));
                false
            }
        }
    }

    /// A statement failed.
    pub(crate) fn fail(&mut self) {
        if self.block == Block::Explicit {
            self.block = Block::Failed;
        }
    }

    /// Refuses everything but the end of a failed block.
    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.block == Block::Failed {
            return Err(ServerError::new(
                Condition::InFailedSqlTransaction,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    /// The snapshot that the transaction reads, pinned at the first call, with the staged changes over it; and the
    /// committed one that these lie over.
    pub(crate) async fn snapshot(&mut self, lake: &Lake) -> Result<(Arc<Snapshot>, Arc<Snapshot>)> {
        self.has_run = true;
        let (snapshot, committed) = match &self.snapshot {
            Some((snapshot, committed)) => (Arc::clone(snapshot), Arc::clone(committed)),
            None => {
                let committed = lake.snapshot().await?;
                (self.temporary.over(Arc::clone(&committed)), committed)
            }
        };
        if self.block != Block::None && self.snapshot.is_none() {
            self.snapshot = Some((Arc::clone(&snapshot), Arc::clone(&committed)));
        }
        let snapshot = self.staged.as_ref().map_or(snapshot, StagedChanges::snapshot);
        Ok((snapshot, committed))
    }

    /// The past that a value of `lis.as_of` meant earlier in the transaction.
    pub(crate) fn past(&self, as_of: &str) -> Option<SnapshotId> {
        self.past.as_ref().filter(|(value, ..)| value == as_of).map(|(_, id, _)| *id)
    }

    /// The transaction reads this past from now on.
    pub(crate) fn pin_past(&mut self, as_of: String, snapshot: &Arc<Snapshot>, id: SnapshotId) {
        self.has_run = true;
        if self.block != Block::None {
            self.past = Some((as_of, id, Arc::clone(snapshot)));
        }
    }

    /// Whether something is to be committed.
    pub(crate) fn has_changes(&self) -> bool {
        self.staged.as_ref().is_some_and(|staged| !staged.is_empty()) || !self.security.is_empty()
    }

    /// The staged changes, begun over the pinned snapshot if there are none yet. `text` is the statement, kept as the
    /// commit's message if it is the first.
    pub(crate) async fn staged(&mut self, lake: &Lake, text: &str) -> Result<&mut StagedChanges> {
        if self.staged.is_none() {
            let (base, _) = self.snapshot(lake).await?;
            let mut staged = lake.stage(base);
            staged.limit_temporary(self.temporary_bytes_max);
            // Savepoints from before the first change go back to nothing staged.
            for savepoint in &mut self.savepoints {
                savepoint.staged = Some(staged.savepoint());
            }
            self.staged = Some(staged);
        }
        self.describe(text);
        self.staged.as_mut().ok_or_else(|| ServerError::new(Condition::InternalError, "no staged changes"))
    }

    /// Keeps compaction away from a table until the transaction ends. Whether the statement may, and should, begin again
    /// over a newer snapshot: compaction may have been there since this one was taken.
    pub(crate) fn intend(&mut self, intent: RewriteIntent) -> bool {
        self.intents.push(intent);
        let alone = self.block == Block::Implicit && !self.several && self.staged.is_none();
        if alone {
            self.snapshot = None;
        }
        alone
    }

    /// Whether the transaction itself has made a relation.
    pub(crate) fn has_created(&self, relation: Oid) -> bool {
        self.staged.as_ref().is_some_and(|staged| staged.created().contains(&relation))
    }

    /// Adds changes of rights.
    pub(crate) fn add_security(&mut self, changes: SecurityChanges, text: &str) {
        self.describe(text);
        self.security.push(changes);
    }

    /// Lets the rows to come of tables that are secured by their administrations be sorted by them, where they have no
    /// order yet: a user's own rows then lie together, and those of others are not read.
    pub(crate) async fn sort_secured(
        &mut self,
        lake: &Lake,
        changes: &SecurityChanges,
        text: &str,
    ) -> Result<()> {
        for change in &changes.changes {
            let SecurityChange::SecureTable { relation, secured } = change else { continue };
            let staged = self.staged(lake, text).await?;
            let snapshot = staged.snapshot();
            let table = snapshot.relation_by_oid(*relation).and_then(Relation::as_table);
            if let Some(table) = table.filter(|table| table.sort_order.is_empty()) {
                staged.set_sort_order(table.id, vec![secured.column])?;
            }
        }
        Ok(())
    }

    fn describe(&mut self, text: &str) {
        if self.message.is_empty() {
            self.message = beginning(text);
        }
    }

    /// The rights with the transaction's own changes over them.
    pub(crate) fn overlay_rights(&self, rights: Arc<Rights>) -> Arc<Rights> {
        let changes: Vec<SecurityChange> =
            self.security.iter().flat_map(|changes| changes.changes.iter().cloned()).collect();
        if changes.is_empty() { rights } else { Arc::new(rights.with(&changes)) }
    }

    /// SAVEPOINT.
    pub(crate) fn savepoint(&mut self, name: Identifier, session: SessionMark) -> Result<()> {
        self.check_in_block("SAVEPOINT")?;
        if self.savepoints.len() >= SAVEPOINTS_MAX {
            return Err(ServerError::new(
                Condition::ProgramLimitExceeded,
                format!("a transaction can have at most {SAVEPOINTS_MAX} savepoints"),
            ));
        }
        let staged = self.staged.as_mut().map(StagedChanges::savepoint);
        self.savepoints.push(Savepoint { name, staged, security: self.security.len(), session });
        Ok(())
    }

    fn check_in_block(&self, statement: &str) -> Result<()> {
        if matches!(self.block, Block::Explicit | Block::Failed) {
            return Ok(());
        }
        Err(ServerError::new(
            Condition::NoActiveSqlTransaction,
            format!("{statement} can only be used in transaction blocks"),
        ))
    }

    fn savepoint_named(&self, name: &Identifier) -> Result<usize> {
        self.savepoints.iter().rposition(|savepoint| savepoint.name == *name).ok_or_else(|| {
            ServerError::new(
                Condition::InvalidSavepointSpecification,
                format!("savepoint \"{}\" does not exist", name.as_str()),
            )
        })
    }

    /// RELEASE.
    pub(crate) fn release(&mut self, name: &Identifier) -> Result<()> {
        self.check_in_block("RELEASE SAVEPOINT")?;
        let index = self.savepoint_named(name)?;
        if let (Some(staged), Some(mark)) = (&mut self.staged, self.savepoints[index].staged) {
            staged.release(mark);
        }
        self.savepoints.truncate(index);
        Ok(())
    }

    /// ROLLBACK TO: the savepoint stays. What the session must go back to.
    pub(crate) fn rollback_to(&mut self, name: &Identifier) -> Result<SessionMark> {
        self.check_in_block("ROLLBACK TO SAVEPOINT")?;
        let index = self.savepoint_named(name)?;
        let savepoint = &self.savepoints[index];
        if let (Some(staged), Some(mark)) = (&mut self.staged, savepoint.staged) {
            staged.rollback_to(mark);
        }
        self.security.truncate(savepoint.security);
        let session = savepoint.session.clone();
        self.savepoints.truncate(index + 1);
        self.block = Block::Explicit;
        Ok(session)
    }

    /// Where its statements note what they rely on.
    pub(crate) fn reliance(&self) -> &Arc<Reliance> {
        &self.reliance
    }

    /// Ends the transaction and gives what there is to commit.
    pub(crate) fn take_for_commit(&mut self, serializable: bool) -> Ended {
        let ended = self.renew(Block::None, None);
        let mut staged = ended.staged.filter(|staged| !staged.is_empty());
        if let Some(staged) = &mut staged {
            let base = staged.base();
            let relied_on: Vec<RelationId> = ended
                .reliance
                .at_commit(serializable)
                .into_iter()
                .filter_map(|oid| base.relation_by_oid(oid))
                .filter(|relation| !base.is_temporary(relation))
                .map(lis_lake::table::Relation::id)
                .collect();
            relied_on.into_iter().for_each(|id| staged.rely_on(id));
        }
        let temporary = staged.as_ref().map(|staged| self.temporary.clone().after(&staged.snapshot()));
        Ended {
            staged: staged.filter(StagedChanges::is_lasting),
            temporary,
            security: ended.security,
            message: ended.message,
            begin: ended.begin,
            intents: ended.intents,
        }
    }

    /// Ends the transaction without a trace. What the session must go back to.
    pub(crate) fn take_for_rollback(&mut self) -> Option<SessionMark> {
        self.renew(Block::None, None).begin
    }
}

/// What a statement does to what, as far as that is said in plain words at its beginning. The message of a snapshot stays
/// in the lake and is read by who sees no rows: nothing that can be a value of a row gets into it.
fn beginning(text: &str) -> String {
    let is_name = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.' | '"');
    let plain = text.trim_start().split(|character: char| !is_name(character) && !character.is_whitespace());
    let words = plain.take(1).flat_map(str::split_whitespace).take(4);
    words.take_while(|word| !word.starts_with(|first: char| first.is_numeric())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_no_values() {
        for (text, message) in [
            ("INSERT INTO s.h VALUES ('x')", "INSERT INTO s.h VALUES"),
            ("insert into s.h(id,kod)values(7001,'PNR')", "insert into s.h"),
            ("update s.h set kod='PNR'where id=7001", "update s.h set kod"),
            ("delete from h where id=7001", "delete from h where"),
            ("select 7001 into t", "select"),
            ("select'PNR'into t", "select"),
            ("/* PNR */ update t", ""),
            ("select $$PNR$$ into t", "select"),
            ("CREATE TABLE \"Å b\" (a int)", "CREATE TABLE \"Å b\""),
        ] {
            assert_eq!(beginning(text), message, "{text}");
        }
    }

    #[test]
    fn the_status_follows_the_block() {
        let mut transaction = Transaction::idle();
        assert_eq!(transaction.status(), TransactionStatus::Idle);
        transaction.fail();
        assert_eq!(transaction.block(), Block::None);
        transaction.block = Block::Explicit;
        assert_eq!(transaction.status(), TransactionStatus::Transaction);
        transaction.fail();
        assert_eq!(transaction.status(), TransactionStatus::Error);
        assert!(transaction.check_usable().is_err());
        assert!(transaction.take_for_rollback().is_none());
        assert_eq!(transaction.status(), TransactionStatus::Idle);
    }
}
