// SPDX-License-Identifier: Apache-2.0
// SHA-256 and AES-128-CBC: OpenSSL's, which are fast, or Go's own, which share nothing with the
// service. Go 1.19 has neither SHA-NI nor a CBC that decrypts blocks side by side.
package main

// #cgo LDFLAGS: -lcrypto
// #include <openssl/evp.h>
import "C"

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"hash"
	"runtime"
	"unsafe"
)

type primitives struct {
	newHash      func() hash.Hash
	newDecrypter func(key, iv []byte) cipher.BlockMode
}

var primitivesByName = map[string]primitives{
	"go":      {sha256.New, newGoDecrypter},
	"openssl": {newOpensslHash, newOpensslDecrypter},
}

func newGoDecrypter(key, iv []byte) cipher.BlockMode {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return cipher.NewCBCDecrypter(block, iv)
}

func must(result C.int) {
	if result != 1 {
		panic("OpenSSL failed")
	}
}

type opensslHash struct{ ctx *C.EVP_MD_CTX }

func newOpensslHash() hash.Hash {
	h := &opensslHash{C.EVP_MD_CTX_new()}
	runtime.SetFinalizer(h, func(h *opensslHash) { C.EVP_MD_CTX_free(h.ctx) })
	h.Reset()
	return h
}

func (h *opensslHash) Reset()         { must(C.EVP_DigestInit_ex(h.ctx, C.EVP_sha256(), nil)) }
func (h *opensslHash) Size() int      { return sha256.Size }
func (h *opensslHash) BlockSize() int { return sha256.BlockSize }

func (h *opensslHash) Write(b []byte) (int, error) {
	if len(b) > 0 {
		must(C.EVP_DigestUpdate(h.ctx, unsafe.Pointer(&b[0]), C.size_t(len(b))))
	}
	return len(b), nil
}

func (h *opensslHash) Sum(b []byte) []byte {
	var sum [sha256.Size]byte
	copied := &opensslHash{C.EVP_MD_CTX_new()}
	defer C.EVP_MD_CTX_free(copied.ctx)
	must(C.EVP_MD_CTX_copy_ex(copied.ctx, h.ctx))
	must(C.EVP_DigestFinal_ex(copied.ctx, (*C.uchar)(&sum[0]), nil))
	return append(b, sum[:]...)
}

type opensslDecrypter struct{ ctx *C.EVP_CIPHER_CTX }

func newOpensslDecrypter(key, iv []byte) cipher.BlockMode {
	d := &opensslDecrypter{C.EVP_CIPHER_CTX_new()}
	runtime.SetFinalizer(d, func(d *opensslDecrypter) { C.EVP_CIPHER_CTX_free(d.ctx) })
	must(C.EVP_DecryptInit_ex(d.ctx, C.EVP_aes_128_cbc(), nil, (*C.uchar)(&key[0]),
		(*C.uchar)(&iv[0])))
	must(C.EVP_CIPHER_CTX_set_padding(d.ctx, 0))
	return d
}

func (d *opensslDecrypter) BlockSize() int { return aes.BlockSize }

func (d *opensslDecrypter) CryptBlocks(dst, src []byte) {
	if len(src) == 0 {
		return
	}
	var n C.int
	must(C.EVP_DecryptUpdate(d.ctx, (*C.uchar)(&dst[0]), &n, (*C.uchar)(&src[0]),
		C.int(len(src))))
	if int(n) != len(src) {
		panic("OpenSSL kept a block back")
	}
}
