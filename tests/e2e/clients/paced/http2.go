// SPDX-License-Identifier: Apache-2.0
// HTTP/2 on bare frames: Go's own client decides by itself how much of an answer it lets come.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

const (
	streamID       = 1
	connectionRoom = 1 << 30 // of what the server may send: only the stream's window holds it back
	defaultWindow  = 65535
)

// One request on a connection of its own. A goroutine reads frames all the time, or the server's
// WINDOW_UPDATEs would never be seen; the answer's bytes come only as the stream's window allows.
type http2Call struct {
	*connection
	framer *http2.Framer
	window int // of the stream, for what the server may send
	length int64

	writing sync.Mutex // the framer, for frames that are sent

	mu             sync.Mutex // all below
	changed        *sync.Cond
	connectionLeft int64 // what we may send
	streamLeft     int64
	initialLeft    int64
	maxFrame       int
	head           *http2.MetaHeadersFrame
	body           bytes.Buffer
	nReceived      uint32 // bytes for which the connection's WINDOW_UPDATE was not sent yet
	nConsumed      int    // bytes for which the stream's was not
	ended          bool   // the answer is complete
	stopped        bool   // the server wants no more of the body
	failure        error  // the stream or the connection is over
}

func startHTTP2(c *connection, target *url.URL, r request, window int) (*http2Call, error) {
	h := &http2Call{connection: c, framer: http2.NewFramer(c, c), window: window, length: -1,
		connectionLeft: defaultWindow, streamLeft: defaultWindow, initialLeft: defaultWindow,
		maxFrame: 16384}
	h.changed = sync.NewCond(&h.mu)
	h.framer.SetReuseFrames()
	h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		return nil, err
	}
	err := h.framer.WriteSettings(
		http2.Setting{ID: http2.SettingEnablePush, Val: 0},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: uint32(window)})
	if err == nil {
		err = h.framer.WriteWindowUpdate(0, connectionRoom-defaultWindow)
	}
	if err == nil {
		err = h.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID, EndHeaders: true,
			BlockFragment: encodeHead(target, r)})
	}
	go h.readFrames()
	return h, err
}

func encodeHead(target *url.URL, r request) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	fields := []header{{":method", r.method}, {":scheme", target.Scheme},
		{":authority", target.Host}, {":path", target.RequestURI()}}
	if r.length >= 0 {
		fields = append(fields, header{"content-length", strconv.FormatInt(r.length, 10)})
	}
	for _, field := range append(fields, r.headers...) {
		encoder.WriteField(hpack.HeaderField{Name: strings.ToLower(field.name), Value: field.value})
	}
	return block.Bytes()
}

func (h *http2Call) readFrames() {
	for {
		frame, err := h.framer.ReadFrame()
		if err == nil {
			err = h.take(frame)
		}
		if err != nil {
			h.fail(err)
			return
		}
	}
}

func (h *http2Call) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure == nil {
		h.failure = err
	}
	h.changed.Broadcast()
}

func (h *http2Call) take(frame http2.Frame) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	defer h.changed.Broadcast()
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		return h.takeSettings(f)
	case *http2.WindowUpdateFrame:
		if f.StreamID == 0 {
			h.connectionLeft += int64(f.Increment)
		} else {
			h.streamLeft += int64(f.Increment)
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return h.write(func() error { return h.framer.WritePing(true, f.Data) })
		}
	case *http2.GoAwayFrame:
		if f.ErrCode != http2.ErrCodeNo {
			return fmt.Errorf("GOAWAY %v", f.ErrCode)
		}
	case *http2.RSTStreamFrame:
		h.stopped = true
		if !h.ended {
			return fmt.Errorf("RST_STREAM %v", f.ErrCode)
		}
	case *http2.MetaHeadersFrame:
		if h.head == nil {
			h.head = f
		}
		h.ended = h.ended || f.StreamEnded()
	case *http2.DataFrame:
		return h.takeData(f)
	}
	return nil
}

