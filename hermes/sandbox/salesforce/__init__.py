"""Salesforce, emulated from its documentation: client credentials, REST data API, SOQL, collections, an owner's flow.

Chosen where the documents are silent: a deleted record is read as 404 NOT_FOUND and written as 404 ENTITY_IS_DELETED;
a value that differs in case only is the same in every look-up; a lookup to a deleted record becomes empty; null in a
checkbox is false; a wrong secret is 401 where it came as Basic and 400 in the form; a body of more than 200 records is
refused whole; records of one upsert that share an external id are all refused; cursors name records, which are read
when their page is; ids of 18 characters are read in any case. There is no sharing, no trigger but the flow, no Bulk
API, no aggregate, no subquery, and a relationship is followed one step.
"""

from hermes.sandbox.salesforce.acts import ACTS, Salesforce
from hermes.sandbox.salesforce.errors import Refused
from hermes.sandbox.salesforce.routes import services_app

__all__ = ['ACTS', 'Refused', 'Salesforce', 'services_app']
