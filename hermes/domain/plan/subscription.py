"""What has to be sent of a subscription: an address and its lists (AU-3)."""

from hermes.domain.plan.app_user import plan as plan

__all__ = ['plan']
