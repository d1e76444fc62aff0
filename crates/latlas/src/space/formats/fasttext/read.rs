//! Reading a `.bin` or `.ftz`: sizes are checked against each other and against the file before anything is reserved.

use std::collections::HashSet;
use std::io::{BufRead, Read};

use super::{LABEL, LOSSES, MAGIC, TASKS, VERSION, WORD, quantised};
use crate::error::{Error, Result};
use crate::items::{Column, ColumnKind};
use crate::kernels::axpy;
use crate::linalg::Matrix;
use crate::run::{Run, Step};
use crate::space::fasttext::{FastTextConfig, LINE_END, Owners, Parts, Task};
use crate::space::formats::load::Loaded;
use crate::space::formats::numbers::Width;
use crate::space::formats::source::Source;
use arrow_array::Int64Array;
use std::sync::Arc;

/// Names longer than this are taken for a sign that the file is damaged.
const LONGEST_NAME: u64 = 1 << 16;
/// Bytes of a matrix that are read at once.
const PIECE: u64 = 1 << 22;
/// What labels begin with unless told otherwise when the model was learned; the file does not say.
const LABEL_PREFIX: &str = "__label__";

/// The words or the labels of a dictionary.
#[derive(Default)]
struct Entries {
    names: Vec<Vec<u8>>,
    counts: Vec<u64>,
}

/// The buckets that have a row where a model was pruned, ascending, each with its place among the rows of n-grams.
type Pruned = Option<Vec<(u32, u32)>>;

pub(in crate::space::formats) fn read(
    source: &mut Source,
    encoding: Option<&str>,
    run: &Run,
) -> Result<Loaded> {
    let mut config = head(source)?;
    let (words, labels, pruned) = dictionary(source, &mut config)?;
    let ngrams = pruned.as_ref().map_or(u64::from(config.buckets), |pruned| pruned.len() as u64);
    let is_quantised = flag(source)?;
    if pruned.is_some() && !is_quantised {
        return Err(source
            .error("its dictionary is pruned, and its input matrix is not quantised")
            .help("the file is damaged, or was written by a program of before 2017"));
    }
    let matrix = if is_quantised { quantised::matrix } else { plain };
    let rows = words.names.len() as u64 + ngrams;
    let mut input = matrix(source, "input", rows, config.dim, run)?;
    let supervised = config.task == Task::Supervised;
    let outputs = if supervised { labels.names.len() } else { words.names.len() };
    // A plain input matrix has a plain output matrix behind it, whatever is said between them.
    let matrix = if flag(source)? && is_quantised { quantised::matrix } else { plain };
    let output = matrix(source, "output", outputs as u64, config.dim, run)?;
    let mut rest = Vec::new();
    if source.append(&mut rest, 1)? > 0 {
        return Err(source
            .error("more follows after the two matrices")
            .help("is this a fastText model?"));
    }

    let vectors = vectors(&config, &words, &input, &pruned);
    let owners = match pruned {
        None => compact(&mut input, words.names.len(), config.buckets)?,
        Some(pruned) => in_order(&mut input, words.names.len(), pruned)?,
    };
    let mut loaded = Loaded::new("word").in_encoding(encoding)?;
    for name in &words.names {
        loaded.push_id(name);
    }
    let counts = words.counts.iter().map(|&n| i64::try_from(n).unwrap_or(i64::MAX));
    loaded.columns.push(Column {
        name: "count".into(),
        kind: ColumnKind::Integer,
        values: Arc::new(Int64Array::from_iter_values(counts)),
    });
    loaded.fields.push(("main".into(), vectors));
    let mut names: Vec<String> =
        labels.names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.iter().all(|name| name.starts_with(LABEL_PREFIX)) {
        config.label_prefix = LABEL_PREFIX.into();
        for name in &mut names {
            name.drain(..LABEL_PREFIX.len());
        }
    }
    let parts = Parts {
        config,
        words: (distinct(loaded.ids.clone()), words.counts),
        labels: (distinct(names), labels.counts),
        input,
        owners,
        output,
    };
    let model = parts.into_model().map_err(|e| e.context(&source.name))?;
    loaded.model = Some(model);
    Ok(loaded)
}

