//! A load of one source, told in one piece: find the files, sort them into batches, and take each through the pipeline.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::NaiveDate;
use lis_lake::{
    error::LakeError,
    hooks::{TableChecks, TableSecurity},
    ids::BatchId,
    lake::Lake,
    snapshot::Snapshot,
};

use crate::{
    config::LoadSpec,
    error::LoadError,
    ledger::{self, Entry},
    publish::{Correction, Published, publish},
    read::{checksum, delivery_checksum},
    report::{BatchOutcome, BatchReport, LoadEvent, LoadReport, Progress},
    source::Source,
    sources::directory::DirectorySource,
    stage::{Deliveries, Delivery, Wanted, plan},
    validate::{Environment, Judgement, Verdict, existing::Existing, validate},
};

/// Locks of sources, within the data directory.
const LOCKS_DIRECTORY: &str = "locks";

/// How long a load may read what it builds on. The lease ends earlier with the load, or with its process.
const LEASE: Duration = Duration::from_secs(24 * 3600);
/// How often a batch is judged when others change what it builds on.
const TRIES_MAX: u32 = 5;

/// What to load.
#[derive(Debug, Clone)]
pub struct LoadRequest {
    /// Where to.
    pub lake: Arc<Lake>,
    /// The source.
    pub spec: Arc<LoadSpec>,
    /// These files only, wherever they lie; otherwise those in the source's directory.
    pub files: Vec<PathBuf>,
    /// This business date only, and the date of files whose name has none.
    pub date: Option<NaiveDate>,
    /// Read and judge everything, publish nothing, enter nothing.
    pub dry_run: bool,
    /// A delivery with the key of a published batch and other files takes its place.
    pub correction: bool,
    /// The role that loads.
    pub author: String,
    /// Secures tables with an administration column.
    pub security: Arc<dyn TableSecurity>,
    /// Evaluates the tables' CHECK constraints.
    pub checks: Arc<dyn TableChecks>,
    /// Hears how it goes.
    pub progress: Arc<dyn Progress>,
}

/// Loads a source. A batch that fails or is refused is in the report; an error is what stopped the load.
pub async fn load(request: LoadRequest) -> Result<LoadReport, LoadError> {
    let spec = &request.spec;
    let _lock = if request.dry_run { None } else { Some(lock(request.lake.directory(), &spec.name)?) };
    let directory = request.lake.directory().join(spec.origin_path());
    let source: Arc<dyn Source> = Arc::new(if request.files.is_empty() {
        DirectorySource::Directory(directory.clone())
    } else {
        DirectorySource::Files(request.files.clone())
    });
    let files = source.discover().await?;
    let wanted = Wanted { date: request.date, named: !request.files.is_empty() };
    let Deliveries { deliveries, unclaimed, dates } = plan(spec, files, wanted)?;
    if deliveries.is_empty() {
        return Err(LoadError::NoFiles {
            source_name: spec.name.clone(),
            directory,
            date: request.date,
            dates: dates.into_iter().collect(),
        });
    }
    let metadata = request.lake.metadata();
    if !request.dry_run {
        ledger::enter_source(&**metadata, spec).await?;
    }
    let environment = Environment {
        lake: Arc::clone(&request.lake),
        existing: Existing::new(Arc::clone(&request.lake)),
        security: Arc::clone(&request.security),
        checks: Arc::clone(&request.checks),
        progress: Arc::clone(&request.progress),
    };
    let mut report = LoadReport { source: spec.name.clone(), batches: Vec::new(), unclaimed };
    for delivery in deliveries {
        let batch = load_batch(&request, &environment, &source, delivery).await?;
        request.progress.event(&LoadEvent::BatchEnded { report: &batch });
        report.batches.push(batch);
    }
    Ok(report)
}

/// One load of a source at a time: the operating system forgets the lock of a process that is killed.
pub(crate) fn lock(data_directory: &Path, source: &str) -> Result<File, LoadError> {
    let directory = data_directory.join(LOCKS_DIRECTORY);
    let path = directory.join(format!("{source}.lock"));
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |source| LoadError::Io { action, path, source }
    };
    fs::create_dir_all(&directory).map_err(failed("make", &directory))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LoadError::Busy { source_name: source.to_owned() }),
        Err(TryLockError::Error(source)) => Err(LoadError::Io { action: "lock", path, source }),
    }
}

