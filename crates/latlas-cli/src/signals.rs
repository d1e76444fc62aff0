//! Ctrl-C and termination: the first asks the work to stop at its next safe place, the second ends at once.

use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// Watches for SIGINT, SIGTERM and SIGHUP (and their kin on Windows) from now on.
pub(crate) fn watch() {
    // Fails only if a handler is there already; then the default one ends the program, which is acceptable.
    let _ = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        crate::output::stopping();
    });
}

/// Whether someone asked the program to stop.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
