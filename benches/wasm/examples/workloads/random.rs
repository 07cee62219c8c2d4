//! Numbers that look random, and are the same each time.

/// A linear congruential generator.
pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    /// Returns a size: each doubling up to `2^doublings` bytes is as likely as the others.
    pub fn size(&mut self, doublings: usize) -> usize {
        let limit = 2 << self.below(doublings);
        limit / 2 + self.below(limit / 2)
    }
}
