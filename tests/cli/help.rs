use crate::run::treering;

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
