//! How this program was started, so that the commands it proposes can be copied as they are.

use std::path::Path;

/// `cargo run --release --`, `latlas`, or the path that was typed.
pub(super) fn prefix() -> String {
    let typed = std::env::args().next().unwrap_or_default();
    // Set by `cargo run`.
    let by_cargo = std::env::var_os("CARGO_MANIFEST_DIR").is_some_and(|folder| !folder.is_empty());
    written(&typed, by_cargo)
}

fn written(typed: &str, by_cargo: bool) -> String {
    let path = Path::new(typed);
    let folder =
        path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    match folder.as_deref() {
        Some("release") if by_cargo => "cargo run --release --".to_owned(),
        Some("debug") if by_cargo => "cargo run --".to_owned(),
        // Found on the PATH: a bare name.
        None => "latlas".to_owned(),
        Some(_) => quoted(typed),
    }
}

/// A path as a shell takes it.
pub(super) fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:@,".contains(c);
    if !path.is_empty() && path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_start_as_the_program_was_started() {
        assert_eq!(written("target/release/latlas", true), "cargo run --release --");
        assert_eq!(written("target/debug/latlas", true), "cargo run --");
        assert_eq!(written("latlas", false), "latlas");
        assert_eq!(written("./target/release/latlas", false), "./target/release/latlas");
        assert_eq!(quoted("my dir/a'b"), r"'my dir/a'\''b'");
    }
}
