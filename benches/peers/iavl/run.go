package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"os"
	"runtime"
	"runtime/debug"

	ics23 "github.com/cosmos/ics23/go"
)

type config struct {
	n, loadBlock, batch, blocks, gets, proofs uint64

	db, dir string
	cache   int
	sync    bool
}

func (c *config) flags(f *flag.FlagSet) {
	f.Uint64Var(&c.n, "n", 1_000_000, "keys to load")
	f.Uint64Var(&c.loadBlock, "load-block", 10_000, "keys in a version while loading")
	f.Uint64Var(&c.batch, "batch", 10_000, "operations in a block")
	f.Uint64Var(&c.blocks, "blocks", 20, "blocks after loading")
	f.Uint64Var(&c.gets, "gets", 200_000, "keys to get")
	f.Uint64Var(&c.proofs, "proofs", 20_000, "keys to prove")
	f.StringVar(&c.db, "db", "mem", "mem or goleveldb")
	f.StringVar(&c.dir, "dir", "", "a new folder for goleveldb")
	f.IntVar(&c.cache, "cache", 1_000_000, "nodes in iavl's cache")
	f.BoolVar(&c.sync, "sync", false, "wait for the disk at each save")
}

// results has the names of `treering bench`, which mean the same.
type results struct {
	Peer          string  `json:"peer"`
	N             uint64  `json:"n"`
	Batch         uint64  `json:"batch"`
	Blocks        uint64  `json:"blocks"`
	Hash          string  `json:"hash"`
	Durability    string  `json:"durability"`
	Go            string  `json:"go"`
	LoadavgStart  string  `json:"loadavg_start"`
	LoadOpsS      uint64  `json:"load_ops_s"`
	LoadBlkMsP50  float64 `json:"load_blk_ms_p50"`
	LoadBlkMsP99  float64 `json:"load_blk_ms_p99"`
	LoadCPUUsOp   float64 `json:"load_cpu_us_op"`
	LoadWbytesOp  uint64  `json:"load_wbytes_op"`
	RootLoaded    string  `json:"root_loaded"`
	BlkOpsS       uint64  `json:"blk_ops_s"`
	BlkMsP50      float64 `json:"blk_ms_p50"`
	BlkMsP99      float64 `json:"blk_ms_p99"`
	BlkCPUUsOp    float64 `json:"blk_cpu_us_op"`
	BlkWbytesOp   uint64  `json:"blk_wbytes_op"`
	Root          string  `json:"root"`
	GetsS         uint64  `json:"gets_s"`
	GetCPUUs      float64 `json:"get_cpu_us"`
	ProofsS       uint64  `json:"proofs_s"`
	ProofCPUUs    float64 `json:"proof_cpu_us"`
	ProofBytesAvg uint64  `json:"proof_bytes_avg"`
	VerifiesS     uint64  `json:"verifies_s"`
	ScanItemsS    uint64  `json:"scan_items_s"`
	ScanItems     uint64  `json:"scan_items"`
	CloseMs       float64 `json:"close_ms"`
	DiskBytes     int64   `json:"disk_bytes"`
	ReopenMs      float64 `json:"reopen_ms"`
	VmhwmMib      uint64  `json:"vmhwm_mib"`
	LoadavgEnd    string  `json:"loadavg_end"`
}

// measurement is a run in progress.
type measurement struct {
	c     *config
	store *store
	work  workload
	root  []byte
	r     results
}

func run(c *config) (*results, error) {
	durability := "no sync"
	if c.sync {
		durability = "fsync each version"
	}
	if c.db == "goleveldb" {
		if err := os.MkdirAll(c.dir, 0o755); err != nil {
			return nil, err
		}
	}
	s, err := open(c)
	if err != nil {
		return nil, err
	}
	m := &measurement{c: c, store: s, work: workload{c: c, random: 1}}
	m.r = results{
		Peer: "cosmos/iavl " + iavlVersion() + " on " + c.db, N: c.n, Batch: c.batch, Blocks: c.blocks,
		Hash: "SHA-256 (Go)", Durability: durability, Go: runtime.Version(), LoadavgStart: loadAverage(),
	}
	for _, part := range []func() error{m.load, m.mixed, m.gets, m.prove, m.scan, m.closeAndOpen} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	m.r.LoadavgEnd = loadAverage()
	return &m.r, nil
}

