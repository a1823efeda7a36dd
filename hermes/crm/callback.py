"""The call by which Hermes says "look" (PEOPLE_CALLBACK_URL): whoever gets one reads the feed, and nothing else of it
matters. It may come twice, or late; a host that reads the feed now and then by itself misses nothing without it.
"""

import json
import time
from collections.abc import Mapping, Sequence

from hermes.crm.values import WrongUse
from hermes.kit.signing import verify_standard


def read_callback(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_s: float | None = None
) -> int:  # fmt: skip
    """The highest number of the feed, as the call says it. `secrets`: PEOPLE_CALLBACK_SECRET; `now_s`: Unix time,
    instead of this moment's. Raises WrongUse for what Hermes did not sign, or not within these five minutes.
    """
    named = {name.lower().replace('_', '-'): value for name, value in headers.items()}
    if not verify_standard(named, body, secrets, time.time() if now_s is None else now_s):
        raise WrongUse('This call is not signed by Hermes, or too old.', 'signature')
    return int(json.loads(body)['data']['number'])
