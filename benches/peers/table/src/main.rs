//! Runs treering and the other stores on one workload, in turn and several rounds, and prints a table of medians and ratios.
//!
//! What is compared must be the same: treering and cosmos/iavl must end with one root, every store with its own root in every round, and
//! each program checks its own answers. Otherwise this fails.

mod arguments;
mod line;
mod machine;
mod markdown;
mod process;
mod record;
mod stores;

use std::path::Path;
use std::process::ExitCode;

use arguments::{Arguments, Mode};
use line::Line;
use process::Program;
use stores::{STORES, StoreFacts};

/// What became of a store.
struct Measured {
    facts: &'static StoreFacts,
    /// A line of each round.
    lines: Vec<Line>,
    /// In sustained mode: a line of each round of runs with few blocks.
    short_lines: Vec<Line>,
    /// Why there are no lines, or fewer.
    missing: Option<Missing>,
}

/// Why a store was not measured.
enum Missing {
    /// It cannot be here; no fault of anybody.
    Skipped(String),
    /// It should have worked.
    Failed(String),
}

fn main() -> ExitCode {
    match run() {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            faults.iter().for_each(|fault| eprintln!("FAILED: {fault}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Measures, prints and records; what went wrong on the way.
fn run() -> Result<Vec<String>, String> {
    let Some(arguments) = Arguments::parse(std::env::args().skip(1))? else {
        println!("{}", arguments::help());
        return Ok(Vec::new());
    };
    let places = process::Places::from_environment()?;
    let folder = arguments.dir.clone().unwrap_or_else(std::env::temp_dir).join(format!("treering-peers-{}", std::process::id()));
    let measured = measure(&arguments, &places, &folder);
    let removed = std::fs::remove_dir_all(&folder);
    let measured = measured?;
    let faults = faults(&measured);
    let machine = machine::describe(folder.parent().unwrap_or(&folder), &places.peers);
    let section = markdown::section(&arguments, &measured, &machine);
    println!("{section}");
    if arguments.record && faults.is_empty() {
        record::record(&places.peers, arguments.mode, &section)?;
    }
    removed.map_err(|error| format!("the databases could not be removed: {error}"))?;
    Ok(faults)
}

fn measure(arguments: &Arguments, places: &process::Places, folder: &Path) -> Result<Vec<Measured>, String> {
    std::fs::create_dir_all(folder).map_err(|error| format!("no folder for databases: {error}"))?;
    let chosen: Vec<&StoreFacts> = STORES.iter().filter(|store| arguments.chosen(store.id)).collect();
    let built = process::Built::new(&chosen, places)?;
    let mut measured: Vec<Measured> = Vec::new();
    let mut programs: Vec<Option<Program>> = Vec::new();
    for facts in chosen {
        let program = if arguments.cache_mib.is_some() && !facts.has_cache {
            Err("it has no cache that can be bound".to_owned())
        } else {
            Program::find(facts, places, &built)
        };
        let missing = program.as_ref().err().cloned().map(Missing::Skipped);
        measured.push(Measured { facts, lines: Vec::new(), short_lines: Vec::new(), missing });
        programs.push(program.ok());
    }
    for round in 1..=arguments.rounds {
        for (store, program) in measured.iter_mut().zip(&programs) {
            let Some(program) = program.as_ref().filter(|_| store.missing.is_none()) else { continue };
            eprintln!("round {round} of {}: {}", arguments.rounds, store.facts.id);
            if let Err(reason) = measure_once(store, program, arguments, folder) {
                store.missing = Some(Missing::Failed(reason));
            }
        }
    }
    Ok(measured)
}

fn measure_once(store: &mut Measured, program: &Program, arguments: &Arguments, folder: &Path) -> Result<(), String> {
    if arguments.mode == Mode::Sustained {
        store.short_lines.push(program.run(arguments, arguments::SHORT_BLOCKS, folder)?);
    }
    store.lines.push(program.run(arguments, arguments.blocks, folder)?);
    Ok(())
}

/// Failed runs, and roots that should be equal and are not.
fn faults(measured: &[Measured]) -> Vec<String> {
    let mut faults = Vec::new();
    for store in measured {
        if let Some(Missing::Failed(reason)) = &store.missing {
            faults.push(format!("{}: {reason}", store.facts.id));
        }
    }
    let of_iavl = measured.iter().filter(|store| store.facts.has_iavl_root);
    check_same_roots("stores with the trees of iavl", of_iavl.flat_map(|store| &store.lines), &mut faults);
    for store in measured {
        check_same_roots(store.facts.id, &store.lines, &mut faults);
    }
    faults
}

fn check_same_roots<'a>(whose: &str, lines: impl IntoIterator<Item = &'a Line>, faults: &mut Vec<String>) {
    let mut roots: Vec<_> = lines.into_iter().map(Line::roots).collect();
    roots.sort_unstable();
    roots.dedup();
    if roots.len() > 1 || roots.iter().any(|(loaded, last)| loaded.is_none() || last.is_none()) {
        faults.push(format!("{whose}: roots differ or are missing: {roots:?}"));
    }
}
