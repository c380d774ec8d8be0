-- What begins at each word of a name, a company or an e-mail address, so that an index finds it.
CREATE TABLE search_words (
    kind TEXT NOT NULL,
    word {code} NOT NULL,
    -- The client or user.
    of_id BIGINT NOT NULL,
    PRIMARY KEY (kind, word, of_id)
);
CREATE INDEX search_words_of ON search_words (of_id, kind, word);

INSERT INTO search_words (kind, word, of_id)
WITH RECURSIVE places (place) AS (
    SELECT 1
    UNION ALL
    SELECT place + 1 FROM places
    WHERE place < (SELECT MAX(longest) FROM (
        SELECT COALESCE(MAX(LENGTH(search)), 0) AS longest FROM clients
        UNION ALL SELECT COALESCE(MAX(LENGTH(search)), 0) FROM users
    ) AS lengths)
)
SELECT DISTINCT s.kind, SUBSTR(s.search, p.place, 40), s.id
FROM (SELECT 'client' AS kind, id, search FROM clients UNION ALL SELECT 'user', id, search FROM users) AS s
JOIN places p ON p.place <= LENGTH(s.search)
-- A character stands between words when it can be taken out of this list of them.
CROSS JOIN (SELECT ' !"#$%&''()*+,-./:;<=>?@[\]^_`{|}~' AS marks) AS b
WHERE (p.place = 1 OR REPLACE(b.marks, SUBSTR(s.search, p.place - 1, 1), '') <> b.marks)
  AND REPLACE(b.marks, SUBSTR(s.search, p.place, 1), '') = b.marks;

-- The logs of one client in the order of the list.
DROP INDEX activity_log_client;
CREATE INDEX activity_log_client ON activity_log (client_id, at, id) WHERE client_id IS NOT NULL;
DROP INDEX gateway_log_client;
CREATE INDEX gateway_log_client ON gateway_log (client_id, at, id) WHERE client_id IS NOT NULL;

CREATE INDEX users_name ON users (last_name, first_name, id);
-- The order of the compatible API.
CREATE INDEX clients_first_name ON clients (first_name, last_name, id);
CREATE INDEX parked_clients_at ON parked_clients (at, client_id);
