"""Whoever listens to Hermes's own webhook: alerts go there, signed by Standard Webhooks."""

from hermes.systems.webhook.courier import WebhookCourier

__all__ = ['WebhookCourier']
