//! Words of a condition, each with its place.

use std::ops::Range;

use super::Problem;

/// A word and where it stands, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) token: Token,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A bare name, which may be a keyword.
    Name(String),
    /// A "double-quoted" name: always a column.
    Quoted(String),
    Text(String),
    Int(i64),
    Float(f64),
    /// `=`, `!=`, `<`, `<=`, `>`, `>=`, `(`, `)`, `,`.
    Sign(&'static str),
    End,
}

pub(super) fn words(text: &str) -> Result<Vec<Word>, Problem> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let start = at;
        let token = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '\'' | '"' => {
                let (content, end) = quoted(text, at, first)?;
                at = end;
                if first == '"' { Token::Quoted(content) } else { Token::Text(content) }
            }
            c if c.is_alphabetic() || c == '_' => {
                let end = text[at..].find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
                at = end.map_or(text.len(), |end| at + end);
                Token::Name(text[start..at].to_owned())
            }
            c if c.is_ascii_digit() || c == '-' || c == '+' || c == '.' => {
                at = number_end(text.as_bytes(), at);
                number(&text[start..at]).ok_or_else(|| {
                    Problem::new(
                        start..at.max(start + 1),
                        format!("'{}' is no number", &text[start..at.max(start + 1)]),
                    )
                })?
            }
            _ => {
                let (sign, length) = sign(&text[at..]).ok_or_else(|| {
                    Problem::new(
                        start..start + first.len_utf8(),
                        format!("'{first}' means nothing here"),
                    )
                    .help("operators are = != < <= > >= IN LIKE CONTAINS BETWEEN IS AND OR NOT")
                })?;
                at += length;
                Token::Sign(sign)
            }
        };
        words.push(Word { token, span: start..at });
    }
    words.push(Word { token: Token::End, span: text.len()..text.len() });
    Ok(words)
}

/// The content of a quoted word, in which a doubled quote stands for one, and its end.
fn quoted(text: &str, start: usize, quote: char) -> Result<(String, usize), Problem> {
    let mut content = String::new();
    let mut letters = text[start + 1..].char_indices().peekable();
    while let Some((offset, letter)) = letters.next() {
        if letter != quote {
            content.push(letter);
        } else if letters.next_if(|(_, next)| *next == quote).is_some() {
            content.push(quote);
        } else {
            return Ok((content, start + 1 + offset + 1));
        }
    }
    Err(Problem::new(start..text.len(), format!("a {quote} is opened and never closed")))
}

/// Where a number that starts at `at` ends; digits, points and exponents are taken together with any letters that
/// stick to them, so that `12abc` is one bad number.
fn number_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&b) = bytes.get(end) {
        let exponent_sign = matches!(b, b'+' | b'-') && matches!(bytes[end - 1], b'e' | b'E');
        if !(b.is_ascii_alphanumeric() || b == b'.' || b == b'_' || exponent_sign) {
            break;
        }
        end += 1;
    }
    end
}

fn number(text: &str) -> Option<Token> {
    if let Ok(int) = text.parse() {
        return Some(Token::Int(int));
    }
    // `parse` would also take "-inf" and "+nan".
    let digits =
        text.trim_start_matches(['-', '+']).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    text.parse::<f64>().ok().filter(|n| digits && n.is_finite()).map(Token::Float)
}

fn sign(text: &str) -> Option<(&'static str, usize)> {
    const SIGNS: [(&str, &str); 11] = [
        ("==", "="),
        ("!=", "!="),
        ("<>", "!="),
        ("<=", "<="),
        (">=", ">="),
        ("=", "="),
        ("<", "<"),
        (">", ">"),
        ("(", "("),
        (")", ")"),
        (",", ","),
    ];
    SIGNS
        .iter()
        .find(|(spelling, _)| text.starts_with(spelling))
        .map(|(spelling, sign)| (*sign, spelling.len()))
}
