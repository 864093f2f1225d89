//! Statistics of floats: `avg`, `variance`, `stddev`, `corr`, `covar_*`, `regr_*`. One pass after Youngs and Cramer with the
//! same steps in the same order as PostgreSQL, so that the last digit agrees: a count, the sums, and the sums of squares
//! and products of deviations. Infinite input makes deviations NaN; finite input that overflows is 22003.

use std::{mem::size_of, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array},
    datatypes::{DataType, Float64Type},
};
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{Accumulator, AggregateUDF, EmitTo, GroupsAccumulator},
};

use crate::{
    aggregate::{Aggregation, Inputs, aggregate},
    aggregates::passes,
    error::FunctionError,
    numbers::float_overflow,
};

/// Which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// `avg`
    Average,
    /// `var_pop`
    PopulationVariance,
    /// `var_samp`, `variance`
    SampleVariance,
    /// `stddev_pop`
    PopulationDeviation,
    /// `stddev_samp`, `stddev`
    SampleDeviation,
    /// `corr`
    Correlation,
    /// `covar_pop`
    PopulationCovariance,
    /// `covar_samp`
    SampleCovariance,
    /// `regr_avgx`
    AverageX,
    /// `regr_avgy`
    AverageY,
    /// `regr_sxx`
    SquaresX,
    /// `regr_syy`
    SquaresY,
    /// `regr_sxy`
    Products,
    /// `regr_slope`
    Slope,
    /// `regr_intercept`
    Intercept,
    /// `regr_r2`
    Determination,
}

/// The aggregate over one or two `double precision`.
pub fn moment(which: Moment) -> Arc<AggregateUDF> {
    aggregate(which)
}

impl Moment {
    fn is_of_pairs(self) -> bool {
        !matches!(
            self,
            Moment::Average
                | Moment::PopulationVariance
                | Moment::SampleVariance
                | Moment::PopulationDeviation
                | Moment::SampleDeviation
        )
    }
}

impl Aggregation for Moment {
    fn name(&self) -> &'static str {
        match self {
            Moment::Average => "float8_avg",
            Moment::PopulationVariance => "float8_var_pop",
            Moment::SampleVariance => "float8_var_samp",
            Moment::PopulationDeviation => "float8_stddev_pop",
            Moment::SampleDeviation => "float8_stddev_samp",
            Moment::Correlation => "float8_corr",
            Moment::PopulationCovariance => "float8_covar_pop",
            Moment::SampleCovariance => "float8_covar_samp",
            Moment::AverageX => "float8_regr_avgx",
            Moment::AverageY => "float8_regr_avgy",
            Moment::SquaresX => "float8_regr_sxx",
            Moment::SquaresY => "float8_regr_syy",
            Moment::Products => "float8_regr_sxy",
            Moment::Slope => "float8_regr_slope",
            Moment::Intercept => "float8_regr_intercept",
            Moment::Determination => "float8_regr_r2",
        }
    }

    fn result(&self) -> DataType {
        DataType::Float64
    }

    fn state(&self, _inputs: &[DataType]) -> Vec<(&'static str, DataType)> {
        let parts: &[&'static str] =
            if self.is_of_pairs() { &["n", "sx", "sxx", "sy", "syy", "sxy"] } else { &["n", "sx", "sxx"] };
        parts.iter().map(|part| (*part, DataType::Float64)).collect()
    }

    fn accumulator(&self, _inputs: &Inputs) -> Result<Box<dyn Accumulator>> {
        Ok(if self.is_of_pairs() {
            Box::new(OneGroup { which: *self, sums: [0.0; 6] })
        } else {
            Box::new(OneGroup { which: *self, sums: [0.0; 3] })
        })
    }

    fn groups(&self, _inputs: &Inputs) -> Option<Box<dyn GroupsAccumulator>> {
        Some(if self.is_of_pairs() {
            Box::new(Groups::<6> { which: *self, sums: Vec::new() })
        } else {
            Box::new(Groups::<3> { which: *self, sums: Vec::new() })
        })
    }
}

