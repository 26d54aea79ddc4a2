//! The known key that a misspelt one is nearest to.

/// The most similar of some names. There is at least one.
pub fn nearest(name: &str, known: &[&'static str]) -> &'static str {
    known
        .iter()
        .copied()
        .min_by_key(|candidate| distance(name, candidate))
        .unwrap_or_default()
}

/// Letters to add, take out or change (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in right.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_key_finds_its_setting() {
        let known = ["listen", "log_level", "retention_days"];
        for (name, expected) in [
            ("listne", "listen"),
            ("loglevel", "log_level"),
            ("retention", "retention_days"),
        ] {
            assert_eq!(nearest(name, &known), expected);
        }
        assert_eq!(
            (distance("", "abc"), distance("abc", "abc"), distance("abc", "axc")),
            (3, 0, 1)
        );
    }
}
