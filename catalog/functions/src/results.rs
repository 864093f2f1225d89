//! Columns of `text` and `bytea` that functions write, and how long they may get. A function is called for a batch of
//! rows, and what it makes of them lies in memory before the statement's memory is asked for it; `repeat` and `replace`
//! make gigabytes of little. So a column that is written here knows its length and refuses to grow beyond a bound: one
//! value as PostgreSQL bounds it (54000), a whole batch of values by [`BATCH_BYTES_MAX`] (53200).
//!
//! The bound of a batch is a constant, not a share of the memory that statements have: a function must give the same
//! answer on every server.

use arrow::{
    array::{GenericByteViewArray, GenericByteViewBuilder},
    datatypes::{BinaryViewType, ByteViewType, StringViewType},
};

use crate::error::{FunctionError, FunctionErrorKind};

/// The longest value of `text` or `bytea` that a function makes: PostgreSQL's limit of 1 GB for one value, less its
/// header.
pub const VALUE_BYTES_MAX: usize = 0x3fff_fff0;

/// The most bytes that one call of a function makes for all rows of a batch; a batch of one row may have one value of
/// [`VALUE_BYTES_MAX`].
pub const BATCH_BYTES_MAX: usize = 512 << 20;

/// 54000 of a value longer than [`VALUE_BYTES_MAX`].
pub(crate) fn too_long() -> FunctionError {
    FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, "requested length too large")
}

/// Refuses a value before it is made: 54000 if it would be longer than [`VALUE_BYTES_MAX`].
pub(crate) fn check_length(bytes: usize) -> Result<(), FunctionError> {
    if bytes > VALUE_BYTES_MAX { Err(too_long()) } else { Ok(()) }
}

/// Refuses what a batch has come to: 53200 if it is more than [`BATCH_BYTES_MAX`].
pub(crate) fn check_batch(bytes: usize) -> Result<(), FunctionError> {
    if bytes <= BATCH_BYTES_MAX {
        return Ok(());
    }
    Err(out_of_memory(BATCH_BYTES_MAX))
}

/// 53200 where so many bytes cannot be had.
pub(crate) fn out_of_memory(bytes: usize) -> FunctionError {
    let detail = format!("The values of a batch of rows would take more than {} MiB.", bytes >> 20);
    FunctionError::new(FunctionErrorKind::OutOfMemory, "out of memory").with_detail(detail)
}

/// A column that is written value by value.
pub(crate) struct Column<T: ByteViewType + ?Sized> {
    builder: GenericByteViewBuilder<T>,
    bytes: usize,
}

/// A column of `text`.
pub(crate) type TextColumn = Column<StringViewType>;
/// A column of `bytea`.
pub(crate) type BytesColumn = Column<BinaryViewType>;

impl<T: ByteViewType + ?Sized> Column<T> {
    /// An empty column with room for the views of so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { builder: GenericByteViewBuilder::with_capacity(rows), bytes: 0 }
    }

    /// An empty column.
    pub(crate) fn new() -> Self {
        Self::with_capacity(0)
    }

    /// Appends a value; 54000 or 53200 if it is too long, or all are.
    #[inline]
    pub(crate) fn append_value(&mut self, value: impl AsRef<T::Native>) -> Result<(), FunctionError> {
        let length = AsRef::<[u8]>::as_ref(value.as_ref()).len();
        if length > BATCH_BYTES_MAX || self.bytes + length > BATCH_BYTES_MAX {
            check_length(length)?;
            // The first may be as long as a value can be.
            if self.bytes > 0 {
                check_batch(self.bytes + length)?;
            }
        }
        self.bytes += length;
        self.builder.append_value(value);
        Ok(())
    }

    /// Appends null.
    #[inline]
    pub(crate) fn append_null(&mut self) {
        self.builder.append_null();
    }

    /// Appends a value or null.
    #[inline]
    pub(crate) fn append_option(
        &mut self,
        value: Option<impl AsRef<T::Native>>,
    ) -> Result<(), FunctionError> {
        match value {
            Some(value) => self.append_value(value),
            None => {
                self.append_null();
                Ok(())
            }
        }
    }

    /// The array.
    pub(crate) fn finish(mut self) -> GenericByteViewArray<T> {
        self.builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array as _;

    use super::*;

    #[test]
    fn a_batch_has_a_bound() {
        let mut column = TextColumn::new();
        let long = "x".repeat(BATCH_BYTES_MAX / 4);
        for _ in 0..4 {
            column.append_value(&long).unwrap();
        }
        column.append_null();
        column.append_value("").unwrap();
        assert_eq!(column.append_value("x").unwrap_err().kind, FunctionErrorKind::OutOfMemory);
        assert_eq!(column.finish().len(), 6);
    }

    #[test]
    fn a_value_has_a_bound() {
        assert!(check_length(VALUE_BYTES_MAX).is_ok());
        assert_eq!(
            check_length(VALUE_BYTES_MAX + 1).unwrap_err().kind,
            FunctionErrorKind::ProgramLimitExceeded
        );
    }
}
