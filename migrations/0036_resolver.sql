-- What DNS said of each name of a run of the domain resolver.
CREATE TABLE resolved_names (
    id {id},
    run_id BIGINT NOT NULL,
    name {date} NOT NULL,
    -- The service that has the name, where one has.
    service_id BIGINT,
    client_id BIGINT,
    points TEXT NOT NULL CHECK (points IN ('ours', 'elsewhere', 'nowhere', 'no_such_name', 'unknown')),
    mail TEXT NOT NULL CHECK (mail IN ('ours', 'elsewhere', 'nowhere', 'no_such_name', 'unknown')),
    servers TEXT NOT NULL CHECK (servers IN ('ours', 'elsewhere', 'nowhere', 'no_such_name', 'unknown')),
    dnssec TEXT NOT NULL CHECK (dnssec IN ('secure', 'insecure', 'bogus', 'unknown')),
    -- The records, by type, as JSON.
    answers TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE UNIQUE INDEX resolved_names_name ON resolved_names (run_id, name);
CREATE INDEX resolved_names_run ON resolved_names (run_id, id);
CREATE INDEX resolved_names_points ON resolved_names (run_id, points, id);
CREATE INDEX resolved_names_mail ON resolved_names (run_id, mail, id);
CREATE INDEX resolved_names_at ON resolved_names (at, id);
