// SPDX-License-Identifier: Apache-2.0
// The latency of small uploads at a steady rate, whatever else the service has to do.
package main

import (
	"io"
	"net/http"
	"sort"
	"strconv"
	"sync"
	"time"
)

const probeBytes = 1024

type latencies struct {
	OK     bool     `json:"ok"`
	N      int      `json:"n"`
	P50    float64  `json:"p50_ms"`
	P90    float64  `json:"p90_ms"`
	P99    float64  `json:"p99_ms"`
	Max    float64  `json:"max_ms"`
	Errors []string `json:"errors"`

	mu sync.Mutex
	ms []float64
}

// Probes are due at fixed times. One that starts late, since the one before it on its connection
// took so long, counts from when it was due.
func probe(o options, seconds, rate float64, connections int) *latencies {
	all := &latencies{Errors: []string{}}
	interval := time.Duration(float64(time.Second) / rate)
	n := int(seconds * rate)
	begun := time.Now()
	var running sync.WaitGroup
	for c := 0; c < connections; c++ {
		running.Add(1)
		go func(c int) {
			defer running.Done()
			kept := &keepAlive{target: o.target}
			for i := c; i < n; i += connections {
				due := begun.Add(time.Duration(i) * interval)
				time.Sleep(time.Until(due))
				err := probeOnce(kept, o, plaintext{uint64(i), probeBytes})
				all.note(time.Since(due), err)
				if err != nil {
					kept.call = nil
				}
			}
		}(c)
	}
	running.Wait()
	all.summarize()
	return all
}

func probeOnce(kept *keepAlive, o options, file plaintext) error {
	response, err := kept.exchange(newRequest("form", file, o.headers), time.Now().Add(o.timeout))
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		io.Copy(io.Discard, response.Body)
		return &statusError{response.StatusCode}
	}
	token, err := newVerifier(primitivesByName["go"], response.Header.Get("Encryption-Key"), file)
	if err == nil {
		_, err = io.Copy(token, response.Body)
	}
	if err == nil {
		err = token.finish()
	}
	return err
}

type statusError struct{ status int }

func (e *statusError) Error() string { return "status " + strconv.Itoa(e.status) }

func (l *latencies) note(took time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ms = append(l.ms, float64(took.Microseconds())/1000)
	if err != nil {
		l.Errors = append(l.Errors, err.Error())
	}
}

func (l *latencies) summarize() {
	sort.Float64s(l.ms)
	at := func(share float64) float64 {
		if len(l.ms) == 0 {
			return 0
		}
		return l.ms[int(share*float64(len(l.ms)-1)+0.5)]
	}
	l.N, l.P50, l.P90, l.P99, l.Max = len(l.ms), at(0.5), at(0.9), at(0.99), at(1)
	l.OK = l.N > 0 && len(l.Errors) == 0
}
