"""The call-booker's pages, as a visitor meets them: index, question, bracket, times, form, confirmation, manage, and
the same within another website's frame (`/embed/...`).

Every page is complete as it comes from the server, every act is a form, and what a page shows stands in its address.
Nothing is decided here: pages call what the booking API calls, `hermes.booking`.
"""
