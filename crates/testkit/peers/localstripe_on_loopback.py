"""localstripe as it comes, but on the loopback interface, on a port of the system's choosing, and only in memory.

Its own start-up listens on every interface and writes all it knows into one file of the whole machine. What is right at
Stripe and answered with 400 here is left out before it looks: some parameters of payments, and the filters of their list
(which is then longer than it had to be).
"""

import socket

from aiohttp import web
from localstripe import resources

resources.Store.dump_to_disk = lambda self: None


def without(names, function):
    def call(*args, **kwargs):
        return function(*args, **{key: value for key, value in kwargs.items() if key not in names})

    return call


PaymentIntent = resources.PaymentIntent
PaymentIntent.__init__ = without({"description", "automatic_payment_methods"}, PaymentIntent.__init__)
PaymentIntent._api_list_all = without({"customer", "created"}, PaymentIntent._api_list_all)

# It takes the functions for its routes when it is imported.
from localstripe import server  # noqa: E402

listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
listener.bind(("127.0.0.1", 0))
listener.listen(128)
print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
web.run_app(server.app, sock=listener, print=None)
