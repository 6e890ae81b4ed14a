// SPDX-License-Identifier: Apache-2.0
// Uploads a pseudo-random file as fast as it can, reads the answer in one of several manners, and
// verifies it byte for byte in constant memory. Prints one line of JSON.
//
//	paced -url URL [-proto h1|h2] [-kind put|chunked|form] [-bytes N] [-read eager|last|paced|never]
//	paced -url URL -probe [-seconds S] [-rate R] [-connections C]     latencies of small uploads
//	paced -check KEY -bytes N <TOKEN                                  verifies a token
//	paced -plaintext -bytes N                                         the plaintext itself
//
// eager reads as the answer comes; last reads nothing before all is sent; paced reads in bursts with
// pauses; never reads nothing at all, and tells how the server ended it. The exit status tells only
// whether it could run.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

type headerFlag []header

func (h *headerFlag) String() string { return "" }

func (h *headerFlag) Set(text string) error {
	name, value, found := strings.Cut(text, ":")
	if !found {
		return errors.New("a header is NAME: VALUE")
	}
	*h = append(*h, header{name, strings.TrimSpace(value)})
	return nil
}

// A number of bytes: 5, 64k, 8m, 1g.
type sizeFlag int64

func (s *sizeFlag) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *sizeFlag) Set(text string) error {
	shift := map[byte]uint{'k': 10, 'm': 20, 'g': 30}[text[len(text)-1]|0x20]
	if shift > 0 {
		text = text[:len(text)-1]
	}
	n, err := strconv.ParseInt(text, 10, 64)
	*s = sizeFlag(n << shift)
	return err
}

var (
	opts          options
	size          = sizeFlag(64 << 20)
	receiveBuffer = sizeFlag(0)
	window        = sizeFlag(4 << 20)
	burst         = sizeFlag(32 << 20)
	sendRate      = sizeFlag(0)
	target        = flag.String("url", "", "where to; https speaks TLS")
	http10        = flag.Bool("http10", false, "speak HTTP/1.0")
	seed          = flag.Uint64("seed", 1, "of the plaintext and of the pauses")
	parallel      = flag.Int("parallel", 1, "so many uploads at once")
	cryptoName    = flag.String("crypto", "openssl", "openssl, or go: slower, but not the service's")
	probeMode     = flag.Bool("probe", false, "measure the latency of small uploads")
	probeSeconds  = flag.Float64("seconds", 5, "of probing")
	probeRate     = flag.Float64("rate", 50, "probes a second")
	probeConns    = flag.Int("connections", 4, "connections to probe over")
	checkKey      = flag.String("check", "", "verify a token from standard input")
	onlyPlaintext = flag.Bool("plaintext", false, "write the plaintext to standard output")
)

func parseFlags() {
	flag.StringVar(&opts.protocol, "proto", "h1", "h1 or h2")
	flag.StringVar(&opts.kind, "kind", "put", "put, chunked (no length is declared) or form")
	flag.StringVar(&opts.read, "read", "eager", "eager, last, paced or never")
	flag.StringVar(&opts.key, "key", "", "a key of the client's own")
	flag.DurationVar(&opts.pause, "pause", 300*time.Millisecond, "paced: the longest pause")
	flag.DurationVar(&opts.timeout, "timeout", 2*time.Minute, "for all of it")
	flag.Var((*headerFlag)(&opts.headers), "header", "NAME: VALUE; may be repeated")
	flag.Var(&size, "bytes", "size of the file: 5, 64k, 8m, 1g")
	flag.Var(&receiveBuffer, "rcvbuf", "the socket's receive buffer")
	flag.Var(&window, "h2-window", "the HTTP/2 stream's window for the answer")
	flag.Var(&burst, "burst", "paced: the longest burst")
	flag.Var(&sendRate, "send-rate", "bytes a second to send at the most; 0: no limit")
	flag.Parse()
	opts.receiveBuffer, opts.window = int(receiveBuffer), int(window)
	opts.burst, opts.sendRate = int64(burst), int64(sendRate)
	opts.version = "1.1"
	if *http10 {
		opts.version = "1.0"
	}
	if opts.key != "" {
		opts.headers = append(opts.headers, header{"Encryption-Key", opts.key})
	}
	var known bool
	if opts.crypto, known = primitivesByName[*cryptoName]; !known {
		log.Fatal("unknown -crypto")
	}
	for value, allowed := range map[string]string{opts.protocol: "h1 h2",
		opts.kind: "put chunked form", opts.read: "eager last paced never"} {
		if !strings.Contains(" "+allowed+" ", " "+value+" ") {
			log.Fatalf("%q is none of: %s", value, allowed)
		}
	}
}

func main() {
	log.SetFlags(0)
	parseFlags()
	file := plaintext{*seed, int64(size)}
	switch {
	case *onlyPlaintext:
		if err := (request{file: file}).writeBody(os.Stdout, &counter{}); err != nil {
			log.Fatal(err)
		}
	case *checkKey != "":
		printJSON(check(*checkKey, file))
	default:
		var err error
		if opts.target, err = url.Parse(*target); err != nil || opts.target.Host == "" {
			log.Fatal("-url is missing or malformed")
		}
		if *probeMode {
			printJSON(probe(opts, *probeSeconds, *probeRate, *probeConns))
			return
		}
		printJSON(uploadAll(file))
	}
}

func printJSON(value any) {
	if err := json.NewEncoder(os.Stdout).Encode(value); err != nil {
		log.Fatal(err)
	}
}

type results struct {
	OK      bool     `json:"ok"`
	Seconds float64  `json:"seconds"`
	MBps    float64  `json:"mb_per_s"` // of verified plaintext, all together
	Uploads []result `json:"uploads"`
}

// Each of the uploads has a connection and a plaintext of its own.
func uploadAll(file plaintext) results {
	all := results{OK: true, Uploads: make([]result, *parallel)}
	begun := time.Now()
	var running sync.WaitGroup
	for i := range all.Uploads {
		running.Add(1)
		go func(i int) {
			defer running.Done()
			own := plaintext{file.seed + uint64(i)<<32, file.size}
			u := upload{options: opts, request: newRequest(opts.kind, own, opts.headers),
				random: rand.New(rand.NewSource(int64(own.seed)))}
			u.request.rate = opts.sendRate
			all.Uploads[i] = u.run()
		}(i)
	}
	running.Wait()
	all.Seconds = time.Since(begun).Seconds()
	for _, u := range all.Uploads {
		all.OK = all.OK && u.OK
		all.MBps += float64(u.Bytes) / all.Seconds / 1e6
	}
	return all
}

func check(key string, file plaintext) result {
	token, err := newVerifier(opts.crypto, key, file)
	if err == nil {
		_, err = io.CopyBuffer(struct{ io.Writer }{token}, os.Stdin, make([]byte, 512<<10))
	}
	if err == nil {
		err = token.finish()
	}
	if err != nil {
		return result{Error: fmt.Sprint(err)}
	}
	return result{OK: true, Bytes: token.nPlain}
}
