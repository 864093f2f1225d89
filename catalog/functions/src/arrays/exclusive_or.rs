//! `bit_xor(DISTINCT …)`: over the list of the values that there are, each once.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, PrimitiveArray},
    datatypes::{ArrowPrimitiveType, DataType, Int16Type, Int32Type, Int64Type},
};

use crate::{error::FunctionError, scalar::Arguments};

/// The exclusive or of each list's elements; null of none.
pub fn exclusive_or(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let lists = arguments.full_array(0)?;
    let lists = lists.as_list_opt::<i32>().ok_or_else(|| FunctionError::internal("not a list"))?;
    Ok(match lists.values().data_type() {
        DataType::Int16 => Arc::new(of_lists::<Int16Type>(lists)),
        DataType::Int32 => Arc::new(of_lists::<Int32Type>(lists)),
        DataType::Int64 => Arc::new(of_lists::<Int64Type>(lists)),
        other => return Err(FunctionError::internal(format!("an exclusive or of {other}"))),
    })
}

fn of_lists<T: ArrowPrimitiveType>(lists: &ListArray) -> PrimitiveArray<T>
where
    T::Native: std::ops::BitXor<Output = T::Native>,
{
    let of_list = |list: ArrayRef| list.as_primitive::<T>().iter().flatten().reduce(|one, other| one ^ other);
    lists.iter().map(|list| list.and_then(of_list)).collect()
}
