-- A deployment's identity, which everything that is created for it carries; where it serves; what only its platform understands.
ALTER TABLE deployments ADD COLUMN identifier TEXT;
-- The machine that a platform of this machine is on; none for one that is elsewhere.
ALTER TABLE deployments ADD COLUMN host TEXT;
ALTER TABLE deployments ADD COLUMN url TEXT;
ALTER TABLE deployments ADD COLUMN details TEXT;
-- Several processes may add to what exists because of a deployment: rows, in place of a list in a column.
ALTER TABLE deployments DROP COLUMN created;
CREATE UNIQUE INDEX deployments_by_identifier ON deployments (identifier);

-- What exists because of a deployment, or was about to: containers, image tags, server processes, roles. In the order in which it
-- was created.
CREATE TABLE resources (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The deployment's identifier. Not a reference: what exists must be known even if its deployment is not.
    deployment      TEXT    NOT NULL,
    platform        TEXT    NOT NULL,
    target          TEXT    NOT NULL,
    host            TEXT,
    kind            TEXT    NOT NULL,
    name            TEXT    NOT NULL,
    details         TEXT    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('intended', 'created', 'removed')),
    created_unix_ns INTEGER NOT NULL,
    changed_unix_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX resources_by_deployment ON resources (deployment);
CREATE INDEX resources_left ON resources (state) WHERE state <> 'removed';
