"""What the patches look for (`hermes patch`)."""

from typing import Final

PARKED_PUSHES: Final = "select record_type, record_id, reason from push where state = 'parked' order by 1, 2"
SUPPORT_WITHOUT_OWNER: Final = """
    select id, email from admin where is_support_person and not is_sales_person and pd_owner_id is null order by id
"""
