//! Columns of `text` and `bytea` that functions write, and how long they may get. A function is called for a batch of
//! rows, and what it makes of them lies in memory before the statement's memory is asked for it; `repeat` and `replace`
//! make gigabytes of little. So a column that is written here knows its length and refuses to grow beyond a bound: one
//! value as PostgreSQL bounds it (54000), a whole batch of values by [`BATCH_BYTES_MAX`] (53200).
//!
//! The bound of a batch is a constant, not a share of the memory that statements have. What is long is asked for there,
//! too, before it is made: of the thread's [`crate::account`], if it has one.

use std::sync::Arc;

use arrow::{
    array::{Array as _, GenericByteViewArray, GenericByteViewBuilder, ListArray, NullBufferBuilder},
    buffer::OffsetBuffer,
    datatypes::{BinaryViewType, ByteViewType, DataType, Field, StringViewType},
};

use crate::{
    account::{self, STEP},
    error::{FunctionError, FunctionErrorKind},
};

/// The longest value of `text` or `bytea` that a function makes: PostgreSQL's limit of 1 GB for one value, less its
/// header.
pub const VALUE_BYTES_MAX: usize = 0x3fff_fff0;

/// The most bytes that one call of a function makes for all rows of a batch, with 16 for each; a batch of one row may have one value of
/// [`VALUE_BYTES_MAX`].
pub const BATCH_BYTES_MAX: usize = 512 << 20;

/// What each value of a column takes beside its bytes.
const VIEW_BYTES: usize = size_of::<u128>();

/// 54000 of a value longer than [`VALUE_BYTES_MAX`].
pub(crate) fn too_long() -> FunctionError {
    FunctionError::new(FunctionErrorKind::ProgramLimitExceeded, "requested length too large")
}

/// Refuses a value before it is made: 54000 if it would be longer than [`VALUE_BYTES_MAX`], 53200 if there is no room.
#[inline]
pub(crate) fn check_length(bytes: usize) -> Result<(), FunctionError> {
    match bytes {
        ..=STEP => Ok(()),
        bytes if bytes <= VALUE_BYTES_MAX => account::ask_for_a_moment(bytes),
        _ => Err(too_long()),
    }
}

/// Refuses what a batch has come to: 53200 if it is more than [`BATCH_BYTES_MAX`].
pub(crate) fn check_batch(bytes: usize) -> Result<(), FunctionError> {
    if bytes <= BATCH_BYTES_MAX {
        return Ok(());
    }
    Err(out_of_memory(BATCH_BYTES_MAX))
}

/// Counts what is about to be made at once, if it is long: 53200 if there is no room for it.
pub(crate) fn ask_if_long(bytes: usize) -> Result<(), FunctionError> {
    if bytes > STEP { account::ask(bytes) } else { Ok(()) }
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
    /// How many bytes there is room for.
    room: usize,
}

/// A column of `text`.
pub(crate) type TextColumn = Column<StringViewType>;
/// A column of `bytea`.
pub(crate) type BytesColumn = Column<BinaryViewType>;

impl<T: ByteViewType + ?Sized> Column<T> {
    /// An empty column with room for the views of so many rows.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        Self { builder: GenericByteViewBuilder::with_capacity(rows), bytes: 0, room: STEP }
    }

    /// An empty column.
    pub(crate) fn new() -> Self {
        Self::with_capacity(0)
    }

    /// Appends a value; 54000 or 53200 if it is too long, or all are.
    #[inline]
    pub(crate) fn append_value(&mut self, value: impl AsRef<T::Native>) -> Result<(), FunctionError> {
        let length = AsRef::<[u8]>::as_ref(value.as_ref()).len();
        let bytes = self.bytes.saturating_add(length + VIEW_BYTES);
        if bytes > self.room {
            self.make_room(bytes, length)?;
        }
        self.bytes = bytes;
        self.builder.append_value(value);
        Ok(())
    }

    /// Room for so many bytes, the last of them of one value.
    #[cold]
    fn make_room(&mut self, bytes: usize, length: usize) -> Result<(), FunctionError> {
        if length > VALUE_BYTES_MAX {
            return Err(too_long());
        }
        // The first may be as long as a value can be.
        if self.bytes > 0 {
            check_batch(bytes)?;
        }
        let room = bytes.next_multiple_of(STEP);
        account::ask(room - self.room)?;
        self.room = room;
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

/// A column of `text[]` that is written element by element.
pub(crate) struct TextArrays {
    elements: TextColumn,
    lengths: Vec<usize>,
    nulls: NullBufferBuilder,
    /// The elements so far, and those of arrays that are complete.
    count: usize,
    complete: usize,
}

impl TextArrays {
    /// An empty column with room for so many arrays.
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let nulls = NullBufferBuilder::new(rows);
        let lengths = Vec::with_capacity(rows);
        Self { elements: TextColumn::new(), lengths, nulls, complete: 0, count: 0 }
    }

    /// Appends an element to the array that is being written; 53200 if all have become too long.
    #[inline]
    pub(crate) fn push(&mut self, element: Option<&str>) -> Result<(), FunctionError> {
        self.count += 1;
        self.elements.append_option(element)
    }

    /// The array is complete; without `valid` it is null, and has no elements.
    pub(crate) fn end(&mut self, valid: bool) {
        self.lengths.push(self.count - self.complete);
        self.complete = self.count;
        self.nulls.append(valid);
    }

    /// How many arrays are complete.
    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// The array.
    pub(crate) fn finish(mut self) -> Result<ListArray, FunctionError> {
        let elements = self.elements.finish();
        i32::try_from(elements.len()).map_err(|_| out_of_memory(BATCH_BYTES_MAX))?;
        let field = Arc::new(Field::new_list_field(DataType::Utf8View, true));
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Ok(ListArray::try_new(field, offsets, Arc::new(elements), self.nulls.finish())?)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn a_batch_has_a_bound() {
        let mut column = TextColumn::new();
        let long = "x".repeat(BATCH_BYTES_MAX / 4 - VIEW_BYTES);
        for _ in 0..4 {
            column.append_value(&long).unwrap();
        }
        column.append_null();
        assert_eq!(column.append_value("").unwrap_err().kind, FunctionErrorKind::OutOfMemory);
        assert_eq!(column.finish().len(), 5);
    }

    #[test]
    fn arrays_of_many_short_elements_have_a_bound() {
        let mut arrays = TextArrays::with_capacity(2);
        arrays.end(false);
        let most = BATCH_BYTES_MAX / VIEW_BYTES;
        assert_eq!((0..most).find_map(|_| arrays.push(Some("")).err()), None);
        assert_eq!(arrays.push(Some("")).unwrap_err().kind, FunctionErrorKind::OutOfMemory);
    }

    #[test]
    fn arrays_are_written_element_by_element() {
        let mut arrays = TextArrays::with_capacity(3);
        arrays.push(Some("a")).unwrap();
        arrays.push(None).unwrap();
        arrays.end(true);
        arrays.end(false);
        arrays.end(true);
        assert_eq!(arrays.len(), 3);
        let arrays = arrays.finish().unwrap();
        assert_eq!(arrays.value_length(0), 2);
        assert!(arrays.is_null(1) && arrays.is_valid(2));
        assert_eq!(arrays.values().null_count(), 1);
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
