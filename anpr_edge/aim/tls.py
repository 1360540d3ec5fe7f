"""TLS for the page's server, with a certificate that is made for it and lives in memory alone."""

from __future__ import annotations

import os
import ssl

from anpr_edge.seal.own_certificate import OwnCertificate


def server_context(own: OwnCertificate) -> ssl.SSLContext:
    """TLS 1.3 as a server. The key goes to OpenSSL through a file in memory: nothing is on a disk."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 0
    descriptor = os.memfd_create("anpr-edge-aim", os.MFD_CLOEXEC)
    with os.fdopen(descriptor, "wb") as file:
        file.write(own.key_pem + own.cert_pem)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{descriptor}")
    return context
