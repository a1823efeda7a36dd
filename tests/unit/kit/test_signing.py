"""Standard Webhooks, judged by the specification's published example."""

import base64

import pytest

from hermes.kit.signing import read_whsec, standard_headers

SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
MESSAGE_ID, AT_S, BODY = 'msg_p5jXN8AQM9LWM0D4loKWxJek', 1614265330, b'{"test": 2432232314}'
SIGNATURE = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='

pytestmark = pytest.mark.behaviour('ALERT-4')


def test_the_published_example_is_signed_as_it_says() -> None:
    assert standard_headers(MESSAGE_ID, AT_S, BODY, [SECRET]) == {
        'webhook-id': MESSAGE_ID,
        'webhook-timestamp': '1614265330',
        'webhook-signature': SIGNATURE,
    }


def test_every_live_secret_signs() -> None:
    other = 'whsec_' + base64.b64encode(bytes(range(32))).decode()
    told = standard_headers(MESSAGE_ID, AT_S, BODY, [other, SECRET])['webhook-signature'].split(' ')
    assert (len(told), told[1]) == (2, SIGNATURE)


@pytest.mark.parametrize(
    'wrong', ['', 'whsec_', SECRET.removeprefix('whsec_'), 'whsec_c2hvcnQ=', 'whsec_not base64!', 'whsec_é']
)
def test_what_is_no_secret_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match='not a secret of Standard Webhooks'):
        read_whsec(wrong)
