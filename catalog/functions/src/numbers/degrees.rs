//! Trigonometry in degrees. Exact where people know the answer (0, 30, 45, 60, 90 …): each function is scaled so that its
//! value at such an angle comes out as it should, and angles are brought to the first quadrant before.

use std::hint::black_box;

const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

fn radians(degrees: f64) -> f64 {
    degrees * RADIANS_PER_DEGREE
}

/// What the functions give at the angles that they are scaled by. Computed as the values themselves are, at run time.
fn sin_30() -> f64 {
    radians(black_box(30.0)).sin()
}

fn one_minus_cos_60() -> f64 {
    1.0 - radians(black_box(60.0)).cos()
}

fn sin_to_30(degrees: f64) -> f64 {
    radians(degrees).sin() / sin_30() / 2.0
}

fn cos_to_60(degrees: f64) -> f64 {
    1.0 - (1.0 - radians(degrees).cos()) / one_minus_cos_60() / 2.0
}

/// Sine of 0 to 90 degrees.
fn sin_of_quadrant(degrees: f64) -> f64 {
    if degrees <= 30.0 { sin_to_30(degrees) } else { cos_to_60(90.0 - degrees) }
}

/// Cosine of 0 to 90 degrees.
fn cos_of_quadrant(degrees: f64) -> f64 {
    if degrees <= 60.0 { cos_to_60(degrees) } else { sin_to_30(90.0 - degrees) }
}

/// The sine.
pub(super) fn sin(degrees: f64) -> f64 {
    let mut angle = degrees % 360.0;
    let mut sign = 1.0;
    if angle < 0.0 {
        (angle, sign) = (-angle, -sign);
    }
    if angle > 180.0 {
        (angle, sign) = (360.0 - angle, -sign);
    }
    if angle > 90.0 {
        angle = 180.0 - angle;
    }
    sign * sin_of_quadrant(angle)
}

/// An angle in the first quadrant with the same cosine, tangent or cotangent but for the sign; the signs of the two halves
/// that it was mirrored over: left and right, above and below.
fn mirrored(degrees: f64) -> (f64, f64, f64) {
    let mut angle = degrees % 360.0;
    let (mut below, mut left) = (1.0, 1.0);
    if angle < 0.0 {
        (angle, below) = (-angle, -1.0);
    }
    if angle > 180.0 {
        (angle, below) = (360.0 - angle, -below);
    }
    if angle > 90.0 {
        (angle, left) = (180.0 - angle, -1.0);
    }
    (angle, left, below)
}

/// The cosine.
pub(super) fn cos(degrees: f64) -> f64 {
    let (angle, left, _) = mirrored(degrees);
    left * cos_of_quadrant(angle)
}

/// There is no negative zero among tangents.
fn plain_zero(value: f64) -> f64 {
    if value == 0.0 { 0.0 } else { value }
}

/// The tangent.
pub(super) fn tan(degrees: f64) -> f64 {
    let (angle, left, below) = mirrored(degrees);
    let at_45 = sin_of_quadrant(black_box(45.0)) / cos_of_quadrant(black_box(45.0));
    plain_zero(left * below * ((sin_of_quadrant(angle) / cos_of_quadrant(angle)) / at_45))
}

/// The cotangent.
pub(super) fn cot(degrees: f64) -> f64 {
    let (angle, left, below) = mirrored(degrees);
    let at_45 = cos_of_quadrant(black_box(45.0)) / sin_of_quadrant(black_box(45.0));
    plain_zero(left * below * ((cos_of_quadrant(angle) / sin_of_quadrant(angle)) / at_45))
}

fn asin_of_quadrant(value: f64) -> f64 {
    if value <= 0.5 {
        value.asin() / black_box(0.5_f64).asin() * 30.0
    } else {
        90.0 - value.acos() / black_box(0.5_f64).acos() * 60.0
    }
}

fn acos_of_quadrant(value: f64) -> f64 {
    if value <= 0.5 {
        90.0 - value.asin() / black_box(0.5_f64).asin() * 30.0
    } else {
        value.acos() / black_box(0.5_f64).acos() * 60.0
    }
}

/// The angle of a sine.
pub(super) fn asin(value: f64) -> f64 {
    if value.is_nan() {
        value
    } else if value >= 0.0 {
        asin_of_quadrant(value)
    } else {
        -asin_of_quadrant(-value)
    }
}

/// The angle of a cosine.
pub(super) fn acos(value: f64) -> f64 {
    if value.is_nan() {
        value
    } else if value >= 0.0 {
        acos_of_quadrant(value)
    } else {
        90.0 + asin_of_quadrant(-value)
    }
}

/// The angle of a tangent.
pub(super) fn atan(value: f64) -> f64 {
    value.atan() / black_box(1.0_f64).atan() * 45.0
}

/// The angle of a point.
pub(super) fn atan2(y: f64, x: f64) -> f64 {
    y.atan2(x) / black_box(1.0_f64).atan() * 45.0
}

#[cfg(test)]
mod tests {
    #[test]
    fn known_angles_are_exact() {
        assert_eq!(
            [super::sin(30.0), super::sin(150.0), super::sin(-90.0), super::sin(360.0)],
            [0.5, 0.5, -1.0, 0.0]
        );
        assert_eq!([super::cos(60.0), super::cos(90.0), super::cos(120.0)], [0.5, 0.0, -0.5]);
        assert_eq!([super::tan(45.0), super::tan(135.0), super::cot(225.0)], [1.0, -1.0, 1.0]);
        assert_eq!(
            [super::asin(0.5), super::acos(0.5), super::acos(-0.5), super::atan(1.0)],
            [30.0, 60.0, 120.0, 45.0]
        );
    }
}
