// SPDX-License-Identifier: Apache-2.0
// One upload: sends, reads in the manner that is asked for, verifies.
package main

import (
	"errors"
	"io"
	"math/rand"
	"net/http"
	"net/url"
	"time"
)

type options struct {
	target        *url.URL
	protocol      string // h1, h2
	version       string // of HTTP/1
	kind          string
	read          string
	key           string
	headers       []header
	receiveBuffer int
	window        int
	burst         int64
	sendRate      int64
	pause         time.Duration
	timeout       time.Duration
	crypto        primitives
}

type result struct {
	OK               bool              `json:"ok"` // a whole answer with the right token
	Status           int               `json:"status"`
	Protocol         string            `json:"protocol"`
	Complete         bool              `json:"complete"` // the answer's end was marked, and reached
	Headers          map[string]string `json:"headers"`
	Bytes            int64             `json:"bytes"`  // of plaintext, verified
	Answer           int64             `json:"answer"` // bytes of the body that came
	Sent             int64             `json:"sent"`   // bytes of the request's body
	SentAtFirstByte  int64             `json:"sent_at_first_byte"`
	SecondsFirstByte float64           `json:"seconds_first_byte"`
	SecondsSent      float64           `json:"seconds_sent"`
	Seconds          float64           `json:"seconds"`
	Ended            string            `json:"ended"` // -read never: how the server ended it
	SendError        string            `json:"send_error"`
	Error            string            `json:"error"`
	Text             string            `json:"text"` // the body of an answer that is not 200
}

type upload struct {
	options
	request request
	random  *rand.Rand
	begun   time.Time
	sent    counter
	result
}

func (u *upload) seconds() float64 { return time.Since(u.begun).Seconds() }

func (u *upload) run() result {
	u.begun = time.Now()
	if err := u.exchange(); err != nil {
		u.Error = err.Error()
	}
	u.Sent = u.sent.get()
	u.Seconds = u.seconds()
	u.OK = u.Error == "" && u.Status == http.StatusOK && u.Complete
	return u.result
}

func (u *upload) start() (call, error) {
	c, err := dial(u.target, u.protocol, u.receiveBuffer, u.begun.Add(u.timeout))
	if err != nil {
		return nil, err
	}
	if u.protocol == "h2" {
		return startHTTP2(c, u.target, u.request, u.window)
	}
	return startHTTP1(c, u.target, u.request, u.version)
}

func (u *upload) exchange() error {
	call, err := u.start()
	if err != nil {
		return err
	}
	defer call.close()
	sent := make(chan struct{})
	go func() {
		err := u.request.writeBody(call, &u.sent)
		if err == nil {
			err = call.finish()
		}
		if err != nil {
			u.SendError = err.Error()
		}
		u.SecondsSent = u.seconds()
		close(sent)
	}()
	switch u.read {
	case "never":
		<-sent
		return u.awaitEnd(call)
	case "last":
		<-sent
	}
	err = u.receive(call)
	if err != nil || u.Status != http.StatusOK {
		call.close() // sending the rest would be in vain
	}
	<-sent
	return err
}

func (u *upload) awaitEnd(call call) error {
	for u.Ended == "" {
		if time.Since(u.begun) > u.timeout {
			return errors.New("the server did not end it")
		}
		time.Sleep(10 * time.Millisecond)
		u.Ended = call.endedBy()
	}
	return nil
}

func (u *upload) receive(call call) error {
	response, err := call.response()
	if err != nil {
		return err
	}
	u.SecondsFirstByte = u.seconds()
	u.SentAtFirstByte = u.sent.get()
	u.Status = response.StatusCode
	u.Protocol = response.Proto
	u.Headers = map[string]string{}
	for name, values := range response.Header {
		u.Headers[name] = values[0]
	}
	if len(response.TransferEncoding) > 0 { // which Go takes out of the headers
		u.Headers["Transfer-Encoding"] = response.TransferEncoding[0]
	}
	if u.Status != http.StatusOK {
		text, err := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		u.Text = string(text)
		u.Complete = err == nil
		return err
	}
	return u.verify(response)
}

func (u *upload) verify(response *http.Response) error {
	key := u.key
	if key == "" {
		key = response.Header.Get("Encryption-Key")
	}
	token, err := newVerifier(u.crypto, key, u.request.file)
	if err != nil {
		return err
	}
	u.Answer, err = u.copyPaced(token, response.Body)
	u.Bytes = token.nPlain
	if err != nil {
		return err
	}
	// Without a length and without chunks, nobody can tell a cut from an end.
	u.Complete = u.protocol == "h2" || response.ContentLength >= 0 || len(response.TransferEncoding) > 0
	err = token.finish()
	u.Bytes = token.nPlain
	return err
}

// Copies to the end; in bursts with pauses between them, if it is to be paced.
func (u *upload) copyPaced(w io.Writer, r io.Reader) (int64, error) {
	piece := make([]byte, 512<<10)
	n, left := int64(0), u.nextBurst()
	for {
		if u.read == "paced" && left <= 0 {
			time.Sleep(time.Duration(u.random.Int63n(int64(u.pause) + 1)))
			left = u.nextBurst()
		}
		taken, err := r.Read(piece)
		n += int64(taken)
		left -= int64(taken)
		if taken > 0 {
			if _, err := w.Write(piece[:taken]); err != nil {
				return n, err
			}
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (u *upload) nextBurst() int64 {
	const least = 64 << 10
	return least + u.random.Int63n(max64(u.burst-least, 1))
}

func max64(a, b int64) int64 {
	if a > b {
		return a
	}
	return b
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
