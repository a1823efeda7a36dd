"""Small applications that use Hermes."""
