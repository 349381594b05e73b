//! `tree`: a picture of a version's tree.

use serde::Serialize;
use treering::Style;

use super::args::VersionArg;
use super::error::CliError;
use super::output::{Form, Output};
use super::place::DirArg;

/// Draws the tree of a version.
///
/// Inner nodes show the smallest key of their right subtree, height (h) and number of keys below (n); every node shows where it is
/// stored (version.nonce) and the first bytes of its hash. As text, the right subtree is above its parent and the left one below.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  treering tree trees --store forest --depth 3
  treering tree trees --dot | dot -Tsvg > trees.svg")]
pub(crate) struct Args {
    #[command(flatten)]
    dir: DirArg,
    #[command(flatten)]
    at: VersionArg,
    /// As a graph for Graphviz.
    #[arg(long, conflicts_with = "text")]
    dot: bool,
    /// As indented text, which is the default.
    #[arg(long)]
    text: bool,
    /// How many levels below the root to draw; needed when the tree has more than 2,000 nodes.
    #[arg(long, value_name = "N")]
    depth: Option<u8>,
}

/// Nodes that are drawn without --depth. More fill many screens and no page.
const MAX_NODES: u64 = 2_000;

#[derive(Serialize)]
struct Picture {
    version: u64,
    picture: String,
}

pub(crate) fn run(args: &Args, output: &mut Output) -> Result<(), CliError> {
    let stores = args.dir.place()?.open_to_read()?;
    let snapshot = args.at.snapshot(&stores)?;
    let tree = snapshot.tree();
    let nodes = (2 * tree.size()).saturating_sub(1);
    let depth = match args.depth {
        Some(depth) => depth,
        None if nodes > MAX_NODES => return Err(CliError::TooManyNodes { nodes, limit: MAX_NODES }),
        None => u8::MAX,
    };
    let style = if args.dot { Style::Dot } else { Style::Text };
    let picture = tree.render(style, depth)?;
    match output.form() {
        Form::Text => output.text(&picture),
        Form::Json => output.json(&Picture { version: snapshot.version(), picture }),
    }
}
