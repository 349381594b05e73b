//! Writing a table into `benches/RESULTS.md`, between the two marks of its mode.

use std::fs;
use std::path::Path;

use crate::arguments::Mode;

pub(crate) fn record(peers: &Path, mode: Mode, section: &str) -> Result<(), String> {
    let path = peers.join("../RESULTS.md");
    let text = fs::read_to_string(&path).map_err(|error| format!("RESULTS.md: {error}"))?;
    let text = replace(&text, mode.name(), section)?;
    fs::write(&path, text).map_err(|error| format!("RESULTS.md: {error}"))
}

fn replace(text: &str, name: &str, section: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- begin {name} -->\n"), format!("<!-- end {name} -->"));
    let missing = || format!("RESULTS.md has no marks for {name}");
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(&end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", section.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let text = "a\n<!-- begin x -->\nold\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n";
        let replaced = replace(text, "x", "new\n").unwrap();
        assert_eq!(replaced, "a\n<!-- begin x -->\n\nnew\n\n<!-- end x -->\nb\n<!-- begin y -->\n<!-- end y -->\n");
        assert_eq!(replace(&replaced, "x", "new").unwrap(), replaced);
        assert!(replace(text, "z", "new").is_err());
    }
}
