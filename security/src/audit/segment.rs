//! Segment files: how a record is a line, how lines are chained, how they are written and read back.
//!
//! A line is `<hash> <time> <json>`; the hash is SHA-256 over the previous line's hash, the time and the JSON. Names of
//! segments sort by the time that they were opened.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::{AuditEvent, Entry, SYNC_DELAY};
use crate::error::{SecurityError, SecurityErrorKind};

/// A segment is closed and another opened when it is this large.
const SEGMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Records taken into one write.
const GROUP_RECORDS_MAX: usize = 1024;
const EXTENSION: &str = "audit";
/// What the first line of a segment is chained to.
const CHAIN_START: &str = "";

/// A record as it is read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: AuditEvent,
}

/// What [`verify`] found in order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Verified {
    /// Segment files.
    pub segments: usize,
    /// Records, those that open segments included.
    pub records: usize,
}

/// A record's time and JSON, before it is chained.
pub(super) fn line(event: &AuditEvent) -> Result<String, serde_json::Error> {
    let at = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
    Ok(format!("{at} {}", serde_json::to_string(event)?))
}

fn chained(previous: &str, line: &str) -> String {
    let digest = Sha256::new().chain_update(previous).chain_update(line).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The writer thread's state.
#[derive(Debug)]
pub(super) struct Writer {
    directory: PathBuf,
    open: Option<Open>,
    opened: u32,
    syncer: Syncer,
}

/// Syncs behind the writer's back, on a thread of its own: a sync takes as long as several hundred records.
#[derive(Debug)]
struct Syncer {
    wanted: Arc<AtomicBool>,
    files: std::sync::mpsc::Sender<File>,
}

impl Syncer {
    fn start() -> io::Result<Self> {
        let wanted = Arc::new(AtomicBool::new(false));
        let (files, queue) = std::sync::mpsc::channel::<File>();
        let asked = Arc::clone(&wanted);
        std::thread::Builder::new().name("audit-sync".to_owned()).spawn(move || {
            while let Ok(file) = queue.recv() {
                // Records that come while it waits are synced with it; when the writer ends, at once.
                let next = queue.recv_timeout(SYNC_DELAY);
                asked.store(false, Ordering::Release);
                for file in std::iter::once(file).chain(next) {
                    if let Err(error) = file.sync_data() {
                        tracing::error!(%error, "the audit cannot be synced to the disk");
                    }
                }
            }
        })?;
        Ok(Self { wanted, files })
    }

    fn ask(&self, file: &File) -> io::Result<()> {
        if !self.wanted.swap(true, Ordering::AcqRel) {
            // The thread lives as long as this; if it does not, it has said why.
            drop(self.files.send(file.try_clone()?));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    bytes: u64,
    hash: String,
}

impl Writer {
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        make_directory(directory)?;
        Ok(Self { directory: directory.to_owned(), open: None, opened: 0, syncer: Syncer::start()? })
    }

    /// Writes until every sender is gone.
    pub(super) fn run(mut self, mut entries: mpsc::Receiver<Entry>) {
        let mut group = Vec::new();
        while entries.blocking_recv_many(&mut group, GROUP_RECORDS_MAX) > 0 {
            let outcome = self.write(&group).map_err(|error| error.to_string());
            if let Err(error) = &outcome {
                tracing::error!(%error, "the audit cannot be written; statements are refused until it can");
                // A half-written line is not built upon: the next record opens another segment.
                self.open = None;
            }
            for entry in group.drain(..) {
                if let Some(written) = entry.written {
                    // Nobody waits where a connection was lost meanwhile.
                    drop(written.send(outcome.clone()));
                }
            }
        }
    }

    fn write(&mut self, group: &[Entry]) -> io::Result<()> {
        if self.open.as_ref().is_none_or(|open| open.bytes >= SEGMENT_BYTES_MAX) {
            self.open = Some(self.next_segment()?);
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.append(group.iter().map(|entry| entry.line.as_str()))?;
        self.syncer.ask(&open.file)
    }

    fn next_segment(&mut self) -> io::Result<Open> {
        let previous = match self.open.take() {
            Some(open) => {
                open.file.sync_data()?;
                Some((name_of(&open.path), open.hash))
            }
            None => newest(&self.directory)?,
        };
        let (previous_segment, previous_hash) = previous.unzip();
        self.opened += 1;
        let name = format!(
            "{:017}-{}-{}.{EXTENSION}",
            Utc::now().timestamp_micros(),
            std::process::id(),
            self.opened
        );
        let path = self.directory.join(name);
        let mut open = Open { file: create(&path)?, path, bytes: 0, hash: CHAIN_START.to_owned() };
        let first = line(&AuditEvent::SegmentOpened { previous_segment, previous_hash })?;
        open.append(std::iter::once(first.as_str()))?;
        Ok(open)
    }
}

impl Open {
    fn append<'a>(&mut self, lines: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let mut buffer = String::new();
        let mut hash = self.hash.clone();
        for line in lines {
            hash = chained(&hash, line);
            buffer.push_str(&hash);
            buffer.push(' ');
            buffer.push_str(line);
            buffer.push('\n');
        }
        self.file.write_all(buffer.as_bytes())?;
        self.bytes += buffer.len() as u64;
        self.hash = hash;
        Ok(())
    }
}

/// Segments in order.
pub(super) fn segments(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The newest segment and the hash of its last whole record.
fn newest(directory: &Path) -> io::Result<Option<(String, String)>> {
    let Some(path) = segments(directory)?.pop() else { return Ok(None) };
    let text = fs::read_to_string(&path)?;
    let hash =
        whole_lines(&text).last().and_then(|line| line.split_once(' ')).map(|(hash, _)| hash.to_owned());
    Ok(Some((name_of(&path), hash.unwrap_or_default())))
}

/// Lines that were written to their end; what a kill tore off is not one.
fn whole_lines(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'))
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Reads the newest records, oldest first.
pub fn read(directory: &Path, records_max: usize) -> Result<Vec<Record>, SecurityError> {
    let mut newest_first: Vec<Record> = Vec::new();
    for path in segments(directory).map_err(unreadable)?.iter().rev() {
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let mut within =
            whole_lines(&text).filter_map(parse).map(|(_, _, record)| record).collect::<Vec<_>>();
        within.reverse();
        newest_first.extend(within);
        if newest_first.len() >= records_max {
            break;
        }
    }
    newest_first.truncate(records_max);
    newest_first.reverse();
    Ok(newest_first)
}

/// Checks every chain, and that every segment still holds what its successor was chained to. An audit that was changed,
/// or cut before its newest segment, is an error that names the place.
pub fn verify(directory: &Path) -> Result<Verified, SecurityError> {
    let mut verified = Verified::default();
    let mut hashes: std::collections::BTreeMap<String, Vec<String>> = std::collections::BTreeMap::new();
    let paths = segments(directory).map_err(unreadable)?;
    for path in &paths {
        let name = name_of(path);
        let text = fs::read_to_string(path).map_err(unreadable)?;
        let mut previous = CHAIN_START.to_owned();
        for (number, line) in whole_lines(&text).enumerate() {
            let place = || format!("{name}, line {}", number + 1);
            let (hash, chained_part, record) =
                parse(line).ok_or_else(|| damaged(format!("{}: not a record", place())))?;
            if chained(&previous, chained_part) != hash {
                return Err(damaged(format!("{}: the record was changed", place())));
            }
            match (&record.event, number) {
                (AuditEvent::SegmentOpened { previous_segment: Some(segment), previous_hash }, 0) => {
                    let still_there = hashes.get(segment).is_some_and(|hashes| {
                        previous_hash.as_ref().is_some_and(|hash| hash.is_empty() || hashes.contains(hash))
                    });
                    if !still_there {
                        return Err(damaged(format!("{segment} was removed or cut after it was written")));
                    }
                }
                (AuditEvent::SegmentOpened { .. }, 0) => {}
                (_, 0) => return Err(damaged(format!("{}: the beginning is missing", place()))),
                _ => {}
            }
            hash.clone_into(&mut previous);
            hashes.entry(name.clone()).or_default().push(previous.clone());
            verified.records += 1;
        }
        verified.segments += 1;
    }
    Ok(verified)
}

/// A line's hash, what the hash is over, and the record.
fn parse(line: &str) -> Option<(&str, &str, Record)> {
    let (hash, rest) = line.split_once(' ')?;
    let (at, json) = rest.split_once(' ')?;
    let at = DateTime::parse_from_rfc3339(at).ok()?.with_timezone(&Utc);
    Some((hash, rest, Record { at, event: serde_json::from_str(json).ok()? }))
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create_new(true).open(path)
}

#[cfg(unix)]
fn make_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_directory(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

fn unreadable(error: io::Error) -> SecurityError {
    SecurityError::new(SecurityErrorKind::System, format!("could not read the audit: {error}"))
}

fn damaged(place: String) -> SecurityError {
    SecurityError::new(SecurityErrorKind::System, format!("the audit is damaged: {place}"))
}
