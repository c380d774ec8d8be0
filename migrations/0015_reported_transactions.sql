-- What a gateway told of by itself, other than as the outcome of an attempt or of a refund: it did happen, whatever staff
-- say, and its reference is how it is known again.
ALTER TABLE transactions ADD COLUMN reported BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE transactions SET reported = TRUE WHERE id IN (
    SELECT withdrawn_id FROM disputes WHERE withdrawn_id IS NOT NULL
    UNION SELECT reinstated_id FROM disputes WHERE reinstated_id IS NOT NULL
);
