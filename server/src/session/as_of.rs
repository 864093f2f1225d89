//! `lis.as_of`: the point in time that a session reads. Empty is now. Otherwise a snapshot's number or name, a time (in
//! any form that `timestamptz` reads, so also `yesterday`), or `night`, the last complete one.
//!
//! What the setting means is found out when it is SET, so that a mistake is told at once, and again for each
//! transaction: `night` moves on when a night is over, never within a transaction. A time that is still to come is
//! refused, since its state would change under the reader.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use lis_lake::{
    error::LakeError, ids::SnapshotId, snapshot::Snapshot, time_travel::PointInTime, types::PgType,
};

use super::Session;
use crate::error::{Condition, Result, ServerError};

/// The setting's name.
pub(crate) const AS_OF: &str = "lis.as_of";
/// The value that means the last complete night.
pub(crate) const NIGHT: &str = "night";

impl Session {
    /// The snapshot that a statement reads, the transaction's or the one that `lis.as_of` says, and the one that its
    /// definitions are of.
    pub(super) async fn statement_snapshot(&mut self) -> Result<(Arc<Snapshot>, Arc<Snapshot>)> {
        let server = Arc::clone(&self.server);
        let as_of = self.settings.get(AS_OF);
        if as_of.is_empty() {
            return self.transaction.snapshot(&server.lake).await;
        }
        let id = match self.transaction.past(&as_of) {
            Some(id) => id,
            None => self.resolve_point_in_time(&as_of).await?,
        };
        // Rights of now, also to what exists no more.
        let with_dropped = self.rights().await?.is_superuser(self.principal.current_oid());
        let definitions = server.lake.snapshot().await?;
        let snapshot = server.lake.as_of(id, with_dropped).await?;
        self.transaction.pin_past(as_of, &snapshot, id);
        Ok((snapshot, definitions))
    }

    /// The snapshot that a value of `lis.as_of` means. 22023 for one that means nothing.
    pub(crate) async fn resolve_point_in_time(&mut self, value: &str) -> Result<SnapshotId> {
        let lake = Arc::clone(&self.server.lake);
        if value.eq_ignore_ascii_case(NIGHT) {
            let night = lis_loaders::last_complete_night(&**lake.metadata()).await?;
            return night.ok_or_else(|| {
                ServerError::new(
                    Condition::ObjectNotInPrerequisiteState,
                    "there has been no complete night yet",
                )
                .with_hint("A night is complete when its sources have been loaded: see lis.batches.")
            });
        }
        if value.bytes().all(|byte| byte.is_ascii_digit()) {
            let number = value.parse().map_err(|_| invalid(value))?;
            return Ok(lake.resolve(&PointInTime::Snapshot(SnapshotId::new(number))).await?);
        }
        match lake.resolve(&PointInTime::Name(value.to_owned())).await {
            Err(LakeError::NoPointInTime { .. }) => {}
            found => return Ok(found?),
        }
        let time = self.parse_time(value).await?;
        Ok(lake.resolve(&PointInTime::Time(time)).await?)
    }

    /// A text as a time that has been, in microseconds since 1970 UTC.
    async fn parse_time(&mut self, value: &str) -> Result<i64> {
        let server = Arc::clone(&self.server);
        let snapshot = server.lake.snapshot().await?;
        let rights = self.rights().await?;
        let request = self.request_over(snapshot, rights, Vec::new());
        let parsed = request.parse_value(&server, value, PgType::Timestamptz).map_err(|_| invalid(value))?;
        let ScalarValue::TimestampMicrosecond(Some(time), _) = parsed else { return Err(invalid(value)) };
        if time > chrono::Utc::now().timestamp_micros() {
            return Err(ServerError::new(
                Condition::InvalidParameterValue,
                format!("invalid value for parameter \"{AS_OF}\": \"{value}\" is still to come"),
            ));
        }
        Ok(time)
    }

    /// Refuses to write while the session reads the past.
    pub(super) fn check_present(&self, statement: &str) -> Result<()> {
        if self.settings.get(AS_OF).is_empty() {
            return Ok(());
        }
        Err(ServerError::new(
            Condition::ReadOnlySqlTransaction,
            format!("cannot execute {statement} while \"{AS_OF}\" is set"),
        )
        .with_hint("The past cannot be changed. SET lis.as_of = '' goes back to the present."))
    }
}

fn invalid(value: &str) -> ServerError {
    ServerError::new(
        Condition::InvalidParameterValue,
        format!("invalid value for parameter \"{AS_OF}\": \"{value}\""),
    )
    .with_hint(
        "Give a snapshot's number or name, a time, 'night' for the last complete night, or '' for now.",
    )
}
