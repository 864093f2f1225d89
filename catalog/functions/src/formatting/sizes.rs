//! `pg_size_pretty`: bytes, kB, MB, … with PostgreSQL's limits and rounding.

use arrow::array::ArrayRef;

use crate::{
    error::FunctionError,
    kernels::{Int8, Numeric, map_text, scale_of},
    scalar::Arguments,
    text_output::write_numeric,
};

/// Below this, bytes are written as they are.
const BYTES_MAX: i128 = 10 * 1024;

/// `pg_size_pretty(bigint)`
pub fn size_pretty(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    map_text::<(Int8,)>(arguments, |(size,), out| {
        out.push_str(&pretty(size.into()));
        Ok(())
    })
}

/// `pg_size_pretty(numeric)`
pub fn size_pretty_numeric(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    let scale = scale_of(arguments, 0)?;
    let unit = 10_i128.pow(u32::try_from(scale).unwrap_or(0));
    map_text::<(Numeric,)>(arguments, |(size,), out| {
        // The whole part is below the limit just when the number is.
        if (size / unit).abs() >= BYTES_MAX {
            out.push_str(&pretty(size / unit));
            return Ok(());
        }
        let mut text = Vec::new();
        write_numeric(size, scale, &mut text);
        out.push_str(std::str::from_utf8(&text).unwrap_or_default());
        out.push_str(" bytes");
        Ok(())
    })
}

fn pretty(mut size: i128) -> String {
    if size.abs() < BYTES_MAX {
        return format!("{size} bytes");
    }
    // One bit more than a unit is kept, to round half up.
    size /= 512;
    let mut units = ["kB", "MB", "GB", "TB", "PB"].into_iter().peekable();
    while let Some(unit) = units.next() {
        if size.abs() < 20 * 1024 - 1 || units.peek().is_none() {
            let rounded = (size + size.signum()) / 2;
            return format!("{rounded} {unit}");
        }
        size /= 1024;
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_postgresql_writes_them() {
        for (size, text) in [
            (0, "0 bytes"),
            (10_239, "10239 bytes"),
            (10_240, "10 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (-1_000_000, "-977 kB"),
            (i128::from(i64::MAX), "8192 PB"),
        ] {
            assert_eq!(pretty(size), text);
        }
    }
}
