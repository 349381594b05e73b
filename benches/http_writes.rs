//! What the audit log costs: single writes over HTTP with it and without, each answered when it is done (and, with it, when its entry is on the disk).
//!
//! `cargo bench --all-features --bench http_writes` measures in turns, on databases in the folder of the word behind `in` (default: that for
//! temporary files), with 1 connection and with 16. Whoever writes alone waits for the disk each time; many share a write of the log.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark stops when anything fails")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use treering::config::{Config, MultiStoreConfig};
use treering::server::install;
use treering::system::{SystemConfig, SystemService};

const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(700);

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let place = words.iter().skip_while(|word| *word != "in").nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(place).unwrap();
    let [with, without] = [true, false].map(|has_audit| start(folder.path(), has_audit));
    for connections in [1, 16] {
        let mut measured = [Vec::new(), Vec::new()];
        for _ in 0..ROUNDS {
            for ((_, address), measured) in [&with, &without].into_iter().zip(&mut measured) {
                measured.push(write_on(*address, connections));
            }
        }
        let [with, without] = measured.map(|mut measured| {
            measured.sort_by(f64::total_cmp);
            measured.into_iter().nth(ROUNDS / 2).unwrap()
        });
        println!("{connections} connections: {with:.0} writes/s with the log, {without:.0} without ({:.0} %)", with / without * 100.0);
    }
}

fn start(folder: &Path, has_audit: bool) -> (SystemService, SocketAddr) {
    let mut config = SystemConfig::of_stores(MultiStoreConfig::new(folder.join(format!("audit-{has_audit}"))));
    config.features.set("audit", has_audit);
    config.http.address = "127.0.0.1:0".parse().unwrap();
    let (builder, address) = install(SystemService::builder(config)).unwrap();
    let system = builder.build().unwrap();
    assert_eq!(system.audit().is_some(), has_audit);
    system.store().create_store("bank", None, &Config::default()).unwrap();
    system.start().unwrap();
    (system, address.unwrap())
}

/// Writes a second on so many connections, each of which waits for an answer before the next request.
fn write_on(address: SocketAddr, connections: u64) -> f64 {
    let begun = Instant::now();
    let write = |connection: u64| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut count, mut answer) = (0_u64, [0; 4096]);
        while begun.elapsed() < TIME {
            let path = format!("/v1/stores/bank/keys/{connection:02x}{:06x}", count % 10_000);
            let body = format!(r#"{{"value":"{count:032x}"}}"#);
            let head = "host: localhost\r\ncontent-type: application/json";
            write!(stream, "PUT {path} HTTP/1.1\r\n{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            let length = stream.read(&mut answer).unwrap();
            assert!(answer.get(..length).unwrap().ends_with(br#"{"applied":1}"#));
            count += 1;
        }
        count
    };
    let write = &write;
    let counts: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..connections).map(|connection| scope.spawn(move || write(connection))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    counts as f64 / begun.elapsed().as_secs_f64()
}
