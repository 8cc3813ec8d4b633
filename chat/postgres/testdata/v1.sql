-- What version 1 of the tables had: rooms with a banned user, an edited and a
-- deleted message, reactions that were taken back and put again, read markers,
-- and calls.

INSERT INTO {s}meta (key, value) VALUES
	('store', 'h7jVnPrGsVGgHMZgwHgmPw'),
	('epoch', 'XG_csUVZ5BK-A_E7FVxI4Q') ON CONFLICT (key) DO UPDATE SET value = excluded.value;

INSERT INTO {s}users (no, id, name, bot, rooms_rev) OVERRIDING SYSTEM VALUE VALUES
	(1, 'ann', 'Ann', false, 3),
	(2, 'bob', 'Bob', false, 2),
	(3, 'carl', 'Carl', false, 2),
	(4, 'bot:stock', 'Stock', true, 0);

INSERT INTO {s}rooms (no, id, kind, name, name_key, one_no, other_no, hides, archived, created_at, data, by_no, by_id, by_hash) OVERRIDING SYSTEM VALUE VALUES
	(1, 'empty', 'public', 'empty', 'EMPTY', 0, 0, false, false, 1735787047000, '', 1, 'create-empty', '\x00000000000000000000000000000000'),
	(2, 'room', 'public', 'room', 'ROOM', 0, 0, false, false, 1735787048000, '', 1, 'create-room', '\x00000000000000000000000000000000'),
	(3, 'direct', 'direct', '', NULL, 1, 2, false, false, 1735787062000, '', 1, 'create-direct', '\x00000000000000000000000000000000');

INSERT INTO {s}heads (room_no, seq, access, last, n, at, members, floor, floor_at) VALUES
	(1, 2, 2, 0, 0, 1735787047000, 1, 1, 1735787047000),
	(2, 17, 13, 17, 5, 1735787066000, 2, 1, 1735787048000),
	(3, 4, 3, 4, 1, 1735787063000, 2, 1, 1735787062000);

INSERT INTO {s}members (user_no, room_no, user_id, role, banned, since, visible_from, read, n) VALUES
	(1, 1, 'ann', 'member', false, 2, 0, 0, 0),
	(1, 2, 'ann', 'member', false, 2, 0, 12, 3),
	(1, 3, 'ann', 'owner', false, 2, 0, 0, 0),
	(2, 2, 'bob', 'member', false, 3, 0, 4, 1),
	(2, 3, 'bob', 'owner', false, 3, 0, 0, 0),
	(3, 2, 'carl', '', true, 0, 0, 0, 0);

