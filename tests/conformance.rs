//! All engines that were compiled in behave alike.
#![expect(clippy::unwrap_used, reason = "tests")]

use treering::conformance::check_engine;
use treering::engine::Registry;

fn check(engine: &str) {
    check_engine(&Registry::with_compiled_in().get(engine).unwrap());
}

#[test]
fn memory() {
    check("memory");
}

#[test]
fn file() {
    check("file");
}

#[test]
fn rocksdb() {
    check("rocksdb");
}

#[test]
fn leveldb() {
    check("leveldb");
}

#[test]
fn fjall() {
    check("fjall");
}

#[test]
fn no_engine_is_left_out() {
    assert_eq!(Registry::with_compiled_in().names(), ["file", "fjall", "leveldb", "memory", "rocksdb"]);
}
