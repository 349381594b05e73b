//! What a misspelt name was meant to be.

/// The name of `known` that is nearest to `name`, if one is near enough to be meant: a third of its letters may differ.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = bare(name);
    let distances = known.into_iter().map(|candidate| (distance(&letters, &bare(candidate)), candidate));
    let (differing, candidate) = distances.min_by_key(|(differing, _)| *differing)?;
    (differing * 3 <= letters.len()).then_some(candidate)
}

/// Without what people write differently: `cacheSize` is `cache_size`.
fn bare(name: &str) -> Vec<char> {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).flat_map(char::to_lowercase).collect()
}

/// How many letters to insert, delete or replace to get from one to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    // `row` holds the distances of the letters of `from` so far to every beginning of `to`.
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.iter().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for ((other, above_left), above) in to.iter().zip(&row).zip(row.iter().skip(1)) {
            let replaced = above_left + usize::from(letter != other);
            left = replaced.min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_levenshtein() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (from, to, expected) in
            [("", "", 0), ("", "abc", 3), ("abc", "", 3), ("kitten", "sitting", 3), ("flaw", "lawn", 2), ("ab", "ba", 2)]
        {
            assert_eq!(distance(&chars(from), &chars(to)), expected, "{from} {to}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let known = ["cache_size", "compression", "sync_writes"];
        for (name, expected) in [
            ("cach_size", Some("cache_size")),
            ("cacheSize", Some("cache_size")),
            ("compresion", Some("compression")),
            ("sync-write", Some("sync_writes")),
            ("block_size", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
        assert_eq!(nearest("x", []), None);
    }
}
