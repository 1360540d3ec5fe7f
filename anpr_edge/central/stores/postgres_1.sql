-- The centre's store in PostgreSQL, version 1. Applied by `anpr-central store init`, as the schema's owner.

CREATE TABLE anpr.feed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fleet text NOT NULL,
    unit text NOT NULL,
    feed text NOT NULL,
    signer_kid bytea NOT NULL,
    ledger text NOT NULL DEFAULT '{"runs":[],"breaks":0}',  -- central/stores/ledger_text.py
    highest bigint NOT NULL DEFAULT 0,                      -- the highest number here
    missing bigint NOT NULL DEFAULT 0,
    breaks integer NOT NULL DEFAULT 0,
    restarts integer NOT NULL DEFAULT 0,
    changed timestamptz NOT NULL DEFAULT now(),
    UNIQUE (fleet, unit, feed, signer_kid)
);

-- `day` is the day of reception, by the centre's clock: a unit's clock may be wrong, and a partition must hold what
-- came while it was young. That a read sent again on another day is not kept twice is the ledger's work, under a
-- lock on its feed; the key below holds within a day whatever the ledger says.
-- More than one row under a number only when an outbox was copied: two reads, each signed by the unit.
CREATE TABLE anpr.plate_read (
    day date NOT NULL,
    feed_id bigint NOT NULL,
    seq bigint NOT NULL,
    hash bytea NOT NULL,
    previous bytea NOT NULL,
    read_id bytea NOT NULL,
    received timestamptz NOT NULL,
    first_seen timestamptz NOT NULL,
    plate_text text NOT NULL,
    lane text,
    document jsonb NOT NULL,                                -- central/documents.py
    PRIMARY KEY (day, feed_id, seq, hash)
) PARTITION BY RANGE (day);
CREATE INDEX ON anpr.plate_read (feed_id, seq);
CREATE INDEX ON anpr.plate_read (first_seen);
CREATE INDEX ON anpr.plate_read (plate_text, first_seen);

CREATE TABLE anpr.refusal (
    day date NOT NULL,
    digest bytea NOT NULL,
    kind text NOT NULL,
    topic text NOT NULL,
    received timestamptz NOT NULL,
    feed_id bigint,
    seq bigint,
    hash bytea,
    blob bytea NOT NULL,
    PRIMARY KEY (day, digest)
) PARTITION BY RANGE (day);
CREATE INDEX ON anpr.refusal (feed_id, seq);

-- Makes the partitions of these days where they are missing. It runs with its owner's rights, so that who writes
-- reads needs no right to change the schema. ATTACH, unlike CREATE … PARTITION OF, stops nobody who reads or writes.
CREATE FUNCTION anpr.prepare(first_day date, days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    parent text;
    child text;
    a_day date;
    made integer := 0;
BEGIN
    IF days NOT BETWEEN 1 AND 60 THEN
        RAISE EXCEPTION 'days is %, must be 1 to 60', days USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('anpr.prepare'));
    FOREACH parent IN ARRAY ARRAY['plate_read', 'refusal'] LOOP
        FOR a_day IN SELECT first_day + n FROM generate_series(0, days - 1) AS n LOOP
            child := parent || to_char(a_day, '_YYYYMMDD');
            CONTINUE WHEN to_regclass('anpr.' || child) IS NOT NULL;
            EXECUTE format('CREATE TABLE anpr.%I (LIKE anpr.%I INCLUDING ALL)', child, parent);
            EXECUTE format('ALTER TABLE anpr.%I ATTACH PARTITION anpr.%I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, a_day, a_day + 1);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Drops the partitions of all days before this one; how many rows were in them.
CREATE FUNCTION anpr.forget(before date, OUT reads bigint, OUT refusals bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s' AS $$
DECLARE
    part record;
    rows_in_it bigint;
BEGIN
    reads := 0;
    refusals := 0;
    PERFORM pg_advisory_xact_lock(hashtext('anpr.prepare'));
    FOR part IN
        SELECT child.relname AS name, parent.relname AS parent
        FROM pg_inherits
        JOIN pg_class child ON child.oid = inhrelid
        JOIN pg_class parent ON parent.oid = inhparent
        WHERE parent.relnamespace = 'anpr'::regnamespace AND parent.relname IN ('plate_read', 'refusal')
          AND parent.relkind = 'p' AND to_date(right(child.relname, 8), 'YYYYMMDD') < before
        ORDER BY child.relname
    LOOP
        EXECUTE format('SELECT count(*) FROM anpr.%I', part.name) INTO rows_in_it;
        EXECUTE format('DROP TABLE anpr.%I', part.name);
        IF part.parent = 'plate_read' THEN
            reads := reads + rows_in_it;
        ELSE
            refusals := refusals + rows_in_it;
        END IF;
    END LOOP;
END $$;

REVOKE ALL ON FUNCTION anpr.prepare(date, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION anpr.forget(date) FROM PUBLIC;
