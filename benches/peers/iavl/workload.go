package main

import (
	"crypto/sha256"
	"encoding/binary"
)

// workload follows the rule in src/workload.rs of treering, to the last operation.
type workload struct {
	c       *config
	random  splitMix64
	live    []uint64 // numbers of the live keys, in the order that the rule gives them
	setIn   []uint64 // for each key number the version that set it last
	version uint64
}

// operation removes the key when there is no value.
type operation struct{ key, value []byte }

// picked is a live key and the value that it must have.
type picked struct{ key, value []byte }

const (
	keyLength   = 32
	valueLength = 100
)

func (w *workload) loaded() bool { return uint64(len(w.setIn)) >= w.c.n }

func (w *workload) nextLoadBlock() []operation {
	w.version++
	var ops []operation
	for i := uint64(0); i < w.c.loadBlock && !w.loaded(); i++ {
		ops = append(ops, w.insert())
	}
	return ops
}

func (w *workload) nextBlock() []operation {
	w.version++
	ops := make([]operation, 0, w.c.batch)
	for i := uint64(0); i < w.c.batch; i++ {
		percent := w.random.below(100)
		switch {
		case percent < 80 && len(w.live) > 0:
			ops = append(ops, w.set(w.live[w.place()]))
		case percent < 95 || len(w.live) == 0:
			ops = append(ops, w.insert())
		default:
			place := w.place()
			i := w.live[place]
			w.live[place] = w.live[len(w.live)-1]
			w.live = w.live[:len(w.live)-1]
			ops = append(ops, operation{key(i), nil})
		}
	}
	return ops
}

func (w *workload) pick(count uint64) []picked {
	all := make([]picked, count)
	for n := range all {
		i := w.live[w.place()]
		all[n] = picked{key(i), value(i, w.setIn[i])}
	}
	return all
}

func (w *workload) insert() operation {
	i := uint64(len(w.setIn))
	w.live = append(w.live, i)
	w.setIn = append(w.setIn, w.version)
	return w.set(i)
}

func (w *workload) set(i uint64) operation {
	w.setIn[i] = w.version
	return operation{key(i), value(i, w.version)}
}

func (w *workload) place() uint64 { return w.random.below(uint64(len(w.live))) }

func key(i uint64) []byte {
	h := sha256.Sum256(binary.BigEndian.AppendUint64([]byte{'k'}, i))
	return h[:keyLength]
}

func value(i, version uint64) []byte {
	h := sha256.Sum256(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte{'v'}, i), version))
	v := make([]byte, valueLength)
	for at := 0; at < valueLength; at += len(h) {
		copy(v[at:], h[:])
	}
	return v
}

// splitMix64 is the generator of that name.
type splitMix64 uint64

func (r *splitMix64) below(bound uint64) uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return (z ^ (z >> 31)) % bound
}
