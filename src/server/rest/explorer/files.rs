//! The files of the pages, as the compiler found them.

/// A file: its name, its type, what is in it.
pub(super) type File = (&'static str, &'static str, &'static [u8]);

pub(super) const HTML: &str = "text/html; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

macro_rules! files {
    ($($name:literal $kind:ident,)*) => {
        &[$(($name, $kind, include_bytes!(concat!("../../explorer/", $name))),)*]
    };
}

/// The files, in the order of their names.
pub(super) const FILES: &[File] = files![
    "api.js" SCRIPT,
    "app.js" SCRIPT,
    "base.css" STYLE,
    "bytes.js" SCRIPT,
    "data.js" SCRIPT,
    "dialogs.js" SCRIPT,
    "docs.css" STYLE,
    "docs.html" HTML,
    "docs.js" SCRIPT,
    "dom.js" SCRIPT,
    "errors.js" SCRIPT,
    "explorer.css" STYLE,
    "format.js" SCRIPT,
    "icon.svg" PICTURE,
    "index.html" HTML,
    "live.js" SCRIPT,
    "openapi.js" SCRIPT,
    "panel.js" SCRIPT,
    "preferences.js" SCRIPT,
    "rings.js" SCRIPT,
    "router.js" SCRIPT,
    "sse.js" SCRIPT,
    "theme.js" SCRIPT,
    "vendor/ics23.js" SCRIPT,
    "verify.js" SCRIPT,
    "views/activity.js" SCRIPT,
    "views/diff.js" SCRIPT,
    "views/history.js" SCRIPT,
    "views/key.js" SCRIPT,
    "views/keys.js" SCRIPT,
    "views/notation.js" SCRIPT,
    "views/overview.js" SCRIPT,
    "views/own.js" SCRIPT,
    "views/proof.js" SCRIPT,
    "views/rings.js" SCRIPT,
    "views/store.js" SCRIPT,
    "views/tree.js" SCRIPT,
];

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    /// What the pages are built from, and not part of them.
    const SOURCES: [&str; 1] = ["vendor/entry.js"];

    #[test]
    fn every_file_of_the_pages_is_served_under_its_type() {
        let root = Path::new("src/server/explorer");
        let mut pending = vec![root.to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = pending.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let kind = match path.extension().and_then(|extension| extension.to_str()) {
                    // Packages that the verifier was built from.
                    _ if path.ends_with("node_modules") => continue,
                    _ if path.is_dir() => {
                        pending.push(path);
                        continue;
                    }
                    Some("html") => HTML,
                    Some("js") => SCRIPT,
                    Some("css") => STYLE,
                    Some("svg") => PICTURE,
                    _ => continue,
                };
                if !SOURCES.contains(&name.as_str()) {
                    found.push((name, kind));
                }
            }
        }
        found.sort();
        let listed: Vec<_> = FILES.iter().map(|(name, kind, _)| ((*name).to_owned(), *kind)).collect();
        assert_eq!(listed, found);
    }

    /// The two pages are whole files, so that they can be read and checked as such. What they have in common must stay so.
    #[test]
    fn the_pages_have_the_same_head_but_for_what_is_their_own() {
        let head = |name: &str| {
            let (_, _, bytes) = FILES.iter().find(|(of, ..)| *of == name).unwrap();
            let (head, _) = std::str::from_utf8(bytes).unwrap().split_once("</head>").unwrap();
            let own = ["<title>", "explorer/explorer.css", "explorer/docs.css", "explorer/app.js", "explorer/docs.js"];
            head.lines().filter(|line| !own.iter().any(|part| line.contains(part))).collect::<Vec<_>>()
        };
        assert!(head("index.html").len() > 7);
        assert_eq!(head("index.html"), head("docs.html"));
    }
}
