//! What an array is here: its elements in one Arrow list, and beside them its shape where it may have one.
//!
//! An expression of an array type has one of two Arrow types. `List` is an array of one dimension with lower bound 1 (or
//! an empty one), which is what tables hold, what files hold and what almost every expression gives; nothing is paid for
//! the others there. A **shaped** array is a struct of the elements, in order, as such a list, and of the shape as a list
//! of integers: the number of dimensions, then the length of each from the outermost, then the lower bound of each. So
//! the number of dimensions is a value's own, as in PostgreSQL, and an expression may give arrays of several; and two
//! structs compare as PostgreSQL compares arrays: by elements, number of elements, dimensions, bounds.
//!
//! The binder knows from the Arrow type which of the two it has, and makes a `List` shaped where they meet. A table takes
//! a shaped array only if it is none really ([`super::dimensions::to_plain`]).

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, Int32Array, Int32Builder, ListArray, ListBuilder, StructArray,
    },
    buffer::{NullBuffer, OffsetBuffer},
    datatypes::{DataType, Field, Fields, Int32Type},
    row::{RowConverter, SortField},
};

use crate::{
    error::{FunctionError, FunctionErrorKind},
    scalar::Arguments,
};

/// The most dimensions that an array can have.
pub const DIMENSIONS_MAX: usize = 6;
/// The most elements that an array can have.
pub const ELEMENTS_MAX: usize = 134_217_727;

const ITEMS: &str = "lis.items";
const SHAPE: &str = "lis.shape";

/// One dimension of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dimension {
    /// The subscript of the first element.
    pub lower: i32,
    /// How many there are: never 0.
    pub length: usize,
}

impl Dimension {
    /// The subscript of the last element.
    pub fn upper(self) -> i64 {
        i64::from(self.lower) + i64::try_from(self.length).unwrap_or(i64::MAX) - 1
    }
}

fn list_type(element: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, true)))
}

fn fields(list: DataType) -> Fields {
    Fields::from(vec![Field::new(ITEMS, list, true), Field::new(SHAPE, list_type(DataType::Int32), true)])
}

/// The type of shaped arrays over an element type.
pub fn shaped_type(element: DataType) -> DataType {
    DataType::Struct(fields(list_type(element)))
}

/// Bytes of a struct, the same for equal ones and no others.
pub fn key_bytes(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let structs = arguments.array(0)?;
    let converter = RowConverter::new(vec![SortField::new(structs.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(structs))?;
    let (offsets, bytes, _) = rows.try_into_binary()?.into_parts();
    Ok(Arc::new(BinaryArray::new(offsets, bytes, structs.logical_nulls())))
}

/// Whether a type is that of shaped arrays. A record's fields have other names, or metadata.
pub fn is_shaped(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => {
            matches!(fields.as_ref(), [items, shape] if items.name() == ITEMS && shape.name() == SHAPE)
        }
        _ => false,
    }
}

/// The Arrow type of an array's elements, whichever of the two forms it has.
pub fn element_type(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(field) => Some(field.data_type()),
        DataType::Struct(fields) if is_shaped(data_type) => {
            match fields.first().map(|items| items.data_type()) {
                Some(DataType::List(field)) => Some(field.data_type()),
                _ => None,
            }
        }
        _ => None,
    }
}

/// A type of arrays of the same form over other elements.
pub fn with_element(data_type: &DataType, element: DataType) -> DataType {
    if is_shaped(data_type) { shaped_type(element) } else { list_type(element) }
}

/// A column of arrays of either form.
#[derive(Debug, Clone)]
pub struct Arrays {
    /// The elements, and which arrays are null.
    pub lists: ListArray,
    /// The lower bound of those of one dimension without a shape.
    lower: i32,
    shapes: Option<ListArray>,
    /// How far to step for each row: 0 for a constant, which stands once, however many rows there are.
    step: usize,
}

