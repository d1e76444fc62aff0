//! The first pass over text: reading, tokenising and counting at the same time.
//!
//! The caller's thread reads (so that progress is told from there), workers tokenise blocks, and one thread takes
//! the tokens in the order of the text. Few blocks are under way at once, so memory stays small however far
//! one stage is ahead of another.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use serde_json::Value;

use super::{Documents, Piece, Tokenizer, Tokens};
use crate::error::{Error, Result};

/// Bytes of text in a block: the result does not depend on it.
const BLOCK: usize = 256 << 10;

/// Takes tokens in the order of the text.
pub(super) trait Sink: Send {
    fn take(&mut self, tokens: &Tokens) -> Result<()>;
}

/// Text, and where in it documents end.
#[derive(Default)]
struct Block {
    text: String,
    ends: Vec<usize>,
}

impl Block {
    fn add(&mut self, piece: Piece<'_>) {
        self.text.push_str(piece.text);
        self.text.push('\n');
        if piece.end {
            self.ends.push(self.text.len());
        }
    }

    fn tokens(&self, tokenizer: Tokenizer, lowercase: bool, out: &mut Tokens) {
        let mut start = 0;
        for &end in &self.ends {
            tokenizer.tokens(lowercase, self.text.get(start..end).unwrap_or_default(), out);
            out.close();
            start = end;
        }
        tokenizer.tokens(lowercase, self.text.get(start..).unwrap_or_default(), out);
    }
}

/// Feeds all documents through the tokenizer to the sink. Gives back the sink and what was read.
pub(super) fn feed<S: Sink>(
    documents: &mut dyn Documents,
    tokenizer: Tokenizer,
    lowercase: bool,
    threads: usize,
    sink: S,
) -> Result<(Vec<Value>, S)> {
    if threads <= 1 {
        return feed_alone(documents, tokenizer, lowercase, sink);
    }
    let workers = (threads - 1).min(16);
    let (work, waiting) = sync_channel::<(Block, SyncSender<Tokens>)>(workers);
    let (order, in_order) = sync_channel::<Receiver<Tokens>>(2 * workers);
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                // Ends when the reader has dropped its end, or the sink has failed.
                while let Some((block, reply)) = next(&waiting) {
                    let mut tokens = Tokens::default();
                    block.tokens(tokenizer, lowercase, &mut tokens);
                    // The sink may be gone; its error is what counts.
                    let _ = reply.send(tokens);
                }
            });
        }
        let sink = scope.spawn(move || {
            let mut sink = sink;
            for tokens in in_order {
                let tokens = tokens.recv().map_err(|_| Error::data("a tokenizing thread died"))?;
                sink.take(&tokens)?;
            }
            Ok(sink)
        });
        let send = |block: Block| {
            let (reply, tokens) = sync_channel(1);
            work.send((block, reply)).is_ok() && order.send(tokens).is_ok()
        };
        let mut block = Block::default();
        let read = documents.visit(&mut |piece| {
            block.add(piece);
            if block.text.len() < BLOCK || send(std::mem::take(&mut block)) {
                Ok(())
            } else {
                Err(stopped())
            }
        });
        if read.is_ok() {
            send(block);
        }
        drop((work, order));
        // Where both failed, the sink failed first: the reader noticed that nobody listens.
        let sink = sink.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        Ok((read?, sink))
    })
}

fn feed_alone<S: Sink>(
    documents: &mut dyn Documents,
    tokenizer: Tokenizer,
    lowercase: bool,
    mut sink: S,
) -> Result<(Vec<Value>, S)> {
    let mut block = Block::default();
    let mut tokens = Tokens::default();
    let mut flush = |block: &mut Block| {
        tokens.clear();
        block.tokens(tokenizer, lowercase, &mut tokens);
        block.text.clear();
        block.ends.clear();
        sink.take(&tokens)
    };
    let read = documents.visit(&mut |piece| {
        block.add(piece);
        if block.text.len() < BLOCK { Ok(()) } else { flush(&mut block) }
    })?;
    flush(&mut block)?;
    Ok((read, sink))
}

fn next(
    waiting: &Mutex<Receiver<(Block, SyncSender<Tokens>)>>,
) -> Option<(Block, SyncSender<Tokens>)> {
    waiting.lock().ok()?.recv().ok()
}

fn stopped() -> Error {
    Error::interrupted("interrupted while reading")
}