INSERT INTO {s}events (room_no, seq, user_no, at, n, batch, ref, target_no, call_by, edited_by, deleted_by, kind, off, id, hash, text, mentions, data, role, call_id, call_name) VALUES
	(1, 1, 1, 1735787047000, 0, 1476308092099686347, 0, 0, 0, 0, 0, 1, false, 'create-empty', '\x00000000000000000000000000000000', 'empty', '', '', '', '', ''),
	(1, 2, 1, 1735787047000, 0, 1476308092099686347, 0, 1, 0, 0, 0, 3, false, 'create-empty.1', '\x00000000000000000000000000000000', '', '', '', 'member', '', ''),
	(2, 1, 1, 1735787048000, 0, 3664004790376724573, 0, 0, 0, 0, 0, 1, false, 'create-room', '\x00000000000000000000000000000000', 'room', '', '', '', '', ''),
	(2, 2, 1, 1735787048000, 0, 3664004790376724573, 0, 1, 0, 0, 0, 3, false, 'create-room.1', '\x00000000000000000000000000000000', '', '', '', 'member', '', ''),
	(2, 3, 1, 1735787048000, 0, 3664004790376724573, 0, 2, 0, 0, 0, 3, false, 'create-room.2', '\x00000000000000000000000000000000', '', '', '', 'member', '', ''),
	(2, 4, 1, 1735787049000, 1, 6236116895892703409, 0, 0, 0, 15, 0, 2, false, 'request-a', '\x726571756573742d6100000000000000', 'vier', '', '', '', '', ''),
	(2, 5, 2, 1735787050000, 2, 3956709246942380354, 0, 0, 0, 0, 14, 2, false, 'request-b', '\x726571756573742d6200000000000000', '', '', '', '', '', ''),
	(2, 6, 2, 1735787051000, 2, 5702990581280760861, 4, 0, 0, 0, 0, 12, false, 'request-c', '\x726571756573742d6300000000000000', '+1', '', '', '', '', ''),
	(2, 7, 1, 1735787052000, 2, 2522272153238839833, 4, 0, 0, 0, 0, 12, false, 'request-d', '\x726571756573742d6400000000000000', '<3', '', '', '', '', ''),
	(2, 8, 1, 1735787053000, 2, 1738542459576638047, 4, 0, 0, 0, 0, 12, false, 'request-e', '\x726571756573742d6500000000000000', '+1', '', '', '', '', ''),
	(2, 9, 2, 1735787054000, 2, 4460019700524010512, 4, 0, 0, 0, 0, 12, true, 'request-f', '\x726571756573742d6600000000000000', '+1', '', '', '', '', ''),
	(2, 10, 2, 1735787055000, 2, 6158054287940019851, 4, 0, 0, 0, 0, 12, false, 'request-g', '\x726571756573742d6700000000000000', '+1', '', '', '', '', ''),
	(2, 11, 1, 1735787056000, 2, 2606495350726237870, 0, 3, 0, 0, 0, 3, false, 'request-h', '\x726571756573742d6800000000000000', '', '', '', 'member', '', ''),
	(2, 12, 3, 1735787057000, 3, 6385278382111727612, 0, 0, 0, 0, 0, 2, false, 'request-i', '\x726571756573742d6900000000000000', 'twelve', '', '', '', '', ''),
	(2, 13, 1, 1735787058000, 3, 4017668525593419561, 0, 3, 0, 0, 0, 5, false, 'request-j', '\x726571756573742d6a00000000000000', '', '', '', '', '', ''),
	(2, 14, 2, 1735787059000, 3, 510002163195456917, 5, 0, 0, 0, 0, 11, false, 'request-k', '\x726571756573742d6b00000000000000', '', '', '', '', '', ''),
	(2, 15, 1, 1735787060000, 3, 8433082297559897131, 4, 0, 0, 0, 0, 10, false, 'request-l', '\x726571756573742d6c00000000000000', '', '', '', '', '', ''),
	(2, 16, 1, 1735787061000, 4, 1229401258558946250, 0, 0, 0, 0, 0, 2, false, 'request-m', '\x726571756573742d6d00000000000000', 'sixteen', '', '', '', '', ''),
	(2, 17, 4, 1735787066000, 5, 318912302201849946, 0, 0, 1, 0, 0, 2, false, 'ended.1', '\x00000000000000000000000000000000', 'one', '', '', '', 'ended', 'stock'),
	(3, 1, 1, 1735787062000, 0, 6751690513438623428, 0, 0, 0, 0, 0, 1, false, 'create-direct', '\x00000000000000000000000000000000', '', '', '', '', '', ''),
	(3, 2, 1, 1735787062000, 0, 6751690513438623428, 0, 1, 0, 0, 0, 3, false, 'create-direct.1', '\x00000000000000000000000000000000', '', '', '', 'owner', '', ''),
	(3, 3, 1, 1735787062000, 0, 6751690513438623428, 0, 2, 0, 0, 0, 3, false, 'create-direct.2', '\x00000000000000000000000000000000', '', '', '', 'owner', '', ''),
	(3, 4, 1, 1735787063000, 1, 1538378542650703114, 0, 0, 0, 0, 0, 2, false, 'request-n', '\x726571756573742d6e00000000000000', 'psst', '', '', '', '', '');

INSERT INTO {s}emoji (room_no, ref, emoji, first, n) VALUES
	(2, 4, '<3', 7, 1),
	(2, 4, '+1', 6, 2);

INSERT INTO {s}reactors (room_no, ref, emoji, seq, user_no) VALUES
	(2, 4, '<3', 7, 1),
	(2, 4, '+1', 8, 1),
	(2, 4, '+1', 10, 2);

INSERT INTO {s}calls (no, id, user_no, key, hash, room_no, bot_no, name, line, status, batch, due_at, ended_at, seqs, private, error_code, error_text) OVERRIDING SYSTEM VALUE VALUES
	(1, 'ended', 1, 'ended', '\x00000000000000000000000000000000', 2, 4, 'stock', '/stock', 'done', 318912302201849946, 1735787124000, 1735787066000, '[17]', '["psst"]', '', ''),
	(2, 'pending', 1, 'pending', '\x00000000000000000000000000000000', 2, 4, 'stock', '/stock', 'pending', 2231824559669060506, 1735787128000, 0, '', '', '', '');

SELECT setval(pg_get_serial_sequence('{s}users', 'no'), 4), setval(pg_get_serial_sequence('{s}rooms', 'no'), 3), setval(pg_get_serial_sequence('{s}calls', 'no'), 2);
