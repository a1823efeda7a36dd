"""TutorCruncher, emulated: its API, its signed webhooks and the acts of the people who use it."""

from hermes.sandbox.tutorcruncher.account import Refused, Unknown
from hermes.sandbox.tutorcruncher.acts import ACTS, TutorCruncher
from hermes.sandbox.tutorcruncher.api import routes

__all__ = ['ACTS', 'Refused', 'TutorCruncher', 'Unknown', 'routes']
