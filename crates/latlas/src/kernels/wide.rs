//! Safe loops, compiled for several instruction sets: for work that a compiler turns into good SIMD by itself.
//!
//! The same code runs at every [`Width`], with the same results to the bit: each operation is rounded as it is written, and
//! no multiplication is fused with an addition unless the code says so. So the narrowest is the twin of the others.

#![expect(unsafe_code, reason = "calls functions compiled for CPU features that were detected")]

use std::sync::OnceLock;

/// What runs at some width. All it calls must be inlined into [`Work::run`]; what is not is compiled for the plain machine.
pub trait Work {
    /// What it comes to.
    type Output;

    /// Does it; to be marked `#[inline(always)]`.
    fn run(self) -> Self::Output;
}

/// A width of registers that this machine has. Every one in existence runs here: the safety of [`Width::run`] rests on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width(Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Plain,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Width {
    /// The widest of this machine, unless others are forced by `LATLAS_KERNELS` (see [`super`]). Decided at the first call.
    #[inline]
    pub fn widest() -> Self {
        static WIDEST: OnceLock<Width> = OnceLock::new();
        *WIDEST.get_or_init(|| {
            let mut all = Self::all();
            all.retain(|width| super::set::allowed(width.name()));
            all.pop().unwrap_or(Width(Level::Plain))
        })
    }

    /// All that this machine has, the narrowest first.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Width(Level::Plain)];
        #[cfg(target_arch = "x86_64")]
        if std::is_x86_feature_detected!("avx2") {
            all.push(Width(Level::Avx2));
            let rest = std::is_x86_feature_detected!("avx512bw")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("avx512vl");
            if std::is_x86_feature_detected!("avx512f") && rest {
                all.push(Width(Level::Avx512));
            }
        }
        all
    }

    /// "scalar", "avx2" or "avx512f".
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Plain => "scalar",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512f",
        }
    }

    /// Does the work at this width.
    #[inline]
    pub fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Level::Plain => work.run(),
            // SAFETY: a width is only made where its features were detected.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { avx2(work) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { avx512(work) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<W: Work>(work: W) -> W::Output {
    work.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avx512f,avx512bw,avx512dq,avx512vl")]
fn avx512<W: Work>(work: W) -> W::Output {
    work.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sums<'a>(&'a [f32], &'a mut [f32]);

    impl Work for Sums<'_> {
        type Output = f32;

        #[inline(always)]
        #[expect(clippy::inline_always, reason = "compiled for each width")]
        fn run(self) -> f32 {
            for (y, x) in self.1.iter_mut().zip(self.0) {
                *y = x * 1.1 + *y / (3.0 + x * x);
            }
            self.1.iter().sum()
        }
    }

    #[test]
    fn every_width_comes_to_the_same_bits() {
        let numbers: Vec<f32> = (0..1000_u16).map(|i| f32::from(i).sin()).collect();
        let all = Width::all().into_iter().map(|width| {
            let mut out = vec![0.5; numbers.len()];
            let sum = width.run(Sums(&numbers, &mut out));
            (sum.to_bits(), out)
        });
        let all: Vec<_> = all.collect();
        assert!(all.iter().all(|one| *one == all[0]));
    }
}
