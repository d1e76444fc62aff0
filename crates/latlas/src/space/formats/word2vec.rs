//! word2vec binary (`.bin`), as Mikolov's tool and gensim write it.
//!
//! ```text
//! "COUNT DIM\n"     decimal
//! COUNT times:      NAME 0x20  DIM × f32 little-endian  [0x0a]
//! ```
//! A name holds no space; the line end after a vector is written by the original tool and left out by others.

use std::io::{BufRead, Read, Write};

use super::load::Loaded;
use super::numbers::Width;
use super::save::{Names, Vectors};
use super::source::Source;
use crate::error::{Error, Result};
use crate::linalg::Matrix;
use crate::run::{Run, Step};

/// Names longer than this are taken for a sign that the file is something else.
const LONGEST_NAME: u64 = 1 << 16;

pub(super) fn read(source: &mut Source, encoding: Option<&str>, run: &Run) -> Result<Loaded> {
    let (count, dim) = header(source)?;
    let mut loaded = Loaded::new("word").in_encoding(encoding)?;
    let (mut numbers, mut name, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    // What the header promises is only ever read, never reserved: a lie ends with the file.
    let Some(wide) =
        dim.checked_mul(Width::F32.bytes() as u64).filter(|wide| usize::try_from(*wide).is_ok())
    else {
        return Err(source.error(format!(
            "the header promises vectors of dimension {dim}: no file is so large"
        )));
    };
    for word in 1..=count {
        name.clear();
        Read::take(&mut *source, LONGEST_NAME)
            .read_until(b' ', &mut name)
            .map_err(|e| source.blame(&e))?;
        if name.pop() != Some(b' ') {
            if name.len() as u64 + 1 >= LONGEST_NAME {
                return Err(source
                    .error(format!("the name of word {word} is longer than {LONGEST_NAME} bytes"))
                    .help("is this a word2vec binary file?"));
            }
            return Err(truncated(source, word, count));
        }
        bytes.clear();
        if (source.append(&mut bytes, wide)? as u64) < wide {
            return Err(truncated(source, word, count));
        }
        Width::F32.decode(&bytes, &mut numbers);
        let start = name.iter().take_while(|&&b| b == b'\n').count();
        loaded.push_id(&name[start..]);
        if word % 65_536 == 0 {
            run.report(&Step {
                stage: "reading",
                done: word,
                total: Some(count),
                unit: "words",
                ..Step::default()
            })?;
        }
    }
    bytes.clear();
    source.append(&mut bytes, 4)?;
    if bytes.iter().any(|b| !b.is_ascii_whitespace()) {
        return Err(source
            .error(format!("more follows after the {count} words that the header promises"))
            .help("the header is wrong, or the file is something else"));
    }
    loaded.fields.push(("main".into(), Matrix::new(loaded.ids.len(), dim as usize, numbers)?));
    Ok(loaded)
}

fn truncated(source: &Source, word: u64, count: u64) -> Error {
    source
        .error(format!("ends within word {word} of the {count} that the header promises"))
        .help("the file is cut short; fetch or write it again")
}

fn header(source: &mut Source) -> Result<(u64, u64)> {
    let mut line = Vec::new();
    Read::take(&mut *source, 64).read_until(b'\n', &mut line).map_err(|e| source.blame(&e))?;
    let text =
        if line.ends_with(b"\n") { std::str::from_utf8(&line).unwrap_or_default() } else { "" };
    if line.is_empty() {
        return Err(source.error("is empty").help("check that it is the right file"));
    }
    parse_header(text)
        .ok_or_else(|| {
            source
                .error("does not begin with 'count dim', as word2vec binary files do")
                .help("name the format with --from; without it the name and the first bytes tell")
        })
        .and_then(|(count, dim)| {
            if dim == 0 || count == 0 {
                return Err(source
                    .error(format!("the header promises {count} vectors of dimension {dim}"))
                    .help("is this a word2vec binary file?"));
            }
            Ok((count, dim))
        })
}

/// "COUNT DIM" as numbers.
pub(super) fn parse_header(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_ascii_whitespace();
    let pair = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    words.next().is_none().then_some(pair)
}

pub(super) fn write(
    out: &mut dyn Write,
    vectors: &Vectors<'_>,
    names: &Names,
    run: &Run,
) -> Result<()> {
    let mut bytes = format!("{} {}\n", vectors.count(), vectors.dim()).into_bytes();
    vectors.each(run, |id, vector| {
        bytes.extend_from_slice(names.fit(id).as_bytes());
        bytes.push(b' ');
        bytes.extend(vector.iter().flat_map(|x| x.to_le_bytes()));
        bytes.push(b'\n');
        if bytes.len() > 1 << 16 {
            super::save::put(out, &bytes)?;
            bytes.clear();
        }
        Ok(())
    })?;
    super::save::put(out, &bytes)
}
