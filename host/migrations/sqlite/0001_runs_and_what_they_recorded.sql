-- Everything a run records. Times are integers with the unit in the name; a value that could not be read is NULL beside
-- the reason. Text columns named `labels`, `plan`, `environment`, `command`, `configuration`, `created`, `record` and
-- `response` hold JSON.
--
-- The id of a row that a run recorded is (number of the run << 32) + a number within the run: assigned in memory while
-- measuring, never the same in two processes that write at once, and the rows of a run are neighbours in the file, found
-- by their range of ids without an index. Rows that belong to an invocation don't reference it by a foreign key, since a
-- sampler's rows are written while the invocation still runs.

-- "faas" in ASCII: tells this file from other SQLite files.
PRAGMA application_id = 0x66616173;

CREATE TABLE runs (
    number             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- Short, sorts by time of creation; what people type.
    id                 TEXT    NOT NULL UNIQUE,
    created_unix_ns    INTEGER NOT NULL,
    finished_unix_ns   INTEGER,
    status             TEXT    NOT NULL CHECK (status IN ('running', 'complete', 'failed', 'interrupted')),
    label              TEXT,
    -- JSON array of the arguments.
    command            TEXT    NOT NULL,
    plan               TEXT    NOT NULL,
    environment        TEXT    NOT NULL,
    -- Text, since a 64-bit seed doesn't fit SQLite's signed integers.
    seed               TEXT    NOT NULL,
    version            TEXT    NOT NULL,
    -- The process that writes the run: tells an interrupted run from one that goes on.
    process_id         INTEGER NOT NULL,
    process_start      INTEGER,
    process_namespace  TEXT,
    boot_id            TEXT,
    host_name          TEXT
) STRICT;

-- The ledger: what was, or was about to be, created on a platform. It outlives runs.
CREATE TABLE deployments (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    run                INTEGER REFERENCES runs (number) ON DELETE SET NULL,
    created_unix_ns    INTEGER NOT NULL,
    changed_unix_ns    INTEGER NOT NULL,
    platform           TEXT    NOT NULL,
    -- The named installation of the platform, where there are several.
    target             TEXT,
    function           TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    engine             TEXT    NOT NULL,
    image_digest       TEXT,
    -- Memory, CPU, timeout, scale, environment.
    configuration      TEXT    NOT NULL,
    status             TEXT    NOT NULL CHECK (status IN ('intended', 'deployed', 'failed', 'removing', 'removed')),
    -- What exists because of it, in the order in which it was created: roles, log groups, buckets, image tags.
    created            TEXT    NOT NULL,
    error              TEXT
) STRICT;
CREATE INDEX deployments_by_status ON deployments (status);
CREATE INDEX deployments_by_run ON deployments (run) WHERE run IS NOT NULL;

CREATE TABLE invocations (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    experiment          TEXT    NOT NULL,
    function            TEXT    NOT NULL,
    size                TEXT    NOT NULL,
    engine              TEXT    NOT NULL,
    platform            TEXT    NOT NULL,
    deployment          INTEGER REFERENCES deployments (id) ON DELETE SET NULL,
    -- Which worker process or client, which interleaved round, and which repetition within the process.
    process             INTEGER,
    round               INTEGER NOT NULL,
    repetition          INTEGER NOT NULL,
    is_cold             INTEGER NOT NULL CHECK (is_cold IN (0, 1)),
    -- When it was due, under a schedule; response time counts from here.
    intended_unix_ns    INTEGER,
    start_unix_ns       INTEGER NOT NULL,
    wall_ns             INTEGER CHECK (wall_ns >= 0),
    user_ns             INTEGER CHECK (user_ns >= 0),
    system_ns           INTEGER CHECK (system_ns >= 0),
    time_absent_reason  TEXT,
    status              TEXT    NOT NULL CHECK (status IN ('ok', 'error')),
    error_kind          TEXT,
    error_message       TEXT,
    result_digest       TEXT,
    instance_identifier TEXT,
    response            TEXT,
    CHECK ((status = 'error') = (error_kind IS NOT NULL))
) STRICT;
CREATE INDEX invocations_by_deployment ON invocations (deployment) WHERE deployment IS NOT NULL;

