//! Pictures, by example.

use treering_tree::{Style, Tree};

fn tree() -> Tree {
    let mut tree = Tree::new();
    for (key, value) in [(&b"ash"[..], &b"1"[..]), (b"elm", b"2"), (b"\0\x01", b"3")] {
        tree.set(key, value).unwrap();
    }
    let _ = tree.save().unwrap();
    tree.set(b"a key that is long", b"4").unwrap();
    tree
}

#[test]
fn text() {
    assert_eq!(tree().render(Style::Text, u8::MAX).unwrap(), include_str!("render/tree.txt"));
    assert_eq!(tree().render(Style::Text, 1).unwrap(), include_str!("render/tree-depth-1.txt"));
    assert_eq!(Tree::new().render(Style::Text, 3).unwrap(), "(empty)\n");
}

#[test]
fn dot() {
    assert_eq!(tree().render(Style::Dot, u8::MAX).unwrap(), include_str!("render/tree.dot"));
    assert_eq!(tree().render(Style::Dot, 0).unwrap(), include_str!("render/tree-depth-0.dot"));
}
