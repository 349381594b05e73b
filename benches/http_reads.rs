//! Reads over HTTP beside the same reads in the process: how much of what the store can do reaches its clients.
//!
//! `cargo bench --all-features --bench http_reads` measures reading in the process with the answer as JSON (on as many threads as there are
//! client processes), one key a call and many; and reading over HTTP by two client processes with 16 connections each: one request at a time
//! and several, for one key, for many, and both mixed. All of that at rest, while blocks are saved, and beside 10,000 idle connections (raise
//! `ulimit -n`). Words behind `only` pick what is read over HTTP: `-- only '16 x 1 key, at rest'`.
#![expect(clippy::unwrap_used, clippy::cast_precision_loss, clippy::indexing_slicing, reason = "a benchmark stops when anything fails")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use treering::config::Config;
use treering::server::install;
use treering::system::operations::{Encoding, GetKey, GetKeys, KeyAt, KeysAt};
use treering::system::{OperationContext, SystemConfig, SystemService};
use treering::{SharedStore, Store};

const KEYS: u64 = 100_000;
const CLIENTS: u64 = 2;
const CONNECTIONS: usize = 16;
const IDLE: usize = 10_000;
/// Keys of a call that reads many.
const MANY: u64 = 100;
const ROUNDS: usize = 5;
const TIME: Duration = Duration::from_millis(700);

/// What a client sends on a connection before it reads the answers.
#[derive(Clone, Copy)]
struct Burst {
    /// Requests for one key.
    single: u64,
    /// Requests for many.
    many: u64,
}

const BURSTS: [Burst; 6] = [
    Burst { single: 1, many: 0 },
    Burst { single: 16, many: 0 },
    Burst { single: 0, many: 1 },
    Burst { single: 0, many: 4 },
    Burst { single: 16, many: 1 },
    Burst { single: 8, many: 2 },
];

impl std::fmt::Display for Burst {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { single, many } = self;
        match (single, many) {
            (single, 0) => write!(f, "{single} x 1 key"),
            (0, many) => write!(f, "{many} x {MANY} keys"),
            (single, many) => write!(f, "{single} x 1 key and {many} x {MANY}"),
        }
    }
}

impl Burst {
    fn reads(self) -> u64 {
        self.single + self.many * MANY
    }

    /// No answer has a brace in its head or within its texts.
    fn closing_braces(self) -> u64 {
        self.single + self.many * (MANY + 1)
    }
}

