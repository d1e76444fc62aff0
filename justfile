# The recipes that people and CI share. `just` alone lists them.

default:
    @just --list

# What CI runs: formatting, lints, tests.
ci:
    bash .ci/run

# Formatting, lints, licences and advisories.
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    cargo deny check

# The README's test command.
test:
    cargo test

# Quality on real data. Reads LATLAS_DATA (default ../shared/data); says so and passes where there is none.
accuracy:
    cargo test --release -p latlas --test accuracy -- --include-ignored --nocapture

# Timings of the kernels and of drawing.
bench:
    cargo bench -p bench-kernels

# Against the rivals, in a private virtual environment; see bench/compare/README.md. NAME: words, documents, classify, scale, round_trips, search, index, neighbours, maps, map_references, clusters, kill, serve.
compare NAME *ARGS:
    cargo build --release
    python3 bench/compare/{{NAME}}.py {{ARGS}}

# Every fuzz target for SECONDS each (needs nightly Rust and cargo-fuzz).
fuzz SECONDS="120":
    bash fuzz/run.sh {{SECONDS}}

# The reference pages, warnings denied.
docs:
    RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps -p latlas

# Accept changed command-line transcripts and golden pictures after looking at them.
bless:
    TRYCMD=overwrite cargo test -p latlas-cli
    LATLAS_BLESS=1 cargo test --test plot_golden
