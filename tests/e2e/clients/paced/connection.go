// SPDX-License-Identifier: Apache-2.0
// A connection to the service, and what the kernel knows of its end though nobody reads from it.
package main

import (
	"crypto/tls"
	"net"
	"net/url"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

type connection struct {
	net.Conn // TLS or not
	tcp      *net.TCPConn
}

func dial(target *url.URL, protocol string, receiveBuffer int, deadline time.Time) (*connection, error) {
	dialer := net.Dialer{Deadline: deadline}
	dialer.Control = func(_, _ string, raw syscall.RawConn) error {
		var err error
		if receiveBuffer > 0 { // before the connection, so that the window is small from the start
			raw.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
			})
		}
		return err
	}
	plain, err := dialer.Dial("tcp", target.Host)
	if err != nil {
		return nil, err
	}
	plain.SetDeadline(deadline)
	c := &connection{plain, plain.(*net.TCPConn)}
	if target.Scheme != "https" {
		return c, nil
	}
	// The tests' certificate is made by whoever runs them; there is nothing to check it against.
	config := &tls.Config{InsecureSkipVerify: true, ServerName: target.Hostname(),
		NextProtos: []string{map[string]string{"h1": "http/1.1", "h2": "h2"}[protocol]}}
	encrypted := tls.Client(plain, config)
	if err := encrypted.Handshake(); err != nil {
		plain.Close()
		return nil, err
	}
	if found := encrypted.ConnectionState().NegotiatedProtocol; found != config.NextProtos[0] {
		plain.Close()
		return nil, &net.OpError{Op: "ALPN", Err: net.UnknownNetworkError(found)}
	}
	c.Conn = encrypted
	return c, nil
}

// How the peer ended the connection: "reset", "closed", or "" while it is open.
func (c *connection) endedBy() string {
	raw, err := c.tcp.SyscallConn()
	if err != nil {
		return "reset"
	}
	const established, finWait1, finWait2 = 1, 4, 5
	how := "closed"
	raw.Control(func(fd uintptr) {
		info, err := unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		switch {
		case err != nil:
			how = "reset"
		case info.State == established || info.State == finWait1 || info.State == finWait2:
			how = ""
		case info.State == unix.BPF_TCP_CLOSE:
			how = "reset"
		}
	})
	return how
}
