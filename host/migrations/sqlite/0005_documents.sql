-- What a run writes down that is no single number, JSON: what came of an experiment's units, its finding, parts of traces.
CREATE TABLE documents (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    invocation          INTEGER,
    experiment          TEXT    NOT NULL,
    -- `unit`, `finding`, `span`.
    kind                TEXT    NOT NULL,
    -- What tells it from others of its kind.
    name                TEXT    NOT NULL,
    document            TEXT    NOT NULL
) STRICT;

DROP TRIGGER delete_what_a_run_recorded;
CREATE TRIGGER delete_what_a_run_recorded AFTER DELETE ON runs
BEGIN
    DELETE FROM invocations WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM records WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM samples WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM counters WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM metrics WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM documents WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM notes WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
END;
