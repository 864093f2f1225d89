//! The last complete night: the state that a report reads while the next night's loads come in one after another.
//!
//! A night is what the sources deliver for one business date. It is over
//!
//! - when every source (and sequence) that delivered for the business date before has delivered for this one, or
//! - when nothing has been published for [`SETTLES_SECONDS`] and no load that began by then is still running: a source
//!   that is missing, or that delivers once a month, does not keep yesterday's figures on the screens all day.
//!
//! Until then reports stay with the night before. What comes after a night is over is a night of its own: a late source,
//! a correction. An undo outside a night counts at once, since somebody wants the wrong figures gone. Changes by DML
//! are no night; they are seen with the next. It never goes back: everything is decided by what the ledger says
//! happened before, in the order of snapshots.

use std::collections::{BTreeMap, BTreeSet};

use lis_lake::{
    error::LakeError,
    ids::SnapshotId,
    metadata::{Metadata, MetadataRead, MetadataRow},
};

use crate::ledger::now_us;

/// How long after the last publish an incomplete night is over.
const SETTLES_SECONDS: i64 = 3600;

/// Something that the ledger says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Event {
    snapshot: SnapshotId,
    at_us: i64,
    /// The delivery that was published; `None` is an undo.
    published: Option<Delivery>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Delivery {
    business_date: String,
    source: String,
    sequence: i64,
}

/// The snapshot of the last complete night; `None` if there has been none.
pub async fn last_complete_night(metadata: &dyn Metadata) -> Result<Option<SnapshotId>, LakeError> {
    last_complete_night_of(&mut *metadata.read().await?).await
}

/// [`last_complete_night`] within a transaction.
pub(crate) async fn last_complete_night_of(
    read: &mut dyn MetadataRead,
) -> Result<Option<SnapshotId>, LakeError> {
    let published = read
        .query(
            "SELECT snapshot_id, ended_us, business_date, source, sequence FROM lis_batch \
             WHERE state = 'published' ORDER BY snapshot_id",
            &[],
        )
        .await?;
    let undone = read
        .query(
            "SELECT undone_snapshot_id, undone_us FROM lis_batch \
             WHERE undone_snapshot_id IS NOT NULL AND corrected_by IS NULL",
            &[],
        )
        .await?;
    let running = read.query("SELECT began_us FROM lis_batch WHERE state = 'running'", &[]).await?;
    let running = running.iter().map(|row| row.integer(0)).collect::<Result<Vec<_>, _>>()?;
    let mut events = published.iter().map(published_event).collect::<Result<Vec<_>, _>>()?;
    for row in &undone {
        events.push(Event {
            snapshot: SnapshotId::new(row.integer(0)?),
            at_us: row.integer(1)?,
            published: None,
        });
    }
    events.sort_by_key(|event| event.snapshot);
    Ok(last_of(&events, &running, now_us()))
}

fn published_event(row: &MetadataRow) -> Result<Event, LakeError> {
    Ok(Event {
        snapshot: SnapshotId::new(row.integer(0)?),
        at_us: row.integer(1)?,
        published: Some(Delivery {
            business_date: row.text(2)?.to_owned(),
            source: row.text(3)?.to_owned(),
            sequence: row.integer(4)?,
        }),
    })
}

/// The last snapshot of the last night that is over. `running` are the beginnings of loads that are not done.
fn last_of(events: &[Event], running: &[i64], now: i64) -> Option<SnapshotId> {
    let settles = SETTLES_SECONDS * 1_000_000;
    let mut complete = None;
    let mut open: Option<&Event> = None;
    let mut delivered: BTreeMap<&str, BTreeSet<(&str, i64)>> = BTreeMap::new();
    for event in events {
        if let Some(last) = open.take_if(|last| event.at_us - last.at_us > settles) {
            complete = Some(last.snapshot);
        }
        let is_last = match &event.published {
            None => open.is_none(),
            Some(Delivery { business_date, source, sequence }) => {
                delivered.entry(business_date).or_default().insert((source, *sequence));
                let tonight = delivered.get(business_date.as_str());
                let before = delivered.range(..business_date.as_str()).next_back();
                before.zip(tonight).is_none_or(|((_, before), tonight)| before.is_subset(tonight))
            }
        };
        if is_last {
            (complete, open) = (Some(event.snapshot), None);
        } else {
            open = Some(event);
        }
    }
    let is_over = |last: &Event| {
        now - last.at_us > settles && !running.iter().any(|began| *began <= last.at_us + settles)
    };
    open.filter(|last| is_over(last)).map(|last| last.snapshot).or(complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn published(snapshot: i64, minute: i64, date: &str, source: &str) -> Event {
        Event {
            snapshot: SnapshotId::new(snapshot),
            at_us: minute * MINUTE,
            published: Some(Delivery {
                business_date: date.to_owned(),
                source: source.to_owned(),
                sequence: 1,
            }),
        }
    }

    fn undone(snapshot: i64, minute: i64) -> Event {
        Event { snapshot: SnapshotId::new(snapshot), at_us: minute * MINUTE, published: None }
    }

    fn last(events: &[Event], running: &[i64], minute: i64) -> Option<i64> {
        last_of(events, running, minute * MINUTE).map(SnapshotId::get)
    }

    #[test]
    fn a_night_is_complete_when_all_who_delivered_before_have_delivered() {
        assert_eq!(last(&[], &[], 0), None);
        let mut events = vec![published(1, 0, "2026-11-01", "a"), published(2, 1, "2026-11-01", "b")];
        // The first night has nothing to be measured by.
        assert_eq!(last(&events, &[], 2), Some(2));
        events.push(published(5, 1440, "2026-11-02", "b"));
        assert_eq!(last(&events, &[], 1441), Some(2));
        events.push(published(7, 1450, "2026-11-02", "a"));
        assert_eq!(last(&events, &[], 1451), Some(7));
        // A source that is new delivers after the others.
        events.push(published(8, 1452, "2026-11-02", "c"));
        assert_eq!(last(&events, &[], 1453), Some(8));
        // And is waited for the next night.
        events.extend([published(9, 2880, "2026-11-03", "a"), published(10, 2881, "2026-11-03", "b")]);
        assert_eq!(last(&events, &[], 2890), Some(8));
    }

    #[test]
    fn a_missing_source_is_waited_for_an_hour_and_a_running_one_longer() {
        let events = [
            published(1, 0, "2026-11-01", "a"),
            published(2, 1, "2026-11-01", "b"),
            published(3, 1440, "2026-11-02", "a"),
        ];
        assert_eq!(last(&events, &[], 1500), Some(2));
        assert_eq!(last(&events, &[], 1501), Some(3));
        assert_eq!(last(&events, &[1490 * MINUTE], 1600), Some(2));
        assert_eq!(last(&events, &[1501 * MINUTE], 1600), Some(3));
        // When it comes after all, the night does not go back.
        let late = published(4, 1700, "2026-11-02", "b");
        let events = [&events[..], &[late]].concat();
        assert_eq!(last(&events, &[], 1701), Some(4));
    }

    #[test]
    fn an_undo_counts_at_once_but_not_in_the_middle_of_a_night() {
        let first = [published(1, 0, "2026-11-01", "a"), published(2, 1, "2026-11-01", "b")];
        assert_eq!(last(&[&first[..], &[undone(3, 600)]].concat(), &[], 601), Some(3));
        let second = published(4, 1440, "2026-11-02", "a");
        let events = [&first[..], &[second, undone(5, 1441)]].concat();
        assert_eq!(last(&events, &[], 1442), Some(2));
        assert_eq!(last(&events, &[], 1502), Some(5));
    }
}
