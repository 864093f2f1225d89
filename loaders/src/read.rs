//! Reading the files of a table: pieces of bytes → blocks → rows, typed and judged. Files are read and cut one after the
//! other in the order of their names; blocks are decoded, parsed, cleansed and judged side by side on the blocking
//! threads; the results come in the order of files and lines, so that "the first row stays" means the same in every run.

use std::{
    collections::{BTreeMap, VecDeque},
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use sha2::{Digest, Sha256};

use crate::{
    cleanse::{self, CellPlace, CleansedRows, FileFacts},
    config::{FileNameParts, TableSpec},
    error::LoadError,
    formats::{
        blocks::{Block, BlockCutter, FormatError},
        delimited,
    },
    source::{Source, SourceFile},
};

/// A file that was read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileSum {
    pub(crate) bytes: u64,
    /// SHA-256 in hexadecimal.
    pub(crate) checksum: String,
}

/// What reading has learnt besides rows; shared by everything that reads files of one batch.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    sums: Mutex<BTreeMap<String, FileSum>>,
    warnings: Mutex<Vec<String>>,
}

impl Learnt {
    /// The files that were read to their ends, by name.
    pub(crate) fn sums(&self) -> BTreeMap<String, FileSum> {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What people should look at.
    pub(crate) fn warnings(&self) -> Vec<String> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }

    fn add(&self, name: &str, sum: FileSum) {
        self.sums.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), sum);
    }
}

/// What a table's files are read with.
#[derive(Debug, Clone)]
pub(crate) struct TableFiles {
    pub(crate) source: Arc<dyn Source>,
    pub(crate) table: Arc<TableSpec>,
    pub(crate) files: Vec<(Arc<SourceFile>, FileNameParts)>,
    pub(crate) business_date: String,
    pub(crate) batch_number: String,
    pub(crate) learnt: Arc<Learnt>,
}

/// What a file's rows are read with.
#[derive(Debug)]
struct Layout {
    file: Arc<str>,
    places: Vec<CellPlace>,
    width: usize,
}

/// A judged block.
#[derive(Debug)]
pub(crate) struct ReadBlock<T> {
    pub(crate) file: Arc<str>,
    pub(crate) bytes: u64,
    pub(crate) rows: T,
}

/// Reads a table's files. `judge` sees the cleansed rows of each block on the thread that made them.
pub(crate) fn read_table<T: Send + 'static>(
    files: TableFiles,
    judge: Arc<dyn Fn(CleansedRows) -> Result<T, LoadError> + Send + Sync>,
) -> impl Stream<Item = Result<ReadBlock<T>, LoadError>> {
    let table = Arc::clone(&files.table);
    let schema = cleanse::schema(&table);
    let workers = std::thread::available_parallelism().map_or(2, NonZero::get) + 1;
    blocks(files)
        .map_ok(move |(block, layout)| {
            let (table, schema, judge) = (Arc::clone(&table), Arc::clone(&schema), Arc::clone(&judge));
            async move {
                tokio::task::spawn_blocking(move || {
                    let bytes = block.bytes.len() as u64;
                    let raw = delimited::parse(block, &table.format, layout.width);
                    let rows = judge(cleanse::cleanse(&table, &schema, &layout.places, raw)?)?;
                    Ok(ReadBlock { file: Arc::clone(&layout.file), bytes, rows })
                })
                .await?
            }
        })
        .try_buffered(workers)
}

/// A file that is being read.
struct OpenFile {
    file: Arc<SourceFile>,
    parts: FileNameParts,
    pieces: BoxStream<'static, Result<Bytes, LoadError>>,
    cutter: Box<Cutter>,
    layout: Option<Arc<Layout>>,
}

/// The part of [`OpenFile`] that moves to a blocking thread for each piece.
struct Cutter {
    blocks: BlockCutter,
    hasher: Sha256,
    bytes: u64,
}

struct Walk {
    files: TableFiles,
    waiting: VecDeque<(Arc<SourceFile>, FileNameParts)>,
    open: Option<OpenFile>,
}

/// The blocks of a table's files, in order.
fn blocks(files: TableFiles) -> impl Stream<Item = Result<(Block, Arc<Layout>), LoadError>> {
    let waiting = files.files.iter().cloned().collect();
    stream::try_unfold(Walk { files, waiting, open: None }, |mut walk| async move {
        let next = walk.next().await?;
        Ok(next.map(|next| (next, walk)))
    })
}

