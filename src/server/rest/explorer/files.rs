//! The files of the pages, as they are in `src/server/explorer`.

/// A file: its name, its type, what is in it.
pub(super) type File = (&'static str, &'static str, &'static [u8]);

pub(super) const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const PICTURE: &str = "image/svg+xml";

/// The files, in the order of their names.
#[rustfmt::skip]
pub(super) const FILES: &[File] = &[
    ("api.js", SCRIPT, include_bytes!("../../explorer/api.js")),
    ("app.js", SCRIPT, include_bytes!("../../explorer/app.js")),
    ("base.css", STYLE, include_bytes!("../../explorer/base.css")),
    ("bytes.js", SCRIPT, include_bytes!("../../explorer/bytes.js")),
    ("data.js", SCRIPT, include_bytes!("../../explorer/data.js")),
    ("dialogs.js", SCRIPT, include_bytes!("../../explorer/dialogs.js")),
    ("docs.css", STYLE, include_bytes!("../../explorer/docs.css")),
    ("docs.html", HTML, include_bytes!("../../explorer/docs.html")),
    ("docs.js", SCRIPT, include_bytes!("../../explorer/docs.js")),
    ("dom.js", SCRIPT, include_bytes!("../../explorer/dom.js")),
    ("errors.js", SCRIPT, include_bytes!("../../explorer/errors.js")),
    ("explorer.css", STYLE, include_bytes!("../../explorer/explorer.css")),
    ("format.js", SCRIPT, include_bytes!("../../explorer/format.js")),
    ("icon.svg", PICTURE, include_bytes!("../../explorer/icon.svg")),
    ("index.html", HTML, include_bytes!("../../explorer/index.html")),
    ("live.js", SCRIPT, include_bytes!("../../explorer/live.js")),
    ("openapi.js", SCRIPT, include_bytes!("../../explorer/openapi.js")),
    ("panel.js", SCRIPT, include_bytes!("../../explorer/panel.js")),
    ("preferences.js", SCRIPT, include_bytes!("../../explorer/preferences.js")),
    ("rings.js", SCRIPT, include_bytes!("../../explorer/rings.js")),
    ("router.js", SCRIPT, include_bytes!("../../explorer/router.js")),
    ("sse.js", SCRIPT, include_bytes!("../../explorer/sse.js")),
    ("theme.js", SCRIPT, include_bytes!("../../explorer/theme.js")),
    ("vendor/ics23.js", SCRIPT, include_bytes!("../../explorer/vendor/ics23.js")),
    ("verify.js", SCRIPT, include_bytes!("../../explorer/verify.js")),
    ("views/activity.js", SCRIPT, include_bytes!("../../explorer/views/activity.js")),
    ("views/diff.js", SCRIPT, include_bytes!("../../explorer/views/diff.js")),
    ("views/history.js", SCRIPT, include_bytes!("../../explorer/views/history.js")),
    ("views/key.js", SCRIPT, include_bytes!("../../explorer/views/key.js")),
    ("views/keys.js", SCRIPT, include_bytes!("../../explorer/views/keys.js")),
    ("views/notation.js", SCRIPT, include_bytes!("../../explorer/views/notation.js")),
    ("views/overview.js", SCRIPT, include_bytes!("../../explorer/views/overview.js")),
    ("views/proof.js", SCRIPT, include_bytes!("../../explorer/views/proof.js")),
    ("views/rings.js", SCRIPT, include_bytes!("../../explorer/views/rings.js")),
    ("views/store.js", SCRIPT, include_bytes!("../../explorer/views/store.js")),
    ("views/tree.js", SCRIPT, include_bytes!("../../explorer/views/tree.js")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The names of the files in a folder and those below, with `/` between.
    fn names_in(folder: &Path, before: &str, names: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{before}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                names_in(&entry.path(), &format!("{name}/"), names);
            } else {
                names.insert(name);
            }
        }
    }

    #[test]
    fn every_file_of_the_pages_is_in_the_program() {
        let mut names = BTreeSet::new();
        names_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server/explorer"), "", &mut names);
        // What the verifier is made of is not part of the pages, only the verifier.
        names.retain(|name| !name.starts_with("vendor/") || name == "vendor/ics23.js");
        let known: Vec<_> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        assert_eq!(known, names.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn files_are_of_the_type_that_they_are_told_to_be() {
        for (name, kind, bytes) in FILES {
            let expected = match name.rsplit_once('.').unwrap().1 {
                "html" => HTML,
                "js" => SCRIPT,
                "css" => STYLE,
                "svg" => PICTURE,
                other => panic!("{other}"),
            };
            assert_eq!(*kind, expected, "{name}");
            assert!(std::str::from_utf8(bytes).is_ok(), "{name}");
        }
    }
}
