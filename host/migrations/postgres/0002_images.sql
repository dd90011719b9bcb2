-- Which images were measured: a JSON list of {function, engine, digest, bytes}.
ALTER TABLE runs ADD COLUMN images TEXT NOT NULL DEFAULT '[]';
