# SPDX-License-Identifier: Apache-2.0
"""Bech32 (BIP 173) without its limit of 90 characters, as age writes keys. It also writes what is
wrong on purpose: any prefix, any bytes, a checksum of Bech32m."""

CHARS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3]
BECH32, BECH32M = 1, 0x2bc830a3


def encode(prefix, raw, constant=BECH32):
    """In small letters."""
    return encode_digits(prefix, to_digits(raw), constant)


def encode_digits(prefix, digits, constant=BECH32):
    remainder = checksum(expand(prefix) + digits + [0] * 6) ^ constant
    digits = digits + [remainder >> 5 * (5 - i) & 31 for i in range(6)]
    return prefix + "1" + "".join(CHARS[digit] for digit in digits)


def decode(text):
    """The bytes of a text in either case."""
    prefix, _, data = text.lower().rpartition("1")
    digits = [CHARS.index(char) for char in data]
    assert checksum(expand(prefix) + digits) == BECH32
    bits = "".join(f"{digit:05b}" for digit in digits[:-6])
    n = len(bits) // 8
    return int(bits[:8 * n], 2).to_bytes(n, "big")


def to_digits(raw):
    bits = "".join(f"{byte:08b}" for byte in raw)
    bits += "0" * (-len(bits) % 5)
    return [int(bits[i:i + 5], 2) for i in range(0, len(bits), 5)]


def expand(prefix):
    return [ord(char) >> 5 for char in prefix] + [0] + [ord(char) & 31 for char in prefix]


def checksum(digits):
    value = 1
    for digit in digits:
        top = value >> 25
        value = (value & 0x1ffffff) << 5 ^ digit
        for i, generator in enumerate(GENERATOR):
            value ^= generator if top >> i & 1 else 0
    return value