func (h *http2Call) takeData(f *http2.DataFrame) error {
	if h.body.Len()+len(f.Data()) > h.window {
		return errors.New("the server sent more than the window allows")
	}
	h.body.Write(f.Data())
	h.ended = h.ended || f.StreamEnded()
	h.nReceived += f.Length
	if h.nReceived < connectionRoom/64 {
		return nil
	}
	increment := h.nReceived
	h.nReceived = 0
	return h.write(func() error { return h.framer.WriteWindowUpdate(0, increment) })
}

func (h *http2Call) takeSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if size, ok := f.Value(http2.SettingInitialWindowSize); ok {
		h.streamLeft += int64(size) - h.initialLeft
		h.initialLeft = int64(size)
	}
	if size, ok := f.Value(http2.SettingMaxFrameSize); ok {
		h.maxFrame = int(size)
	}
	return h.write(h.framer.WriteSettingsAck)
}

func (h *http2Call) write(frame func() error) error {
	h.writing.Lock()
	defer h.writing.Unlock()
	return frame()
}

// How much of n bytes may be sent now; waits until it is some.
func (h *http2Call) reserve(n int) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		if h.failure != nil {
			return 0, h.failure
		}
		if h.stopped {
			return 0, errors.New("the server wants no more")
		}
		most := int64(min(n, h.maxFrame))
		for _, left := range []int64{h.connectionLeft, h.streamLeft} {
			if left < most {
				most = left
			}
		}
		if most > 0 {
			h.connectionLeft -= most
			h.streamLeft -= most
			return int(most), nil
		}
		h.changed.Wait()
	}
}

func (h *http2Call) Write(body []byte) (int, error) {
	sent := 0
	for sent < len(body) {
		n, err := h.reserve(len(body) - sent)
		if err == nil {
			piece := body[sent : sent+n]
			err = h.write(func() error { return h.framer.WriteData(streamID, false, piece) })
		}
		if err != nil {
			return sent, err
		}
		sent += n
	}
	return sent, nil
}

func (h *http2Call) finish() error {
	return h.write(func() error { return h.framer.WriteData(streamID, true, nil) })
}

func (h *http2Call) response() (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.head == nil {
		if h.failure != nil {
			return nil, fmt.Errorf("no answer: %w", h.failure)
		}
		h.changed.Wait()
	}
	status, err := strconv.Atoi(h.head.PseudoValue("status"))
	if err != nil {
		return nil, err
	}
	response := &http.Response{Proto: "HTTP/2.0", StatusCode: status, Header: http.Header{},
		ContentLength: -1, Body: io.NopCloser(h)}
	for _, field := range h.head.RegularFields() {
		response.Header.Add(field.Name, field.Value)
	}
	if text := response.Header.Get("Content-Length"); text != "" {
		if h.length, err = strconv.ParseInt(text, 10, 64); err != nil {
			return nil, err
		}
		response.ContentLength = h.length
	}
	return response, nil
}

// Read takes from the answer's body, and lets the server send as much again.
func (h *http2Call) Read(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.body.Len() == 0 {
		switch {
		case h.ended && h.length > 0:
			return 0, io.ErrUnexpectedEOF
		case h.ended:
			return 0, io.EOF
		case h.failure != nil:
			return 0, h.failure
		}
		h.changed.Wait()
	}
	n, _ := h.body.Read(p)
	if h.length >= 0 {
		if h.length -= int64(n); h.length < 0 {
			return 0, errors.New("more than the Content-Length says")
		}
	}
	h.nConsumed += n
	if h.nConsumed > h.window/4 && !h.ended {
		increment := uint32(h.nConsumed)
		h.nConsumed = 0
		h.mu.Unlock() // sending may wait for the server
		h.write(func() error { return h.framer.WriteWindowUpdate(streamID, increment) })
		h.mu.Lock()
	}
	return n, nil
}

func (h *http2Call) endedBy() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failure != nil {
		return h.failure.Error()
	}
	return h.connection.endedBy()
}

func (h *http2Call) close() { h.tcp.Close() }
