PRAGMA application_id = 1095651411;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE inbox (
    id          INTEGER PRIMARY KEY,           -- commands for the reader, as signed
    name        TEXT NOT NULL,
    blob        BLOB NOT NULL,
    correlation BLOB NOT NULL
) STRICT;
CREATE TABLE pauses (
    feed        TEXT PRIMARY KEY,
    until_utc_s INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE replies (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    correlation BLOB NOT NULL,
    document    TEXT NOT NULL
) STRICT;
CREATE TABLE taken (
    service      TEXT PRIMARY KEY,             -- reader or uplink
    number       INTEGER NOT NULL,             -- no command with this number or a lower one counts again
    issued_utc_s INTEGER NOT NULL,             -- the latest time of issue, which UTC is not before
    name         TEXT    NOT NULL,
    utc_s        INTEGER NOT NULL,
    outcome      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "taken" VALUES('reader',5,1795740000,'pause',1795740002,'done');
INSERT INTO "taken" VALUES('uplink',7,1795750000,'ping',1795750001,'done');
COMMIT;