/// Magic, version and arguments.
fn head(source: &mut Source) -> Result<FastTextConfig> {
    let magic = source.fill_buf().map(<[u8]>::is_empty).map_err(|e| source.blame(&e))?;
    if magic {
        return Err(source.error("is empty").help("check that it is the right file"));
    }
    if i32_of(source)? != MAGIC {
        return Err(source
            .error("does not begin as a fastText model")
            .help("name the format with --from; without it the name and the first bytes tell"));
    }
    let version = i32_of(source)?;
    if version != VERSION {
        return Err(source
            .error(format!("is a fastText model of version {version}; version {VERSION} is read"))
            .help("load it with the program that wrote it, and save it anew or as .vec"));
    }
    let mut numbers = [0; 12];
    for number in &mut numbers {
        *number = i32_of(source)?;
    }
    let sample = f64::from_le_bytes(bytes_of(source)?);
    let names = [
        "dimension",
        "window",
        "epochs",
        "min count",
        "negative",
        "word n-grams",
        "loss",
        "model",
        "buckets",
        "min n",
        "max n",
        "update rate",
    ];
    let wrong = |source: &Source, place: usize| {
        source
            .error(format!("its {} is {}", names[place], numbers[place]))
            .help("the file is damaged, or no fastText model")
    };
    let mut plain = [0_u32; 12];
    for (place, (&number, plain)) in numbers.iter().zip(&mut plain).enumerate() {
        *plain = u32::try_from(number).map_err(|_| wrong(source, place))?;
    }
    let [dim, window, epochs, min_count, negative, word_ngrams, _, _, buckets, min_n, max_n, rate] =
        plain;
    let Some((_, loss)) = LOSSES.iter().find(|(code, _)| *code == numbers[6]) else {
        return Err(wrong(source, 6));
    };
    let Some((_, task)) = TASKS.iter().find(|(code, _)| *code == numbers[7]) else {
        return Err(wrong(source, 7));
    };
    if dim == 0 || dim as usize > crate::space::manifest::MOST_DIM {
        return Err(wrong(source, 0));
    }
    if max_n > 255 {
        return Err(wrong(source, 10));
    }
    if buckets == 0 && (max_n > 0 || word_ngrams > 1) {
        let what = if max_n > 0 { "characters" } else { "words" };
        return Err(source
            .error(format!("has n-grams of {what}, and 0 buckets to hash them into"))
            .help("the file is damaged, or was written by a faulty program"));
    }
    if !sample.is_finite() {
        return Err(source.error(format!("its sampling threshold is {sample}")));
    }
    Ok(FastTextConfig {
        task: *task,
        loss: *loss,
        dim: dim as usize,
        window,
        epochs,
        min_count,
        negative,
        word_ngrams: word_ngrams.max(1),
        buckets,
        min_n,
        max_n,
        sample,
        lr_update_rate: rate,
        tokens: 0,
        label_prefix: String::new(),
        tokenizer: None,
        lowercase: false,
        pruned: false,
    })
}

