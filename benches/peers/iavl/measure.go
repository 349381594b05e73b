package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// phase is what one kind of work took: several steps, each timed.
type phase struct {
	steps   []time.Duration
	cpu     time.Duration
	written uint64
}

func (p *phase) step(work func() error) error {
	cpu, written, start := processorTime(), ofProcess("io", "write_bytes:"), time.Now()
	err := work()
	p.steps = append(p.steps, time.Since(start))
	p.cpu += processorTime() - cpu
	p.written += ofProcess("io", "write_bytes:") - written
	return err
}

func timed(work func() error) (phase, error) {
	var p phase
	err := p.step(work)
	return p, err
}

func (p *phase) seconds() float64 {
	var sum time.Duration
	for _, d := range p.steps {
		sum += d
	}
	return sum.Seconds()
}

func (p *phase) rate(count uint64) uint64 { return uint64(float64(count)/p.seconds() + 0.5) }

func (p *phase) milliseconds() float64 { return p.seconds() * 1e3 }

// percentile is the nearest rank, in milliseconds.
func (p *phase) percentile(percent int) float64 {
	if len(p.steps) == 0 {
		return 0
	}
	steps := slices.Clone(p.steps)
	slices.Sort(steps)
	rank := max((len(steps)*percent+99)/100, 1)
	return steps[rank-1].Seconds() * 1e3
}

func (p *phase) cpuEach(count uint64) float64 { return p.cpu.Seconds() * 1e6 / float64(count) }

func (p *phase) writtenEach(count uint64) uint64 { return p.written / count }

// processorTime is user and system time of all threads.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// ofProcess is what /proc/self/NAME says behind the field; 0 where there is no such file.
func ofProcess(name, field string) uint64 {
	text, _ := os.ReadFile("/proc/self/" + name)
	for line := range strings.Lines(string(text)) {
		var n uint64
		if rest, ok := strings.CutPrefix(line, field); ok {
			if _, err := fmt.Sscan(rest, &n); err == nil {
				return n
			}
		}
	}
	return 0
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg")
	words := strings.Fields(string(text))
	return strings.Join(words[:min(3, len(words))], "/")
}

// diskBytes is what the files of the folder take on the disk.
func diskBytes(dir string) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			bytes += stat.Blocks * 512
		}
		return nil
	})
	return bytes, err
}
