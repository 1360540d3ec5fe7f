-- Commands on a unit: what was taken, what waits for the reader, what is to be replied, which feeds are paused.

PRAGMA application_id = 1095651411;
PRAGMA user_version = 1;

CREATE TABLE taken (
    service      TEXT PRIMARY KEY,             -- reader or uplink
    number       INTEGER NOT NULL,             -- no command with this number or a lower one counts again
    issued_utc_s INTEGER NOT NULL,             -- the latest time of issue, which UTC is not before
    name         TEXT    NOT NULL,
    utc_s        INTEGER NOT NULL,
    outcome      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY,           -- commands for the reader, as signed
    name        TEXT NOT NULL,
    blob        BLOB NOT NULL,
    correlation BLOB NOT NULL
) STRICT;

CREATE TABLE replies (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    correlation BLOB NOT NULL,
    document    TEXT NOT NULL
) STRICT;

CREATE TABLE pauses (
    feed        TEXT PRIMARY KEY,
    until_utc_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