fn main() {
    let words: Vec<String> = std::env::args().collect();
    if let Some(at) = words.iter().position(|word| word == "idle") {
        return stand_idle(words.get(at + 1).unwrap().parse().unwrap());
    }
    if let Some(at) = words.iter().position(|word| word == "client") {
        let number = |place: usize| words.get(at + place).unwrap().parse().unwrap();
        let burst = Burst { single: number(2), many: number(3) };
        return println!("{}", read_over_http(words.get(at + 1).unwrap().parse().unwrap(), burst, number(4)));
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
    let bench =
        Bench { system, address: address.unwrap(), only: words.iter().skip_while(|word| *word != "only").skip(1).cloned().collect() };

    println!("reads a second (share of one key a call in the process) (of {MANY} keys a call in the process); medians of {ROUNDS} rounds");
    bench.report("at rest", true);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let blocks = scope.spawn(|| save_blocks(&bench.system, &bank, &is_over));
        bench.report("while blocks are saved", true);
        is_over.store(true, Ordering::Relaxed);
        println!("blocks of 1000 keys saved meanwhile: {}", blocks.join().unwrap());
    });
    let mut idle = Command::new(std::env::current_exe().unwrap());
    let mut idle = idle.args(["idle", &bench.address.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut count = String::new();
    BufReader::new(idle.stdout.take().unwrap()).read_line(&mut count).unwrap();
    bench.report(&format!("beside {} idle connections", count.trim()), false);
    drop(idle.stdin.take());
    idle.wait().unwrap();
}

/// A process that holds connections, until its input ends.
fn stand_idle(address: SocketAddr) {
    let held: Vec<_> = (0..IDLE).map_while(|_| TcpStream::connect(address).ok()).collect();
    println!("{}", held.len());
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}

fn key(number: u64) -> [u8; 8] {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()
}

struct Bench {
    system: SystemService,
    address: SocketAddr,
    /// Only what has one of these words in its name; everything, if there are none.
    only: Vec<String>,
}

impl Bench {
    /// Measures everything in turns, so that what else the machine does meanwhile falls on all alike.
    fn report(&self, when: &str, is_beside_process: bool) {
        let mut names = vec!["in the process, 1 key a call".to_owned(), format!("in the process, {MANY} keys a call")];
        names.extend(BURSTS.map(|burst| format!("over HTTP, {burst}")));
        let is_wanted = |name: &str| self.only.is_empty() || self.only.iter().any(|word| format!("{name}, {when}").contains(word));
        let mut measured = vec![Vec::new(); names.len()];
        for _ in 0..ROUNDS {
            for (place, (name, measured)) in names.iter().zip(&mut measured).enumerate() {
                match place {
                    0 if is_beside_process => measured.push(self.in_process(read_one)),
                    1 if is_beside_process => measured.push(self.in_process(read_many)),
                    0 | 1 => {}
                    _ if is_wanted(name) => measured.push(self.by_clients(BURSTS[place - 2])),
                    _ => {}
                }
            }
        }
        let medians: Vec<Option<f64>> = measured.iter_mut().map(median).collect();
        for (name, median) in names.iter().zip(&medians) {
            let Some(median) = median else { continue };
            let share = |place: usize| medians[place].map(|of| format!(" ({:.0} %)", median / of * 100.0)).unwrap_or_default();
            println!("{when}, {name}: {median:.0}{}{}", share(0), share(1));
        }
    }

    /// As what a server answers: the operation with its access, and the answer as JSON. `read` gives how many it read.
    fn in_process(&self, read: impl Fn(&SystemService, u64) -> u64 + Sync) -> f64 {
        let begun = Instant::now();
        let read = |start: u64| {
            let mut count = 0;
            while begun.elapsed() < TIME {
                for _ in 0..100 {
                    count += read(&self.system, start + count);
                }
            }
            count
        };
        let read = &read;
        let counts: u64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..CLIENTS).map(|thread| scope.spawn(move || read(thread * KEYS / CLIENTS))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        counts as f64 / begun.elapsed().as_secs_f64()
    }

    fn by_clients(&self, burst: Burst) -> f64 {
        let client = |number: u64| {
            let mut command = Command::new(std::env::current_exe().unwrap());
            let numbers = [burst.single, burst.many, number * KEYS / CLIENTS];
            command.args(["client", &self.address.to_string()]).args(numbers.map(|number| number.to_string()));
            command.stdout(Stdio::piped()).spawn().unwrap()
        };
        let clients: Vec<_> = (0..CLIENTS).map(client).collect();
        let counts = clients.into_iter().map(|client| {
            let output = client.wait_with_output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().parse::<f64>().unwrap()
        });
        counts.sum()
    }
}

fn median(measured: &mut Vec<f64>) -> Option<f64> {
    measured.sort_by(f64::total_cmp);
    measured.get(measured.len() / 2).copied()
}

fn hex_key(number: u64) -> String {
    hex::encode(key(number % KEYS))
}

fn read_one(system: &SystemService, number: u64) -> u64 {
    let input = KeyAt { store: "bank".to_owned(), key: hex_key(number), version: None, encoding: Encoding::Hex };
    let found = system.run::<GetKey>(&OperationContext::local(), input).unwrap();
    assert!(serde_json::to_vec(&found).unwrap().len() > 200);
    1
}

fn read_many(system: &SystemService, number: u64) -> u64 {
    let keys = (number..number + MANY).map(hex_key).collect();
    let input = KeysAt { store: "bank".to_owned(), keys, version: None, encoding: Encoding::Hex };
    let found = system.run::<GetKeys>(&OperationContext::local(), input).unwrap();
    assert!(serde_json::to_vec(&found).unwrap().len() > 200 * usize::try_from(MANY).unwrap());
    MANY
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

/// A client process. What it sends is made beforehand, and answers are counted by their ends: the processors are there for the server.
fn read_over_http(address: SocketAddr, burst: Burst, start: u64) -> f64 {
    let bursts: Vec<Vec<u8>> = (0..KEYS / CLIENTS / burst.reads()).map(|number| write(burst, start + number * burst.reads())).collect();
    let mut connections: Vec<_> = (0..CONNECTIONS).map(|_| TcpStream::connect(address).unwrap()).collect();
    let mut buffer = vec![0; 1 << 20];
    let (mut count, mut bursts) = (0, bursts.iter().cycle());
    let begun = Instant::now();
    while begun.elapsed() < TIME {
        for connection in &mut connections {
            connection.write_all(bursts.next().unwrap()).unwrap();
        }
        for connection in &mut connections {
            let (mut ends, mut tail) = (0, 0);
            while ends < burst.closing_braces() {
                let read = connection.read(&mut buffer).unwrap();
                assert!(read > 0, "the server closed a connection");
                let piece = buffer.get(..read).unwrap();
                ends += piece.iter().filter(|byte| **byte == b'}').count() as u64;
                tail = *piece.last().unwrap();
            }
            assert!(ends == burst.closing_braces() && tail == b'}');
            count += burst.reads();
        }
    }
    count as f64 / begun.elapsed().as_secs_f64()
}

fn write(burst: Burst, first: u64) -> Vec<u8> {
    let mut requests = Vec::new();
    for number in first..first + burst.single {
        write!(requests, "GET /v1/stores/bank/keys/{} HTTP/1.1\r\nhost: localhost\r\n\r\n", hex_key(number)).unwrap();
    }
    for number in 0..burst.many {
        let first = first + burst.single + number * MANY;
        let keys: Vec<String> = (first..first + MANY).map(|number| format!("{:?}", hex_key(number))).collect();
        let body = format!("{{\"keys\":[{}]}}", keys.join(","));
        let head = "POST /v1/stores/bank/get HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        write!(requests, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    }
    requests
}