/// The sums of one group: count, Σx, Σ(x − mean)², and for pairs Σy, Σ(y − mean)², Σ(x − mean)(y − mean).
trait Sums: Copy + std::fmt::Debug + Send + Sync + 'static {
    const PARTS: usize;
    const ZERO: Self;
    /// Adds the values of a row: y and x for pairs, as PostgreSQL orders them.
    fn add(&mut self, first: f64, second: f64) -> Result<(), FunctionError>;
    fn merge(&mut self, other: &Self) -> Result<(), FunctionError>;
    fn parts(&self) -> &[f64];
    fn from_parts(part: impl Fn(usize) -> f64) -> Self;
    fn finish(&self, which: Moment) -> Option<f64>;
}

impl Sums for [f64; 3] {
    const PARTS: usize = 3;
    const ZERO: Self = [0.0; 3];

    #[inline]
    fn add(&mut self, value: f64, _: f64) -> Result<(), FunctionError> {
        let [count, sum, squares] = *self;
        let next_count = count + 1.0;
        let next_sum = sum + value;
        let next_squares = if count > 0.0 {
            let deviation = value * next_count - next_sum;
            let next = squares + deviation * deviation / (next_count * count);
            if next_sum.is_infinite() || next.is_infinite() {
                if !sum.is_infinite() && !value.is_infinite() {
                    return Err(float_overflow());
                }
                f64::NAN
            } else {
                next
            }
        } else if value.is_finite() {
            0.0
        } else {
            f64::NAN
        };
        *self = [next_count, next_sum, next_squares];
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<(), FunctionError> {
        let ([n1, s1, q1], [n2, s2, q2]) = (*self, *other);
        if n1 == 0.0 {
            *self = *other;
        } else if n2 > 0.0 {
            let (count, sum) = (n1 + n2, s1 + s2);
            let apart = s1 / n1 - s2 / n2;
            let squares = q1 + q2 + n1 * n2 * apart * apart / count;
            if (sum.is_infinite() && !s1.is_infinite() && !s2.is_infinite())
                || (squares.is_infinite() && !q1.is_infinite() && !q2.is_infinite())
            {
                return Err(float_overflow());
            }
            *self = [count, sum, squares];
        }
        Ok(())
    }

    fn parts(&self) -> &[f64] {
        self
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        std::array::from_fn(part)
    }

    fn finish(&self, which: Moment) -> Option<f64> {
        let [count, sum, squares] = *self;
        if count == 0.0 {
            return None;
        }
        match which {
            Moment::Average => Some(sum / count),
            Moment::PopulationVariance => Some(squares / count),
            Moment::PopulationDeviation => Some((squares / count).sqrt()),
            _ if count <= 1.0 => None,
            Moment::SampleVariance => Some(squares / (count - 1.0)),
            _ => Some((squares / (count - 1.0)).sqrt()),
        }
    }
}

impl Sums for [f64; 6] {
    const PARTS: usize = 6;
    const ZERO: Self = [0.0; 6];

    #[inline]
    fn add(&mut self, y: f64, x: f64) -> Result<(), FunctionError> {
        let [count, sum_x, mut squares_x, sum_y, mut squares_y, mut products] = *self;
        let (next, next_x, next_y) = (count + 1.0, sum_x + x, sum_y + y);
        if count > 0.0 {
            let (deviation_x, deviation_y) = (x * next - next_x, y * next - next_y);
            let scale = 1.0 / (next * count);
            squares_x += deviation_x * deviation_x * scale;
            squares_y += deviation_y * deviation_y * scale;
            products += deviation_x * deviation_y * scale;
            let sound_x = !sum_x.is_infinite() && !x.is_infinite();
            let sound_y = !sum_y.is_infinite() && !y.is_infinite();
            if ((next_x.is_infinite() || squares_x.is_infinite()) && sound_x)
                || ((next_y.is_infinite() || squares_y.is_infinite()) && sound_y)
                || (products.is_infinite() && sound_x && sound_y)
            {
                return Err(float_overflow());
            }
            for part in [&mut squares_x, &mut squares_y, &mut products] {
                if part.is_infinite() {
                    *part = f64::NAN;
                }
            }
        } else {
            if !x.is_finite() {
                (squares_x, products) = (f64::NAN, f64::NAN);
            }
            if !y.is_finite() {
                (squares_y, products) = (f64::NAN, f64::NAN);
            }
        }
        *self = [next, next_x, squares_x, next_y, squares_y, products];
        Ok(())
    }

