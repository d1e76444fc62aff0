//! Markdown reduced to its words.

/// The words of lines of Markdown, `None` between two texts: without fenced code, addresses, tags and marks.
/// Paragraphs stay apart by an empty line.
pub(super) fn plain_words<'a>(lines: impl Iterator<Item = Option<&'a str>>) -> String {
    let mut out = String::new();
    let mut fence: Option<&str> = None;
    for line in lines {
        let Some(line) = line else {
            fence = None;
            out.push('\n');
            continue;
        };
        let trimmed = line.trim();
        let mark = ["```", "~~~"].into_iter().find(|mark| trimmed.starts_with(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (Some(_), _) => {}
            (None, Some(mark)) => fence = Some(mark),
            // Where an address is defined: [name]: https://…
            (None, None) if trimmed.starts_with('[') && trimmed.contains("]: ") => {}
            (None, None) => {
                line_words(trimmed, &mut out);
                out.push('\n');
            }
        }
    }
    out
}

fn line_words(line: &str, out: &mut String) {
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            // [words](address), [words][name], ![picture](address)
            ']' => {
                out.push(' ');
                let closing = match after.chars().next() {
                    Some('(') => Some(')'),
                    Some('[') => Some(']'),
                    _ => None,
                };
                rest = closing.and_then(|c| after.split_once(c)).map_or(after, |(_, rest)| rest);
                continue;
            }
            // A tag or an address; a lone "<" is a mark like others.
            '<' if after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!') => {
                out.push(' ');
                rest = after.split_once('>').map_or(after, |(_, rest)| rest);
                continue;
            }
            'h' if rest.starts_with("https://") || rest.starts_with("http://") => {
                let end = rest
                    .find(|c: char| c.is_whitespace() || matches!(c, ')' | '>' | ']' | '"'))
                    .unwrap_or(rest.len());
                rest = rest.get(end..).unwrap_or_default();
                continue;
            }
            '`' | '*' | '#' | '[' | '|' | '>' | '<' | '~' | '!' | '=' | '\\' => out.push(' '),
            // Emphasis stands at the edge of a word; within one it is part of a name.
            '_' if out.ends_with(|c: char| !c.is_alphanumeric())
                || out.is_empty()
                || !after.starts_with(char::is_alphanumeric) =>
            {
                out.push(' ');
            }
            other => out.push(other),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_left() {
        let text = "# A `title`\n[![badge](https://x.y/z)](https://a.b) see [the _guide_][1] or <https://q.r>\n\
                    snake_case is <b>bold</b>, a < b\n~~~text\ncode\n~~~\n[1]: https://x.y\nend";
        let out = plain_words(text.lines().map(Some));
        let words: Vec<&str> = out.split_whitespace().collect();
        assert_eq!(
            words,
            [
                "A",
                "title",
                "badge",
                "see",
                "the",
                "guide",
                "or",
                "snake_case",
                "is",
                "bold",
                ",",
                "a",
                "b",
                "end"
            ]
        );
    }
}
