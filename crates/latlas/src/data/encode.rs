//! Text once through the tokenizer, into ids on disk.
//!
//! One pass over the text gives each new word a provisional id and writes the ids to a scratch file; then the
//! vocabulary is cut and sorted, and a second scratch file is written from the first with the final ids. The
//! text is never held in memory, and nor are the ids: the second file is mapped. The result does not depend on
//! the number of threads.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::Xxh3;

use super::lexicon::Lexicon;
use super::phrases::Joiner;
use super::pipeline::{Sink, feed};
use super::scratch::{Dump, Scratch};
use super::{Corpus, Documents, Phrases, Tokenizer, Tokens, Vocabulary};
use crate::error::{Error, Result};
use crate::file::{self, Bytes, NewFile};
use crate::items::Sequences;
use crate::run::{Run, Step};

/// The most ids in one sequence; longer documents are cut. What gensim's `LineSentence` allows.
pub const LONGEST_SEQUENCE: usize = 10_000;
/// The provisional ids, removed when the final ones stand beside them.
const WORDS: &str = "words.ids";
/// How many ids are read at once when they are renumbered.
const BLOCK: usize = 1 << 18;

/// How text becomes a corpus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorpusOptions {
    /// How words are found.
    pub tokenizer: Tokenizer,
    /// Whether "Word" and "word" are one. Halves no vocabulary but makes rare words less rare; names lose their
    /// capitals.
    pub lowercase: bool,
    /// Words that stand less often are left out. Higher: a smaller space, quicker learned, without the words
    /// whose vectors would be mostly noise. 1 keeps all.
    pub min_count: u64,
    /// At most so many words, the most frequent ones.
    pub max_vocab: Option<usize>,
    /// Words that are joined to phrases before they are counted.
    #[serde(skip)]
    pub phrases: Option<Phrases>,
}

impl Default for CorpusOptions {
    fn default() -> Self {
        CorpusOptions {
            tokenizer: Tokenizer::Words,
            lowercase: true,
            min_count: 5,
            max_vocab: None,
            phrases: None,
        }
    }
}

/// Encodes documents for learning: words, counts, and sequences of ids in a file of the folder `scratch`, which
/// must last as long as the corpus does. `dump` names a file that gets the tokens exactly as they will be
/// trained on: kept words separated by spaces, one sequence a line.
pub fn encode(
    mut documents: impl Documents,
    options: &CorpusOptions,
    scratch: &Path,
    dump: Option<&Path>,
    run: &Run,
) -> Result<Corpus> {
    encode_all(&mut documents, options, false, scratch, dump, run)
}

/// As [`encode`], with one sequence for each document: the i-th is the i-th document, empty where no word of it was
/// kept, however long it is.
pub fn encode_whole(
    mut documents: impl Documents,
    options: &CorpusOptions,
    scratch: &Path,
    dump: Option<&Path>,
    run: &Run,
) -> Result<Corpus> {
    encode_all(&mut documents, options, true, scratch, dump, run)
}

fn encode_all(
    documents: &mut dyn Documents,
    options: &CorpusOptions,
    whole: bool,
    scratch: &Path,
    dump: Option<&Path>,
    run: &Run,
) -> Result<Corpus> {
    if matches!(options.max_vocab, Some(0 | 1)) {
        return Err(Error::usage(
            "max_vocab must be at least 2: a space of one word has no distances",
        ));
    }
    let counted = Counter::new(&scratch.join(WORDS), options.phrases.as_ref())?;
    let (sources, counted) =
        feed(documents, options.tokenizer, options.lowercase, run.threads, counted)?;
    let label = label(&sources);
    if counted.too_long > 0 {
        run.progress.warn(&format!(
            "{label}: {} tokens of more than {} bytes are no words and were left out",
            counted.too_long,
            super::tokenize::LONGEST
        ));
    }
    let Counter { lexicon, ids, tokens, documents, .. } = counted;
    worth_learning(&lexicon, options, &label, documents)?;
    ids.finish()?;
    let ids = scratch.join(WORDS);
    let types = lexicon.len();
    let (vocabulary, finals) = lexicon.finish(options.min_count.max(1), options.max_vocab);
    run.progress.note(&format!(
        "{documents} documents, {tokens} tokens, {types} different; {} words kept, {} tokens",
        vocabulary.len(),
        vocabulary.tokens()
    ));

    let path = scratch.join("corpus.ids");
    let mut fingerprint = 0;
    let mut renumber = |dump: Option<&mut NewFile>| {
        fingerprint = renumber(&ids, &finals, &vocabulary, whole, &path, dump, run)?;
        Ok(())
    };
    match dump {
        Some(dump) => file::publish(dump, |file| renumber(Some(file))).map(drop)?,
        None => renumber(None)?,
    }
    file::remove(&ids)?;
    let Ok(Value::Object(mut described)) = serde_json::to_value(options) else {
        return Err(Error::data("the options of the corpus cannot be written as JSON"));
    };
    if let Some(phrases) = &options.phrases {
        described.insert("phrases".to_owned(), phrases.describe());
    }
    Ok(Corpus {
        vocabulary,
        sequences: Sequences::from_bytes(Bytes::map(&path)?)?,
        sources,
        options: described,
        fingerprint,
    })
}

