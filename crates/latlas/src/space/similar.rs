//! "Did you mean": live ids close to one that is not there.

use std::collections::BinaryHeap;

use super::{Row, Space};
use crate::error::Error;

/// Edit distances are taken of at most this many ids of about the right length.
const MOST_COMPARED: usize = 300_000;
/// At most this many ids are looked at: the first ones, the most frequent where a learner ordered them.
const MOST_SEEN: usize = 2_000_000;
/// Spellings farther than this are not "close".
const FARTHEST: usize = 2;

pub(super) fn unknown(space: &Space, id: &str) -> Error {
    let shown: String = id.chars().take(80).collect();
    let error = Error::nothing(format!("'{shown}' is not in {}", space.called()));
    let close = ids(space, id, 3);
    if close.is_empty() {
        return error.help("latlas info shows what is");
    }
    let quoted: Vec<String> = close.iter().map(|id| format!("'{id}'")).collect();
    error.help(format!("did you mean {}?", quoted.join(", ")))
}

/// At most `most` ids: first those that differ only in case and accents, then by edit distance (Damerau–Levenshtein,
/// optimal string alignment), earlier rows first among equals.
pub(super) fn ids(space: &Space, id: &str, most: usize) -> Vec<String> {
    if most == 0 || id.len() > 1000 {
        return Vec::new();
    }
    let wanted = folded(id);
    let length = wanted.chars().count();
    // A word of three letters is close to half the dictionary at distance 2.
    let farthest = if length <= 4 { 1 } else { FARTHEST };
    let mut best: BinaryHeap<(usize, Row)> = BinaryHeap::new();
    let mut compared = 0;
    for row in space.live().take(MOST_SEEN) {
        let candidate = space.id(row);
        // An accent may take two bytes more than its letter, and three letters of four bytes may be missing.
        if candidate.len() > id.len() * 2 + 12
            || candidate.len() * 2 + 12 < id.len()
            || candidate == id
        {
            continue;
        }
        let other = folded(candidate);
        let distance = if other == wanted {
            0
        } else if compared < MOST_COMPARED && other.chars().count().abs_diff(length) <= farthest {
            compared += 1;
            strsim::osa_distance(&wanted, &other).max(1)
        } else {
            continue;
        };
        if distance <= farthest {
            best.push((distance, row));
            if best.len() > most {
                best.pop();
            }
        }
    }
    best.into_sorted_vec().into_iter().map(|(_, row)| space.id(row).to_owned()).collect()
}

/// Lower case, accents of Latin letters off, blanks and hyphens as underscores.
fn folded(id: &str) -> String {
    id.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !('\u{300}'..='\u{36f}').contains(c))
        .map(plain)
        .collect()
}

fn plain(c: char) -> char {
    match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'ç' | 'ć' | 'č' | 'ĉ' | 'ċ' => 'c',
        'ď' | 'đ' => 'd',
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => 'e',
        'ğ' | 'ĝ' | 'ġ' | 'ģ' => 'g',
        'ì'..='ï' | 'ī' | 'į' | 'ı' => 'i',
        'ł' | 'ľ' | 'ļ' => 'l',
        'ñ' | 'ń' | 'ň' | 'ņ' => 'n',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ř' | 'ŕ' => 'r',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ť' | 'ţ' | 'ț' => 't',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => 'u',
        'ý' | 'ÿ' => 'y',
        'ź' | 'ż' | 'ž' => 'z',
        ' ' | '-' => '_',
        other => other,
    }
}
