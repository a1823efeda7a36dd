"""What needs somebody, in words (ADM-6): the kinds of matters, what may be done about each, and what seems best.

A suggestion is never more than that: what Hermes could decide itself it has decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from hermes.domain.resolutions import CHOICES, LEAVE
from hermes.domain.rules import DELETION

EVENT, PUSH, LETTER, OWNER, FIELD = 'event', 'push', 'letter', 'owner', 'field'
WORK: Final = (PUSH, EVENT, LETTER, OWNER, FIELD)
"""What needs somebody and is no question with answers of its own."""
KINDS: Final[Mapping[str, tuple[str, str]]] = {
    PUSH: ('Parked pushes', 'Another system refused what was sent to it, or it waits for an answer of somebody.'),
    EVENT: ('Parked events', 'What arrived and could not be applied. Nothing of it is lost.'),
    LETTER: ('Letters that did not go out', 'The mail server refused them, or they were tried several times.'),
    OWNER: ('Owners and plans that nobody knows', 'Something stands in for a value that names nobody known here.'),
    FIELD: ('Fields that are not sent', 'A field is gone from the CRM, or holds another type there: it is left out.'),
    'match': ('Which company or person is it?', 'Several could be meant, and nothing goes out before that is known.'),
    'gone': ('Gone from the CRM', 'An object was not found when it was written to, and nobody knows why.'),
    'merged?': ('Merged, perhaps', 'An object is not listed any more, and what belonged to it belongs to another.'),
    'missing': ('Many objects are missing', 'More are not listed any more than is believed without a person.'),
    'narc': ('Marked as no customer', 'Something speaks against deleting it in the CRM.'),
    DELETION: ('Deleted here, kept there', 'Something speaks against deleting it in the CRM.'),
    'fought over': ('Fields fought over', 'Something in the CRM sets a field back each time it is corrected.'),
    'by name only': ('Found by name only', 'The name is that of a company; the address is of another domain.'),
    'promised': ('Promised to no customer', 'The call stands, although its company is no customer any more.'),
    'declined': ('The visitor declined', 'The visitor answers No to the invitation.'),
    'calendar': ('Odd event in a calendar', 'A call was changed in a calendar in a way that it cannot follow.'),
    'overlap': ('Calls that overlap', 'Two calls of one person stand at the same time.'),
    'identity': ('Ids that contradict', 'An id in the CRM names another record than the one that it is linked to.'),
    'tc16': ('Linked elsewhere', 'A client names an organisation that belongs to another company here.'),
    'duplicate': ('Made twice', 'Two objects of one creation stand in another system.'),
    'no-pipeline': ('No place for a deal', 'No pipeline or entry stage is set for it.'),
}
"""Kind -> what it is called, and what it means. A kind that is not here is called by its own name."""
DESTROYS: Final = frozenset({'drop', 'delete', 'deleted', 'cancel'})
"""Answers that take something away: they are given one by one, after the name was typed."""
VERBS: Final[Mapping[str, str]] = {
    'same': 'It is this one', 'separate': 'It is none of them', 'relink': 'Link it to another object',
    'recreate': 'Make it again', 'drop': 'Delete the record', 'delete': 'Delete it in the CRM', 'keep': 'Leave it so',
    'ours': 'Send our value again', 'theirs': 'Leave theirs there', 'accept': 'Accept it',
    'deleted': 'Delete the record', 'cancel': 'Cancel the call', 'retry': 'Try again', 'replay': 'Apply again',
    'dismiss': 'Dismiss',
}  # fmt: skip
WORK_CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    PUSH: {'retry': 'what differs is sent again; what is refused again is parked again'},
    EVENT: {
        'replay': 'it is applied again; whatever is newer stays',
        'dismiss': 'it is not wanted any more; to apply it again takes it back',
    },
    LETTER: {'retry': 'it goes out again, at once', 'dismiss': 'it is not wanted any more, and never sent'},
    OWNER: {},
    FIELD: {},
}
UNITED: Final = 'what belongs to it belongs to that one from now on, as if the merge had been told'


@dataclass(frozen=True, slots=True)
class Answer:
    """One way to settle a matter. `value`: what it names, e.g. a candidate; `asks`: what somebody has to write."""

    choice: str
    label: str
    meaning: str
    value: str = ''
    asks: str = ''

    @property
    def destroys(self) -> bool:
        return self.choice in DESTROYS

    @property
    def at_once(self) -> bool:
        """Whether it may be given from a list, to several."""
        return not (self.destroys or self.asks or self.value)


def title_of(kind: str) -> str:
    return KINDS[kind][0] if kind in KINDS else kind.capitalize()


def choices_of(kind: str) -> Mapping[str, str]:
    """What may be done about a matter of a kind, with what it means."""
    return WORK_CHOICES.get(kind) or ({} if kind == OWNER else CHOICES.get(kind, {'keep': LEAVE}))


def answers(kind: str, detail: Mapping[str, Any]) -> list[Answer]:
    """Every answer to a question, each candidate by itself."""
    found: list[Answer] = []
    for choice, meaning in choices_of(kind).items():
        label = VERBS.get(choice, choice.capitalize())
        if choice == 'same':
            said = 'both become one record'
            found += [Answer(choice, label, said, f'{of}:{number}') for of, number in detail.get('candidates', ())]
        elif choice == 'relink':
            found.append(Answer(choice, label, 'that object stands for it from now on', asks='Its id in the CRM'))
        elif choice == 'accept' and kind == 'merged?':
            survivor = str(detail.get('survivor') or '')
            if survivor:
                found.append(Answer(choice, f'It was merged into {survivor}', UNITED, survivor))
            found.append(Answer(choice, 'It was merged into another', UNITED, asks='The id of the one that is left'))
        else:
            found.append(Answer(choice, label, meaning))
    return found


def reason_of(kind: str, detail: Mapping[str, Any]) -> str:
    """Why a question is asked, in words."""
    if reason := detail.get('reason'):
        return str(reason)
    match kind:
        case 'match':
            many, rule = len(detail.get('candidates', ())), detail.get('rule', '')
            return f'{many} candidates by {rule}' if rule else f'{many} candidates'
        case 'gone':
            return f'{detail.get("type")} {detail.get("remote_id")} is not found there any more'
        case 'fought over':
            return f'set back three times within a day: {", ".join(detail.get("fields", ()))}'
        case _:
            return title_of(kind)


def suggest(kind: str, detail: Mapping[str, Any], alike: Mapping[str, int], in_product: bool) -> tuple[str, str, str]:
    """What seems best: choice, value and why; '' for nothing. `alike`: candidate -> how many values are the same;
    `in_product`: whether it is a client of the product.
    """
    match kind:
        case 'match' if alike:
            first, *others = sorted(alike, key=lambda each: -alike[each])
            if alike[first] and not (others and alike[others[0]] == alike[first]):
                many = alike[first]
                return (
                    'same',
                    first,
                    f'{many} telling value{"" if many == 1 else "s"} of it agree, more than of any other',
                )
        case 'gone' if in_product:
            return 'recreate', '', 'it is a client still, so that an object is wanted'
        case 'gone':
            return 'drop', '', 'nothing but the CRM knew of it'
        case 'merged?' if survivor := detail.get('survivor'):
            return 'accept', str(survivor), 'what belonged to it belongs to that one now'
        case 'narc' | 'deletion' | 'promised':
            return 'keep', '', 'it can be deleted or cancelled later, and not brought back so easily'
        case 'fought over':
            return 'theirs', '', 'as long as something there sets it back; find out what it is first'
        case 'declined':
            return 'keep', '', 'until somebody has asked the visitor: many answer No and come'
    return '', '', ''


def choose(kind: str, of: Sequence[str] = ()) -> list[Answer]:
    """The answers that may be given to several of a kind at once."""
    return [each for each in answers(kind, {}) if each.at_once and (not of or each.choice in of)]
