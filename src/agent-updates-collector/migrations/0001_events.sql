-- Names that many events share, each stored once.
CREATE TABLE names (
    ref  INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL, -- 1 agent, 2 event type, 3 session, 4 tool
    name TEXT    NOT NULL,
    UNIQUE (kind, name)
) STRICT;

-- The log of events, in the order in which they were stored. `seq` only grows and is what readers page by.
CREATE TABLE events (
    seq          INTEGER PRIMARY KEY,
    key          ANY,              -- what makes a repetition the same event: see src/event/id.rs
    received_us  INTEGER NOT NULL, -- microseconds since 1970 (UTC), by the collector's own clock
    timestamp_us INTEGER NOT NULL, -- the same by the sender's clock
    agent        INTEGER NOT NULL, -- a name
    type         INTEGER NOT NULL, -- a name
    session      INTEGER,          -- a name
    tool         INTEGER,          -- a name
    status       INTEGER,          -- src/event/status.rs
    source       INTEGER,          -- src/event/namespace.rs
    tags         INTEGER NOT NULL, -- src/event/tags.rs
    duration_ms  INTEGER,          -- of the tool
    task         TEXT,
    branch       TEXT,
    trace        TEXT,
    body         TEXT    NOT NULL  -- the JSON object as it was sent, without secrets
) STRICT;

-- Few: each index that has every row costs the writer dearly. These four keys are small, and new rows go where the last ones went.
CREATE UNIQUE INDEX events_key ON events (key) WHERE key IS NOT NULL;
CREATE INDEX events_agent ON events (agent);
CREATE INDEX events_type ON events (type);
CREATE INDEX events_session ON events (session) WHERE session IS NOT NULL;
-- Rare keys.
CREATE INDEX events_task ON events (task) WHERE task IS NOT NULL;
CREATE INDEX events_trace ON events (trace) WHERE trace IS NOT NULL;

-- What follows is computed from the events, in the transaction that stores them, and can be computed again.

-- What each agent did last.
CREATE TABLE agents (
    agent     INTEGER PRIMARY KEY, -- a name
    events    INTEGER NOT NULL,
    first_us  INTEGER NOT NULL, -- received
    last_us   INTEGER NOT NULL, -- received
    state_us  INTEGER,          -- the time of the newest event that has a status
    state_seq INTEGER           -- and its place
) STRICT;
CREATE INDEX agents_last ON agents (last_us);

-- How often and how long each tool was used in each hour, by the power of two of the milliseconds (-1: no duration).
CREATE TABLE tool_hours (
    hour     INTEGER NOT NULL, -- since 1970
    tool     INTEGER NOT NULL, -- a name
    bucket   INTEGER NOT NULL,
    calls    INTEGER NOT NULL,
    errors   INTEGER NOT NULL,
    total_ms INTEGER NOT NULL,
    PRIMARY KEY (hour, tool, bucket)
) STRICT, WITHOUT ROWID;

-- How many events of each kind there were on each day.
CREATE TABLE day_counts (
    day    INTEGER NOT NULL, -- since 1970
    type   INTEGER NOT NULL, -- a name
    status INTEGER NOT NULL, -- 0: none
    events INTEGER NOT NULL,
    PRIMARY KEY (day, type, status)
) STRICT, WITHOUT ROWID;

-- The times within each run of 4096 places, so that a search by time skips the others.
CREATE TABLE zones (
    zone   INTEGER PRIMARY KEY, -- seq / 4096
    min_us INTEGER NOT NULL,
    max_us INTEGER NOT NULL
) STRICT;
