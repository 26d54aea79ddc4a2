-- The log of events, in the order in which they were stored. `seq` only grows and is what readers page by.
CREATE TABLE events (
    seq         INTEGER PRIMARY KEY,
    received_us INTEGER NOT NULL, -- microseconds since 1970 (UTC), by the collector's own clock
    body        TEXT    NOT NULL  -- the JSON object as it was sent
) STRICT;
