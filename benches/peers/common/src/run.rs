//! A run: load, blocks, gets, proofs, their verification, one scan, close, open. Every answer is checked.

use std::fs;

use crate::measure::{Phase, disk_bytes, load_average, peak_memory_mib};
use crate::results::Results;
use crate::workload::{Workload, key};
use crate::{Arguments, Key, Outcome, Root, Store};

/// Measures the store from its making to its opening again.
pub(crate) fn run<S: Store>(arguments: &Arguments) -> Outcome<Results> {
    fs::create_dir_all(&arguments.dir)?;
    let Arguments { n, batch, blocks, .. } = *arguments;
    let (hash, durability) = (S::HASH, S::DURABILITY);
    let results = Results { peer: S::NAME, n, batch, blocks, hash, durability, loadavg_start: load_average(), ..Results::default() };
    let workload = Workload::new(arguments);
    let mut run = Run { store: S::open(arguments)?, arguments, workload, root: Root::default(), results };
    run.load()?;
    run.blocks()?;
    run.gets()?;
    run.proofs()?;
    run.scan()?;
    run.close_and_open()
}

struct Run<'a, S> {
    arguments: &'a Arguments,
    store: S,
    workload: Workload,
    root: Root,
    results: Results,
}

impl<S: Store> Run<'_, S> {
    fn load(&mut self) -> Outcome<()> {
        let mut phase = Phase::default();
        while let Some(operations) = self.workload.next_load_block() {
            self.root = phase.step(|| self.store.save(operations))?;
        }
        let (n, results) = (self.arguments.n, &mut self.results);
        results.load_ops_s = phase.rate(n);
        results.load_blk_ms_p50 = phase.percentile(50);
        results.load_blk_ms_p99 = phase.percentile(99);
        results.load_cpu_us_op = phase.cpu_us_each(n);
        results.load_wbytes_op = phase.written_each(n);
        results.root_loaded = hex(&self.root);
        Ok(())
    }

    fn blocks(&mut self) -> Outcome<()> {
        let mut phase = Phase::default();
        for _ in 0..self.arguments.blocks {
            let operations = self.workload.next_block();
            self.root = phase.step(|| self.store.save(operations))?;
        }
        let (operations, results) = (self.arguments.blocks * self.arguments.batch, &mut self.results);
        results.blk_ops_s = phase.rate(operations);
        results.blk_ms_p50 = phase.percentile(50);
        results.blk_ms_p99 = phase.percentile(99);
        results.blk_cpu_us_op = phase.cpu_us_each(operations);
        results.blk_wbytes_op = phase.written_each(operations);
        results.root = hex(&self.root);
        Ok(())
    }

    fn gets(&mut self) -> Outcome<()> {
        let count = self.arguments.gets;
        let (keys, values) = split(self.workload.pick(count));
        let mut right = 0;
        let (phase, done) =
            Phase::of(|| self.store.get_all(&keys, &mut |place, found| right += u64::from(found == Some(values[place].as_slice()))));
        done?;
        demand(right == count, "a value was wrong")?;
        self.results.gets_s = phase.rate(count);
        self.results.get_cpu_us = phase.cpu_us_each(count);
        Ok(())
    }

    fn proofs(&mut self) -> Outcome<()> {
        let count = self.arguments.proofs;
        let (keys, values) = split(self.workload.pick(count));
        let (proving, proofs) = Phase::of(|| self.store.prove_all(&keys));
        let proofs = proofs?;
        demand(proofs.len() as u64 == count, "a proof was missing")?;
        let mut right = 0;
        let (verifying, ()) = Phase::of(|| {
            for ((proof, key), value) in proofs.iter().zip(&keys).zip(&values) {
                right += u64::from(S::verify(&self.root, key, value, proof));
            }
        });
        demand(right == count, "a proof did not verify")?;
        let forged: Vec<u8> = values[0].iter().map(|byte| byte ^ 1).collect();
        demand(!S::verify(&self.root, &keys[0], &forged, &proofs[0]), "a proof of another value was accepted")?;
        let absence = self.store.proves_absence(&self.root, &key(u64::MAX))?;
        demand(absence != Some(false), "the absence of a key that was never set was not proven")?;

        let results = &mut self.results;
        results.proofs_s = proving.rate(count);
        results.proof_cpu_us = proving.cpu_us_each(count);
        let bytes: Option<usize> = proofs.iter().map(S::proof_length).sum();
        results.proof_bytes_avg = bytes.map(|bytes| bytes as u64 / count);
        results.verifies_s = verifying.rate(count);
        results.absence_proofs = absence.is_some();
        Ok(())
    }

    fn scan(&mut self) -> Outcome<()> {
        let (phase, items) = Phase::of(|| self.store.scan());
        if let Some(items) = items? {
            demand(items == self.workload.live_keys(), "the scan missed keys, or gave too many")?;
            self.results.scan_items_s = Some(phase.rate(items));
            self.results.scan_items = Some(items);
        }
        Ok(())
    }

    fn close_and_open(self) -> Outcome<Results> {
        let Self { arguments, store, root, mut results, .. } = self;
        results.vmhwm_mib = peak_memory_mib();
        let (closing, closed) = Phase::of(|| store.close());
        closed?;
        results.close_ms = closing.milliseconds();
        results.disk_bytes = disk_bytes(&arguments.dir)?;
        let (opening, opened) = Phase::of(|| {
            let mut store = S::open(arguments)?;
            let root = store.root()?;
            Outcome::Ok((store, root))
        });
        let (store, found) = opened?;
        store.close()?;
        demand(found == root, "the root was another one after opening")?;
        results.reopen_ms = opening.milliseconds();
        results.loadavg_end = load_average();
        Ok(results)
    }
}

fn split(picked: Vec<(Key, Vec<u8>)>) -> (Vec<Key>, Vec<Vec<u8>>) {
    picked.into_iter().unzip()
}

fn demand(holds: bool, otherwise: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(otherwise.into()) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
