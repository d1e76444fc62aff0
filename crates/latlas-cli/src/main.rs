//! The program `latlas`: reads the command line, runs one verb, prints its answer.

mod args;
mod config;
mod output;
mod reading;
mod settings;
mod signals;
mod values;
mod verbs;
mod work;

use std::process::ExitCode;

// Training allocates little; reading and writing tables allocate much, and from several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    quiet_about_what_is_caught();
    let words: Vec<_> = std::env::args_os().collect();
    let call = match config::settle(&words) {
        Ok(call) => call,
        Err(refusal) => return output::refuse(&words, &refusal),
    };
    let out = output::Output::new(&call.global);
    signals::watch();
    let answer = verbs::run(&call, &out);
    out.close(answer)
}

/// A damaged Parquet or Arrow file can make its decoder panic, which the library turns into an error that names the
/// file. The message of such a panic would only confuse.
fn quiet_about_what_is_caught() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !latlas::data::panic_is_caught() {
            tell(panic);
        }
    }));
}
