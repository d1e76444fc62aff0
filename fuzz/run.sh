#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each (120), JOBS of them at a time (2), and closes with a table.
# Needs nightly Rust and cargo-fuzz. LATLAS names the program that writes the first inputs, if not one built here. A crash leaves its input under fuzz/artifacts and makes the run fail.
set -u
cd "$(dirname "$0")" || exit 1
export SECONDS_EACH=${1:-120}
jobs=${JOBS:-2}
mkdir -p artifacts corpus logs
cargo +nightly fuzz build || exit 1
targets=$(cargo +nightly fuzz list)

# Files that our own writers made, so that the fuzzer starts from what a parser accepts. `seed TARGET FILE [CHOICE]`
# puts a copy into the target's corpus, behind the byte that some targets choose a format by.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -n "${LATLAS:-}" ] || cargo build --quiet --manifest-path ../Cargo.toml --bin latlas || exit 1
latlas() { "${LATLAS:-../target/debug/latlas}" --quiet "$@" >/dev/null; }
seed() {
    mkdir -p "corpus/$1"
    { printf '%b' "${3:-}"; cat "$2"; } >"corpus/$1/seed-$(basename "$2")"
}
printf 'id,lang,n,v1,v2,v3\ncat,en,0.5,-1,-0.75,-0.5\ndog,,2.25,-0.25,0,0.25\nşey,tr,-3.25,0.5,0.75,1\n' >"$work/words.csv"
latlas convert "$work/words.csv" "$work/words.space" || exit 1
for name in a.bin b.bin.gz a.vec a.glove vectors.tsv a.npy a.safetensors a.parquet a.arrow a.tsv a.jsonl; do
    latlas convert "$work/words.space" "$work/$name" || exit 1
done
seed word2vec_bin "$work/a.bin"
seed word2vec_bin "$work/b.bin.gz"
seed word2vec_text "$work/a.vec" '\0'
seed word2vec_text "$work/a.glove" '\1'
seed word2vec_text "$work/vectors.tsv" '\2'
printf 'The cat sat.\nA déjà vu, the cat!\n' >"$work/prose"
printf '__label__a one two\n__label__b two three\n' >"$work/labelled"
latlas learn fasttext "$work/prose" -o "$work/ft.space" --min-count 1 --dim 2 --set buckets=20 --set sample=0 --epochs 1 || exit 1
latlas learn fasttext --supervised "$work/labelled" -o "$work/cls.space" --dim 2 --set word_ngrams=2 --set buckets=20 || exit 1
for name in ft cls; do
    latlas convert "$work/$name.space" "$work/$name.bin" || exit 1
    seed fasttext_bin "$work/$name.bin"