impl Walk {
    async fn next(&mut self) -> Result<Option<(Block, Arc<Layout>)>, LoadError> {
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => match self.waiting.pop_front() {
                    Some((file, parts)) => self.open(file, parts),
                    None => return Ok(None),
                },
            };
            let piece = open.pieces.next().await.transpose()?;
            let ended = piece.is_none();
            let (cutter, block) = tokio::task::spawn_blocking(move || {
                let mut cutter = open.cutter;
                let block = cutter.take(piece);
                (cutter, block)
            })
            .await?;
            open.cutter = cutter;
            let block = block.map_err(|error| file_error(&open.file, error.line, error.message))?;
            let found = match block {
                Some(block) => self.with_layout(&mut open, block)?,
                None => None,
            };
            if ended {
                self.end(open)?;
            } else {
                self.open = Some(open);
            }
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn open(&self, file: Arc<SourceFile>, parts: FileNameParts) -> OpenFile {
        OpenFile {
            pieces: self.files.source.fetch(&file),
            cutter: Box::new(Cutter {
                blocks: BlockCutter::new(self.files.table.format.clone()),
                hasher: Sha256::new(),
                bytes: 0,
            }),
            layout: None,
            file,
            parts,
        }
    }

    /// The block, with what its file's rows are read with. The first block of a file gives up the header.
    fn with_layout(
        &self,
        open: &mut OpenFile,
        mut block: Block,
    ) -> Result<Option<(Block, Arc<Layout>)>, LoadError> {
        let layout = match &open.layout {
            Some(layout) => Arc::clone(layout),
            None => match self.find_layout(open, &mut block)? {
                Some(layout) => Arc::clone(open.layout.insert(Arc::new(layout))),
                None => return Ok(None),
            },
        };
        Ok((!block.bytes.is_empty()).then_some((block, layout)))
    }

    fn find_layout(&self, open: &OpenFile, block: &mut Block) -> Result<Option<Layout>, LoadError> {
        let table = &self.files.table;
        let format = &table.format;
        let line = block.first_line;
        let mut header = Vec::new();
        if format.header {
            match delimited::take_header(block, format) {
                None => return Ok(None),
                Some(Err(broken)) => {
                    return Err(file_error(&open.file, line, format!("header: {}", broken.message)));
                }
                Some(Ok(found)) => header = found,
            }
        }
        if let Some(columns) = &format.columns {
            if format.header && columns.len() != header.len() {
                let message =
                    format!("the header has {} columns, the source {}", header.len(), columns.len());
                return Err(file_error(&open.file, line, message));
            }
            header.clone_from(columns);
        } else if !format.header {
            header = vec![String::new(); delimited::count_fields(block, format)];
        }
        let facts = FileFacts {
            name: open.file.name.clone(),
            business_date: self.files.business_date.clone(),
            batch_number: self.files.batch_number.clone(),
            parts: open.parts.values.clone(),
        };
        let (places, unread) = cleanse::layout(table, &header, &facts)
            .map_err(|message| file_error(&open.file, line, message))?;
        if !unread.is_empty() {
            self.files.learnt.warn(format!(
                "{}: nothing reads {} (name them in ignore_columns if that is right)",
                table.name,
                unread.join(", ")
            ));
        }
        Ok(Some(Layout { file: Arc::from(open.file.name.as_str()), places, width: header.len() }))
    }

    fn end(&self, open: OpenFile) -> Result<(), LoadError> {
        if open.layout.is_none() && self.files.table.format.header {
            return Err(file_error(&open.file, 1, "the file is empty, without even a header".to_owned()));
        }
        let Cutter { hasher, bytes, .. } = *open.cutter;
        self.files.learnt.add(&open.file.name, FileSum { bytes, checksum: hexadecimal(&hasher.finalize()) });
        Ok(())
    }
}

impl Cutter {
    /// The next piece, or the end of the file.
    fn take(&mut self, piece: Option<Bytes>) -> Result<Option<Block>, FormatError> {
        match piece {
            Some(piece) => {
                self.hasher.update(&piece);
                self.bytes += piece.len() as u64;
                self.blocks.push(&piece)
            }
            None => self.blocks.finish(),
        }
    }
}

fn file_error(file: &SourceFile, line: u64, message: String) -> LoadError {
    LoadError::File { file: file.name.clone(), line, message }
}

/// Bytes in hexadecimal.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The checksum of one file.
pub(crate) async fn checksum(source: &Arc<dyn Source>, file: &SourceFile) -> Result<FileSum, LoadError> {
    let mut pieces = source.fetch(file);
    let mut state = (Sha256::new(), 0_u64);
    while let Some(piece) = pieces.next().await.transpose()? {
        state = tokio::task::spawn_blocking(move || {
            let (mut hasher, bytes) = state;
            hasher.update(&piece);
            (hasher, bytes + piece.len() as u64)
        })
        .await?;
    }
    Ok(FileSum { bytes: state.1, checksum: hexadecimal(&state.0.finalize()) })
}

/// The checksum of a delivery: over the names and checksums of its files.
pub(crate) fn delivery_checksum(sums: &BTreeMap<String, FileSum>) -> String {
    let mut hasher = Sha256::new();
    for (name, sum) in sums {
        hasher.update(format!("{} {name}\n", sum.checksum));
    }
    hexadecimal(&hasher.finalize())
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