func (m *measurement) save(p *phase, ops []operation) error {
	return p.step(func() (err error) {
		m.root, err = m.store.save(ops)
		return err
	})
}

func (m *measurement) load() error {
	var p phase
	for !m.work.loaded() {
		if err := m.save(&p, m.work.nextLoadBlock()); err != nil {
			return err
		}
	}
	m.r.LoadOpsS = p.rate(m.c.n)
	m.r.LoadBlkMsP50, m.r.LoadBlkMsP99 = p.percentile(50), p.percentile(99)
	m.r.LoadCPUUsOp, m.r.LoadWbytesOp = p.cpuEach(m.c.n), p.writtenEach(m.c.n)
	m.r.RootLoaded = hex.EncodeToString(m.root)
	return nil
}

func (m *measurement) mixed() error {
	var p phase
	for range m.c.blocks {
		if err := m.save(&p, m.work.nextBlock()); err != nil {
			return err
		}
	}
	ops := m.c.blocks * m.c.batch
	m.r.BlkOpsS = p.rate(ops)
	m.r.BlkMsP50, m.r.BlkMsP99 = p.percentile(50), p.percentile(99)
	m.r.BlkCPUUsOp, m.r.BlkWbytesOp = p.cpuEach(ops), p.writtenEach(ops)
	m.r.Root = hex.EncodeToString(m.root)
	return nil
}

func (m *measurement) gets() error {
	all := m.work.pick(m.c.gets)
	p, err := timed(func() error {
		for _, x := range all {
			v, err := m.store.tree.Get(x.key)
			if err != nil {
				return err
			}
			if !bytes.Equal(v, x.value) {
				return errors.New("a value was wrong")
			}
		}
		return nil
	})
	m.r.GetsS, m.r.GetCPUUs = p.rate(m.c.gets), p.cpuEach(m.c.gets)
	return err
}

func (m *measurement) prove() error {
	all := m.work.pick(m.c.proofs)
	proofs := make([]*ics23.CommitmentProof, len(all))
	p, err := timed(func() (err error) {
		for i, x := range all {
			if proofs[i], err = m.store.tree.GetMembershipProof(x.key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.r.ProofsS, m.r.ProofCPUUs = p.rate(m.c.proofs), p.cpuEach(m.c.proofs)
	p, err = timed(func() error {
		for i, x := range all {
			if !verify(proofs[i], m.root, x.key, x.value) {
				return errors.New("a proof did not verify")
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	m.r.VerifiesS = p.rate(m.c.proofs)
	forged := bytes.Clone(all[0].value)
	forged[0] ^= 1
	if verify(proofs[0], m.root, all[0].key, forged) {
		return errors.New("a proof of another value was accepted")
	}
	var length uint64
	for _, proof := range proofs {
		encoded, err := proof.Marshal()
		if err != nil {
			return err
		}
		length += uint64(len(encoded))
	}
	m.r.ProofBytesAvg = length / m.c.proofs
	return nil
}

func (m *measurement) scan() error {
	p, err := timed(func() (err error) {
		m.r.ScanItems, err = m.store.scan()
		return err
	})
	if err == nil && m.r.ScanItems != uint64(len(m.work.live)) {
		err = errors.New("the scan missed keys, or gave too many")
	}
	m.r.ScanItemsS = p.rate(m.r.ScanItems)
	return err
}

func (m *measurement) closeAndOpen() error {
	m.r.VmhwmMib = ofProcess("status", "VmHWM:") / 1024
	p, err := timed(m.store.close)
	if err != nil {
		return err
	}
	m.r.CloseMs = p.milliseconds()
	if m.c.db != "goleveldb" {
		return nil
	}
	if m.r.DiskBytes, err = diskBytes(m.c.dir); err != nil {
		return err
	}
	m.store = nil
	debug.FreeOSMemory()
	var root []byte
	p, err = timed(func() (err error) {
		if m.store, err = open(m.c); err == nil {
			root = m.store.tree.Hash()
		}
		return err
	})
	if err != nil {
		return err
	}
	if !bytes.Equal(root, m.root) {
		return errors.New("the root was another one after opening")
	}
	m.r.ReopenMs = p.milliseconds()
	return m.store.close()
}
