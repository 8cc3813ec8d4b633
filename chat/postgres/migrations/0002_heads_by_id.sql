-- Heads are looked up by the ids of the rooms, ten thousand at once by a node
-- that looks whether it has missed something: one index instead of two, and one
-- row instead of two.

ALTER TABLE {s}heads ADD COLUMN id text COLLATE "C";
UPDATE {s}heads h SET id = (SELECT r.id FROM {s}rooms r WHERE r.no = h.room_no);
ALTER TABLE {s}heads ALTER COLUMN id SET NOT NULL, ADD CONSTRAINT heads_id UNIQUE (id);
