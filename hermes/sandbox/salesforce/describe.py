"""What the API tells of its objects and fields."""

from __future__ import annotations

from typing import Any

from hermes.sandbox.salesforce.schema import Field, SObject

Json = dict[str, Any]
SOAP = {
    'boolean': 'xsd:boolean', 'date': 'xsd:date', 'datetime': 'xsd:dateTime', 'double': 'xsd:double', 'id': 'tns:ID',
    'reference': 'tns:ID',
}  # fmt: skip


def tell_object(one: SObject, base: str, *, whole: bool, may_write: bool) -> Json:
    """One object; `whole` with its fields. `base`: the address of the API's version."""
    told: Json = {
        'name': one.name,
        'label': one.label,
        'labelPlural': one.plural,
        'keyPrefix': one.prefix,
        'custom': one.name.endswith('__c'),
        'createable': may_write,
        'updateable': may_write,
        'deletable': may_write,
        'queryable': True,
        'retrieveable': True,
        'searchable': True,
        'layoutable': True,
        'urls': {
            'sobject': f'{base}/sobjects/{one.name}',
            'describe': f'{base}/sobjects/{one.name}/describe',
            'rowTemplate': f'{base}/sobjects/{one.name}/{{ID}}',
        },
    }
    if whole:
        told |= {'fields': [tell_field(one, each) for each in one.fields.values()], 'childRelationships': []}
    return told


def tell_field(one: SObject, each: Field) -> Json:
    picks = each.type in ('picklist', 'multipicklist')
    writable = each.writable
    return {
        'name': each.name,
        'label': each.label or each.name,
        'type': each.type,
        'soapType': SOAP.get(each.type, 'xsd:string'),
        'length': each.length,
        'byteLength': each.length * 3,
        'precision': 18 if each.type == 'double' else 0,
        'scale': 0,
        'custom': each.name.endswith('__c'),
        'externalId': each.external_id,
        'idLookup': each.name == 'Id' or each.external_id or (each.type == 'email' and one.part == 'contact'),
        'unique': each.unique,
        'caseSensitive': False,
        'nillable': not each.required and each.type not in ('boolean', 'id'),
        'createable': writable,
        'updateable': writable,
        'calculated': False,
        'autoNumber': each.name == 'Name' and bool(one.numbered),
        'nameField': each.name == 'Name',
        'defaultedOnCreate': each.type == 'boolean' or each.name in ('Id', 'Name'),
        'filterable': each.type != 'textarea',
        'sortable': each.type not in ('textarea', 'multipicklist'),
        'restrictedPicklist': picks and each.restricted,
        'picklistValues': [
            {'active': True, 'defaultValue': False, 'label': value, 'validFor': None, 'value': value}
            for value in each.options
        ],
        'referenceTo': [each.refers_to] if each.refers_to else [],
        'relationshipName': each.relationship or None,
    }
