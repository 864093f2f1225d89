//! Cutting a stream of bytes into blocks that end where a record ends, so that they can be decoded and parsed side by side.
//! Works on bytes: every encoding but UTF-16 agrees with ASCII, and UTF-16 becomes UTF-8 here first.

use super::{
    delimited::{DelimitedFormat, Ended, RECORD_BYTES_MAX, Walker},
    encoding::{Encoding, Utf16Reader, byte_order_mark},
};

/// Bytes of a block before it is cut; one piece more may come on top.
pub(crate) const BLOCK_BYTES: usize = 1024 * 1024;
/// The end-of-file character of old DOS programs.
const DOS_END: u8 = 0x1a;

/// A part of a file: whole records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// The bytes; UTF-8 if the file is UTF-16.
    pub(crate) bytes: Vec<u8>,
    /// The line of the file that the block begins on, from 1.
    pub(crate) first_line: u64,
    /// `\n` (a `\r` before it belongs to it) or `\r`.
    pub(crate) line_end: u8,
}

/// Why a file cannot be cut: it is not what its source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormatError {
    pub(crate) line: u64,
    pub(crate) message: String,
}

/// Cuts one file.
#[derive(Debug)]
pub(crate) struct BlockCutter {
    format: DelimitedFormat,
    utf16: Option<Utf16Reader>,
    pending: Vec<u8>,
    begun: bool,
    line_end: Option<u8>,
    skip_lines: u32,
    line: u64,
    block_bytes: usize,
}

impl BlockCutter {
    pub(crate) fn new(format: DelimitedFormat) -> Self {
        Self::with_block_bytes(format, BLOCK_BYTES)
    }

    /// Blocks of another size, for tests.
    pub(super) fn with_block_bytes(format: DelimitedFormat, block_bytes: usize) -> Self {
        Self {
            skip_lines: format.skip_lines,
            format,
            utf16: None,
            pending: Vec::new(),
            begun: false,
            line_end: None,
            line: 1,
            block_bytes,
        }
    }

    /// Takes the next piece of the file; gives a block if enough has come together.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<Block>, FormatError> {
        self.take(bytes)?;
        if self.pending.len() < self.block_bytes || !self.begun {
            return Ok(None);
        }
        self.cut(false)
    }

    /// Ends the file; gives the last block.
    pub(crate) fn finish(&mut self) -> Result<Option<Block>, FormatError> {
        if !self.begun {
            self.begin()?;
        }
        if let Some(utf16) = &mut self.utf16 {
            utf16.finish(&mut self.pending);
        }
        if self.pending.last() == Some(&DOS_END) {
            self.pending.pop();
        }
        self.cut(true)
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), FormatError> {
        match &mut self.utf16 {
            Some(utf16) => utf16.push(bytes, &mut self.pending),
            None => self.pending.extend_from_slice(bytes),
        }
        // A byte order mark has at most three bytes.
        if !self.begun && self.pending.len() >= 3 {
            self.begin()?;
        }
        Ok(())
    }

    /// Looks at the first bytes of the file.
    fn begin(&mut self) -> Result<(), FormatError> {
        self.begun = true;
        let declared = self.format.encoding;
        let mut encoding = declared;
        if let Some((marked, length)) = byte_order_mark(&self.pending) {
            let agrees = declared == marked || (declared == Encoding::Utf16 && marked.is_utf16());
            if !agrees {
                return Err(FormatError {
                    line: 1,
                    message: format!(
                        "the file begins with the byte order mark of {}, but its source says {}",
                        marked.name(),
                        declared.name()
                    ),
                });
            }
            encoding = marked;
            self.pending.drain(..length);
        }
        if encoding.is_utf16() {
            let mut utf16 = Utf16Reader::new(encoding == Encoding::Utf16Be);
            let bytes = std::mem::take(&mut self.pending);
            utf16.push(&bytes, &mut self.pending);
            self.utf16 = Some(utf16);
        }
        Ok(())
    }

    /// The line end that the file uses, by its first; `None` if that cannot be told yet.
    fn find_line_end(&self, complete: bool) -> Option<u8> {
        match memchr::memchr2(b'\n', b'\r', &self.pending) {
            Some(place) if self.pending[place] == b'\n' => Some(b'\n'),
            Some(place) => match self.pending.get(place + 1) {
                Some(b'\n') => Some(b'\n'),
                Some(_) => Some(b'\r'),
                None => complete.then_some(b'\r'),
            },
            None => complete.then_some(b'\n'),
        }
    }

    /// There is no whole record yet; there must be one soon.
    fn wait_for_more(&self) -> Result<Option<Block>, FormatError> {
        if self.pending.len() <= self.block_bytes.saturating_add(RECORD_BYTES_MAX) {
            return Ok(None);
        }
        Err(FormatError {
            line: self.line,
            message: format!("a record is longer than {RECORD_BYTES_MAX} bytes: is this delimited text?"),
        })
    }

    fn cut(&mut self, complete: bool) -> Result<Option<Block>, FormatError> {
        let line_end = match self.line_end.or_else(|| self.find_line_end(complete)) {
            Some(line_end) => line_end,
            None => return self.wait_for_more(),
        };
        self.line_end = Some(line_end);
        while self.skip_lines > 0 {
            let Some(place) = memchr::memchr(line_end, &self.pending) else {
                if complete {
                    self.pending.clear();
                    break;
                }
                return self.wait_for_more();
            };
            self.pending.drain(..=place);
            self.skip_lines -= 1;
            self.line += 1;
        }
        let end = if complete { self.pending.len() } else { self.last_record_end(line_end) };
        if end == 0 {
            // The first record of what is pending has not ended yet.
            return if complete { Ok(None) } else { self.wait_for_more() };
        }
        let rest = self.pending.split_off(end);
        let bytes = std::mem::replace(&mut self.pending, rest);
        let block = Block { first_line: self.line, line_end, bytes };
        self.line += memchr::memchr_iter(line_end, &block.bytes).count() as u64;
        Ok(Some(block))
    }

    /// The end of the last whole record; 0 if there is none.
    fn last_record_end(&self, line_end: u8) -> usize {
        let has_quote = self.format.quote.is_some_and(|quote| memchr::memchr(quote, &self.pending).is_some());
        if !has_quote {
            return memchr::memrchr(line_end, &self.pending).map_or(0, |place| place + 1);
        }
        let walker = Walker::new(&self.pending, &self.format, line_end, false);
        let mut end = 0;
        loop {
            match walker.skip_record(end) {
                Ended::Record { next, .. } | Ended::Malformed { next, .. } => end = next,
                Ended::Incomplete => return end,
            }
        }
    }
}
