use crate::run::{command, finish, treering};

/// The commands that the program's own help lists.
fn commands() -> Vec<String> {
    let help = treering(["--help"]).ok();
    let listed = help.out.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    // A command is indented by two, its description's further lines by more.
    let names = listed.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).filter(|name| name != "help").collect()
}

#[test]
fn every_command_is_there_and_has_help_with_an_example() {
    let expected = [
        "init",
        "create",
        "delete",
        "rename",
        "stores",
        "apply",
        "import-csv",
        "get",
        "has",
        "scan",
        "versions",
        "root",
        "app-hash",
        "prove",
        "verify",
        "rollback",
        "prune",
        "events",
        "check",
        "audit",
        "token",
        "stats",
        "tree",
        "engines",
        "config",
        "serve",
        "system",
        "bench",
        "demo",
    ];
    assert_eq!(commands(), expected);
    for name in commands() {
        let help = treering([name.as_str(), "--help"]).ok();
        assert!(help.out.contains("Usage: treering ") && help.out.contains("Example:"), "{name}: {}", help.out);
        assert!(help.out.contains("--json"), "{name}: {}", help.out);
        let example = help.out.split("Example:").nth(1).unwrap();
        assert!(example.contains(&format!("treering {name}")), "{name}: {example}");
    }
}

/// Every command, and those below it.
fn all_commands() -> Vec<Vec<String>> {
    let below = [("audit", "list"), ("audit", "verify"), ("config", "init"), ("system", "call"), ("token", "new")];
    let below = below.map(|(name, of)| vec![name.to_owned(), of.to_owned()]);
    [vec![]].into_iter().chain(commands().into_iter().map(|name| vec![name])).chain(below).collect()
}

#[test]
fn examples_are_not_broken_where_a_terminal_ends() {
    let example = |words: &[String], columns: &str| {
        let help = finish(command().args(words).arg("--help").env("COLUMNS", columns)).ok().out;
        let (_, example) = help.split_once("\nExample:\n").unwrap_or_else(|| panic!("{words:?} has no example"));
        assert!(example.lines().all(|line| line.is_empty() || line.starts_with("  ") || line.ends_with(':')), "{example}");
        example.to_owned()
    };
    for words in all_commands() {
        assert_eq!(example(&words, "80"), example(&words, "110"), "{words:?}");
    }
}

#[test]
fn a_wrong_command_or_option_is_a_usage_error() {
    for words in [&["frobnicate"][..], &["get", "--colour"], &["prune", "trees"], &["prune", "trees", "--keep", "1", "--to", "1"]] {
        let ran = treering(words);
        assert_eq!(ran.code, Some(2), "{words:?}");
        assert!(ran.err.starts_with("error: ") && ran.out.is_empty(), "{}", ran.err);
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    assert_eq!(treering(["--version"]).ok().out, format!("treering {}\n", env!("CARGO_PKG_VERSION")));
}
