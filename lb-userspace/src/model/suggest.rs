// SPDX-License-Identifier: MIT OR Apache-2.0
//! "Did you mean": the known word that is closest to a mistyped one.

/// Letters that a word needs to be taken for a part of a known one.
const PART: usize = 5;

/// The known word that `word` was probably meant to be: equal but for case and dashes, at most a third of its letters
/// away, or the only one that contains it.
pub(crate) fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let word = folded(word);
    known
        .iter()
        .map(|candidate| (distance(&word, &folded(candidate)), *candidate))
        .filter(|(distance, candidate)| distance * 3 <= candidate.len().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
        .or_else(|| whole(&word, known))
}

/// The only known word that `part` is a part of.
fn whole<'a>(part: &[char], known: &[&'a str]) -> Option<&'a str> {
    let contains = |candidate: &&&str| folded(candidate).windows(part.len()).any(|window| window == part);
    let mut found = known.iter().filter(|candidate| part.len() >= PART && contains(candidate));
    found.next().filter(|_| found.next().is_none()).copied()
}

/// The words as a sentence names them: `a, b or c`, where `last` is the "or".
pub(crate) fn sentence(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [word] => (*word).to_owned(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

/// A word without what people vary; cut, since no known word is that long.
fn folded(word: &str) -> Vec<char> {
    let letters = word.chars().filter(|letter| !matches!(letter, '-' | '_' | ' '));
    letters.take(64).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from `from` to `to` (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut rows = vec![(0..=to.len()).collect::<Vec<usize>>()];
    for (line, letter) in from.iter().enumerate() {
        let above = &rows[line];
        let mut row = vec![line + 1];
        for (column, other) in to.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            let mut least = replaced.min(above[column + 1] + 1).min(row[column] + 1);
            if line > 0 && column > 0 && *letter == to[column - 1] && from[line - 1] == *other {
                least = least.min(rows[line - 1][column - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_words_are_found_and_far_ones_are_not() {
        let known = ["tcp", "udp", "frontend_port", "frontend_protocol", "instances"];
        assert_eq!(closest("TCP", &known), Some("tcp"));
        assert_eq!(closest("frontendPort", &known), Some("frontend_port"));
        assert_eq!(closest("instance", &known), Some("instances"));
        assert_eq!(closest("frontend_prot", &known), Some("frontend_port"));
        assert_eq!(closest("sctp", &known), None);
        assert_eq!(closest("protocol", &known), Some("frontend_protocol"));
        assert_eq!(closest("front", &known), None);
        assert_eq!(closest("quic", &known), None);
        assert_eq!(closest("", &known), None);
    }

    #[test]
    fn distances() {
        let of = |from: &str, to: &str| distance(&folded(from), &folded(to));
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("prot", "port"), 1);
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("same", "same"), 0);
    }

    #[test]
    fn words_are_listed_as_a_sentence_does() {
        assert_eq!(sentence(&["a"], "or"), "a");
        assert_eq!(sentence(&["a", "b", "c"], "or"), "a, b or c");
    }
}
