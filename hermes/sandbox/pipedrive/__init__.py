"""Pipedrive, emulated from its documentation: REST v2, the rest of v1, webhooks v2, token budget and bad manners.

Chosen where the documents are silent or disagree: reading a deleted object by id answers 200 with `is_deleted: true`
for 30 days and 404 afterwards; writing to it answers `account.gone_status` (404, may be set to 410); what was merged
away answers 404 (with `account.shows_merged` like a deleted one); a write that changes nothing keeps `update_time`
and sends no webhook; children that move in a merge send none either; a failed call costs its tokens, a 429 none; the
day of the budget ends at midnight UTC+2; webhook addresses may be plain http on loopback, although the vendor wants
https.
"""

from hermes.sandbox.pipedrive.account import PipedriveAccount

__all__ = ['PipedriveAccount']
