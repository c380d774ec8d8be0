"""A server with the two holes that are looked for, so that a search that finds nothing anywhere is noticed."""
import sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlparse

books = sqlite3.connect(":memory:")
books.executescript("CREATE TABLE items (name TEXT); INSERT INTO items VALUES ('apple'), ('pear'), ('plum')")


class Open(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = parse_qs(urlparse(self.path).query).get("q", [""])[0]
        try:
            rows = books.execute(f"SELECT name FROM items WHERE name = '{wanted}'").fetchall()
            status, text = 200, "".join(f"<li>{row[0]}</li>" for row in rows)
        except sqlite3.Error as error:
            status, text = 500, f"sqlite3.OperationalError: {error}"
        page = f"<!doctype html><title>Items</title><a href='/?q=apple'>Apples</a><p>{wanted}</p><ul>{text}</ul>".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Open)
print(f"Listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