async fn load_batch(
    request: &LoadRequest,
    environment: &Environment,
    source: &Arc<dyn Source>,
    delivery: Delivery,
) -> Result<BatchReport, LoadError> {
    let began = Instant::now();
    let metadata = request.lake.metadata();
    let key = delivery.key.clone();
    let mut report = BatchReport {
        key: key.clone(),
        number: None,
        outcome: BatchOutcome::WouldPublish,
        tables: Vec::new(),
        rejects: Vec::new(),
        warnings: Vec::new(),
        corrects: None,
        elapsed: began.elapsed(),
    };
    if let Some((batch, published)) = ledger::published(&**metadata, &key).await? {
        let mut sums = std::collections::BTreeMap::new();
        for file in &delivery.files {
            sums.insert(file.name.clone(), checksum(source, file).await?);
        }
        let outcome = if delivery_checksum(&sums) == published {
            Some(BatchOutcome::AlreadyLoaded { batch })
        } else {
            (!request.correction).then_some(BatchOutcome::Refused { batch })
        };
        if let Some(outcome) = outcome {
            report.outcome = outcome;
            report.elapsed = began.elapsed();
            return Ok(report);
        }
        report.corrects = Some(batch);
    }
    if !request.dry_run {
        report.number = Some(ledger::begin(&**metadata, &key, &request.author).await?);
    }
    request.progress.event(&LoadEvent::BatchBegan {
        key: &key,
        number: report.number,
        files: delivery.files.len(),
        bytes: delivery.bytes(),
    });
    let number = report.number;
    let mut tries = 1;
    let result = loop {
        match run_batch(request, environment, source, delivery.clone(), &mut report).await {
            // What it read and would replace was changed meanwhile, by compaction for instance.
            Err(LoadError::Lake(LakeError::Conflict { object })) if tries < TRIES_MAX => {
                tries += 1;
                tracing::info!(
                    object,
                    "the batch is judged once more: others have changed what it builds on"
                );
            }
            result => break result,
        }
    };
    if let (Err(error), Some(number)) = (&result, number) {
        // So that nobody wonders what became of it. If the ledger cannot be written either, the next load closes it.
        let entry = entry(number, Judgement::default());
        if let Err(second) = ledger::fail(&**metadata, &entry, &error.to_string()).await {
            tracing::warn!(batch = number.get(), error = %second, "the batch could not be closed in the ledger");
        }
    }
    result?;
    report.elapsed = began.elapsed();
    Ok(report)
}

/// Takes a batch through the pipeline. Maintenance of another process leaves alone what is read meanwhile.
async fn run_batch(
    request: &LoadRequest,
    environment: &Environment,
    source: &Arc<dyn Source>,
    delivery: Delivery,
    report: &mut BatchReport,
) -> Result<(), LoadError> {
    let (newest, lease) = request.lake.lease_newest(&format!("load {}", delivery.key), LEASE).await?;
    let result = run_batch_over(newest, request, environment, source, delivery, report).await;
    lease.release().await?;
    result
}

async fn run_batch_over(
    newest: Arc<Snapshot>,
    request: &LoadRequest,
    environment: &Environment,
    source: &Arc<dyn Source>,
    delivery: Delivery,
    report: &mut BatchReport,
) -> Result<(), LoadError> {
    let correction = match report.corrects {
        Some(batch) => Some(Correction::of(request, environment, batch).await?),
        None => None,
    };
    let changes = match &correction {
        Some(correction) => correction.stage().await?,
        None => request.lake.stage(newest),
    };
    let batch = delivery.stage(report.number, &request.spec).cleanse(Arc::clone(source));
    match validate(batch, changes, environment).await? {
        Verdict::Bad(judgement, reason) => {
            report.tables = judgement.reports(false);
            report.rejects = judgement.rejects.counts();
            report.warnings.clone_from(&judgement.warnings);
            if let Some(number) = report.number {
                ledger::fail(&**request.lake.metadata(), &entry(number, *judgement), &reason).await?;
            }
            report.outcome = BatchOutcome::Failed { reason };
        }
        Verdict::Good(batch) => {
            let judgement = &batch.state.outcome;
            report.tables = judgement.reports(true);
            report.rejects = judgement.rejects.counts();
            report.warnings.clone_from(&judgement.warnings);
            // In a dry run the files go with the batch that is dropped here.
            if let Some(number) = report.number {
                let Published { snapshot } =
                    publish(*batch, number, &request.lake, &request.author, correction).await?;
                report.outcome = BatchOutcome::Published { snapshot: snapshot.id() };
            }
        }
    }
    Ok(())
}

fn entry(batch: BatchId, judgement: Judgement) -> Entry {
    Entry {
        batch,
        tables: judgement.reports(false),
        checksum: delivery_checksum(&judgement.files),
        files: judgement.files,
        rejects: judgement.rejects,
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
