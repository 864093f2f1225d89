//! `random` and `setseed`: PostgreSQL's generator (xoroshiro128**), so that a session that sets a seed draws the numbers
//! that it draws there. Not for secrets, as PostgreSQL's is not.

use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};

use arrow::array::{ArrayRef, Float64Array};

use crate::{error::FunctionError, scalar::Arguments};

/// A session's source of random numbers.
#[derive(Debug)]
pub struct Generator(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State(u64, u64);

impl Default for Generator {
    /// Seeded by what differs from one to the next.
    fn default() -> Self {
        Self(Mutex::new(State::seeded(RandomState::new().build_hasher().finish())))
    }
}

impl Generator {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `setseed(double precision)`: from -1 to 1.
    #[expect(clippy::cast_possible_truncation, reason = "52 bits and a sign fit")]
    pub fn seed(&self, seed: f64) -> Result<(), FunctionError> {
        const LARGEST: f64 = 4_503_599_627_370_495.0;
        if !(-1.0..=1.0).contains(&seed) {
            let shown = if seed.is_nan() { "NaN".to_owned() } else { seed.to_string() };
            let message = format!("setseed parameter {shown} is out of allowed range [-1,1]");
            return Err(FunctionError::invalid_parameter(message));
        }
        *self.state() = State::seeded(((LARGEST * seed) as i64).cast_unsigned());
        Ok(())
    }

    /// The next numbers, from 0 to before 1.
    pub fn draw(&self, count: usize) -> Vec<f64> {
        let mut state = self.state();
        (0..count).map(|_| state.next_unit()).collect()
    }
}

impl State {
    fn seeded(seed: u64) -> Self {
        let mut at = seed;
        let mut next = || {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut bits = at;
            bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            bits ^ bits >> 31
        };
        Self(next(), next())
    }

    #[expect(clippy::cast_precision_loss, reason = "52 bits are exact")]
    fn next_unit(&mut self) -> f64 {
        let (one, both) = (self.0, self.0 ^ self.1);
        let bits = one.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        *self = Self(one.rotate_left(24) ^ both ^ both << 16, both.rotate_left(37));
        (bits >> 12) as f64 / (1_u64 << 52) as f64
    }
}

/// `random()` where no session keeps a generator.
pub fn random(arguments: &Arguments<'_>) -> Result<ArrayRef, FunctionError> {
    thread_local! {
        static GENERATOR: Generator = Generator::default();
    }
    let values = GENERATOR.with(|generator| generator.draw(arguments.rows));
    Ok(std::sync::Arc::new(Float64Array::from(values)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_postgresqls_numbers() {
        let generator = Generator::default();
        generator.seed(0.5).unwrap();
        assert_eq!(generator.draw(2), [0.985_167_717_534_799_9, 0.825_301_858_027_981]);
        generator.seed(0.1).unwrap();
        assert_eq!(generator.draw(1), [0.734_550_721_251_906_2]);
        assert!(generator.seed(f64::NAN).is_err());
        assert!(generator.seed(1.5).is_err());
    }
}
