-- The centre's store in one SQLite file, version 1. Times are UTC: RFC 3339 text, or days as YYYY-MM-DD.

CREATE TABLE feed (
    id INTEGER PRIMARY KEY,
    fleet TEXT NOT NULL,
    unit TEXT NOT NULL,
    feed TEXT NOT NULL,
    signer_kid BLOB NOT NULL,
    ledger TEXT NOT NULL,         -- central/stores/ledger_text.py
    highest INTEGER NOT NULL,     -- the highest number here
    missing INTEGER NOT NULL,
    breaks INTEGER NOT NULL,
    restarts INTEGER NOT NULL,
    UNIQUE (fleet, unit, feed, signer_kid)
) STRICT;

-- More than one row under a number only when an outbox was copied: two reads, each signed by the unit.
CREATE TABLE plate_read (
    day TEXT NOT NULL,            -- of reception
    feed_id INTEGER NOT NULL REFERENCES feed (id),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    previous BLOB NOT NULL,
    read_id BLOB NOT NULL,
    received TEXT NOT NULL,
    first_seen TEXT NOT NULL,
    plate_text TEXT NOT NULL,
    lane TEXT,
    document TEXT NOT NULL,       -- central/documents.py
    PRIMARY KEY (feed_id, seq, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX plate_read_by_day ON plate_read (day);
CREATE INDEX plate_read_by_time ON plate_read (first_seen);
CREATE INDEX plate_read_by_plate ON plate_read (plate_text, first_seen);

CREATE TABLE refusal (
    day TEXT NOT NULL,
    digest BLOB PRIMARY KEY,
    kind TEXT NOT NULL,
    topic TEXT NOT NULL,
    received TEXT NOT NULL,
    feed_id INTEGER REFERENCES feed (id),
    seq INTEGER,
    hash BLOB,
    blob BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX refusal_by_number ON refusal (feed_id, seq);

-- Numbers whose reads went on to another place (Kafka): what a repeat is told by.
CREATE TABLE number (
    day TEXT NOT NULL,
    feed_id INTEGER NOT NULL REFERENCES feed (id),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (feed_id, seq, hash)
) STRICT, WITHOUT ROWID;