    fn merge(&mut self, other: &Self) -> Result<(), FunctionError> {
        let ([n1, x1, xx1, y1, yy1, xy1], [n2, x2, xx2, y2, yy2, xy2]) = (*self, *other);
        if n1 == 0.0 {
            *self = *other;
        } else if n2 > 0.0 {
            let (count, x, y) = (n1 + n2, x1 + x2, y1 + y2);
            let (apart_x, apart_y) = (x1 / n1 - x2 / n2, y1 / n1 - y2 / n2);
            let merged = [
                count,
                x,
                xx1 + xx2 + n1 * n2 * apart_x * apart_x / count,
                y,
                yy1 + yy2 + n1 * n2 * apart_y * apart_y / count,
                xy1 + xy2 + n1 * n2 * apart_x * apart_y / count,
            ];
            let overflow = merged
                .iter()
                .zip(self.iter().zip(other))
                .any(|(sum, (one, two))| sum.is_infinite() && !one.is_infinite() && !two.is_infinite());
            if overflow {
                return Err(float_overflow());
            }
            *self = merged;
        }
        Ok(())
    }

    fn parts(&self) -> &[f64] {
        self
    }

    fn from_parts(part: impl Fn(usize) -> f64) -> Self {
        std::array::from_fn(part)
    }

