"""The sandbox's own small pages: where a person acts in the emulated systems and watches a change travel."""

from hermes.sandbox.pages.views import routes

__all__ = ['routes']
