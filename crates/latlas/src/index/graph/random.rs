//! Chance that depends on no order: hashing instead of drawing.

/// A number that depends on both in no simple way (the finaliser of SplitMix64: Steele, Lea & Flood, 2014).
#[inline]
pub(super) fn mixed(a: u64, b: u64) -> u64 {
    let mut z = a.rotate_left(23) ^ b.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Some of 0…n−1, any of them as likely, in random order.
pub(super) fn drawn(n: usize, wanted: usize, key: u64) -> Vec<u32> {
    let wanted = wanted.min(n);
    let mut all: Vec<u64> =
        (0..n as u64).map(|i| mixed(key, i) & !u64::from(u32::MAX) | i).collect();
    if wanted < n {
        all.select_nth_unstable(wanted);
        all.truncate(wanted);
    }
    all.sort_unstable();
    all.into_iter().map(|one| one as u32).collect()
}