done
for file in "$work"/ft.space/model/*.safetensors; do seed model "$file" '\0'; done
for file in "$work"/ft.space/model/*.json; do seed model "$file" '\1'; done
latlas index "$work/words.space" --set links=4 --set candidates=4 || exit 1
for file in "$work"/words.space/index/*.hnsw; do seed index "$file"; done
latlas index "$work/words.space" --precision bits || exit 1
for file in "$work"/words.space/index/*.hnsw; do seed index "$file"; done
printf '{"text": "cat", "k": 3, "filter": "year >= 2010", "columns": ["year"]}' >"$work/search"
printf '{"points": [{"id": "b", "vector": [1, -2.5], "columns": {"year": 3, "seen": "2020-01-01", "tags": ["x"]}}]}' >"$work/put"
printf '{"ids": ["a", "b"]}' >"$work/delete"
printf '{"probe": "analogy", "plus": ["a"], "minus": ["b"]}' >"$work/probe"
printf '{"model": "en", "input": ["a b"], "encoding_format": "base64"}' >"$work/embeddings"
seed bodies "$work/search" '\0'
seed bodies "$work/put" '\1'
seed bodies "$work/delete" '\2'
seed bodies "$work/probe" '\3'
seed bodies "$work/embeddings" '\4'
# A log as a server leaves it that is killed.
latlas convert "$work/words.csv" "$work/logged.space" || exit 1
python3 - "${LATLAS:-../target/debug/latlas}" "$work/logged.space" <<'END' || exit 1
import json, subprocess, sys, urllib.request
server = subprocess.Popen([sys.argv[1], "serve", sys.argv[2], "--port", "0", "--json"], stdout=subprocess.PIPE)
address = json.loads(server.stdout.readline())["address"]
def post(path, body):
    request = urllib.request.Request(f"{address}/v1/spaces/logged/{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()
post("points", {"points": [{"id": "new", "vector": [1, 2, 3], "columns": {"lang": "en", "n": 1.5}}]})
post("points/delete", {"ids": ["dog"]})
server.kill()
END
for file in "$work"/logged.space/*.wal; do seed log "$file"; done
seed npy "$work/a.npy"
seed safetensors "$work/a.safetensors"
seed parquet "$work/a.parquet"
seed arrow "$work/a.arrow"
seed table "$work/words.csv" '\0'
seed table "$work/a.tsv" '\1'
seed table "$work/a.jsonl" '\2'
seed manifest "$work/words.space/space.json"
for file in "$work"/words.space/*.idx; do seed ids_idx "$file"; done
for file in "$work"/words.space/items-*.parquet; do seed parquet "$file"; done
seed corpus "$work/prose" '\0'
seed corpus "$work/a.tsv" '\1'
latlas corpus encode "$work/prose" -o "$work/a.corpus" --min-count 1 || exit 1
latlas corpus count "$work/a.corpus" -o "$work/a.rel" || exit 1
seed relations "$work/a.corpus"
seed relations "$work/a.rel"
printf "n >= 2010 AND t IN ('a','b') AND NOT x IS NULL" >"$work/in"
printf "(n BETWEEN 1 AND 2 OR t LIKE '%%a_') AND \"t\" <> 'it''s'" >"$work/like"
printf 'phrase\twords\tcount\tscore\tpass\nnew_york\tnew york\t9\t1.5\t1\nnyt\tnew_york times\t\t\t2\n' >"$work/phrases.tsv"
seed phrases "$work/phrases.tsv"
python3 - "$work/a.npz" <<'END'
import struct, sys, zipfile
def npy(dtype, shape, data):
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(head)) + head + data
with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("indices.npy", npy("<i4", (2, 1), struct.pack("<2i", 1, 0)))
    archive.writestr("distances.npy", npy("<f4", (2, 1), struct.pack("<2f", 0.5, 0.5)))
END
seed neighbours "$work/a.npz" '\0'
printf ': s\na b c d\n' >"$work/analogies"
printf 'a\tb\t1.5\nc\td\t2\ne\tf\t0\n' >"$work/pairs"
printf 'a x\nb x\nc y\nd y\n' >"$work/categories"
printf ': g\na\nb\nc\n\nd\ne\n' >"$work/outliers"
for name in analogies pairs categories outliers; do seed questions "$work/$name"; done
seed filter "$work/in"
seed filter "$work/like"

one() {
    nice -n 10 cargo +nightly fuzz run "$1" "corpus/$1" -- -max_total_time="$SECONDS_EACH" -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -max_len=16384 -timeout=10 -print_final_stats=1 >"logs/$1.log" 2>&1
    echo $? >"logs/$1.rc"
}
export -f one
printf '%s\n' $targets | xargs -P "$jobs" -I{} bash -c 'one {}'

failed=0
printf '%-16s %12s %8s %8s %9s  %s\n' target inputs seconds corpus 'peak MB' outcome
for target in $targets; do
    log="logs/$target.log"
    stat() { grep -o "stat::$1: *[0-9]*" "$log" | grep -o '[0-9]*$' || echo '?'; }
    outcome=ok
    if [ "$(cat "logs/$target.rc")" != 0 ]; then outcome="FAILED, see fuzz/$log" failed=1; fi
    printf '%-16s %12s %8s %8s %9s  %s\n' "$target" "$(stat number_of_executed_units)" "$SECONDS_EACH" \
        "$(find "corpus/$target" -type f | wc -l)" "$(stat peak_rss_mb)" "$outcome"
done
exit "$failed"
