# SPDX-License-Identifier: Apache-2.0
"""The other implementations of age are there, and notice what they are there to notice."""

import hashlib
import os

import pytest

from support import age
from support.age import AgeError

PLAINTEXT = os.urandom(200_000)
PASSPHRASE = "correct horse, Batterie, 馬"
each_armor = pytest.mark.parametrize("armor", [False, True], ids=["binary", "armored"])


@pytest.fixture(scope="module")
def identity():
    return age.keygen()


def stream(file, identity, folder, step):
    with age.Decryption([identity.secret], folder) as decryption:
        for start in range(0, len(file), step):
            decryption.update(file[start:start + step])
        return decryption.finish()


def test_keys_have_their_recipients(identity):
    assert identity.secret.startswith("AGE-SECRET-KEY-1")
    assert identity.recipient.startswith("age1")
    assert age.recipient_of(identity.secret) == identity.recipient
    assert age.keygen() != identity


@each_armor
def test_debians_age_and_npms_decrypt_each_others_files(tmp_path, identity, armor):
    files = [age.encrypt(PLAINTEXT, [age.keygen().recipient, identity.recipient], armor=armor),
             age.npm_encrypt(PLAINTEXT, tmp_path, recipients=[identity.recipient], armor=armor)]
    for file in files:
        assert file.startswith(b"-----BEGIN" if armor else b"age-encryption.org/v1\n")
        assert age.decrypt(file, [age.keygen().secret, identity.secret], tmp_path) == PLAINTEXT
        assert age.npm_decrypt(file, tmp_path, identities=[identity.secret]) == PLAINTEXT
        assert stream(file, identity, tmp_path, 70_001) == hashlib.sha256(PLAINTEXT).hexdigest()


def test_npms_age_knows_passphrases(tmp_path):
    file = age.npm_encrypt(PLAINTEXT, tmp_path, passphrase=PASSPHRASE, work_factor=10)
    assert age.npm_decrypt(file, tmp_path, passphrases=["other", PASSPHRASE]) == PLAINTEXT
    with pytest.raises(AgeError, match="no identity matched"):
        age.npm_decrypt(file, tmp_path, passphrases=["other"])


def damaged(file):
    middle = len(file) // 2
    flipped = bytes([file[middle] ^ 1])
    return {"cut": file[:-1], "added to": file + b"x", "empty": b"",
            "altered": file[:middle] + flipped + file[middle + 1:]}


@each_armor
@pytest.mark.parametrize("how", damaged(b"x"))
def test_a_damaged_file_is_refused(tmp_path, identity, armor, how):
    file = damaged(age.encrypt(PLAINTEXT, [identity.recipient]))[how]
    if armor:
        file = damaged(age.encrypt(PLAINTEXT, [identity.recipient], armor=True).strip())[how]
    with pytest.raises(AgeError):
        age.npm_decrypt(file, tmp_path, identities=[identity.secret])
    with pytest.raises(AgeError):
        age.decrypt(file, [identity.secret], tmp_path)
    with pytest.raises(AgeError):
        stream(file, identity, tmp_path, 1 << 20)


def test_a_file_for_somebody_else_is_refused(tmp_path, identity):
    file = age.encrypt(PLAINTEXT, [identity.recipient])
    stranger = age.keygen()
    with pytest.raises(AgeError, match="no identity matched"):
        age.decrypt(file, [stranger.secret], tmp_path)
    with pytest.raises(AgeError, match="no identity matched"):
        age.npm_decrypt(file, tmp_path, identities=[stranger.secret])
    with pytest.raises(AgeError, match="no identity matched"):
        stream(file, stranger, tmp_path, 1 << 20)


def test_no_secret_key_stays_in_a_file(tmp_path, identity):
    file = age.encrypt(PLAINTEXT, [identity.recipient])
    with age.Decryption([identity.secret], tmp_path) as decryption:
        [path] = tmp_path.iterdir()
        assert path.stat().st_mode & 0o777 == 0o600
        decryption.update(file)
        decryption.finish()
    age.npm_decrypt(file, tmp_path, identities=[identity.secret])
    assert list(tmp_path.iterdir()) == []


def test_a_decryption_that_is_given_up_ends(tmp_path, identity):
    with age.Decryption([identity.secret], tmp_path) as decryption:
        decryption.update(age.encrypt(PLAINTEXT, [identity.recipient])[:100_000])
    assert list(tmp_path.iterdir()) == []
