"""NationBuilder, emulated from its documentation: OAuth with rotating refresh tokens, API v2, jobs and bad manners.

Chosen where the documents are silent: addresses are kept in small letters and belong to one person in all four places;
an external id belongs to one person too; a push looks for its person by one identifier after the other, in the order
of the document, and the first that is known decides; a refresh leaves the old access token its 24 hours (with
`ends_access` it dies at once); a person tagged twice has the tag once and the second call gets the first tagging (with
`refuses_second_tagging` 422); ids of people that are not there are left out by a list's job without a word; every page
links to a next one, the empty one too; a legacy token opens nothing of v2. A deleted person is gone at once and for
ever. `facebook_username` and `twitter_login`, by which the document lets a push look, are no attributes in it: 400.
"""

from hermes.sandbox.nationbuilder.acts import ACTS, NationBuilder
from hermes.sandbox.nationbuilder.answers import Refused
from hermes.sandbox.nationbuilder.routes import api_app, token_app

__all__ = ['ACTS', 'NationBuilder', 'Refused', 'api_app', 'token_app']
