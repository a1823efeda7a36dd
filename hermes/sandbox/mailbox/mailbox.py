"""What arrived, by Message-ID: a letter that comes again is counted, as a reader's program shows it once.

Faults are broken by hand and used up by the letters that meet them, oldest first; the weather does the same by chance.
"""

from __future__ import annotations

import base64
import hashlib
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from hermes.sandbox.world import World

Json = dict[str, Any]
Fault = Literal['later', 'never', 'lost', 'lost_before']
FAULTS: tuple[Fault, ...] = get_args(Fault)
"""later: 451, not taken; never: 550; lost: taken, then the connection breaks; lost_before: it breaks, nothing taken."""
KEPT = 2000
SHOWN = 200


class Refused(ValueError):
    """An act that makes no sense, in a sentence."""


@dataclass
class Received:
    """A letter. `count`: how often it came; `content`: as it came the last time."""

    number: int
    message_id: str
    sender: str
    to: list[str]
    content: bytes
    at: datetime
    count: int = 1
    again_at: list[datetime] = field(default_factory=list)

    @cached_property
    def message(self) -> EmailMessage:
        parsed = BytesParser(policy=policy.default).parsebytes(self.content)
        assert isinstance(parsed, EmailMessage)
        return parsed

    @property
    def subject(self) -> str:
        return str(self.message['Subject'] or '')

    def body(self, kind: Literal['plain', 'html']) -> str:
        """The text of the letter; '' without one."""
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ''

    def calendar(self) -> tuple[bytes, str]:
        """The calendar file and its method; (b'', '') without one."""
        for part in self.message.walk():
            if part.get_content_type() == 'text/calendar':
                return bytes(part.get_payload(decode=True) or b''), str(part.get_param('method') or '')
        return b'', ''

    def as_dict(self) -> Json:
        """What a test looks at."""
        calendar, method = self.calendar()
        return {
            'number': self.number,
            'message_id': self.message_id,
            'from': self.sender,
            'to': self.to,
            'subject': self.subject,
            'text': self.body('plain'),
            'html': self.body('html'),
            'calendar': calendar.decode('utf-8', 'replace'),
            'method': method,
            'at': self.at.isoformat(),
            'count': self.count,
        }

    def dump(self) -> Json:
        return {
            'number': self.number,
            'message_id': self.message_id,
            'sender': self.sender,
            'to': self.to,
            'content': base64.b64encode(self.content).decode(),
            'at': self.at.isoformat(),
            'count': self.count,
            'again_at': [one.isoformat() for one in self.again_at],
        }

    @classmethod
    def load(cls, kept: Json) -> Received:
        again_at = [datetime.fromisoformat(one) for one in kept['again_at']]
        content, at = base64.b64decode(kept['content']), datetime.fromisoformat(kept['at'])
        return cls(**{**kept, 'content': content, 'at': at, 'again_at': again_at})


class Mailbox:
    """All mailboxes of the world. `password`: what `hermes` has to sign in with; '' for nobody asks. `port`: where the
    server listens, 0 for nowhere. `changes` counts everything that happened.
    """

    def __init__(self, world: World, password: str = '') -> None:
        self.world = world
        self.password = password
        self.port = 0
        self.changes = 0
        self.letters: OrderedDict[str, Received] = OrderedDict()
        self.faults: deque[Fault] = deque()

    def clear(self) -> None:
        """Throw everything away."""
        self.letters.clear()
        self.faults.clear()
        self.changes += 1

    def take(self, sender: str, to: list[str], content: bytes) -> Received:
        """A letter has arrived."""
        told = BytesParser(policy=policy.default).parsebytes(content, headersonly=True)
        identity = str(told['Message-ID'] or '').strip() or f'none-{hashlib.sha256(content).hexdigest()[:16]}'
        now = self.world.clock.now()
        self.changes += 1
        known = self.letters.get(identity)
        if known is not None:
            known.count += 1
            known.again_at.append(now)
            known.content = content
            vars(known).pop('message', None)
            return known
        number = max((one.number for one in self.letters.values()), default=0) + 1
        letter = self.letters[identity] = Received(number, identity, sender, to, content, now)
        while len(self.letters) > KEPT:
            self.letters.popitem(last=False)
        return letter

    def newest(self, most: int) -> list[Received]:
        """The last letters, in the order in which they came."""
        return list(self.letters.values())[-most:]

    def find(self, number: int) -> Received | None:
        return next((one for one in self.letters.values() if one.number == number), None)

    def meet_fault(self) -> Fault | None:
        """What happens to the letter that is being handed over."""
        if self.faults:
            self.changes += 1
            return self.faults.popleft()
        weather, chance = self.world.weather, self.world.chance
        kinds: tuple[tuple[Fault, float], ...] = (
            ('later', weather.rate_limited_p + weather.error_before_p),
            ('lost', weather.lost_answer_p + weather.error_after_p),
        )
        return next((kind for kind, share in kinds if share and chance.random() < share), None)

    def act(self, name: str, **given: Any) -> Any:
        """`break` (fault, count) the next letters, `mend`, `empty`. Raises Refused."""
        if name == 'break':
            fault, count = given.get('fault'), given.get('count', 1)
            if fault not in FAULTS or not isinstance(count, int) or not 0 < count <= 1000:
                raise Refused(f'fault is one of {", ".join(FAULTS)}, count a number up to 1000')
            self.faults.extend([fault] * count)
        elif name == 'mend':
            self.faults.clear()
        elif name == 'empty':
            self.clear()
        else:
            raise Refused(f'no act is called {name!r}: there are break, mend, empty')
        self.changes += 1
        return self.state()

    def state(self) -> Json:
        return {
            'port': self.port,
            'faults': list(self.faults),
            'count': len(self.letters),
            'letters': [letter.as_dict() for letter in self.newest(SHOWN)],
        }

    def dump(self) -> Json:
        return {'letters': [letter.dump() for letter in self.letters.values()], 'faults': list(self.faults)}

    def load(self, kept: Json) -> None:
        loaded = [Received.load(one) for one in kept.get('letters', ())]
        self.letters = OrderedDict((one.message_id, one) for one in loaded)
        self.faults = deque(kept.get('faults', ()))
