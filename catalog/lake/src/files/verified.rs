//! Reads data files and believes nothing: a file must be there, have its length, and every block that is read must have
//! the checksum with which it was written. What fails says which file, so that it can be taken from a backup.
//!
//! It is an object store over the files of one scan, for DataFusion's Parquet reader. What is not a file of the scan is
//! refused: a scan has no business elsewhere.

use std::{
    collections::HashMap,
    fmt,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    ops::Range,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use datafusion::{
    datasource::{
        listing::PartitionedFile,
        physical_plan::{ParquetFileReaderFactory, parquet::CachedParquetFileReaderFactory},
    },
    error::Result as EngineResult,
    execution::cache::cache_manager::FileMetadataCache,
    physical_plan::metrics::ExecutionPlanMetricsSet,
};
use futures::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use object_store::{
    Attributes, CopyOptions, Error as StoreError, GetOptions, GetRange, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result as StoreResult, path::Path as StorePath,
};
use parquet::{
    arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
    errors::{ParquetError, Result as ParquetResult},
    file::metadata::ParquetMetaData,
};

use crate::{
    data_file::DataFile,
    error::LakeError,
    files::blocks::BlockChecksums,
    lake::{Lake, blocking},
};

/// Gives DataFusion readers of the files of one scan; footers are kept in the runtime's cache.
#[derive(Debug)]
pub(crate) struct VerifiedReaders {
    files: Arc<VerifiedFiles>,
    cached: CachedParquetFileReaderFactory,
}

impl VerifiedReaders {
    /// Readers of these files.
    pub(crate) fn new(files: VerifiedFiles, footers: Arc<FileMetadataCache>) -> Self {
        let files = Arc::new(files);
        let store = Arc::clone(&files) as Arc<dyn ObjectStore>;
        Self { files, cached: CachedParquetFileReaderFactory::new(store, footers) }
    }
}

impl ParquetFileReaderFactory for VerifiedReaders {
    fn create_reader(
        &self,
        partition_index: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> EngineResult<Box<dyn AsyncFileReader + Send>> {
        let location = file.object_meta.location.clone();
        let inner = self.cached.create_reader(partition_index, file, metadata_size_hint, metrics)?;
        Ok(Box::new(VerifiedReader { files: Arc::clone(&self.files), location, inner }))
    }
}

/// Reads one file, and says what is wrong with it also where the library would keep only the text of an error.
struct VerifiedReader {
    files: Arc<VerifiedFiles>,
    location: StorePath,
    inner: Box<dyn AsyncFileReader + Send>,
}

impl AsyncFileReader for VerifiedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.inner.get_bytes(range)
    }

    fn get_byte_ranges(&mut self, ranges: Vec<Range<u64>>) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.inner.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let read = self.inner.get_metadata(options).await;
            read.map_err(|error| match self.files.take_failure(&self.location) {
                Some(failure) => ParquetError::External(Box::new(failure)),
                None => error,
            })
        }
        .boxed()
    }
}

/// The files of one scan.
#[derive(Debug)]
pub(crate) struct VerifiedFiles {
    lake: Arc<Lake>,
    files: HashMap<StorePath, VerifiedFile>,
}

#[derive(Debug)]
struct VerifiedFile {
    path: PathBuf,
    file: Arc<DataFile>,
    /// What the last read met, for whoever has lost the error on the way.
    failure: Mutex<Option<LakeError>>,
}

impl VerifiedFiles {
    /// The files, each with its place in the store; `directory` is their table's.
    pub(crate) fn new<'a>(
        lake: Arc<Lake>,
        directory: &Path,
        files: impl IntoIterator<Item = (StorePath, &'a Arc<DataFile>)>,
    ) -> Self {
        let verified = |file: &Arc<DataFile>| VerifiedFile {
            path: directory.join(&file.path),
            file: Arc::clone(file),
            failure: Mutex::new(None),
        };
        Self { lake, files: files.into_iter().map(|(place, file)| (place, verified(file))).collect() }
    }

    fn file(&self, location: &StorePath) -> StoreResult<&VerifiedFile> {
        self.files.get(location).ok_or_else(|| StoreError::NotFound {
            path: location.to_string(),
            source: "not a file of this scan".into(),
        })
    }

    /// The checksums of a file. Those of all files of the scan are looked up when the first is read.
    async fn checksums(&self, file: &DataFile) -> Result<Option<Arc<BlockChecksums>>, LakeError> {
        if let Some(known) = file.blocks.get() {
            return Ok(known.clone());
        }
        let unknown: Vec<_> =
            self.files.values().map(|file| &file.file).filter(|file| file.blocks.get().is_none()).collect();
        self.lake.load_block_checksums(&unknown).await?;
        Ok(file.blocks.get().cloned().flatten())
    }

    fn take_failure(&self, location: &StorePath) -> Option<LakeError> {
        self.files.get(location)?.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    async fn read(&self, location: &StorePath, ranges: Vec<Range<u64>>) -> StoreResult<Vec<Bytes>> {
        let VerifiedFile { path, file, failure } = self.file(location)?;
        let checksums = self.checksums(file).await.map_err(store_error)?;
        let (path, bytes) = (path.clone(), file.file_size_bytes);
        blocking(move || {
            let mut source = Source::open(&path, bytes, checksums)?;
            ranges.into_iter().map(|range| source.read(range)).collect()
        })
        .await
        .map_err(|error| {
            *failure.lock().unwrap_or_else(PoisonError::into_inner) = error.of_a_file_again();
            store_error(error)
        })
    }
}

/// An open file of the length that it must have.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    path: &'a Path,
    file: File,
    bytes: u64,
    checksums: Option<Arc<BlockChecksums>>,
}

