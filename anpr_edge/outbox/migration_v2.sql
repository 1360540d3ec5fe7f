-- From schema 1 to 2: reads given up are not only counted, but kept as ranges of numbers until the centre
-- has been told of them (losses.py).

PRAGMA user_version = 2;

CREATE TABLE losses (
    id       INTEGER PRIMARY KEY,
    feed     TEXT    NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL CHECK (last >= first),
    cause    TEXT    NOT NULL,
    reported INTEGER NOT NULL DEFAULT 0,   -- the number of the loss report that names it; 0 none yet
    told_age INTEGER NOT NULL DEFAULT 0    -- when that report was made
) STRICT;

CREATE INDEX losses_by_number ON losses (feed, last);
CREATE INDEX losses_by_report ON losses (feed, reported);
CREATE INDEX reads_refused ON reads (feed) WHERE attempts < 0;   -- few, and asked for with every answer