impl Arrays {
    /// Takes a column. `lower` is the lower bound of arrays without a shape: 1, or 0 for the vector types.
    pub fn of(array: &dyn Array, lower: i32) -> Result<Self, FunctionError> {
        let wrong = || FunctionError::internal(format!("no array but {}", array.data_type()));
        if let Some(lists) = array.as_list_opt::<i32>() {
            return Ok(Self { lists: lists.clone(), lower, shapes: None, step: 1 });
        }
        let both = array.as_struct_opt().filter(|_| is_shaped(array.data_type())).ok_or_else(wrong)?;
        let [items, shapes] = both.columns() else { return Err(wrong()) };
        let lists = items.as_list_opt::<i32>().ok_or_else(wrong)?;
        let DataType::List(field) = lists.data_type() else { return Err(wrong()) };
        let lists = ListArray::try_new(
            Arc::clone(field),
            lists.offsets().clone(),
            Arc::clone(lists.values()),
            NullBuffer::union(both.nulls(), lists.nulls()),
        )?;
        let shapes = shapes.as_list_opt::<i32>().ok_or_else(wrong)?.clone();
        Ok(Self { lists, lower, shapes: Some(shapes), step: 1 })
    }

    /// Takes an argument: see [`Self::of`].
    pub fn argument(arguments: &Arguments<'_>, index: usize, lower: i32) -> Result<Self, FunctionError> {
        let arrays = Self::of(arguments.array(index)?.as_ref(), lower)?;
        Ok(Self { step: usize::from(!arguments.is_constant(index)), ..arrays })
    }

    /// Whether one array stands for all rows.
    pub fn is_constant(&self) -> bool {
        self.step == 0
    }

    /// Whether no array has a shape of its own.
    pub fn is_plain(&self) -> bool {
        self.shapes.is_none()
    }

    /// The elements of all arrays.
    pub fn elements(&self) -> &ArrayRef {
        self.lists.values()
    }

    /// Whether a row's array is null.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        self.lists.is_null(row * self.step)
    }

    /// Where a row's elements are among [all](Self::elements): nowhere if it is null.
    #[inline]
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        if self.is_null(row) { 0..0 } else { super::range(&self.lists, row * self.step) }
    }

    /// The number of a row's elements.
    pub fn length(&self, row: usize) -> i64 {
        i64::try_from(self.range(row).len()).unwrap_or(i64::MAX)
    }

    /// The dimensions of a row's array: none for an empty one, or null.
    pub fn dimensions(&self, row: usize) -> Vec<Dimension> {
        let length = self.range(row).len();
        if length == 0 {
            return Vec::new();
        }
        let plain = || vec![Dimension { lower: self.lower, length }];
        let Some(shapes) = &self.shapes else { return plain() };
        let shape = shapes.value(row * self.step);
        let Some(numbers) = shape.as_primitive_opt::<Int32Type>() else { return plain() };
        let numbers = numbers.values();
        let count = numbers.first().and_then(|count| usize::try_from(*count).ok()).unwrap_or(0);
        let lengths = numbers.iter().skip(1).take(count);
        let lowers = numbers.iter().skip(1 + count);
        lengths
            .zip(lowers)
            .map(|(length, lower)| Dimension { lower: *lower, length: usize::try_from(*length).unwrap_or(0) })
            .collect()
    }
}

/// Makes a column of arrays of the result's form. `shapes` has the dimensions of each; they matter only if the result is
/// shaped.
pub fn assemble(
    values: ArrayRef,
    lengths: Vec<usize>,
    shapes: &[Vec<Dimension>],
    nulls: Option<NullBuffer>,
    result: &DataType,
) -> Result<ArrayRef, FunctionError> {
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    let lists = ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), values, nulls.clone())?;
    if !is_shaped(result) {
        return Ok(Arc::new(lists));
    }
    with_shapes(lists, shapes)
}

/// Puts shapes to lists.
pub fn with_shapes(lists: ListArray, shapes: &[Vec<Dimension>]) -> Result<ArrayRef, FunctionError> {
    let mut builder =
        ListBuilder::new(Int32Builder::new()).with_field(Field::new_list_field(DataType::Int32, true));
    for shape in shapes {
        let numbers = builder.values();
        numbers.append_value(i32::try_from(shape.len()).unwrap_or(0));
        for dimension in shape {
            numbers.append_value(i32::try_from(dimension.length).map_err(|_| too_large())?);
        }
        for dimension in shape {
            numbers.append_value(dimension.lower);
        }
        builder.append(true);
    }
    let nulls = lists.nulls().cloned();
    let fields = fields(lists.data_type().clone());
    Ok(Arc::new(StructArray::try_new(fields, vec![Arc::new(lists), Arc::new(builder.finish())], nulls)?))
}

