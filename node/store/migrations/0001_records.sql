-- One row a record: the table of the port by its number, the key in byte order (bytea compares as memcmp).
CREATE TABLE records (
    tbl smallint NOT NULL,
    key bytea NOT NULL,
    value bytea NOT NULL,
    version bigint NOT NULL,
    -- Which transaction wrote it: what is younger than a snapshot may be committed after it.
    written xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tbl, key)
);

-- Values are signed or compressed text of which little is left to gain, and reads are many.
ALTER TABLE records ALTER COLUMN value SET STORAGE EXTERNAL;

-- Versions of records. One sequence for all, so that a record that comes again never has a version that it had.
CREATE SEQUENCE versions AS bigint CACHE 1;

CREATE INDEX records_written ON records (tbl, written);