fn dictionary(
    source: &mut Source,
    config: &mut FastTextConfig,
) -> Result<(Entries, Entries, Pruned)> {
    let (entries, words, labels) = (i32_of(source)?, i32_of(source)?, i32_of(source)?);
    let (tokens, pruned) =
        (i64::from_le_bytes(bytes_of(source)?), i64::from_le_bytes(bytes_of(source)?));
    if words < 1 || labels < 0 || words.checked_add(labels) != Some(entries) {
        return Err(source
            .error(format!(
                "its dictionary has {entries} entries: {words} words and {labels} labels"
            ))
            .help("the file is damaged, or no fastText model"));
    }
    if (labels == 0) == (config.task == Task::Supervised) {
        return Err(source.error(format!(
            "a {} model with {labels} labels",
            if labels == 0 { "supervised" } else { "word vector" }
        )));
    }
    config.pruned = pruned >= 0;
    config.tokens = u64::try_from(tokens)
        .map_err(|_| source.error(format!("its dictionary counts {tokens} tokens")))?;
    let (mut found_words, mut found_labels) = (Entries::default(), Entries::default());
    for number in 0..entries {
        let mut name = Vec::new();
        Read::take(&mut *source, LONGEST_NAME)
            .read_until(0, &mut name)
            .map_err(|e| source.blame(&e))?;
        if name.pop() != Some(0) {
            return Err(if name.len() as u64 + 1 >= LONGEST_NAME {
                source.error(format!(
                    "the name of entry {} is longer than {LONGEST_NAME} bytes",
                    number + 1
                ))
            } else {
                truncated(source, &format!("entry {} of {entries}", number + 1))
            });
        }
        let count = i64::from_le_bytes(bytes_of(source)?);
        let [kind] = bytes_of::<1>(source)?;
        let due = if number < words { WORD } else { LABEL };
        let Some(count) = u64::try_from(count).ok().filter(|_| kind == due) else {
            return Err(source
                .error(format!(
                    "entry {} ('{}') of its dictionary has count {count} and type {kind}",
                    number + 1,
                    String::from_utf8_lossy(&name)
                ))
                .help("the file is damaged, or no fastText model"));
        };
        let list = if due == WORD { &mut found_words } else { &mut found_labels };
        list.names.push(name);
        list.counts.push(count);
    }
    let pruned = config.pruned.then(|| kept(source, pruned as u64, config.buckets)).transpose()?;
    Ok((found_words, found_labels, pruned))
}

