// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 and 1.0 on a bare connection, so that nothing is read before somebody asks for it.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const readAheadBytes = 64 << 10

// A request on its way. Sending and receiving may each have a goroutine of its own.
type call interface {
	Write(body []byte) (int, error)
	finish() error                     // ends the body
	response() (*http.Response, error) // waits for the head
	endedBy() string                   // how the server ended it, "" while it has not
	close()
}

type counter struct{ n int64 }

func (c *counter) add(n int)  { atomic.AddInt64(&c.n, int64(n)) }
func (c *counter) get() int64 { return atomic.LoadInt64(&c.n) }

type http1Call struct {
	*connection
	reader  *bufio.Reader
	method  string
	chunked bool
}

func startHTTP1(c *connection, target *url.URL, r request, version string) (*http1Call, error) {
	call := &http1Call{c, bufio.NewReaderSize(c, readAheadBytes), r.method, r.length < 0}
	return call, call.sendHead(target, r, version)
}

func (c *http1Call) sendHead(target *url.URL, r request, version string) error {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/%s\r\nHost: %s\r\n", r.method, target.RequestURI(), version,
		target.Host)
	if r.length < 0 {
		head.WriteString("Transfer-Encoding: chunked\r\n")
	} else {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", r.length)
	}
	for _, h := range r.headers {
		fmt.Fprintf(&head, "%s: %s\r\n", h.name, h.value)
	}
	head.WriteString("\r\n")
	_, err := c.Conn.Write([]byte(head.String()))
	return err
}

func (c *http1Call) Write(body []byte) (int, error) {
	if !c.chunked {
		return c.Conn.Write(body)
	}
	if len(body) == 0 {
		return 0, nil
	}
	if _, err := fmt.Fprintf(c.Conn, "%x\r\n", len(body)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(body)
	if err == nil {
		_, err = c.Conn.Write([]byte("\r\n"))
	}
	return n, err
}

func (c *http1Call) finish() error {
	if !c.chunked {
		return nil
	}
	_, err := c.Conn.Write([]byte("0\r\n\r\n"))
	return err
}

func (c *http1Call) response() (*http.Response, error) {
	if _, err := c.reader.Peek(1); err != nil {
		return nil, errors.New("no answer: " + err.Error())
	}
	return http.ReadResponse(c.reader, &http.Request{Method: c.method})
}

func (c *http1Call) close() { c.tcp.Close() }

// Keeps an HTTP/1.1 connection to the service open for one small request after the other.
type keepAlive struct {
	target   *url.URL
	protocol string
	call     *http1Call
}

func (k *keepAlive) exchange(r request, deadline time.Time) (*http.Response, error) {
	if k.call == nil {
		c, err := dial(k.target, "h1", 0, deadline)
		if err != nil {
			return nil, err
		}
		k.call = &http1Call{c, bufio.NewReaderSize(c, readAheadBytes), r.method, false}
	}
	k.call.tcp.SetDeadline(deadline)
	if err := k.call.sendHead(k.target, r, "1.1"); err != nil {
		return nil, err
	}
	if err := r.writeBody(k.call, &counter{}); err != nil {
		return nil, err
	}
	return k.call.response()
}
