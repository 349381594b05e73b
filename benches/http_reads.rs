//! Reads over HTTP beside the same reads in the process: how much of what the store can do reaches its clients.
//!
//! `cargo bench --all-features --bench http_reads` measures, one after another, for some seconds each: reading in the process with the answer
//! as JSON (on as many threads as there are client processes); reading over HTTP by two client processes, one request at a time on each
//! connection and with several under way; the same while blocks are saved; and the same beside 10,000 idle connections (raise `ulimit -n`).
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, reason = "a benchmark stops when anything fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use treering::config::Config;
use treering::server::install;
use treering::system::operations::{Encoding, GetKey, KeyAt};
use treering::system::{OperationContext, SystemConfig, SystemService};
use treering::{SharedStore, Store};

const KEYS: u64 = 100_000;
const CLIENTS: usize = 2;
const CONNECTIONS: usize = 16;
const IDLE: usize = 10_000;
const SECONDS: u64 = 3;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "idle") {
        return stand_idle(words.get(at + 1).unwrap().parse().unwrap());
    }
    if let Some(at) = words.iter().position(|word| word == "client") {
        let word = |number: usize| words.get(at + number).unwrap();
        return println!("{}", read_over_http(word(1).parse().unwrap(), word(2).parse().unwrap(), word(3).parse().unwrap()));
    }
    let mut config = SystemConfig::in_memory();
    config.http.address = "127.0.0.1:0".parse().unwrap();
    config.http.max_connections = IDLE + 1000;
    let (builder, address) = install(SystemService::builder(config)).unwrap();
    let system = builder.build().unwrap();
    let bank = system.store().create_store("bank", None, &Config::default()).unwrap();
    for number in 0..KEYS {
        bank.set(&key(number), &[7; 100]).unwrap();
    }
    system.store().save_version().unwrap();
    system.start().unwrap();
    let address = address.unwrap();

    let alone = report("in the process, as JSON", in_process(&system), None);
    for depth in [1, 16] {
        report(&format!("over HTTP, {depth} under way"), by_clients(address, depth), Some(alone));
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let blocks = scope.spawn(|| save_blocks(&system, &bank, &is_over));
        for depth in [1, 16] {
            report(&format!("the same while blocks are saved, {depth} under way"), by_clients(address, depth), Some(alone));
        }
        is_over.store(true, Ordering::Relaxed);
        println!("blocks of 1000 keys saved meanwhile: {}", blocks.join().unwrap());
    });
    let mut idle = Command::new(std::env::current_exe().unwrap());
    let mut idle = idle.args(["idle", &address.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut count = String::new();
    BufReader::new(idle.stdout.take().unwrap()).read_line(&mut count).unwrap();
    for depth in [1, 16] {
        report(&format!("beside {} idle connections, {depth} under way", count.trim()), by_clients(address, depth), Some(alone));
    }
    drop(idle.stdin.take());
    idle.wait().unwrap();
}

/// A process that holds connections, until its input ends.
fn stand_idle(address: SocketAddr) {
    let held: Vec<_> = (0..IDLE).map_while(|_| TcpStream::connect(address).ok()).collect();
    println!("{}", held.len());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn report(what: &str, per_second: f64, of: Option<f64>) -> f64 {
    let share = of.map(|of| format!(" ({:.0} %)", per_second / of * 100.0)).unwrap_or_default();
    println!("{what}: {per_second:.0} reads/s{share}");
    per_second
}

fn key(number: u64) -> [u8; 8] {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}

fn path(number: u64) -> String {
    format!("/v1/stores/bank/keys/{:016x}", u64::from_be_bytes(key(number % KEYS)))
}

/// As what a server answers: the operation with its access, and the answer as JSON.
fn in_process(system: &SystemService) -> f64 {
    let begun = Instant::now();
    let read = |start: u64| {
        let mut count = 0;
        while begun.elapsed() < Duration::from_secs(SECONDS) {
            for _ in 0..100 {
                let number = (start + count) % KEYS;
                let key = hex::encode(key(number));
                let input = KeyAt { store: "bank".to_owned(), key, version: None, encoding: Encoding::Hex };
                let found = system.run::<GetKey>(&OperationContext::local(), input).unwrap();
                assert!(serde_json::to_vec(&found).unwrap().len() > 200);
                count += 1;
            }
        }
        count
    };
    let counts: u64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS as u64).map(|thread| scope.spawn(move || read(thread * KEYS / 2))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    counts as f64 / begun.elapsed().as_secs_f64()
}

fn save_blocks(system: &SystemService, bank: &SharedStore, is_over: &AtomicBool) -> u64 {
    for block in 0.. {
        if is_over.load(Ordering::Relaxed) {
            return block;
        }
        let keys: Vec<_> = (0..1000).map(|number| key((block * 1000 + number) % KEYS)).collect();
        let value = block.to_be_bytes().repeat(13);
        let changes: Vec<_> = keys.iter().map(|key| (&key[..], Some(&value[..]))).collect();
        bank.apply(&changes).unwrap();
        system.store().save_version().unwrap();
        thread::sleep(Duration::from_millis(100));
    }
    0
}

fn by_clients(address: SocketAddr, depth: usize) -> f64 {
    let client = |number: u64| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["client", &address.to_string(), &depth.to_string(), &(number * KEYS / 2).to_string()]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let clients: Vec<_> = (0..CLIENTS as u64).map(client).collect();
    let counts = clients.into_iter().map(|client| {
        let output = client.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap()
    });
    counts.sum()
}

/// A client process: on each connection so many requests are sent at once, and their answers counted by their ends.
fn read_over_http(address: SocketAddr, depth: usize, start: u64) -> f64 {
    let begun = Instant::now();
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    let (mut count, mut number) = (0_u64, start);
    let mut buffer = vec![0; 1 << 20];
    while begun.elapsed() < Duration::from_secs(SECONDS) {
        for connection in &mut connections {
            let mut requests = Vec::new();
            for _ in 0..depth {
                write!(requests, "GET {} HTTP/1.1\r\nhost: localhost\r\n\r\n", path(number)).unwrap();
                number += 1;
            }
            connection.write_all(&requests).unwrap();
        }
        for connection in &mut connections {
            let mut answers = 0;
            let mut tail = 0_u8;
            while answers < depth {
                let read = connection.read(&mut buffer).unwrap();
                assert!(read > 0, "the server closed a connection");
                // No answer has a brace in its head, and each ends with its only closing one.
                let pieces = buffer.get(..read).unwrap();
                answers += pieces.split(|byte| *byte == b'}').count() - 1;
                tail = *pieces.last().unwrap();
            }
            assert_eq!(tail, b'}');
            count += depth as u64;
        }
    }
    count as f64 / begun.elapsed().as_secs_f64()
}
