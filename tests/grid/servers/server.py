"""A server of Python's standard library.

    server.py threads|asyncio CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID

Prints where it listens, and ends when its standard input does.
"""

import asyncio
import http.server
import os
import ssl
import sys
import threading


def main():
    if len(sys.argv) != 9:
        sys.exit(__doc__)
    style, chain, key, roots, crl, version, role, _id = sys.argv[1:]
    context = None if role == "plaintext" else tls(chain, key, roots, crl, version, role)
    threading.Thread(target=end_with_stdin, daemon=True).start()
    if style == "asyncio":
        asyncio.run(serve_asyncio(context))
    else:
        server = Threads(("127.0.0.1", 0), Handler, context)
        tell(server.server_address[1])
        server.serve_forever()


def tls(chain, key, roots, crl, version, role):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = {
        "1.2": ssl.TLSVersion.TLSv1_2,
        "1.3": ssl.TLSVersion.TLSv1_3,
    }[version]
    context.load_cert_chain(chain, key)
    context.load_verify_locations(roots)
    context.verify_mode = ssl.CERT_REQUIRED
    if role == "optional":
        context.verify_mode = ssl.CERT_OPTIONAL
    elif role == "crl":
        context.load_verify_locations(crl)
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN
    elif role == "strict-sni":

        def check(_socket, name, _context):
            if name != "server.test":
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
            return None

        context.sni_callback = check
    elif role == "foreign-cipher":
        context.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    elif role != "required":
        sys.exit(f"this server cannot be {role}")
    return context


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\n")

    def log_message(self, *_):
        """Clients that are refused are the point of it."""


class Threads(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, address, handler, context):
        super().__init__(address, handler)
        self.tls = context is not None
        if self.tls:
            # The handshake is the thread's: else one silent client would stop all others.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def process_request_thread(self, request, client_address):
        if self.tls:
            try:
                request.do_handshake()
            except OSError:
                # What accept() does where the handshake is its own.
                request.close()
                return
        super().process_request_thread(request, client_address)

    def handle_error(self, *_):
        pass


async def serve_asyncio(context):
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context, backlog=1024)
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    tell(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def answer(reader, writer):
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET "):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
        else:
            writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()


def tell(port):
    print(f"listening on 127.0.0.1:{port}", flush=True)


def end_with_stdin():
    # Not sys.stdin: a thread that holds its lock stops the interpreter from ending.
    while os.read(0, 1024):
        pass
    os._exit(0)


main()
