"""E-mail addresses, as they are typed."""

from email_validator import EmailNotValidError, validate_email


def check_email(email: str) -> str:
    """An address in its usual spelling, whether or not anybody reads it. Raises ValueError for what is none."""
    try:
        return validate_email(email, check_deliverability=False).normalized
    except EmailNotValidError:
        raise ValueError('must be an e-mail address such as name@example.com') from None
