// SPDX-License-Identifier: Apache-2.0
// The plaintext: a stream of pseudo-random words, each known from its place alone. Nothing is stored.
package main

import "encoding/binary"

type plaintext struct {
	seed uint64
	size int64
}

// SplitMix64, with the word's place as the state.
func (p plaintext) word(i uint64) uint64 {
	z := p.seed + (i+1)*0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Fills b with what stands at offset.
func (p plaintext) fill(b []byte, offset int64) {
	i := uint64(offset / 8)
	if skip := int(offset % 8); skip > 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], p.word(i))
		b = b[copy(b, word[skip:]):]
		i++
	}
	for ; len(b) >= 8; b = b[8:] {
		binary.LittleEndian.PutUint64(b, p.word(i))
		i++
	}
	if len(b) > 0 {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], p.word(i))
		copy(b, word[:])
	}
}

// The place in the stream of the first byte of b that is not what stands at offset; -1: none.
func (p plaintext) mismatch(b []byte, offset int64) int64 {
	if offset%8 == 0 {
		for i := uint64(offset / 8); len(b) >= 8; i++ {
			if binary.LittleEndian.Uint64(b) != p.word(i) {
				break
			}
			b = b[8:]
			offset += 8
		}
	}
	var expected [1]byte
	for _, found := range b {
		p.fill(expected[:], offset)
		if found != expected[0] || offset >= p.size {
			return offset
		}
		offset++
	}
	if offset > p.size {
		return p.size
	}
	return -1
}
