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
