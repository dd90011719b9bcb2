-- What a run writes down that is no single number, JSON: what came of an experiment's units, its finding, parts of traces.
CREATE TABLE documents (
    id                  BIGINT  PRIMARY KEY,
    run                 BIGINT  GENERATED ALWAYS AS (id >> 32) STORED,
    invocation          BIGINT,
    experiment          TEXT    NOT NULL,
    -- `unit`, `finding`, `span`.
    kind                TEXT    NOT NULL,
    -- What tells it from others of its kind.
    name                TEXT    NOT NULL,
    document            TEXT    NOT NULL
);

CREATE OR REPLACE FUNCTION delete_what_a_run_recorded() RETURNS trigger
LANGUAGE plpgsql
-- Whatever schemas the session looks into, these are the tables beside this function.
SET search_path FROM CURRENT
AS $$
BEGIN
    DELETE FROM invocations WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    DELETE FROM records WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    DELETE FROM samples WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    DELETE FROM counters WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    DELETE FROM metrics WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    DELETE FROM documents WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    DELETE FROM notes WHERE id >= OLD.number << 32 AND id < (OLD.number + 1) << 32;
    RETURN NULL;
END;
$$;
