-- The outbox: ciphertext on its way to each feed's centre.
--
-- Durations and ages are in "age time": nanoseconds this outbox has been kept, which no step of the wall
-- clock moves (retention.py).

PRAGMA application_id = 1095651410;  -- "ANPR"
PRAGMA user_version = 1;

CREATE TABLE feeds (
    feed         TEXT PRIMARY KEY,
    last_seq     INTEGER NOT NULL DEFAULT 0,   -- the number given out last; the next one is one above
    last_hash    BLOB    NOT NULL,             -- SHA-256 of that read's envelope; zeros where a chain starts
    watermark    INTEGER NOT NULL DEFAULT 0,   -- the centre has everything up to here
    restarts     INTEGER NOT NULL DEFAULT 0,   -- how often the chain had to start again
    refused_acks INTEGER NOT NULL DEFAULT 0,
    waiting      INTEGER NOT NULL DEFAULT 0,   -- kept by the triggers below, as are sent and bytes
    sent         INTEGER NOT NULL DEFAULT 0,
    bytes        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE reads (
    id         INTEGER PRIMARY KEY,            -- the order of arrival, over all feeds
    feed       TEXT    NOT NULL REFERENCES feeds (feed),
    seq        INTEGER NOT NULL,
    state      INTEGER NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),   -- 0 waiting, 1 sent
    attempts   INTEGER NOT NULL DEFAULT 0,     -- answers in a row: above 0 accepted, below it refused
    kept_age   INTEGER NOT NULL,               -- when it was kept
    not_before INTEGER NOT NULL DEFAULT 0,     -- when it may be tried again, sent or not
    blob       BLOB    NOT NULL
) STRICT;

CREATE UNIQUE INDEX reads_by_number ON reads (feed, seq);
CREATE INDEX reads_by_state ON reads (state);

CREATE TABLE drops (
    feed  TEXT    NOT NULL,
    cause TEXT    NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (feed, cause)
) STRICT, WITHOUT ROWID;

CREATE TABLE age (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    boot_id    BLOB    NOT NULL,
    mono_ns    INTEGER NOT NULL,
    age_ns     INTEGER NOT NULL,
    synced_boot_id BLOB,
    synced_utc_ns  INTEGER,
    synced_age_ns  INTEGER
) STRICT;

-- 128 bytes a read beside its blob: row header, two index entries and half-filled pages.
CREATE TRIGGER read_kept AFTER INSERT ON reads BEGIN
    UPDATE feeds SET waiting = waiting + 1, bytes = bytes + length(new.blob) + 128 WHERE feed = new.feed;
END;

CREATE TRIGGER read_gone AFTER DELETE ON reads BEGIN
    UPDATE feeds
       SET waiting = waiting - (old.state = 0),
           sent = sent - (old.state = 1),
           bytes = bytes - length(old.blob) - 128
     WHERE feed = old.feed;
END;

CREATE TRIGGER read_moved AFTER UPDATE OF state ON reads WHEN old.state <> new.state BEGIN
    UPDATE feeds
       SET waiting = waiting + (new.state = 0) - (old.state = 0),
           sent = sent + (new.state = 1) - (old.state = 1)
     WHERE feed = new.feed;
END;
