-- Numbers that a series passed over on purpose, because documents have them already: when counting starts anew in the
-- middle of a period, say.
ALTER TABLE number_series ADD COLUMN skipped BIGINT NOT NULL DEFAULT 0;
