"""A gRPC server (of gRPC core) that answers the health check with SERVING.

    health.py CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID

Prints where it listens, and ends when its standard input does. It speaks both TLS versions: Python has
no way to tell gRPC core to speak one.
"""

import os
import sys
from concurrent import futures

import grpc

# grpc.health.v1.HealthCheckResponse { status: SERVING }
SERVING = b"\x08\x01"


def main():
    if len(sys.argv) != 8:
        sys.exit(__doc__)
    chain, key, roots, _crl, _version, role, _id = sys.argv[1:]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=16))
    check = grpc.unary_unary_rpc_method_handler(lambda _request, _context: SERVING)
    health = grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": check})
    server.add_generic_rpc_handlers((health,))
    if role == "plaintext":
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        credentials = grpc.ssl_server_credentials(
            [(read(key), read(chain))],
            root_certificates=read(roots),
            require_client_auth=True,
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    print(f"listening on 127.0.0.1:{port}", flush=True)
    while os.read(0, 1024):
        pass
    os._exit(0)


def read(path):
    with open(path, "rb") as file:
        return file.read()


main()
