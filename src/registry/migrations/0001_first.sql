-- SPDX-License-Identifier: Apache-2.0
-- What does the registry know? Ids are ours (pub_ ext_ ver_ ins_ upl_), times Unix milliseconds,
-- "revision" counts the changes of a row, for ETags.

-- The heads of the two sequences: changes, and the audit's chain.
CREATE TABLE meta (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    serial INTEGER NOT NULL,
    serial_oldest INTEGER NOT NULL,
    audit_seq INTEGER NOT NULL,
    audit_hash TEXT NOT NULL
) STRICT;
INSERT INTO meta (one, serial, serial_oldest, audit_seq, audit_hash)
VALUES (1, 0, 0, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE publishers (
    id TEXT PRIMARY KEY,
    slug TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
    revision INTEGER NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE publisher_prefixes (
    prefix TEXT PRIMARY KEY,
    publisher_id TEXT NOT NULL REFERENCES publishers (id)
) STRICT;
CREATE INDEX publisher_prefixes_publisher ON publisher_prefixes (publisher_id);

CREATE TABLE publisher_keys (
    keyid TEXT PRIMARY KEY,
    publisher_id TEXT NOT NULL REFERENCES publishers (id),
    pem TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('active', 'revoked')),
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX publisher_keys_publisher ON publisher_keys (publisher_id);

CREATE TABLE extensions (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    publisher_id TEXT NOT NULL REFERENCES publishers (id),
    created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX extensions_publisher ON extensions (publisher_id, name);

CREATE TABLE bundles (
    content_hash TEXT PRIMARY KEY,
    size INTEGER NOT NULL,
    has_module INTEGER NOT NULL CHECK (has_module IN (0, 1))
) STRICT;

CREATE TABLE versions (
    id TEXT PRIMARY KEY,
    extension_id TEXT NOT NULL REFERENCES extensions (id),
    version TEXT NOT NULL,
    content_hash TEXT NOT NULL UNIQUE REFERENCES bundles (content_hash),
    manifest_json TEXT NOT NULL,
    keyid TEXT NOT NULL REFERENCES publisher_keys (keyid),
    status TEXT NOT NULL CHECK (status IN ('published', 'deprecated')),
    revision INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (extension_id, version)
) STRICT;

-- config_json is what the guest sees (values that were set, defaults filled in); install_config is
-- what was set. A version that asks for more waits in pending_version_id while the old one serves.
CREATE TABLE installs (
    id TEXT PRIMARY KEY,
    tenant TEXT NOT NULL,
    extension_id TEXT NOT NULL REFERENCES extensions (id),
    version_id TEXT NOT NULL REFERENCES versions (id),
    previous_version_id TEXT REFERENCES versions (id),
    pending_version_id TEXT REFERENCES versions (id),
    status TEXT NOT NULL CHECK (status IN ('enabled', 'disabled', 'uninstalled')),
    config_json TEXT NOT NULL,
    revision INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    uninstalled_ms INTEGER
) STRICT;
CREATE UNIQUE INDEX installs_live ON installs (tenant, extension_id) WHERE status <> 'uninstalled';
CREATE INDEX installs_tenant ON installs (tenant, id);
CREATE INDEX installs_version ON installs (version_id);
CREATE INDEX installs_uninstalled ON installs (uninstalled_ms) WHERE uninstalled_ms IS NOT NULL;

CREATE TABLE install_config (
    install_id TEXT NOT NULL REFERENCES installs (id),
    key TEXT NOT NULL,
    value_json TEXT NOT NULL,
    PRIMARY KEY (install_id, key)
) STRICT;

CREATE TABLE grants (
    install_id TEXT NOT NULL REFERENCES installs (id),
    capability TEXT NOT NULL,
    PRIMARY KEY (install_id, capability)
) STRICT;

CREATE TABLE install_egress (
    install_id TEXT NOT NULL REFERENCES installs (id),
    entry TEXT NOT NULL,
    PRIMARY KEY (install_id, entry)
) STRICT;

CREATE TABLE revocations (
    kind TEXT NOT NULL CHECK (kind IN ('hash', 'key')),
    value TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT;

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    publisher_id TEXT NOT NULL REFERENCES publishers (id),
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    envelope TEXT NOT NULL,
    received INTEGER NOT NULL CHECK (received IN (0, 1)),
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX uploads_expiry ON uploads (expires_ms);
CREATE INDEX uploads_publisher ON uploads (publisher_id);

-- One row for each thing that ever changed, at the serial of its last change. A row that is gone is
-- dropped in the end, and serial_oldest then says which serials can no longer be resumed from.
CREATE TABLE changes (
    serial INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    gone INTEGER NOT NULL CHECK (gone IN (0, 1)),
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX changes_gone ON changes (serial) WHERE gone = 1;

CREATE TABLE audit (
    seq INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    request_id TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    tenant TEXT NOT NULL,
    details_json TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_tenant ON audit (tenant, seq);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;
