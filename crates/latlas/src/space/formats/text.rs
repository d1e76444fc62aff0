//! Vectors as text, a line each: word2vec text and fastText's `.vec` (first line "COUNT DIM"), GloVe (no first line).
//!
//! ```text
//! line = NAME separator NUMBER { separator NUMBER } [ separator ]        separator = space or tab
//! ```
//! Numbers are found from the right, so that the names with spaces that some published files hold can be read. The
//! file is read in blocks, whose lines are parsed in parallel.

use std::io::Write;

use rayon::prelude::*;

use super::load::Loaded;
use super::numbers::{parse, print};
use super::save::{Names, Vectors, put};
use super::source::Source;
use super::word2vec::parse_header;
use crate::error::Result;
use crate::linalg::Matrix;
use crate::run::{Run, Step};

/// What is read at once, and what one task parses of it.
const BLOCK: u64 = 8 << 20;
const TASK: usize = 256 << 10;
/// A line longer than this is taken for a sign that the file is something else. A million numbers fit.
const LONGEST_LINE: usize = 64 << 20;
/// The lines that are looked at to find the dimension of a file that does not tell.
const LOOK: usize = 100;

/// What lines hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// First "COUNT DIM", then a name and numbers each.
    Header,
    /// A name and numbers each.
    Named,
    /// Numbers alone.
    Bare,
}

/// Reads a file of such lines.
pub(super) fn read(
    source: &mut Source,
    layout: Layout,
    encoding: Option<&str>,
    run: &Run,
) -> Result<Loaded> {
    let mut reader = Reader {
        pool: super::pool(run)?,
        layout,
        dim: 0,
        promised: None,
        lines: 0,
        loaded: Loaded::new("vector").in_encoding(encoding)?,
        numbers: Vec::new(),
        odd: None,
    };
    let mut block = Vec::new();
    let mut first = true;
    loop {
        let got = source.append(&mut block, BLOCK)?;
        let last = (got as u64) < BLOCK;
        let end = if last {
            block.len()
        } else {
            block.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1)
        };
        if end == 0 && !last {
            if block.len() > LONGEST_LINE {
                let line = reader.lines + 1;
                return Err(source
                    .error(format!("line {line} is longer than {} MiB", LONGEST_LINE >> 20))
                    .help("is this a file of vectors?"));
            }
            continue;
        }
        let mut lines = &block[..end];
        if first && !lines.is_empty() {
            first = false;
            lines = lines.strip_prefix(b"\xef\xbb\xbf").unwrap_or(lines); // a byte order mark
            if layout == Layout::Header {
                lines = reader.header(source, lines)?;
            } else {
                reader.dim = guess_dim(source, lines, layout)?;
            }
        }
        reader.block(source, lines, run)?;
        if last {
            break;
        }
        block.drain(..end);
    }
    reader.finish(source, run)
}

struct Reader {
    pool: rayon::ThreadPool,
    layout: Layout,
    dim: usize,
    promised: Option<u64>,
    lines: u64,
    loaded: Loaded,
    numbers: Vec<f32>,
    /// Where the first name with a space stands, and how many there are.
    odd: Option<(u64, u64)>,
}

/// What one task made of its lines.
#[derive(Default)]
struct Part {
    ids: Vec<Vec<u8>>,
    numbers: Vec<f32>,
    lines: u64,
    odd: Option<(u64, u64)>,
    /// The line, counted from the part's first, and what is wrong with it.
    wrong: Option<(u64, String)>,
}