impl<'a> Source<'a> {
    /// Opens a file that must be `bytes` long. Without checksums what is read is only read.
    pub(crate) fn open(
        path: &'a Path,
        bytes: u64,
        checksums: Option<Arc<BlockChecksums>>,
    ) -> Result<Self, LakeError> {
        let failed = |error| LakeError::io(path, error);
        let file = File::open(path).map_err(failed)?;
        let facts = file.metadata().map_err(failed)?;
        if facts.len() != bytes {
            return Err(damaged(path, format!("it is {} bytes long and must be {bytes}", facts.len())));
        }
        if let Some(checksums) = &checksums {
            if !checksums.covers(bytes) {
                return Err(damaged(path, "its checksums are those of another length".to_owned()));
            }
            checksums.modified_at(i128::from(facts.mtime()) * 1_000_000_000 + i128::from(facts.mtime_nsec()));
        }
        Ok(Self { path, file, bytes, checksums })
    }

    /// The bytes of a range, from whole blocks unless those are known to be whole.
    pub(crate) fn read(&mut self, range: Range<u64>) -> Result<Bytes, LakeError> {
        let range = range.start.min(self.bytes)..range.end.min(self.bytes);
        let Some(checksums) = self.checksums.clone() else { return self.read_exactly(range) };
        let block_bytes = checksums.block_bytes() as u64;
        let (first, end) = (range.start / block_bytes, range.end.div_ceil(block_bytes));
        let number = |block: u64| usize::try_from(block).unwrap_or(usize::MAX);
        if range.is_empty() || checksums.are_whole(number(first), number(end)) {
            return self.read_exactly(range);
        }
        let from = first * block_bytes;
        let bytes = self.read_exactly(from..(end * block_bytes).min(self.bytes))?;
        checksums.verify(number(first), &bytes).map_err(|block| {
            let at = block as u64 * block_bytes;
            let end = (at + block_bytes).min(self.bytes);
            damaged(self.path, format!("the checksum of bytes {at} to {end} is wrong"))
        })?;
        Ok(bytes.slice(number(range.start - from)..number(range.end - from)))
    }

    /// Into memory that is not cleared first, which would cost as much as to read what the system has in memory.
    fn read_exactly(&mut self, range: Range<u64>) -> Result<Bytes, LakeError> {
        let length = range.end - range.start;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(usize::MAX));
        let mut read = || {
            self.file.seek(SeekFrom::Start(range.start))?;
            match (&self.file).take(length).read_to_end(&mut bytes)? as u64 {
                read if read == length => Ok(()),
                _ => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
            }
        };
        read().map_err(|error| LakeError::io(self.path, error))?;
        Ok(bytes.into())
    }
}

fn damaged(path: &Path, detail: String) -> LakeError {
    LakeError::DamagedFile { path: path.to_owned(), detail }
}

fn store_error(error: LakeError) -> StoreError {
    StoreError::Generic { store: "lake", source: Box::new(error) }
}

impl fmt::Display for VerifiedFiles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} data files", self.files.len())
    }
}

fn read_only<T>(operation: &str) -> StoreResult<T> {
    Err(StoreError::NotImplemented { operation: operation.to_owned(), implementer: "data files".to_owned() })
}

#[async_trait]
impl ObjectStore for VerifiedFiles {
    async fn get_opts(&self, location: &StorePath, options: GetOptions) -> StoreResult<GetResult> {
        let bytes = self.file(location)?.file.file_size_bytes;
        let meta = ObjectMeta {
            location: location.clone(),
            last_modified: DateTime::UNIX_EPOCH,
            size: bytes,
            e_tag: None,
            version: None,
        };
        let range = match options.range {
            _ if options.head => 0..0,
            None => 0..bytes,
            Some(GetRange::Bounded(range)) => range,
            Some(GetRange::Offset(offset)) => offset..bytes,
            Some(GetRange::Suffix(length)) => bytes.saturating_sub(length)..bytes,
        };
        let mut read = Vec::new();
        if !options.head {
            read = self.read(location, vec![range.clone()]).await?;
        }
        let payload = GetResultPayload::Stream(stream::iter(read.into_iter().map(Ok)).boxed());
        Ok(GetResult { payload, meta, range, attributes: Attributes::new() })
    }

    async fn get_ranges(&self, location: &StorePath, ranges: &[Range<u64>]) -> StoreResult<Vec<Bytes>> {
        self.read(location, ranges.to_vec()).await
    }

    async fn put_opts(&self, _: &StorePath, _: PutPayload, _: PutOptions) -> StoreResult<PutResult> {
        read_only("put")
    }

    async fn put_multipart_opts(
        &self,
        _: &StorePath,
        _: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        read_only("put_multipart")
    }

    fn delete_stream(
        &self,
        _: BoxStream<'static, StoreResult<StorePath>>,
    ) -> BoxStream<'static, StoreResult<StorePath>> {
        stream::once(async { read_only("delete") }).boxed()
    }

    fn list(&self, _: Option<&StorePath>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        stream::once(async { read_only("list") }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&StorePath>) -> StoreResult<ListResult> {
        read_only("list")
    }

    async fn copy_opts(&self, _: &StorePath, _: &StorePath, _: CopyOptions) -> StoreResult<()> {
        read_only("copy")
    }
}
