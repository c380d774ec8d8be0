-- A session for which the program of one service vouched shows that service's client, not the owner's others.
ALTER TABLE user_sessions ADD COLUMN confined BOOLEAN NOT NULL DEFAULT FALSE;
