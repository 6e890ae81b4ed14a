// SPDX-License-Identifier: Apache-2.0
// Verifies a Fernet token as it comes, strictly, against the plaintext that it must hold.
package main

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
)

const (
	headerBytes = 1 + 8 + 16
	macBytes    = 32
	blockBytes  = 16
)

// How many characters the token of a file of n bytes has.
func tokenSize(n int64) int64 {
	return 4 * ((57 + 16*(n/16+1) + 2) / 3)
}

type verifier struct {
	crypto    primitives
	expected  plaintext
	mac       hash.Hash
	key       []byte
	decrypter cipher.BlockMode
	text      []byte // fewer than 4 characters that wait for more
	ended     bool   // the padding was there
	raw       []byte // decoded, and not yet used
	lastBlock []byte // decrypted; the padding may be in it
	nText     int64
	nPlain    int64 // verified
}

func newVerifier(crypto primitives, key string, expected plaintext) (*verifier, error) {
	raw, err := base64.URLEncoding.Strict().DecodeString(key)
	if err != nil || len(raw) != 32 || len(key) != 44 {
		return nil, fmt.Errorf("not a Fernet key: %q", key)
	}
	mac := hmac.New(crypto.newHash, raw[:16])
	return &verifier{crypto: crypto, expected: expected, mac: mac, key: raw[16:]}, nil
}

func (v *verifier) Write(text []byte) (int, error) {
	n := len(text)
	v.nText += int64(n)
	if len(v.text) > 0 {
		take := 4 - len(v.text)
		if take > n {
			take = n
		}
		v.text = append(v.text, text[:take]...)
		text = text[take:]
		if len(v.text) < 4 {
			return n, nil
		}
		if err := v.decode(v.text); err != nil {
			return 0, err
		}
		v.text = v.text[:0]
	}
	usable := len(text) / 4 * 4
	if err := v.decode(text[:usable]); err != nil {
		return 0, err
	}
	v.text = append(v.text, text[usable:]...)
	return n, v.take()
}

// Appends what whole groups of 4 characters stand for to v.raw.
func (v *verifier) decode(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	if v.ended {
		return errors.New("base64: text after the padding")
	}
	if text[len(text)-1] == '=' {
		v.ended = true
		group := text[len(text)-4:]
		if err := v.decodeGroups(text[:len(text)-4]); err != nil {
			return err
		}
		if bytes.ContainsAny(group, "\r\n") { // which Go skips
			return errors.New("base64: a line end")
		}
		raw, err := base64.URLEncoding.Strict().DecodeString(string(group))
		v.raw = append(v.raw, raw...)
		return err
	}
	return v.decodeGroups(text)
}

// The values of a character at each place of a group of 4; notBase64 if it is none.
var groupValues [4][256]uint32

const notBase64 = 1 << 31

func init() {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for place := range groupValues {
		for c := range groupValues[place] {
			groupValues[place][c] = notBase64
		}
		for value, c := range []byte(alphabet) {
			groupValues[place][c] = uint32(value) << (18 - 6*place)
		}
	}
}

func (v *verifier) decodeGroups(text []byte) error {
	start := len(v.raw)
	v.raw = grow(v.raw, len(text)/4*3)
	out := v.raw[start:]
	all := uint32(0)
	for len(text) >= 4 && len(out) >= 3 {
		word := groupValues[0][text[0]] | groupValues[1][text[1]] |
			groupValues[2][text[2]] | groupValues[3][text[3]]
		all |= word
		out[0], out[1], out[2] = byte(word>>16), byte(word>>8), byte(word)
		text, out = text[4:], out[3:]
	}
	if all&notBase64 != 0 {
		return errors.New("base64: a character that is none of its own")
	}
	return nil
}

func grow(b []byte, n int) []byte {
	if cap(b)-len(b) < n {
		b = append(make([]byte, 0, 2*(len(b)+n)), b...)
	}
	return b[:len(b)+n]
}

// Authenticates, decrypts and compares what is certainly not the HMAC at the token's end.
func (v *verifier) take() error {
	if v.decrypter == nil {
		if len(v.raw) < headerBytes {
			return nil
		}
		if v.raw[0] != 0x80 {
			return fmt.Errorf("version %#x", v.raw[0])
		}
		v.mac.Write(v.raw[:headerBytes])
		v.decrypter = v.crypto.newDecrypter(v.key, v.raw[9:headerBytes])
		v.raw = append(v.raw[:0], v.raw[headerBytes:]...)
	}
	usable := (len(v.raw) - macBytes) / blockBytes * blockBytes
	if usable <= 0 {
		return nil
	}
	blocks := v.raw[:usable]
	v.mac.Write(blocks)
	v.decrypter.CryptBlocks(blocks, blocks)
	if err := v.compare(v.lastBlock); err != nil {
		return err
	}
	if err := v.compare(blocks[:usable-blockBytes]); err != nil {
		return err
	}
	v.lastBlock = append(v.lastBlock[:0], blocks[usable-blockBytes:]...)
	v.raw = append(v.raw[:0], v.raw[usable:]...)
	return nil
}

func (v *verifier) compare(plain []byte) error {
	if at := v.expected.mismatch(plain, v.nPlain); at >= 0 {
		return fmt.Errorf("the plaintext differs at byte %d", at)
	}
	v.nPlain += int64(len(plain))
	return nil
}

// The answer is complete: is the token?
func (v *verifier) finish() error {
	if len(v.text) > 0 || v.decrypter == nil || len(v.raw) != macBytes || len(v.lastBlock) == 0 {
		return errors.New("the token is cut")
	}
	if !hmac.Equal(v.mac.Sum(nil), v.raw) {
		return errors.New("the HMAC is wrong")
	}
	pad := int(v.lastBlock[blockBytes-1])
	if pad < 1 || pad > blockBytes {
		return errors.New("the padding is wrong")
	}
	for _, b := range v.lastBlock[blockBytes-pad:] {
		if int(b) != pad {
			return errors.New("the padding is wrong")
		}
	}
	if err := v.compare(v.lastBlock[:blockBytes-pad]); err != nil {
		return err
	}
	if v.nPlain != v.expected.size || v.nText != tokenSize(v.nPlain) {
		return fmt.Errorf("%d bytes in %d characters", v.nPlain, v.nText)
	}
	return nil
}
