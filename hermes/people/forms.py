"""What a user looks like from outside: in the API's bodies, and in files."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hermes.kit.emails import check_email

LONGEST = 200


def _clean(text: str) -> str:
    if any(ord(letter) < 32 for letter in text):
        raise ValueError('must not hold control characters')
    return text.strip()


def _texts(value: Any) -> Any:
    """A list in one cell: its parts are parted by semicolons."""
    return [part.strip() for part in value.split(';') if part.strip()] if isinstance(value, str) else value


Text = Annotated[str, Field(max_length=LONGEST), AfterValidator(_clean)]
Email = Annotated[str, Field(min_length=3, max_length=254), AfterValidator(check_email)]
ListName = Annotated[str, Field(min_length=1, max_length=LONGEST), AfterValidator(_clean)]
Lists = Annotated[tuple[ListName, ...], Field(max_length=100)]
Lang = Annotated[str, Field(min_length=2, max_length=20, pattern=r'^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*$')]


class Form(BaseModel):
    """A body. What is unknown is refused, so that a misspelt name is noticed."""

    model_config = ConfigDict(extra='forbid', frozen=True)


class NewUser(Form):
    """Somebody who signed up (AU-1)."""

    email: Email
    first_name: Text = ''
    last_name: Text = ''
    lang: Lang = 'en'
    educator: bool = False
    lists: Lists = ()
    user_id: Text = Field('', description='Your own id of them. Without one the address is the key.')


class ImportedUser(NewUser):
    """Somebody who was there before (AU-19)."""

    lists: Annotated[Lists, BeforeValidator(_texts)] = ()
    legacy_id: Annotated[Text, BeforeValidator(str)] = ''
    crm_id: Annotated[Text, BeforeValidator(str)] = ''


class Decided(Form):
    """What somebody decided about a user (AU-11); what else stands in the line is for people."""

    model_config = ConfigDict(extra='ignore', frozen=True)
    id: int = Field(ge=1)
    decision: Literal['create', 'link', 'skip', 'retry']
    crm_id: Text = ''
    reason: Text = ''


class Changed(Form):
    """What is different now (AU-2)."""

    email: Email | None = None
    first_name: Text | None = None
    last_name: Text | None = None
    lang: Lang | None = None
    educator: bool | None = None
    lists: Lists | None = None

    @model_validator(mode='after')
    def says_something(self) -> 'Changed':
        if not self.model_fields_set:
            raise ValueError('says nothing that changes')
        if empty := [name for name in self.model_fields_set if getattr(self, name) is None]:
            raise ValueError(f'{sorted(empty)[0]} must not be null')
        return self


class NewSubscription(Form):
    """An address that wants mail (AU-3)."""

    email: Email
    lists: Annotated[tuple[ListName, ...], Field(min_length=1, max_length=100)]
    first_name: Text = ''
    last_name: Text = ''
    lang: Lang = 'en'
    educator: bool = False


class Moderation(Form):
    """AU-4, AU-5."""

    action: Literal['', 'spam', 'review', 'account_deleted']


class Merged(Form):
    """Into whom."""

    into: Annotated[str, Field(min_length=1, max_length=LONGEST + 10)]


class Asked(Form):
    """Whose address is looked for."""

    email: Email