/// The buckets that a pruned model has kept: pairs of bucket and row, in any order.
fn kept(source: &mut Source, count: u64, buckets: u32) -> Result<Vec<(u32, u32)>> {
    if count > u64::from(buckets) {
        return Err(source.error(format!("{count} buckets are kept of {buckets}")));
    }
    let mut bytes = Vec::new();
    if (source.append(&mut bytes, 8 * count)? as u64) < 8 * count {
        return Err(truncated(source, "the buckets that are kept"));
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(u32::MAX, u32::from_le_bytes);
    let mut kept: Vec<(u32, u32)> =
        bytes.chunks_exact(8).map(|pair| (number(&pair[..4]), number(&pair[4..]))).collect();
    let mut rows: Vec<u32> = kept.iter().map(|pair| pair.1).collect();
    kept.sort_unstable();
    rows.sort_unstable();
    let differ = kept.windows(2).all(|two| two[0].0 < two[1].0);
    if !differ
        || kept.last().is_some_and(|last| last.0 >= buckets)
        || !rows.into_iter().eq(0..count as u32)
    {
        return Err(source
            .error("the buckets that are kept do not each have one row")
            .help("the file is damaged, or was written by a faulty program"));
    }
    Ok(kept)
}

/// Whether the next matrix is quantised.
fn flag(source: &mut Source) -> Result<bool> {
    Ok(bytes_of::<1>(source)? != [0])
}

fn plain(source: &mut Source, what: &str, rows: u64, dim: usize, run: &Run) -> Result<Matrix> {
    let (m, n) = (i64::from_le_bytes(bytes_of(source)?), i64::from_le_bytes(bytes_of(source)?));
    if u64::try_from(m) != Ok(rows) || n != dim as i64 {
        return Err(source
            .error(format!("its {what} matrix is {m} × {n}, where {rows} × {dim} is due"))
            .help("the file is damaged, or was written by a faulty program"));
    }
    let total = rows.saturating_mul(dim as u64).saturating_mul(4);
    let mut numbers = Vec::new();
    if let Some(remaining) = source.remaining() {
        if remaining < total {
            return Err(truncated(source, &format!("the {what} matrix")));
        }
        numbers.reserve_exact((total / 4) as usize);
    }
    let mut bytes = Vec::new();
    let mut done = 0;
    while done < total {
        bytes.clear();
        let due = PIECE.min(total - done);
        if (source.append(&mut bytes, due)? as u64) < due {
            return Err(truncated(source, &format!("the {what} matrix")));
        }
        Width::F32.decode(&bytes, &mut numbers);
        done += due;
        let step = Step {
            stage: "reading",
            done: done / (4 * dim as u64),
            total: Some(rows),
            unit: "rows",
            ..Step::default()
        };
        run.report(&step)?;
    }
    Matrix::new(rows as usize, dim, numbers)
}

/// The vectors of the words: the means of their rows.
fn vectors(config: &FastTextConfig, words: &Entries, input: &Matrix, pruned: &Pruned) -> Matrix {
    let mut vectors = Matrix::zeros(words.names.len(), config.dim);
    let (mut marked, mut buckets) = (Vec::new(), Vec::new());
    for (number, name) in words.names.iter().enumerate() {
        buckets.clear();
        if name != LINE_END.as_bytes() {
            config.ngrams().buckets(name, config.buckets, &mut marked, &mut buckets);
        }
        if let Some(pruned) = pruned {
            let place = |bucket: &u32| pruned.binary_search_by_key(bucket, |pair| pair.0);
            buckets = buckets.iter().filter_map(|b| place(b).ok()).map(|i| pruned[i].1).collect();
        }
        let vector = vectors.row_mut(number);
        let share = 1.0 / (buckets.len() + 1) as f32;
        axpy(share, input.row(number), vector);
        for &bucket in &buckets {
            axpy(share, input.row(words.names.len() + bucket as usize), vector);
        }
    }
    vectors
}

/// Drops the rows of buckets that are zero, as in files of ours those are that no word has.
fn compact(input: &mut Matrix, words: usize, buckets: u32) -> Result<Owners> {
    let used: Vec<u32> = (0..buckets)
        .filter(|&bucket| input.row(words + bucket as usize).iter().any(|&x| x != 0.0))
        .collect();
    if used.len() == buckets as usize {
        return Ok(Owners::AllBuckets);
    }
    let dim = input.cols();
    let mut numbers = std::mem::take(input).into_vec();
    for (place, &bucket) in used.iter().enumerate() {
        let from = (words + bucket as usize) * dim;
        numbers.copy_within(from..from + dim, (words + place) * dim);
    }
    numbers.truncate((words + used.len()) * dim);
    numbers.shrink_to_fit();
    *input = Matrix::new(words + used.len(), dim, numbers)?;
    Ok(Owners::Buckets(used))
}

/// Puts the rows of the buckets that were kept into the order of the buckets.
fn in_order(input: &mut Matrix, words: usize, pruned: Vec<(u32, u32)>) -> Result<Owners> {
    let mut numbers = Vec::with_capacity(input.rows() * input.cols());
    let places = pruned.iter().map(|&(_, row)| words + row as usize);
    for row in (0..words).chain(places) {
        numbers.extend(input.row(row));
    }
    *input = Matrix::new(input.rows(), input.cols(), numbers)?;
    Ok(Owners::Buckets(pruned.into_iter().map(|(bucket, _)| bucket).collect()))
}

/// The names, made different where broken bytes have made them alike.
fn distinct(mut names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(names.len());
    for name in &mut names {
        let mut number = 2;
        let stem = name.clone();
        while !seen.insert(name.clone()) {
            *name = format!("{stem}#{number}");
            number += 1;
        }
    }
    names
}

pub(super) fn i32_of(source: &mut Source) -> Result<i32> {
    Ok(i32::from_le_bytes(bytes_of(source)?))
}

pub(super) fn bytes_of<const N: usize>(source: &mut Source) -> Result<[u8; N]> {
    let mut bytes = Vec::with_capacity(N);
    source.append(&mut bytes, N as u64)?;
    bytes.try_into().map_err(|_| truncated(source, "its head or dictionary"))
}

pub(super) fn truncated(source: &Source, within: &str) -> Error {
    source
        .error(format!("ends within {within}"))
        .help("the file is cut short; fetch or write it again")
}
