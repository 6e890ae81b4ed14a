// SPDX-License-Identifier: Apache-2.0
// The request: its headers, and its body piece by piece.
package main

import (
	"io"
	"time"
)

const (
	pieceBytes = 256 << 10
	boundary   = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
	formHead   = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; " +
		"filename=\"paced.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n"
	formTail = "\r\n--" + boundary + "--\r\n"
)

type header struct{ name, value string }

type request struct {
	method  string
	headers []header
	length  int64 // of the body; -1: not declared
	head    string
	file    plaintext
	tail    string
	rate    int64 // bytes a second to send at the most; 0: no limit
}

func newRequest(kind string, file plaintext, extra []header) request {
	r := request{method: "PUT", length: file.size, file: file}
	switch kind {
	case "form":
		r.method, r.head, r.tail = "POST", formHead, formTail
		r.headers = []header{{"Content-Type", "multipart/form-data; boundary=" + boundary}}
		r.length += int64(len(formHead) + len(formTail))
	case "chunked":
		r.length = -1
	}
	r.headers = append(r.headers, extra...)
	return r
}

// Writes the body; *sent counts the bytes of it that w took, and may be read meanwhile.
func (r request) writeBody(w io.Writer, sent *counter) error {
	write := func(b []byte) error {
		n, err := w.Write(b)
		sent.add(n)
		return err
	}
	if r.head != "" {
		if err := write([]byte(r.head)); err != nil {
			return err
		}
	}
	piece := make([]byte, pieceBytes)
	begun := time.Now()
	for offset := int64(0); offset < r.file.size; {
		if left := r.file.size - offset; left < int64(len(piece)) {
			piece = piece[:left]
		}
		r.file.fill(piece, offset)
		if err := write(piece); err != nil {
			return err
		}
		offset += int64(len(piece))
		if r.rate > 0 {
			due := time.Duration(float64(offset) / float64(r.rate) * float64(time.Second))
			time.Sleep(time.Until(begun.Add(due)))
		}
	}
	if r.tail != "" {
		return write([]byte(r.tail))
	}
	return nil
}