    fn finish(&self, which: Moment) -> Option<f64> {
        let [count, sum_x, squares_x, sum_y, squares_y, products] = *self;
        if count < 1.0 {
            return None;
        }
        let vertical = squares_x == 0.0;
        match which {
            Moment::AverageX => Some(sum_x / count),
            Moment::AverageY => Some(sum_y / count),
            Moment::SquaresX => Some(squares_x),
            Moment::SquaresY => Some(squares_y),
            Moment::Products => Some(products),
            Moment::PopulationCovariance => Some(products / count),
            Moment::SampleCovariance => (count >= 2.0).then(|| products / (count - 1.0)),
            Moment::Correlation => {
                (!vertical && squares_y != 0.0).then(|| products / (squares_x * squares_y).sqrt())
            }
            Moment::Determination if vertical => None,
            Moment::Determination if squares_y == 0.0 => Some(1.0),
            Moment::Determination => Some((products * products) / (squares_x * squares_y)),
            Moment::Slope => (!vertical).then(|| products / squares_x),
            Moment::Intercept => (!vertical).then(|| (sum_y - sum_x * products / squares_x) / count),
            _ => None,
        }
    }
}

/// There is one NaN on the wire.
fn one_nan(value: f64) -> f64 {
    if value.is_nan() { f64::NAN } else { value }
}

/// Calls back with each row in which no argument is null.
fn each_row(
    values: &[ArrayRef],
    mut each: impl FnMut(usize, f64, f64) -> Result<(), FunctionError>,
) -> Result<()> {
    let column = |index: usize| {
        values
            .get(index)
            .and_then(|array| array.as_primitive_opt::<Float64Type>())
            .ok_or_else(|| FunctionError::internal("a statistic takes floats"))
    };
    match values.len() {
        1 => {
            let only = column(0)?;
            if only.null_count() == 0 {
                for (row, value) in only.values().iter().enumerate() {
                    each(row, *value, 0.0)?;
                }
            } else {
                for (row, value) in only.iter().enumerate() {
                    if let Some(value) = value {
                        each(row, value, 0.0)?;
                    }
                }
            }
        }
        _ => {
            let (first, second) = (column(0)?, column(1)?);
            for (row, pair) in first.iter().zip(second).enumerate() {
                if let (Some(first), Some(second)) = pair {
                    each(row, first, second)?;
                }
            }
        }
    }
    Ok(())
}

fn each_state<S: Sums>(
    states: &[ArrayRef],
    mut each: impl FnMut(usize, &S) -> Result<(), FunctionError>,
) -> Result<()> {
    let columns: Vec<&Float64Array> =
        states.iter().map(|state| state.as_primitive::<Float64Type>()).collect();
    if columns.len() != S::PARTS {
        return Err(FunctionError::internal("a statistic's state has other parts").into());
    }
    for row in 0..columns.first().map_or(0, |first| first.len()) {
        let sums = S::from_parts(|part| columns.get(part).map_or(0.0, |column| column.value(row)));
        each(row, &sums)?;
    }
    Ok(())
}

#[derive(Debug)]
struct OneGroup<S> {
    which: Moment,
    sums: S,
}

impl<S: Sums> Accumulator for OneGroup<S> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let sums = &mut self.sums;
        each_row(values, |_, first, second| sums.add(first, second))
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.sums.finish(self.which).map(one_nan)))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(self.sums.parts().iter().map(|part| ScalarValue::Float64(Some(*part))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sums = &mut self.sums;
        each_state::<S>(states, |_, state| sums.merge(state))
    }

    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

#[derive(Debug)]
struct Groups<const PARTS: usize> {
    which: Moment,
    sums: Vec<[f64; PARTS]>,
}

impl<const PARTS: usize> GroupsAccumulator for Groups<PARTS>
where
    [f64; PARTS]: Sums,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, <[f64; PARTS]>::ZERO);
        let sums = &mut self.sums;
        each_row(values, |row, first, second| {
            if !passes(opt_filter, row) {
                return Ok(());
            }
            match group_indices.get(row).and_then(|group| sums.get_mut(*group)) {
                Some(sums) => sums.add(first, second),
                None => Ok(()),
            }
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let values: Float64Array = sums.iter().map(|sums| sums.finish(self.which).map(one_nan)).collect();
        Ok(Arc::new(values))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emit_to.take_needed(&mut self.sums);
        Ok((0..PARTS)
            .map(|part| -> ArrayRef {
                let values = sums.iter().map(|sums| sums.parts().get(part).copied().unwrap_or(0.0));
                Arc::new(Float64Array::from_iter_values(values))
            })
            .collect())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.sums.resize(total_num_groups, <[f64; PARTS]>::ZERO);
        let sums = &mut self.sums;
        each_state::<[f64; PARTS]>(values, |row, state| {
            match group_indices.get(row).and_then(|group| sums.get_mut(*group)) {
                Some(sums) => sums.merge(state),
                None => Ok(()),
            }
        })
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |first| first.len());
        let mut each = Self { which: self.which, sums: Vec::new() };
        let own_group: Vec<usize> = (0..rows).collect();
        each.update_batch(values, &own_group, opt_filter, rows)?;
        each.state(EmitTo::All)
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<[f64; PARTS]>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_merge_to_the_whole() {
        let mut whole = [0.0; 6];
        let (mut one, mut two) = ([0.0; 6], [0.0; 6]);
        for (row, (y, x)) in [(1.0, 2.0), (2.0, 1.0), (4.0, 7.5), (3.0, -1.0)].into_iter().enumerate() {
            Sums::add(&mut whole, y, x).unwrap();
            Sums::add(if row < 2 { &mut one } else { &mut two }, y, x).unwrap();
        }
        one.merge(&two).unwrap();
        for (part, wanted) in one.iter().zip(whole) {
            assert!((part - wanted).abs() < 1e-12, "{part} {wanted}");
        }
        assert_eq!(whole.finish(Moment::AverageX), Some(2.375));
    }

    #[test]
    fn infinity_is_not_overflow() {
        let mut sums = [0.0; 3];
        sums.add(f64::INFINITY, 0.0).unwrap();
        sums.add(1.0, 0.0).unwrap();
        assert_eq!(sums.finish(Moment::Average), Some(f64::INFINITY));
        assert!(sums.finish(Moment::SampleVariance).is_some_and(f64::is_nan));
        let mut sums = [0.0; 3];
        sums.add(f64::MAX, 0.0).unwrap();
        assert!(sums.add(f64::MAX, 0.0).is_err());
    }
}