-- The records that functions return, the root's and every nested descendant's; the tree is in `parent` and `level`.
CREATE TABLE records (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    invocation          INTEGER NOT NULL,
    identifier          TEXT    NOT NULL,
    function            TEXT    NOT NULL,
    parent              TEXT    NOT NULL,
    level               INTEGER NOT NULL,
    is_cold             INTEGER CHECK (is_cold IN (0, 1)),
    execution_start_ns  INTEGER,
    execution_us        INTEGER CHECK (execution_us >= 0),
    invocation_us       INTEGER CHECK (invocation_us >= 0),
    error_kind          TEXT,
    record              TEXT    NOT NULL
) STRICT;
CREATE INDEX records_by_invocation ON records (invocation);

-- Time series: one reading of a probe at one time.
CREATE TABLE samples (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    invocation          INTEGER,
    series              TEXT    NOT NULL,
    unix_ns             INTEGER NOT NULL,
    -- Since the series began, by a monotonic clock.
    elapsed_ns          INTEGER CHECK (elapsed_ns >= 0),
    value               REAL,
    absent_reason       TEXT,
    unit                TEXT    NOT NULL,
    labels              TEXT,
    CHECK ((value IS NULL) = (absent_reason IS NOT NULL))
) STRICT;
CREATE INDEX samples_by_invocation ON samples (invocation) WHERE invocation IS NOT NULL;

-- Counted events over one invocation. `value` is as read: where the counter was multiplexed it counted for
-- `time_running_ns` of `time_enabled_ns` only.
CREATE TABLE counters (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    invocation          INTEGER NOT NULL,
    name                TEXT    NOT NULL,
    -- Each pass counts other events over repetitions of the same invocation; `instructions` joins them.
    pass                INTEGER NOT NULL,
    value               INTEGER,
    absent_reason       TEXT,
    source              TEXT    NOT NULL,
    event_code          TEXT,
    time_enabled_ns     INTEGER CHECK (time_enabled_ns >= 0),
    time_running_ns     INTEGER CHECK (time_running_ns >= 0),
    is_multiplexed      INTEGER NOT NULL CHECK (is_multiplexed IN (0, 1)),
    CHECK ((value IS NULL) = (absent_reason IS NOT NULL))
) STRICT;
CREATE INDEX counters_by_invocation ON counters (invocation);

-- Whatever else an experiment measures, of an invocation or of the run.
CREATE TABLE metrics (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    invocation          INTEGER,
    name                TEXT    NOT NULL,
    value               REAL,
    absent_reason       TEXT,
    unit                TEXT    NOT NULL,
    labels              TEXT,
    CHECK ((value IS NULL) = (absent_reason IS NOT NULL))
) STRICT;
CREATE INDEX metrics_by_invocation ON metrics (invocation) WHERE invocation IS NOT NULL;

-- Remarks and warnings about a run, its own or a person's.
CREATE TABLE notes (
    id                  INTEGER PRIMARY KEY,
    run                 INTEGER GENERATED ALWAYS AS (id >> 32) VIRTUAL,
    invocation          INTEGER,
    created_unix_ns     INTEGER NOT NULL,
    level               TEXT    NOT NULL CHECK (level IN ('remark', 'warning', 'error')),
    text                TEXT    NOT NULL
) STRICT;

CREATE TRIGGER delete_what_a_run_recorded AFTER DELETE ON runs
BEGIN
    DELETE FROM invocations WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM records WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM samples WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM counters WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM metrics WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
    DELETE FROM notes WHERE id >= old.number << 32 AND id < (old.number + 1) << 32;
END;
