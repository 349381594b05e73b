//! Pictures of a tree: Graphviz DOT and indented text.

use std::fmt::Write;

use super::Tree;
use crate::memory::{Child, Node};
use crate::{Side, TreeError};

/// How to draw.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// A digraph for Graphviz (`dot -Tsvg`).
    Dot,
    /// One line a node, indented by depth, the right subtree above its parent and the left one below.
    Text,
}

/// Bytes of a key that are shown before it is cut.
const SHOWN_KEY_BYTES: usize = 12;
/// Bytes of a hash that are shown.
const SHOWN_HASH_BYTES: usize = 4;

impl Tree {
    /// Draws the tree down to `max_depth` levels below the root (`u8::MAX`: all of it), loading what is drawn. O(nodes drawn).
    ///
    /// Keys are text where they are printable ASCII, else hex; both are cut after 12 bytes. Hashes show 4 bytes.
    ///
    /// # Errors
    /// When a node must be loaded and can't be.
    pub fn render(&self, style: Style, max_depth: u8) -> Result<String, TreeError> {
        let mut picture = String::new();
        match (style, self.root) {
            (Style::Dot, root) => {
                picture.push_str("digraph tree {\n  node [shape=box, fontname=monospace];\n");
                if let Some(root) = root {
                    self.draw_dot(&root, max_depth, &mut 0, &mut picture)?;
                }
                picture.push_str("}\n");
            }
            (Style::Text, Some(root)) => self.draw_text(&root, 0, max_depth, &mut picture)?,
            (Style::Text, None) => picture.push_str("(empty)\n"),
        }
        Ok(picture)
    }

    /// Gives the number of the node in the picture.
    fn draw_dot(&self, child: &Child, depth_left: u8, numbers: &mut u64, picture: &mut String) -> Result<u64, TreeError> {
        let number = *numbers;
        *numbers += 1;
        let label = self.label(child, "\\n")?;
        // Writing into a String cannot fail.
        let _ = writeln!(picture, "  n{number} [label=\"{label}\"];");
        if let Node::Inner(node) = self.memory().enter(child)? {
            if depth_left == 0 {
                let _ =
                    writeln!(picture, "  n{number}_more [label=\"{} leaves\", style=dashed];\n  n{number} -> n{number}_more;", child.size);
                return Ok(number);
            }
            for side in [Side::Left, Side::Right] {
                let below = self.draw_dot(&node.child(side), depth_left - 1, numbers, picture)?;
                let _ = writeln!(picture, "  n{number} -> n{below};");
            }
        }
        Ok(number)
    }

    fn draw_text(&self, child: &Child, depth: usize, depth_left: u8, picture: &mut String) -> Result<(), TreeError> {
        let label = self.label(child, "  ")?;
        let indent = depth * 4;
        match self.memory().enter(child)? {
            Node::Inner(node) if depth_left > 0 => {
                self.draw_text(&node.child(Side::Right), depth + 1, depth_left - 1, picture)?;
                let _ = writeln!(picture, "{:indent$}{label}", "");
                self.draw_text(&node.child(Side::Left), depth + 1, depth_left - 1, picture)
            }
            Node::Inner(_) => {
                let _ = writeln!(picture, "{:indent$}{label}  ...", "");
                Ok(())
            }
            Node::Leaf(_) => {
                let _ = writeln!(picture, "{:indent$}{label}", "");
                Ok(())
            }
        }
    }

    fn label(&self, child: &Child, separator: &str) -> Result<String, TreeError> {
        let (name, key) = match self.memory().enter(child)? {
            Node::Inner(node) => (format!(">= {}", shown_key(self.memory().routing_key(node))), node.node_key()),
            Node::Leaf(leaf) => (shown_key(leaf.key()), leaf.node_key()),
        };
        let hash = if child.is_dirty() {
            "not hashed".to_owned()
        } else {
            format!("#{}", hex(child.hash.as_bytes().get(..SHOWN_HASH_BYTES).unwrap_or_default()))
        };
        let saved = key.map_or_else(|| "new".to_owned(), |key| key.to_string());
        let shape = if child.height > 0 { format!("{separator}h{} n{}", child.height, child.size) } else { String::new() };
        Ok(format!("{name}{shape}{separator}{saved} {hash}"))
    }
}

fn shown_key(key: &[u8]) -> String {
    let shown = key.get(..SHOWN_KEY_BYTES).unwrap_or(key);
    let ending = if shown.len() < key.len() { ".." } else { "" };
    let plain = |byte: &u8| (byte.is_ascii_graphic() || *byte == b' ') && !matches!(byte, b'"' | b'\\');
    match std::str::from_utf8(shown) {
        Ok(text) if !text.is_empty() && shown.iter().all(plain) => format!("{text}{ending}"),
        _ => format!("0x{}{ending}", hex(shown)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
