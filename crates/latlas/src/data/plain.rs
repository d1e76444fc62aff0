//! Plain text, cut into documents without ever holding a line.

use std::io::{self, BufRead};

use super::Unit;

/// A document longer than this is given in pieces of about this size.
const PIECE: usize = 64 << 10;

/// A part of a document and whether the document ends with it.
pub type TextPart<'a> = (&'a str, bool);

/// Gives the documents of a text whose bytes are valid UTF-8, piece by piece: `each(text, end)`. Blank lines and
/// empty files are no documents. Lines end with `\n` or `\r\n`. What `each` refuses ends the reading.
///
/// Returns an error of the reader, or `Ok(Err(e))` with what `each` said.
pub fn visit_text<E>(
    mut input: impl BufRead,
    unit: Unit,
    each: &mut dyn FnMut(TextPart<'_>) -> Result<(), E>,
) -> io::Result<Result<(), E>> {
    let mut parts = Parts { unit, held: String::new(), open: false, blank: true, each };
    // Bytes of a character that a reader, against its promise, cut in two.
    let mut torn = Vec::new();
    loop {
        let block = match input.fill_buf() {
            Ok(block) => block,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let length = block.len();
        if length == 0 {
            break;
        }
        let result = match std::str::from_utf8(block) {
            Ok(text) if torn.is_empty() => parts.block(text),
            _ => {
                torn.extend_from_slice(block);
                let whole = whole_characters(&torn);
                let rest = torn.split_off(whole);
                let result = parts.block(&String::from_utf8_lossy(&torn));
                torn = rest;
                result
            }
        };
        input.consume(length);
        if let Err(e) = result {
            return Ok(Err(e));
        }
    }
    let result =
        if torn.is_empty() { Ok(()) } else { parts.block(&String::from_utf8_lossy(&torn)) };
    Ok(result.and_then(|()| parts.finish()))
}

/// How many of these bytes are whole characters, a broken one at the end left out.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(e) if e.error_len().is_none() => e.valid_up_to(),
        _ => bytes.len(),
    }
}

struct Parts<'e, E> {
    unit: Unit,
    /// Text of the open document that has not been given yet.
    held: String,
    /// Whether part of the open document has been given.
    open: bool,
    /// Whether the line being read is blank so far.
    blank: bool,
    each: &'e mut dyn FnMut(TextPart<'_>) -> Result<(), E>,
}

impl<E> Parts<'_, E> {
    fn block(&mut self, text: &str) -> Result<(), E> {
        if self.unit == Unit::File {
            return self.add(text);
        }
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|b| b == b'\n') {
            let line = rest.get(..at).unwrap_or_default();
            rest = rest.get(at + 1..).unwrap_or_default();
            if self.unit == Unit::Line && self.held.is_empty() && !self.open && line.len() <= PIECE
            {
                // The usual case: a whole line in the block needs no copy.
                let line = line.strip_suffix('\r').unwrap_or(line);
                if !line.trim().is_empty() {
                    (self.each)((line, true))?;
                }
                continue;
            }
            self.add(line)?;
            let blank = self.blank;
            self.blank = true;
            if self.unit == Unit::Line || blank {
                self.finish()?;
            } else {
                self.held.push('\n');
            }
        }
        self.add(rest)
    }

    fn add(&mut self, mut text: &str) -> Result<(), E> {
        self.blank &= text.trim().is_empty();
        while self.held.len() + text.len() > PIECE {
            let room = PIECE.saturating_sub(self.held.len());
            let (now, later) = text.split_at(boundary(text, room));
            self.held.push_str(now);
            text = later;
            let cut = cut(&self.held);
            let rest = self.held.split_off(cut);
            if !self.held.trim().is_empty() {
                self.open = true;
                (self.each)((&self.held, false))?;
            }
            self.held = rest;
        }
        self.held.push_str(text);
        Ok(())
    }

    /// Ends the open document.
    fn finish(&mut self) -> Result<(), E> {
        let text = self.held.trim_end();
        let given = if self.open || !text.trim_start().is_empty() {
            (self.each)((text, true))
        } else {
            Ok(())
        };
        self.held.clear();
        self.open = false;
        given
    }
}

/// The last boundary of characters at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// Where to cut a full piece: after its last white space, else before its last letter or digit run would be
/// torn, else anywhere.
fn cut(text: &str) -> usize {
    text.char_indices()
        .rev()
        .find(|(_, c)| c.is_whitespace())
        .or_else(|| text.char_indices().rev().find(|(_, c)| !c.is_alphanumeric()))
        .map_or(text.len(), |(at, c)| at + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::BufReader;

    fn documents(text: &[u8], unit: Unit, buffer: usize) -> Vec<String> {
        let mut out = vec![String::new()];
        visit_text(BufReader::with_capacity(buffer, text), unit, &mut |(text, end)| {
            out.last_mut().unwrap().push_str(text);
            if end {
                out.push(String::new());
            }
            Ok::<(), ()>(())
        })
        .unwrap()
        .unwrap();
        assert_eq!(out.pop().unwrap(), "", "the last document was not closed");
        out
    }

    #[test]
    fn units_are_what_they_say() {
        let text = "one\r\n\n two  \nthree\n \t\nfour";
        assert_eq!(documents(text.as_bytes(), Unit::Line, 64), ["one", " two  ", "three", "four"]);
        assert_eq!(
            documents(text.as_bytes(), Unit::Paragraph, 64),
            ["one", " two  \nthree", "four"]
        );
        assert_eq!(documents(text.as_bytes(), Unit::File, 64), [text]);
        assert!(documents(b"\n \n", Unit::File, 64).is_empty());
    }

    #[test]
    fn a_giant_line_comes_in_pieces_cut_at_white_space() {
        let line = "word ".repeat(100_000);
        let mut pieces = Vec::new();
        visit_text(line.as_bytes(), Unit::Line, &mut |(text, end)| {
            pieces.push((text.len(), end));
            assert!(text.split(' ').all(|w| w.is_empty() || w == "word"));
            Ok::<(), ()>(())
        })
        .unwrap()
        .unwrap();
        assert!(pieces.len() > 5 && pieces.iter().all(|p| p.0 <= PIECE));
        assert_eq!(pieces.iter().filter(|p| p.1).count(), 1);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_buffer(text in "[ab\u{e9}\u{1f600} \n\r]{0,60}", buffer in 1_usize..9) {
            let trimmed = |v: Vec<String>| v.into_iter().map(|s| s.trim_end().to_string()).collect::<Vec<_>>();
            for unit in [Unit::Line, Unit::Paragraph, Unit::File] {
                let whole = trimmed(documents(text.as_bytes(), unit, 1000));
                prop_assert_eq!(trimmed(documents(text.as_bytes(), unit, buffer)), whole);
            }
            let lines: Vec<&str> = text.split('\n').map(str::trim_end).filter(|l| !l.is_empty()).collect();
            prop_assert_eq!(trimmed(documents(text.as_bytes(), Unit::Line, buffer)), lines);
        }

        #[test]
        fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            documents(&bytes, Unit::Paragraph, 5);
        }
    }
}