impl Reader {
    fn header<'a>(&mut self, source: &Source, lines: &'a [u8]) -> Result<&'a [u8]> {
        let end = lines.iter().position(|&b| b == b'\n').map_or(lines.len(), |at| at + 1);
        let (first, rest) = lines.split_at(end);
        let Some((count, dim)) = std::str::from_utf8(first).ok().and_then(parse_header) else {
            return Err(source
                .error("line 1 is not 'count dim', as in word2vec text files")
                .help("if the vectors begin at once: --from glove"));
        };
        if dim == 0 || count == 0 {
            let error = source.error(format!("line 1 promises {count} vectors of dimension {dim}"));
            return Err(error.help("if line 1 is a vector already: --from glove"));
        }
        // A number takes two bytes of text at least, a line one more.
        let need = dim.checked_mul(2).and_then(|wide| count.checked_mul(wide));
        if need.is_none()
            || source
                .remaining()
                .zip(need)
                .is_some_and(|(left, need)| left + rest.len() as u64 + 1 < need)
        {
            return Err(source
                .error(format!(
                    "line 1 promises {count} vectors of dimension {dim}, more than the file holds"
                ))
                .help("the file is cut short, or is something else"));
        }
        (self.dim, self.promised, self.lines) = (dim as usize, Some(count), 1);
        Ok(rest)
    }

    fn block(&mut self, source: &Source, lines: &[u8], run: &Run) -> Result<()> {
        let (dim, layout) = (self.dim, self.layout);
        let tasks = cut(lines);
        let parts: Vec<Part> = self
            .pool
            .install(|| tasks.into_par_iter().map(|task| parse_lines(task, dim, layout)).collect());
        for part in parts {
            if let Some((line, wrong)) = part.wrong {
                let error = source.error(format!("line {}: {wrong}", self.lines + line));
                return Err(if self.promised.is_none() && self.lines + line == 1 {
                    error.help("if the first line is a header: --from word2vec")
                } else {
                    error
                });
            }
            for id in &part.ids {
                self.loaded.push_id(id);
            }
            self.numbers.extend_from_slice(&part.numbers);
            if let Some((line, count)) = part.odd {
                let (first, before) = self.odd.unwrap_or((self.lines + line, 0));
                self.odd = Some((first, before + count));
            }
            self.lines += part.lines;
        }
        let done = self.counted();
        if let Some(promised) = self.promised.filter(|&promised| done > promised) {
            return Err(source
                .error(format!("line 1 promises {promised} vectors, more follow"))
                .help("correct the first line, or remove it and say --from glove"));
        }
        run.report(&Step {
            stage: "reading",
            done,
            total: self.promised,
            unit: "vectors",
            ..Step::default()
        })
    }

    /// The vectors that a header counts. GloVe's program writes one more behind them, `<unk>`.
    fn counted(&self) -> u64 {
        let count = self.loaded.ids.len() as u64;
        let unknown = self.loaded.ids.last().is_some_and(|id| id == "<unk>");
        let one_more = unknown && self.promised.is_some_and(|promised| promised + 1 == count);
        count - u64::from(one_more)
    }

    fn finish(mut self, source: &Source, run: &Run) -> Result<Loaded> {
        if self.lines == 0 {
            return Err(source.error("is empty").help("check that it is the right file"));
        }
        let (count, counted) = (self.loaded.ids.len(), self.counted());
        if let Some(promised) = self.promised.filter(|&promised| promised != counted) {
            return Err(source
                .error(format!("line 1 promises {promised} vectors, the file ends after {count}"))
                .help("the file is cut short; fetch or write it again"));
        }
        if count == 0 {
            return Err(source.error("holds no vectors"));
        }
        if let Some((line, count)) = self.odd {
            run.progress.warn(&format!(
                "{}: {count} names contain spaces, the first in line {line}",
                source.name
            ));
        }
        self.loaded.fields.push(("main".into(), Matrix::new(count, self.dim, self.numbers)?));
        Ok(self.loaded)
    }
}

/// Cuts a block at line ends into tasks. Where it cuts depends on the content alone.
fn cut(mut lines: &[u8]) -> Vec<&[u8]> {
    let mut tasks = Vec::new();
    while !lines.is_empty() {
        let end = match lines.get(TASK..) {
            Some(rest) => {
                rest.iter().position(|&b| b == b'\n').map_or(lines.len(), |at| TASK + at + 1)
            }
            None => lines.len(),
        };
        let (task, rest) = lines.split_at(end);
        tasks.push(task);
        lines = rest;
    }
    tasks
}

