//! Digests and random identifiers.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, FixedSizeBinaryBuilder, Float64Array},
    datatypes::{DataType, Int64Type},
};
use datafusion::{
    common::hash_utils::{RandomState, create_hashes},
    logical_expr::{Expr, expr::ScalarFunction, lit},
};
use md5::{Digest, Md5};

use crate::{
    error::FunctionError,
    interrupt,
    kernels::{Bytes, Text, map_bytes, map_text},
    scalar::{Arguments, Scalar},
};

/// Bytes of one value after which it is looked whether anybody waits.
const BETWEEN_CHECKS: usize = 1 << 20;

macro_rules! sha {
    ($($(#[$doc:meta])* $name:ident: $digest:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
            map_bytes::<(Bytes,)>(arguments, |(bytes,), out| {
                let mut digest = <sha2::$digest as sha2::Digest>::new();
                for piece in bytes.chunks(BETWEEN_CHECKS) {
                    interrupt::check()?;
                    sha2::Digest::update(&mut digest, piece);
                }
                out.extend_from_slice(&sha2::Digest::finalize(digest));
                Ok(())
            })
        })*
    };
}

sha! {
    /// `sha224(bytea)`
    sha224: Sha224;
    /// `sha256(bytea)`
    sha256: Sha256;
    /// `sha384(bytea)`
    sha384: Sha384;
    /// `sha512(bytea)`
    sha512: Sha512;
}

fn md5_of(bytes: &[u8]) -> Result<impl AsRef<[u8]> + use<>, FunctionError> {
    let mut digest = Md5::new();
    for piece in bytes.chunks(BETWEEN_CHECKS) {
        interrupt::check()?;
        digest.update(piece);
    }
    Ok(digest.finalize())
}

fn write_hex(digest: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(digest) {
        pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// A number from 0 to 1 that a row's values and a seed give: always the same for the same ones.
pub fn chance_of(seed: f64, values: Vec<Expr>) -> Expr {
    let function = Scalar::called_on_null("chance_of", DataType::Float64, chance);
    let mut arguments = vec![lit(i64::from_ne_bytes(seed.to_bits().to_ne_bytes()))];
    arguments.extend(values);
    Expr::ScalarFunction(ScalarFunction::new_udf(function, arguments))
}

fn chance(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    /// As many bits as a number between 0 and 1 has.
    const BITS: u32 = 53;
    let seed =
        arguments.full_array(0)?.as_primitive::<Int64Type>().iter().flatten().next().unwrap_or_default();
    let seed = RandomState::with_seed(u64::from_ne_bytes(seed.to_ne_bytes()));
    let columns =
        (1..arguments.len()).map(|index| arguments.full_array(index)).collect::<Result<Vec<_>, _>>()?;
    let mut hashes = vec![0; arguments.rows];
    create_hashes(&columns, &seed, &mut hashes)
        .map_err(|error| FunctionError::internal(error.to_string()))?;
    #[expect(clippy::cast_precision_loss, reason = "a float has exactly these bits")]
    let part = |hash: u64| (hash >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64;
    Ok(Arc::new(hashes.into_iter().map(part).collect::<Float64Array>()))
}

/// `md5(text)`
pub fn md5_text(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    map_text::<(Text,)>(arguments, |(text,), out| {
        write_hex(md5_of(text.as_bytes())?.as_ref(), out);
        Ok(())
    })
}

/// `md5(bytea)`
pub fn md5_bytes(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    map_text::<(Bytes,)>(arguments, |(bytes,), out| {
        write_hex(md5_of(bytes)?.as_ref(), out);
        Ok(())
    })
}

/// `gen_random_uuid()`: version 4.
pub fn random_uuid(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let mut builder = FixedSizeBinaryBuilder::with_capacity(arguments.rows, 16);
    for _ in 0..arguments.rows {
        builder.append_value(uuid::Uuid::new_v4().as_bytes())?;
    }
    Ok(Arc::new(builder.finish()))
}
