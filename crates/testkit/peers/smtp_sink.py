"""An SMTP server that writes each message into the temporary folder: N.eml as received, N.envelope with its addresses.

A file refuse-RECIPIENT there holds the reply with which that recipient is refused. Two arguments are the only user and
password that are let in; without them nobody is asked.
"""

import asyncio
import os
import sys

from aiosmtpd.smtp import SMTP, AuthResult

FOLDER = os.environ["TMPDIR"]


class Sink:
    def __init__(self):
        self.kept = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        try:
            with open(os.path.join(FOLDER, "refuse-" + address.lower())) as reply:
                return reply.read()
        except FileNotFoundError:
            envelope.rcpt_tos.append(address)
            return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        # No other message is handled in between: nothing is awaited here.
        self.kept += 1
        with open(os.path.join(FOLDER, f"{self.kept}.eml"), "wb") as message:
            message.write(envelope.original_content)
        unfinished = os.path.join(FOLDER, "unfinished")
        with open(unfinished, "w") as addresses:
            addresses.write("\n".join([envelope.mail_from or "", *envelope.rcpt_tos]))
        os.rename(unfinished, os.path.join(FOLDER, f"{self.kept}.envelope"))
        return f"250 Kept as {self.kept}"


def let_in(server, session, envelope, mechanism, login):
    given = [login.login.decode(), login.password.decode()]
    return AuthResult(success=given == sys.argv[1:], handled=False)


async def serve():
    sink = Sink()
    login = {"authenticator": let_in, "auth_required": True, "auth_require_tls": False} if sys.argv[1:] else {}
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, enable_SMTPUTF8=True, hostname="localhost", **login), "127.0.0.1", 0
    )
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


asyncio.run(serve())