/// One array of a shape, of these elements.
pub fn one(values: ArrayRef, shape: Vec<Dimension>) -> Result<ArrayRef, FunctionError> {
    let result = shaped_type(values.data_type().clone());
    let length = values.len();
    assemble(values, vec![length], &[shape], None, &result)
}

/// 54000 of an array of more elements than there can be.
pub fn too_large() -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::ProgramLimitExceeded,
        format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})"),
    )
}

/// 54000 of an array of more dimensions than there can be.
pub fn too_many_dimensions(count: usize) -> FunctionError {
    FunctionError::new(
        FunctionErrorKind::ProgramLimitExceeded,
        format!("number of array dimensions ({count}) exceeds the maximum allowed ({DIMENSIONS_MAX})"),
    )
}

/// Whether a list could stand for an array of these dimensions.
pub fn is_plain(dimensions: &[Dimension]) -> bool {
    matches!(dimensions, [] | [Dimension { lower: 1, .. }])
}

/// Writes `[0:1][1:2]=` where a lower bound is not 1: what stands before such an array's text.
pub fn write_bounds(dimensions: &[Dimension], out: &mut Vec<u8>) {
    if dimensions.iter().all(|dimension| dimension.lower == 1) {
        return;
    }
    out.extend_from_slice(bounds_text(dimensions).as_bytes());
    out.push(b'=');
}

/// `[1:2][1:3]`
pub fn bounds_text(dimensions: &[Dimension]) -> String {
    dimensions.iter().map(|dimension| format!("[{}:{}]", dimension.lower, dimension.upper())).collect()
}

/// Writes elements inside the braces (or brackets) of their dimensions. `each` writes the element of a number, counted
/// from 0.
pub fn write_nested<E>(
    dimensions: &[Dimension],
    [open, between, close]: [&[u8]; 3],
    out: &mut Vec<u8>,
    each: &mut impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    fn level<E>(
        dimensions: &[Dimension],
        marks: [&[u8]; 3],
        next: &mut usize,
        out: &mut Vec<u8>,
        each: &mut impl FnMut(usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some((first, inner)) = dimensions.split_first() else {
            let number = *next;
            *next += 1;
            return each(number, out);
        };
        out.extend_from_slice(marks[0]);
        for index in 0..first.length {
            if index > 0 {
                out.extend_from_slice(marks[1]);
            }
            level(inner, marks, next, out, each)?;
        }
        out.extend_from_slice(marks[2]);
        Ok(())
    }
    if dimensions.is_empty() {
        out.extend_from_slice(open);
        out.extend_from_slice(close);
        return Ok(());
    }
    level(dimensions, [open, between, close], &mut 0, out, each)
}

/// The integers of an array's row; `None` if one of them is null.
pub(super) fn integers_of(arrays: &Arrays, row: usize) -> Option<Vec<i32>> {
    let values: &Int32Array = arrays.elements().as_primitive_opt()?;
    arrays.range(row).map(|at| values.is_valid(at).then(|| values.value(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dimension(lower: i32, length: usize) -> Dimension {
        Dimension { lower, length }
    }

    #[test]
    fn shapes_are_kept() {
        let values: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4, 5, 6]));
        let shape = vec![dimension(0, 2), dimension(1, 3)];
        let array = one(values, shape.clone()).unwrap();
        assert!(is_shaped(array.data_type()));
        assert_eq!(element_type(array.data_type()), Some(&DataType::Int32));
        let arrays = Arrays::of(array.as_ref(), 1).unwrap();
        assert_eq!(arrays.dimensions(0), shape);
        assert_eq!(arrays.range(0), 0..6);
        assert_eq!(bounds_text(&shape), "[0:1][1:3]");
    }

    #[test]
    fn braces_follow_dimensions() {
        let mut out = Vec::new();
        let write = |number: usize, out: &mut Vec<u8>| -> Result<(), ()> {
            out.extend_from_slice(number.to_string().as_bytes());
            Ok(())
        };
        write_nested(&[dimension(1, 2), dimension(1, 2)], [b"{", b",", b"}"], &mut out, &mut { write })
            .unwrap();
        write_nested(&[], [b"{", b",", b"}"], &mut out, &mut { write }).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "{{0,1},{2,3}}{}");
    }
}
