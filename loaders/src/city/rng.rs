//! A random number generator whose algorithm never changes.
//!
//! The city must be the same, byte for byte, for the same seed on every machine and after every upgrade of a
//! dependency, so it does not use a generator that reserves the right to change. SplitMix64 is enough here. Whole
//! numbers only: a float would round differently somewhere.

/// SplitMix64, with the few draws that the city needs.
#[derive(Debug, Clone)]
pub(crate) struct Rng {
    state: u64,
}

impl Rng {
    /// A generator of its own for every thing that is drawn (a file, a table), so that one thing's length never
    /// moves another's values.
    pub(crate) fn new(seed: u64, stream: &[u64]) -> Self {
        let mut rng = Self { state: seed ^ 0x4558_454D_5045_4C53 };
        for part in stream {
            let mixed = rng.next() ^ part.wrapping_mul(0xD6E8_FEB8_6659_FD93);
            rng.state = mixed;
        }
        rng.next();
        rng
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The high half of the product: no division, and the bias is far below anything that shows.
        let product = u128::from(self.next()) * u128::from(bound);
        u64::try_from(product >> 64).unwrap_or(0)
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(width))
    }

    /// True `per_thousand` times out of a thousand.
    pub(crate) fn chance(&mut self, per_thousand: u64) -> bool {
        self.below(1000) < per_thousand
    }

    /// One of the items; the default of the type when there are none.
    pub(crate) fn pick<T: Copy + Default>(&mut self, items: &[T]) -> T {
        let index = usize::try_from(self.below(items.len() as u64)).unwrap_or(0);
        items.get(index).copied().unwrap_or_default()
    }

    /// `total` cut into `pieces` parts of uneven size that add up to it exactly.
    pub(crate) fn split(&mut self, total: i64, pieces: usize) -> Vec<i64> {
        let weights: Vec<i64> = (0..pieces.max(1)).map(|_| self.between(15, 100)).collect();
        let sum: i64 = weights.iter().sum();
        let mut left = total;
        let mut parts = Vec::with_capacity(weights.len());
        for (index, weight) in weights.iter().enumerate() {
            let part = if index + 1 == weights.len() { left } else { share(total, *weight, sum) };
            left -= part;
            parts.push(part);
        }
        parts
    }
}

/// `total × part / whole`, without overflow on the way; 0 when the whole is 0.
pub(crate) fn share(total: i64, part: i64, whole: i64) -> i64 {
    if whole == 0 {
        return 0;
    }
    i64::try_from(i128::from(total) * i128::from(part) / i128::from(whole)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_algorithm_is_fixed() {
        let mut rng = Rng::new(1, &[2, 3]);
        let drawn: Vec<u64> = (0..3).map(|_| rng.below(1_000_000)).collect();
        let mut again = Rng::new(1, &[2, 3]);
        assert_eq!(drawn, (0..3).map(|_| again.below(1_000_000)).collect::<Vec<_>>());
        assert_ne!(drawn[0], Rng::new(1, &[3, 2]).below(1_000_000));
        // SplitMix64's own published test vector for seed 1234567.
        let mut plain = Rng { state: 1_234_567 };
        assert_eq!(plain.next(), 6_457_827_717_110_365_317);
    }

    #[test]
    fn parts_add_up() {
        let mut rng = Rng::new(7, &[]);
        for pieces in [1, 2, 17] {
            assert_eq!(rng.split(-123_457, pieces).iter().sum::<i64>(), -123_457);
        }
        assert!((0..500).map(|_| rng.between(-3, 3)).all(|drawn| (-3..=3).contains(&drawn)));
    }
}
