"""Files under a secret: read by whoever has it, and as they were written or not at all (S24)."""

import io

import pytest

from hermes.kit.sealed_files import CHUNK, MAGIC, TAG, Damaged, OtherSecret, seal_file, unseal_file

SECRET = 'a secret of thirty-two letters or more'
pytestmark = pytest.mark.invariant('S24')


def seal(plain: bytes, purpose: str = 'test') -> bytes:
    return b''.join(seal_file(io.BytesIO(plain), SECRET, purpose))


def unseal(sealed: bytes, secret: str = SECRET, purpose: str = 'test') -> bytes:
    return b''.join(unseal_file(io.BytesIO(sealed), secret, purpose))


@pytest.mark.parametrize('size', [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5])
def test_what_was_sealed_comes_back_whatever_its_size(size: int) -> None:
    plain = bytes(place % 251 for place in range(size))
    sealed = seal(plain)
    assert unseal(sealed) == plain
    assert seal(plain) != sealed, 'each file has a key of its own'
    assert size < 16 or plain[:64] not in sealed, 'a byte or two may be anywhere'


def test_another_secret_or_purpose_is_told_from_damage() -> None:
    sealed = seal(b'told')
    for secret, purpose in ((SECRET + 'x', 'test'), ('', 'test'), (SECRET, 'another')):
        with pytest.raises(OtherSecret):
            unseal(sealed, secret, purpose)


def test_nothing_is_cut_off_left_out_put_elsewhere_added_or_changed_unnoticed() -> None:
    sealed, whole, head = seal(b'x' * (3 * CHUNK)), CHUNK + TAG, len(MAGIC) + 32
    first, second, third = (sealed[head + place * whole :][:whole] for place in range(3))
    start = sealed[:head]
    for wrong in (
        start, start + first, start + first + second, start + first + third, start + second + first + third,
        sealed[:-1], sealed + b'x', sealed + third, start + first + second + first, sealed[: head - 1], b'',
        b'PGDMP', MAGIC, sealed[: head + 5] + bytes([sealed[head + 5] ^ 1]) + sealed[head + 6 :],
    ):  # fmt: skip
        with pytest.raises(Damaged):
            unseal(wrong)
