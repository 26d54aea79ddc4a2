//! Chance that comes again with the same seed.

use std::env;
use std::time::{SystemTime, UNIX_EPOCH};

/// xorshift64. `SEED` is where it begins, the time otherwise; it is printed.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
        Self::with_default(u64::try_from(now).unwrap())
    }

    /// The same at every run, unless `SEED` says otherwise.
    pub fn with_default(seed: u64) -> Self {
        let seed = number("SEED").unwrap_or(seed);
        println!("SEED={seed}");
        Self(seed | 1)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// A number in the environment.
pub fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap())
}
