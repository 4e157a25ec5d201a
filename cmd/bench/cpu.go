package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cpuSelf is the CPU time that this process has used, all threads.
func cpuSelf() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // RUSAGE_SELF and a valid address cannot fail
	}
	return usage(&u)
}

func usage(u *syscall.Rusage) time.Duration { return time.Duration(u.Utime.Nano() + u.Stime.Nano()) }

// least runs f rounds times and returns its smallest CPU time. Garbage of the
// round before is collected first.
func least(rounds int, f func() error) (time.Duration, error) {
	best := time.Duration(1 << 62)
	for range rounds {
		runtime.GC()
		before := cpuSelf()
		if err := f(); err != nil {
			return 0, err
		}
		best = min(best, cpuSelf()-before)
	}
	debug.FreeOSMemory()
	return best, nil
}

// mallocs is the number of heap objects that f allocates.
func mallocs(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.Mallocs - before.Mallocs
}

// perRecord is a cost in microseconds.
func perRecord(d time.Duration, records int) float64 {
	return float64(d.Nanoseconds()) / 1e3 / float64(records)
}

// machine describes where the figures are from.
func machine() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				name = strings.TrimSpace(v)
				break
			}
		}
	}
	memory := ""
	if kb := procField("/proc/meminfo", "MemTotal"); kb > 0 {
		memory = fmt.Sprintf(", %d GiB", (kb+1<<19)>>20)
	}
	return fmt.Sprintf("%d cores of %s%s, %s, %s/%s", runtime.NumCPU(), name, memory, runtime.Version(), runtime.GOOS,
		runtime.GOARCH)
}

// load is the machine's load average over the last minute, 0 when unknown.
func load() float64 {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(b), " ")
	n, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0
	}
	return n
}

// procField reads a number of kilobytes from a file of "Name:  123 kB" lines;
// 0 when there is none.
func procField(path, name string) int64 {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return n
		}
	}
	return 0
}