fn parse_lines(text: &[u8], dim: usize, layout: Layout) -> Part {
    let mut part = Part::default();
    let mut fields = Vec::new(); // not of a length that a header promises
    for line in text.split_inclusive(|&b| b == b'\n') {
        part.lines += 1;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            continue;
        }
        if let Err(wrong) = parse_line(line, dim, layout, &mut fields, &mut part) {
            part.wrong = Some((part.lines, wrong));
            break;
        }
    }
    part
}

fn parse_line(
    line: &[u8],
    dim: usize,
    layout: Layout,
    fields: &mut Vec<(usize, usize)>,
    part: &mut Part,
) -> Result<(), String> {
    split(line, fields);
    let bare = layout == Layout::Bare;
    let named = fields.len() > dim;
    // A line that begins with a separator has an empty name.
    if bare && named || !named && !(fields.len() == dim && (bare || is_separator(line[0]))) {
        let found = fields.len().saturating_sub(usize::from(!bare));
        return Err(format!("{found} numbers where {dim} are due"));
    }
    let numbers = &fields[fields.len() - dim..];
    let name =
        if named { &line[fields[0].0..fields[fields.len() - dim - 1].1] } else { &line[..0] };
    for (component, &(start, end)) in numbers.iter().enumerate() {
        let field = &line[start..end];
        let Some(number) = parse(field) else {
            let text = String::from_utf8_lossy(&field[..field.len().min(40)]).into_owned();
            return Err(format!(
                "'{text}' in place {} of '{}' is no number",
                component + 1,
                shown(name)
            ));
        };
        part.numbers.push(number);
    }
    if fields.len() > dim + 1 {
        let (first, count) = part.odd.unwrap_or((part.lines, 0));
        part.odd = Some((first, count + 1));
    }
    part.ids.push(name.to_vec());
    Ok(())
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().take(40).collect()
}

fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The places of the fields of a line.
fn split(line: &[u8], fields: &mut Vec<(usize, usize)>) {
    fields.clear();
    let mut start = None;
    for (at, &byte) in line.iter().enumerate() {
        if is_separator(byte) {
            if let Some(from) = start.take() {
                fields.push((from, at));
            }
        } else {
            start = start.or(Some(at));
        }
    }
    if let Some(from) = start {
        fields.push((from, line.len()));
    }
}

/// The commonest number of numbers at the end of the first lines; names that end in a number ("at 5") make it too
/// large on their own lines only.
fn guess_dim(source: &Source, lines: &[u8], layout: Layout) -> Result<usize> {
    let mut seen: Vec<(usize, usize)> = Vec::new();
    let mut fields = Vec::new();
    for line in lines
        .split(|&b| b == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .filter(|line| !line.is_empty())
        .take(LOOK)
    {
        split(line, &mut fields);
        let numbers = fields
            .iter()
            .rev()
            .take_while(|&&(start, end)| parse(&line[start..end]).is_some())
            .count();
        let dim = numbers.min(
            fields
                .len()
                .saturating_sub(usize::from(layout == Layout::Named && !is_separator(line[0]))),
        );
        match seen.iter_mut().find(|(known, _)| *known == dim) {
            Some((_, times)) => *times += 1,
            None => seen.push((dim, 1)),
        }
    }
    match seen.iter().max_by_key(|&&(dim, times)| (times, std::cmp::Reverse(dim))) {
        None => Err(source.error("is empty").help("check that it is the right file")),
        Some(&(0, _)) => Err(source
            .error("line 1 is no name followed by numbers")
            .help("name the format with --from")),
        Some(&(dim, _)) => Ok(dim),
    }
}

pub(super) fn write(
    out: &mut dyn Write,
    vectors: &Vectors<'_>,
    header: bool,
    names: &Names,
    run: &Run,
) -> Result<()> {
    if header {
        put(out, format!("{} {}\n", vectors.count(), vectors.dim()).as_bytes())?;
    }
    vectors.lines(out, run, |_, id, vector, line| {
        line.extend_from_slice(names.fit(id).as_bytes());
        for &number in vector {
            line.push(b' ');
            print(number, line);
        }
        line.push(b'\n');
    })
}
