//! Digests and random identifiers.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryBuilder};
use md5::{Digest, Md5};

use crate::{
    error::FunctionError,
    kernels::{Bytes, Text, map_bytes, map_text},
    scalar::Arguments,
};

macro_rules! sha {
    ($($(#[$doc:meta])* $name:ident: $digest:ident;)*) => {
        $($(#[$doc])*
        pub fn $name(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
            map_bytes::<(Bytes,)>(arguments, |(bytes,), out| {
                out.extend_from_slice(&<sha2::$digest as sha2::Digest>::digest(bytes));
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

fn write_hex(digest: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(digest) {
        pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

/// `md5(text)`
pub fn md5_text(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    map_text::<(Text,)>(arguments, |(text,), out| {
        write_hex(&Md5::digest(text.as_bytes()), out);
        Ok(())
    })
}

/// `md5(bytea)`
pub fn md5_bytes(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    map_text::<(Bytes,)>(arguments, |(bytes,), out| {
        write_hex(&Md5::digest(bytes), out);
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
