//! Checksums of a file's blocks, so that a flipped bit is found also when only part of the file is read. Parquet's own
//! checksums of pages are not written by the library and would leave out footers and indexes; these cover every byte.
//!
//! They are made while the file is written, kept in the metadata database apart from the file's row (a snapshot is read
//! without them), and looked up when the file is first read. A block that was found whole is not looked at again while
//! the file has the same modification time: what changes behind the system's back is found after the next start, and by
//! verification on request, which reads everything.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use twox_hash::XxHash64;

/// Bytes that one checksum covers; the last block of a file may be shorter. A read is widened to whole blocks until they
/// have been found whole, so this is also the least that is read of a file.
pub(crate) const BLOCK_BYTES: usize = 64 << 10;
/// Bytes of one checksum as it is stored.
const CHECKSUM_BYTES: usize = 8;

/// The checksum of one block.
fn checksum(block: &[u8]) -> u64 {
    XxHash64::oneshot(0, block)
}

/// Makes the checksums of bytes that come piece by piece.
#[derive(Debug, Default)]
pub(crate) struct BlockHasher {
    done: Vec<u64>,
    begun: Vec<u8>,
}

impl BlockHasher {
    /// The next bytes of the file.
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        if !self.begun.is_empty() {
            let (rest, after) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.begun.len()));
            self.begun.extend_from_slice(rest);
            bytes = after;
            if self.begun.len() < BLOCK_BYTES {
                return;
            }
            self.done.push(checksum(&self.begun));
            self.begun.clear();
        }
        let blocks = bytes.chunks_exact(BLOCK_BYTES);
        self.begun.extend_from_slice(blocks.remainder());
        self.done.extend(blocks.map(checksum));
    }

    /// The checksums of everything.
    pub(crate) fn finish(mut self) -> BlockChecksums {
        if !self.begun.is_empty() {
            self.done.push(checksum(&self.begun));
        }
        BlockChecksums::new(BLOCK_BYTES, self.done)
    }
}

/// The checksums of a file, and which of its blocks were found whole.
#[derive(Debug)]
pub(crate) struct BlockChecksums {
    block_bytes: usize,
    checksums: Vec<u64>,
    /// The modification time to which `whole` belongs.
    seen_at: Mutex<Option<i128>>,
    /// A bit for each block.
    whole: Vec<AtomicU64>,
}

impl BlockChecksums {
    fn new(block_bytes: usize, checksums: Vec<u64>) -> Self {
        let words = checksums.len().div_ceil(64);
        Self {
            block_bytes,
            checksums,
            seen_at: Mutex::new(None),
            whole: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// As they are stored; `None` for what cannot be.
    pub(crate) fn from_bytes(block_bytes: i64, bytes: &[u8]) -> Option<Self> {
        let block_bytes = usize::try_from(block_bytes).ok().filter(|bytes| *bytes > 0)?;
        let (checksums, rest) = bytes.as_chunks::<CHECKSUM_BYTES>();
        rest.is_empty().then(|| {
            Self::new(block_bytes, checksums.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
        })
    }

    /// To be stored.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.checksums.iter().flat_map(|checksum| checksum.to_le_bytes()).collect()
    }

    /// Bytes of a block.
    pub(crate) fn block_bytes(&self) -> usize {
        self.block_bytes
    }

    /// Forgets what was found whole when the file has been modified since.
    pub(crate) fn modified_at(&self, nanoseconds: i128) {
        let mut seen_at = self.seen_at.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen_at != Some(nanoseconds) {
            self.whole.iter().for_each(|word| word.store(0, Ordering::Release));
            *seen_at = Some(nanoseconds);
        }
    }

    /// Whether every block from `first` to before `end` was found whole.
    pub(crate) fn are_whole(&self, first: usize, end: usize) -> bool {
        (first..end).all(|block| {
            let word = self.whole.get(block / 64).map_or(0, |word| word.load(Ordering::Acquire));
            word & (1 << (block % 64)) != 0
        })
    }

    /// Compares the blocks that `bytes` holds, the first of which is `first`. The error is the number of the first block
    /// that differs.
    pub(crate) fn verify(&self, first: usize, bytes: &[u8]) -> Result<(), usize> {
        for (block, bytes) in (first..).zip(bytes.chunks(self.block_bytes)) {
            if self.checksums.get(block) != Some(&checksum(bytes)) {
                return Err(block);
            }
            if let Some(word) = self.whole.get(block / 64) {
                word.fetch_or(1 << (block % 64), Ordering::AcqRel);
            }
        }
        Ok(())
    }

    /// Whether there are as many as a file of this length has.
    pub(crate) fn covers(&self, file_bytes: u64) -> bool {
        usize::try_from(file_bytes)
            .is_ok_and(|bytes| bytes.div_ceil(self.block_bytes) == self.checksums.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_any_size_give_the_same_checksums() {
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * BLOCK_BYTES + 17).collect();
        let of = |piece: usize| {
            let mut hasher = BlockHasher::default();
            bytes.chunks(piece).for_each(|piece| hasher.update(piece));
            hasher.finish()
        };
        let whole = of(bytes.len());
        for piece in [1, 1000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES] {
            assert_eq!(of(piece).checksums, whole.checksums, "{piece}");
        }
        assert!(whole.covers(bytes.len() as u64) && !whole.covers(BLOCK_BYTES as u64));
        let stored =
            BlockChecksums::from_bytes(i64::try_from(BLOCK_BYTES).unwrap(), &whole.to_bytes()).unwrap();
        assert_eq!(stored.verify(0, &bytes), Ok(()));
        assert_eq!(stored.verify(1, &bytes[BLOCK_BYTES..]), Ok(()));
        assert!(
            BlockChecksums::from_bytes(0, &[]).is_none() && BlockChecksums::from_bytes(1, &[1]).is_none()
        );
    }

    #[test]
    fn a_flipped_bit_is_found_until_the_file_is_the_old_one() {
        let mut bytes = vec![7_u8; 2 * BLOCK_BYTES];
        let mut hasher = BlockHasher::default();
        hasher.update(&bytes);
        let checksums = hasher.finish();
        checksums.modified_at(1);
        assert!(!checksums.are_whole(0, 1));
        assert_eq!(checksums.verify(0, &bytes), Ok(()));
        assert!(checksums.are_whole(0, 2));
        bytes[BLOCK_BYTES + 5] ^= 1;
        assert_eq!(checksums.verify(0, &bytes), Err(1));
        checksums.modified_at(1);
        assert!(checksums.are_whole(0, 2));
        checksums.modified_at(2);
        assert!(!checksums.are_whole(0, 1) && !checksums.are_whole(1, 2));
        assert!(checksums.are_whole(0, 0));
    }
}
