# SPDX-License-Identifier: Apache-2.0
"""How is a bundle made, signed and stored? Written from the published format alone, without our own
programs, so that a test can also make the ones that those would refuse to make."""
import base64
import datetime
import hashlib
import io
import json
import pathlib
import subprocess
import tarfile

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

PAYLOAD_TYPE = "application/vnd.annex.bundle+json"
PURPOSE = "annex-bundle-v1"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class Key:
    """An Ed25519 or P-256 key with the forms in which it travels."""

    def __init__(self, kind="ed25519"):
        self.private = (ed25519.Ed25519PrivateKey.generate() if kind == "ed25519"
                        else ec.generate_private_key(ec.SECP256R1()))
        public = self.private.public_key()
        encode = serialization.Encoding
        self.spki = public.public_bytes(encode.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public_pem = public.public_bytes(
            encode.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
        self.private_pem = self.private.private_bytes(
            encode.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        self.id = sha256(self.spki)

    def sign(self, message):
        if isinstance(self.private, ed25519.Ed25519PrivateKey):
            return self.private.sign(message)
        r, s = utils.decode_dss_signature(self.private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def member(name, data, **changes):
    """A regular file of an archive; `changes` are fields of tarfile.TarInfo."""
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = len(data), 0o644, 0
    for field, value in changes.items():
        setattr(info, field, value)
    return info, data


def archive(members):
    """A ustar archive of (TarInfo, bytes), in this order, with the two zero blocks at its end."""
    blocks = io.BytesIO()
    for info, data in members:
        blocks.write(info.tobuf(tarfile.USTAR_FORMAT))
        blocks.write(data + bytes(-len(data) % 512))
    return blocks.getvalue() + bytes(1024)


def compress(data, *options):
    """One zstd frame with a checksum; `options` are those of the zstd program."""
    return subprocess.run(["zstd", "-q", "-c", "-3", "--check", *options], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def folder_members(folder):
    """The files of a folder as archive members: manifest.json first, the rest sorted by name."""
    folder = pathlib.Path(folder)
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    names.sort(key=lambda name: name != "manifest.json")
    return [member(name, (folder / name).read_bytes()) for name in names]


def pack(folder):
    return compress(archive(folder_members(folder)))


def timestamp(moment):
    return moment.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def statement(bundle, manifest_bytes, entry_bytes=None, **changes):
    """What a signer says about a bundle; `changes` replace members, None removes one."""
    manifest = json.loads(manifest_bytes)
    files = {"manifest.json": f"sha256:{sha256(manifest_bytes)}"}
    if entry_bytes is not None:
        files["entry.wasm"] = f"sha256:{sha256(entry_bytes)}"
    said = {"purpose": PURPOSE, "name": manifest["name"], "version": manifest["version"],
            "content_hash": f"sha256:{sha256(bundle)}", "size": len(bundle), "files": files,
            "created": timestamp(datetime.datetime.now(datetime.timezone.utc))}
    said.update(changes)
    return {name: value for name, value in said.items() if value is not None}


def envelope(said, *keys, payload_type=PAYLOAD_TYPE):
    """A DSSE envelope with one signature per key around a statement (a dict, or bytes as they are)."""
    payload = said if isinstance(said, bytes) else json.dumps(said, separators=(",", ":")).encode()
    message = b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type.encode(), len(payload), payload)
    return json.dumps({
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": key.id, "sig": base64.b64encode(key.sign(message)).decode()}
                       for key in keys],
    }).encode()


class Store:
    """A folder as object store."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # the runner's loader reads it as a user of its own

    @property
    def base(self):
        return f"file://{self.folder}"

    def place(self, content_hash):
        return self.folder / "sha256" / content_hash.removeprefix("sha256:")

    def put(self, bundle, signed, content_hash=None):
        """Stores bytes under their hash, or under another; returns it as "sha256:...". """
        content_hash = content_hash or f"sha256:{sha256(bundle)}"
        place = self.place(content_hash)
        place.mkdir(parents=True, exist_ok=True)
        (place / "bundle.tar.zst").write_bytes(bundle)
        if signed is not None:
            (place / "bundle.dsse.json").write_bytes(signed)
        return content_hash

    def publish(self, folder, *keys, **changes):
        """Packs, signs and stores a folder; returns the content hash."""
        folder = pathlib.Path(folder)
        bundle = pack(folder)
        entry = folder / "entry.wasm"
        said = statement(bundle, (folder / "manifest.json").read_bytes(),
                         entry.read_bytes() if entry.exists() else None, **changes)
        return self.put(bundle, envelope(said, *keys))
