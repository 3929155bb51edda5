//! Seeded variety: the same seed and question give the same answer in every run.

/// A stream of numbers fixed by a seed and a label.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed(u64);

impl Seed {
    pub(crate) fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x9E37_79B9_7F4A_7C15))
    }

    /// Derives the seed of something named.
    pub(crate) fn of(self, label: &str) -> Self {
        let hash = label.bytes().fold(self.0, |h, b| {
            (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3)
        });
        Self(mix(hash))
    }

    /// Returns a number below `n`.
    pub(crate) fn below(self, n: u64) -> u64 {
        self.0 % n.max(1)
    }

    /// Returns a number from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    pub(crate) fn unit(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Picks one of a list.
    pub(crate) fn pick<T>(self, of: &[T]) -> Option<&T> {
        usize::try_from(self.below(of.len() as u64))
            .ok()
            .and_then(|i| of.get(i))
    }

    /// Returns 32 bytes, for keys.
    pub(crate) fn bytes32(self) -> [u8; 32] {
        let mut out = [0; 32];
        for (i, chunk) in out.chunks_exact_mut(8).enumerate() {
            chunk.copy_from_slice(&mix(self.0.wrapping_add(i as u64)).to_le_bytes());
        }
        out
    }
}

/// The finaliser of splitmix64.
fn mix(x: u64) -> u64 {
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