/// What the first pass makes: counts, and provisional ids on disk.
struct Counter {
    lexicon: Lexicon,
    ids: Scratch,
    joiner: Option<Joiner>,
    tokens: u64,
    documents: u64,
    too_long: u64,
}

impl Counter {
    fn new(path: &Path, phrases: Option<&Phrases>) -> Result<Self> {
        Ok(Counter {
            lexicon: Lexicon::new(),
            ids: Scratch::create(path)?,
            joiner: phrases.map(Joiner::new),
            tokens: 0,
            documents: 0,
            too_long: 0,
        })
    }

    fn count(&mut self, token: &[u8], hash: u32) -> Result<()> {
        if token.is_empty() {
            self.documents += 1;
            self.ids.put(Sequences::END)
        } else {
            self.tokens += 1;
            self.ids.put(self.lexicon.count(token, hash)?)
        }
    }
}

impl Sink for Counter {
    fn take(&mut self, tokens: &Tokens) -> Result<()> {
        self.too_long += tokens.too_long();
        let Some(mut joiner) = self.joiner.take() else {
            return tokens.hashed().try_for_each(|(token, hash)| self.count(token, hash));
        };
        for (token, hash) in tokens.hashed() {
            joiner.push(token, hash, &mut |token, hash| self.count(token, hash))?;
        }
        self.joiner = Some(joiner);
        Ok(())
    }
}

/// Refuses what no space can be learned from.
fn worth_learning(
    lexicon: &Lexicon,
    options: &CorpusOptions,
    label: &str,
    documents: u64,
) -> Result<()> {
    let Some((word, highest)) = lexicon.most_frequent() else {
        return Err(if documents == 0 {
            Error::data(format!("{label}: there is no text in it"))
                .help("check that it is the right file")
        } else {
            Error::data(format!("{label}: not one word in {documents} documents"))
                .help("try another tokenizer, such as whitespace, or another text column")
        });
    };
    if lexicon.len() == 1 {
        return Err(Error::data(format!("{label}: the only word in it is '{word}'"))
            .help("a space needs at least two different words"));
    }
    let kept = lexicon.at_least(options.min_count);
    if kept < 2 {
        let message = if kept == 0 {
            format!(
                "{label}: no word stands {} times; the most frequent, '{word}', stands {highest} times",
                options.min_count
            )
        } else {
            format!("{label}: only '{word}' stands {} times or more", options.min_count)
        };
        return Err(Error::data(message).help("lower --min-count"));
    }
    Ok(())
}

/// Writes the final ids from the provisional ones, documents uncut if they are to stay `whole`, and the dump beside them. Gives the corpus's fingerprint.
fn renumber(
    from: &Path,
    finals: &[u32],
    vocabulary: &Vocabulary,
    whole: bool,
    to: &Path,
    dump: Option<&mut NewFile>,
    run: &Run,
) -> Result<u64> {
    let mut ids = Scratch::create(to)?;
    let mut dump = dump.map(Dump::new);
    let mut hash = Xxh3::new();
    for (word, count) in vocabulary.words.iter().zip(&vocabulary.counts) {
        hash.update(word.as_bytes());
        hash.update(b"\n");
        hash.update(&count.to_le_bytes());
    }
    let file = File::open(from).map_err(|e| Error::io("read", from, &e))?;
    let total = file.metadata().map_err(|e| Error::io("read", from, &e))?.len();
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut block = vec![0; BLOCK * 4];
    let mut length = 0; // of the sequence being written
    let mut done = 0;
    loop {
        let read = fill(&mut file, &mut block).map_err(|e| Error::io("read", from, &e))?;
        if read == 0 {
            break;
        }
        for bytes in block.get(..read).unwrap_or_default().chunks_exact(4) {
            let id = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
            // END is no index of `finals`, so it and the words left out come out alike.
            let kept = finals.get(id as usize).copied().filter(|&id| id != Sequences::END);
            if let Some(kept) = kept {
                ids.put(kept)?;
                if let Some(dump) = &mut dump {
                    dump.word(
                        vocabulary.words.get(kept as usize).map_or("", String::as_str),
                        length == 0,
                    );
                }
                length += 1;
            }
            let ends = id == Sequences::END && (whole || length > 0);
            if ends || (length == LONGEST_SEQUENCE && !whole) {
                ids.put(Sequences::END)?;
                if let Some(dump) = &mut dump {
                    dump.line()?;
                }
                length = 0;
            }
        }
        done += read as u64;
        let detail = String::new();
        run.report(&Step {
            stage: "encoding",
            done: done / 4,
            total: Some(total / 4),
            unit: "words",
            detail,
        })?;
    }
    if let Some(mut dump) = dump {
        dump.flush()?;
    }
    hash.update(&ids.finish()?.xxh3.to_le_bytes());
    Ok(hash.digest())
}

/// Fills `block` as far as the file reaches.
fn fill(file: &mut impl Read, block: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// What errors call the input.
fn label(sources: &[Value]) -> String {
    let path =
        |source: &Value| source.get("path").and_then(Value::as_str).unwrap_or("input").to_string();
    match sources {
        [] => "the input".to_string(),
        [one] => path(one),
        [first, rest @ ..] => format!("{} and {} more", path(first), rest.len()),
    }
}
