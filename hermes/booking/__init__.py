"""Call booking: availability, holds, bookings and their links."""
