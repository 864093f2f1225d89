//! Rounding of floats to whole numbers by addition, which a loop does several values at a time. Floats from 2^52 on have no
//! digits after the point, and adding that much to a smaller one leaves none; zeros keep their sign.

/// Where floats become whole.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// The nearest whole number, half to even.
#[inline]
pub(super) fn to_nearest(value: f64) -> f64 {
    let size = value.abs();
    let rounded = (size + WHOLE) - WHOLE;
    // No number is not smaller.
    if size < WHOLE { rounded.copysign(value) } else { value }
}

/// The next whole number below.
#[inline]
pub(super) fn down(value: f64) -> f64 {
    let nearest = to_nearest(value);
    (nearest - if nearest > value { 1.0 } else { 0.0 }).copysign(value)
}

/// The next whole number above.
#[inline]
pub(super) fn up(value: f64) -> f64 {
    let nearest = to_nearest(value);
    (nearest + if nearest < value { 1.0 } else { 0.0 }).copysign(value)
}

/// The whole part.
#[inline]
pub(super) fn towards_zero(value: f64) -> f64 {
    let (nearest, size) = (to_nearest(value).abs(), value.abs());
    (nearest - if nearest > size { 1.0 } else { 0.0 }).copysign(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_standard_library_rounds() {
        let steps = (-40..=40).map(|step| f64::from(step) / 8.0);
        let large = [0.49999999999999994, 4_503_599_627_370_495.5, 4_503_599_627_370_497.0, 1e300, 5e-324];
        let others = [f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, 0.0];
        for value in steps.chain(large).chain(others).flat_map(|value| [value, -value]) {
            let same = |ours: f64, theirs: f64| assert_eq!(ours.to_bits(), theirs.to_bits(), "{value}");
            same(to_nearest(value), value.round_ties_even());
            same(down(value), value.floor());
            same(up(value), value.ceil());
            same(towards_zero(value), value.trunc());
        }
    }
}
