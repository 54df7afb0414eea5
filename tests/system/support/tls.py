# SPDX-License-Identifier: Apache-2.0
"""Who vouches for an upstream? An authority of the test, and an HTTPS server with the certificate that
the test wants it to show."""
import datetime
import socket
import ssl
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Authority:
    def __init__(self, folder, name="Test authority"):
        self.folder = folder
        self.name = _name(name)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(self.name, self.key.public_key(), [], authority=True)
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        self.issued = 0

    def _sign(self, subject, public_key, names, *, authority=False, start=-1, days=30,
              usage=ExtendedKeyUsageOID.SERVER_AUTH, signer=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        made = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now + start * DAY).not_valid_after(now + (start + days) * DAY)
                .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if names:
            made = made.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        if not authority:
            made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        return made.sign(signer or self.key, hashes.SHA256())

    def issue(self, *names, common_name="server", self_signed=False, **options):
        """A file with key and certificate for a server; `options`: start and days of its validity,
        usage."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_name(common_name), key.public_key(), names,
                                 signer=key if self_signed else None, **options)
        self.issued += 1
        file = self.folder / f"server-{self.issued}.pem"
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                              serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM))
        return file


class TlsUpstream:
    """Answers every request with 200 and `hello`, one connection after another."""

    def __init__(self, certificate, most=None, ciphers=None):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        if ciphers:
            self.context.set_ciphers(ciphers)
        if most is not None:
            self.context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            self.context.maximum_version = most
        self.context.sni_callback = lambda _, name, __: self.names.append(name)
        self.names = []  # as the clients called us
        self.requests = []  # heads that came through a finished handshake
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self.listener.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            peer.settimeout(10)
            try:
                with self.context.wrap_socket(peer, server_side=True) as secure:
                    head = b""
                    while b"\r\n\r\n" not in head and (data := secure.recv(4096)):
                        head += data
                    if head:
                        self.requests.append(head)
                        secure.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello")
            except OSError:
                peer.close()
