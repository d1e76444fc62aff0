//! Faults on purpose. Every operation that changes a disk asks [`strike`] first; a test arms it to fail (or to
//! kill the process at) the n-th one. Unarmed, it costs one relaxed load.

use std::cell::Cell;
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with this kind of error; a write writes half of its bytes first.
    Fail(ErrorKind),
    /// The process ends at once, as by `kill -9`.
    Kill,
}

thread_local! {
    /// Operations left before the fault of this thread, and the fault.
    static HERE: Cell<Option<(u64, Fault)>> = const { Cell::new(None) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}
static ANY: AtomicBool = AtomicBool::new(false);
static LEFT: AtomicU64 = AtomicU64::new(u64::MAX);
static KILLS: AtomicBool = AtomicBool::new(false);

/// Arms this thread: operation number `n` from now (0 is the next) meets the fault; all others succeed.
pub fn arm(n: u64, fault: Fault) {
    ANY.store(true, Ordering::Relaxed);
    HERE.set(Some((n, fault)));
    COUNT.set(0);
}

/// Disarms this thread; tells how many operations it has made since it was armed.
pub fn disarm() -> u64 {
    HERE.set(None);
    COUNT.get()
}

/// Arms the whole process, for programs under test: "12:fail" or "12:kill". `None` for anything else.
pub fn arm_process(plan: &str) -> Option<()> {
    let (n, what) = plan.split_once(':')?;
    let n = n.parse().ok()?;
    KILLS.store(matches!(what, "kill"), Ordering::Relaxed);
    if !matches!(what, "kill" | "fail") {
        return None;
    }
    LEFT.store(n, Ordering::Relaxed);
    ANY.store(true, Ordering::Relaxed);
    Some(())
}

/// Asked before every operation that changes a disk.
pub(super) fn strike() -> Result<()> {
    if !ANY.load(Ordering::Relaxed) {
        return Ok(());
    }
    let whole = LEFT.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| match left {
        u64::MAX => None,
        0 => Some(u64::MAX),
        left => Some(left - 1),
    });
    if whole == Ok(0) {
        return meet(if KILLS.load(Ordering::Relaxed) {
            Fault::Kill
        } else {
            Fault::Fail(ErrorKind::StorageFull)
        });
    }
    let Some((left, fault)) = HERE.get() else { return Ok(()) };
    COUNT.set(COUNT.get() + 1);
    if left == 0 {
        HERE.set(Some((u64::MAX, fault)));
        return meet(fault);
    }
    HERE.set(Some((left.saturating_sub(u64::from(left != u64::MAX)), fault)));
    Ok(())
}

fn meet(fault: Fault) -> Result<()> {
    match fault {
        Fault::Fail(kind) => Err(Error::from(kind)),
        Fault::Kill => std::process::abort(),
    }
}
