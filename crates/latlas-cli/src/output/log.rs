//! What a server says while it runs: warnings, and with -v every request.

use tracing::level_filters::LevelFilter;

use super::Output;

/// Prints what the server says from now on, to standard error.
pub(crate) fn start(out: &Output) {
    let level = match (out.quiet, out.verbose) {
        (true, _) => LevelFilter::ERROR,
        (_, true) => LevelFilter::INFO,
        _ => LevelFilter::WARN,
    };
    let printed = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    // Fails only where someone listens already.
    let _ = printed.try_init();
}
