//! The command line `treering`; `treering --help` lists its commands.

mod cli;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
