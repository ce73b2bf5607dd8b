"""Visits of sslyze: one JSON line in, one out. The command line would cost a start of Python each."""

import json
import sys
from pathlib import Path

from sslyze import (
    CertificateInfoExtraArgument,
    ClientAuthenticationCredentials,
    ScanCommand,
    ScanCommandsExtraArguments,
    Scanner,
    ServerNetworkConfiguration,
    ServerNetworkLocation,
    ServerScanRequest,
    ServerScanResultAsJson,
)


def scan(visit, credentials):
    location = ServerNetworkLocation(visit["host"], visit["port"], ip_address=visit["ip"])
    configuration = ServerNetworkConfiguration(location.hostname, tls_client_auth_credentials=credentials)
    what = ScanCommand(visit["what"])
    roots = None
    if what == ScanCommand.CERTIFICATE_INFO:
        roots = CertificateInfoExtraArgument(custom_ca_file=Path(visit["roots"]))
    arguments = ScanCommandsExtraArguments(certificate_info=roots)
    scanner = Scanner()
    scanner.queue_scans([ServerScanRequest(location, configuration, {what}, arguments)])
    (result,) = list(scanner.get_results())
    return ServerScanResultAsJson.model_validate(result).model_dump_json()


for line in sys.stdin:
    visit = json.loads(line)
    try:
        files = [Path(file) for file in visit["identity"] or []]
        credentials = ClientAuthenticationCredentials(*files) if files else None
    except Exception as why:
        # What the command line says before it connects.
        print(json.dumps({"unable": str(why)}), flush=True)
        continue
    print(scan(visit, credentials), flush=True)
