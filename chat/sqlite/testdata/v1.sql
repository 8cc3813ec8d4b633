BEGIN TRANSACTION;
CREATE TABLE chat_calls (
	no         INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL UNIQUE,
	user_no    INTEGER NOT NULL,
	key        TEXT    NOT NULL,
	hash       BLOB    NOT NULL,
	room_no    INTEGER NOT NULL,
	bot_no     INTEGER NOT NULL,
	name       TEXT    NOT NULL,
	line       TEXT    NOT NULL,
	status     TEXT    NOT NULL,
	due_at     INTEGER NOT NULL,
	ended_at   INTEGER NOT NULL DEFAULT 0,
	seqs       TEXT    NOT NULL DEFAULT '', -- a JSON array
	private    TEXT    NOT NULL DEFAULT '', -- a JSON array
	error_code TEXT    NOT NULL DEFAULT '',
	error_text TEXT    NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "chat_calls" VALUES(1,'call',1,'key',X'00000000000000000000000000000000',2,4,'stock','/stock','done',1735787130000,1735787071000,'[21]','["psst"]','','');
CREATE TABLE chat_events (
	key        INTEGER PRIMARY KEY, -- room_no << 40 | seq
	room_no    INTEGER NOT NULL,
	user_no    INTEGER NOT NULL,
	id         TEXT    NOT NULL,
	hash       BLOB    NOT NULL,
	kind       INTEGER NOT NULL,    -- see kinds in event.go
	at         INTEGER NOT NULL,
	n          INTEGER NOT NULL,    -- messages of the room up to this row
	target_no  INTEGER NOT NULL,
	ref        INTEGER NOT NULL,
	text       TEXT    NOT NULL,
	role       TEXT    NOT NULL,
	off        INTEGER NOT NULL,
	mentions   TEXT    NOT NULL,    -- a JSON array
	data       TEXT    NOT NULL,
	call_id    TEXT    NOT NULL,
	call_name  TEXT    NOT NULL,
	call_by    INTEGER NOT NULL,
	edited_by  INTEGER NOT NULL DEFAULT 0,
	deleted_by INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "chat_events" VALUES(1099511627777,1,1,'create-empty',X'00000000000000000000000000000000',1,1735787047000,0,0,0,'empty','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(1099511627778,1,1,'create-empty.1',X'00000000000000000000000000000000',3,1735787047000,0,1,0,'','member',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255553,2,1,'create-room',X'00000000000000000000000000000000',1,1735787048000,0,0,0,'room','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255554,2,1,'create-room.1',X'00000000000000000000000000000000',3,1735787048000,0,1,0,'','member',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255555,2,1,'create-room.2',X'00000000000000000000000000000000',3,1735787048000,0,2,0,'','member',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255556,2,1,'request-00000001',X'726571756573742D3030303030303031',2,1735787049000,1,0,0,'vier','',0,'','','','',0,19,0);
INSERT INTO "chat_events" VALUES(2199023255557,2,2,'request-00000002',X'726571756573742D3030303030303032',2,1735787050000,2,0,0,'','',0,'','','','',0,0,18);
INSERT INTO "chat_events" VALUES(2199023255558,2,2,'request-00000003',X'726571756573742D3030303030303033',12,1735787051000,2,0,4,'+1','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255559,2,1,'request-00000004',X'726571756573742D3030303030303034',12,1735787052000,2,0,4,'<3','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255560,2,1,'request-00000005',X'726571756573742D3030303030303035',12,1735787053000,2,0,4,'+1','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255561,2,2,'request-00000006',X'726571756573742D3030303030303036',12,1735787054000,2,0,4,'+1','',1,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255562,2,2,'request-00000007',X'726571756573742D3030303030303037',12,1735787055000,2,0,4,'+1','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255563,2,2,'request-00000008',X'726571756573742D3030303030303038',12,1735787056000,2,0,4,'+1','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255564,2,2,'request-00000009',X'726571756573742D3030303030303039',12,1735787057000,2,0,5,'ha','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255565,2,2,'request-00000010',X'726571756573742D3030303030303130',12,1735787058000,2,0,5,'ha','',1,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255566,2,1,'request-00000011',X'726571756573742D3030303030303131',12,1735787059000,2,0,5,'gone','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255567,2,1,'request-00000012',X'726571756573742D3030303030303132',3,1735787060000,2,3,0,'','member',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255568,2,3,'request-00000013',X'726571756573742D3030303030303133',2,1735787061000,3,0,0,'sixteen','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255569,2,1,'request-00000014',X'726571756573742D3030303030303134',5,1735787062000,3,3,0,'','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255570,2,2,'request-00000015',X'726571756573742D3030303030303135',11,1735787063000,3,0,5,'','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255571,2,1,'request-00000016',X'726571756573742D3030303030303136',10,1735787064000,3,0,4,'','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255572,2,1,'request-00000017',X'726571756573742D3030303030303137',2,1735787065000,4,0,0,'twenty','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(2199023255573,2,4,'call.1',X'00000000000000000000000000000000',2,1735787071000,5,0,0,'one','',0,'','','call','stock',1,0,0);
INSERT INTO "chat_events" VALUES(3298534883329,3,1,'create-direct',X'00000000000000000000000000000000',1,1735787067000,0,0,0,'','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(3298534883330,3,1,'create-direct.1',X'00000000000000000000000000000000',3,1735787067000,0,1,0,'','owner',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(3298534883331,3,1,'create-direct.2',X'00000000000000000000000000000000',3,1735787067000,0,2,0,'','owner',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(3298534883332,3,1,'request-00000018',X'726571756573742D3030303030303138',2,1735787068000,1,0,0,'psst','',0,'','','','',0,0,0);
INSERT INTO "chat_events" VALUES(3298534883333,3,2,'request-00000019',X'726571756573742D3030303030303139',12,1735787069000,1,0,4,'+1','',0,'','','','',0,0,0);
CREATE TABLE chat_heads (
	room_no INTEGER PRIMARY KEY,
	seq     INTEGER NOT NULL,   -- the newest event
	floor   INTEGER NOT NULL,   -- the oldest one that is kept
	access  INTEGER NOT NULL,   -- the newest one that changed who may do what
	last    INTEGER NOT NULL,   -- the newest message
	n       INTEGER NOT NULL,   -- how many messages there are
	at      INTEGER NOT NULL    -- the time of the newest event
) STRICT;
INSERT INTO "chat_heads" VALUES(1,2,1,2,0,0,1735787047000);
INSERT INTO "chat_heads" VALUES(2,21,1,17,21,5,1735787071000);
INSERT INTO "chat_heads" VALUES(3,5,1,3,4,1,1735787069000);
CREATE TABLE chat_members (
	user_no      INTEGER NOT NULL,
	room_no      INTEGER NOT NULL,
	user_id      TEXT    NOT NULL,
	role         TEXT    NOT NULL,
	banned       INTEGER NOT NULL,
	since        INTEGER NOT NULL,
	visible_from INTEGER NOT NULL,
	read         INTEGER NOT NULL,
	PRIMARY KEY (user_no, room_no)
) STRICT, WITHOUT ROWID;
INSERT INTO "chat_members" VALUES(1,1,'ann','member',0,2,0,0);
INSERT INTO "chat_members" VALUES(1,2,'ann','member',0,2,0,20);
INSERT INTO "chat_members" VALUES(1,3,'ann','owner',0,2,0,0);
INSERT INTO "chat_members" VALUES(2,2,'bob','member',0,3,0,5);
INSERT INTO "chat_members" VALUES(2,3,'bob','owner',0,3,0,0);
INSERT INTO "chat_members" VALUES(3,2,'carl','',1,0,0,0);
CREATE TABLE chat_meta (
	key   TEXT PRIMARY KEY,     -- 'store' and 'epoch'
	value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "chat_meta" VALUES('epoch','Ret8AgzXTtTfVi0JBvSFrw');
INSERT INTO "chat_meta" VALUES('store','ci2qHqTmeKrlsB4ZT6-vAA');
CREATE TABLE chat_reactions (
	key     INTEGER NOT NULL,   -- of the message
	user_no INTEGER NOT NULL,
	emoji   TEXT    NOT NULL,
	PRIMARY KEY (key, user_no, emoji)
) STRICT, WITHOUT ROWID;
INSERT INTO "chat_reactions" VALUES(2199023255556,1,'+1');
INSERT INTO "chat_reactions" VALUES(2199023255556,1,'<3');
INSERT INTO "chat_reactions" VALUES(2199023255556,2,'+1');
INSERT INTO "chat_reactions" VALUES(3298534883332,2,'+1');
CREATE TABLE chat_rooms (
	no         INTEGER PRIMARY KEY CHECK (no BETWEEN 1 AND 8388607), -- below 2^23: see events.key
	id         TEXT    NOT NULL UNIQUE,
	kind       TEXT    NOT NULL CHECK (kind IN ('public', 'private', 'direct')),
	name       TEXT    NOT NULL,
	name_key   TEXT    UNIQUE,  -- the name of a public room without its case
	one_no     INTEGER NOT NULL, -- of a direct room: the users, the lower number first
	other_no   INTEGER NOT NULL,
	hides      INTEGER NOT NULL,
	archived   INTEGER NOT NULL DEFAULT 0,
	created_at INTEGER NOT NULL,
	data       TEXT    NOT NULL,
	by_no      INTEGER NOT NULL, -- who created it, with which request
	by_id      TEXT    NOT NULL,
	by_hash    BLOB    NOT NULL
) STRICT;
INSERT INTO "chat_rooms" VALUES(1,'empty','public','empty','EMPTY',0,0,0,0,1735787047000,'',1,'create-empty',X'00000000000000000000000000000000');
INSERT INTO "chat_rooms" VALUES(2,'room','public','room','ROOM',0,0,0,0,1735787048000,'',1,'create-room',X'00000000000000000000000000000000');
INSERT INTO "chat_rooms" VALUES(3,'direct','direct','',NULL,1,2,0,0,1735787067000,'',1,'create-direct',X'00000000000000000000000000000000');
CREATE TABLE chat_schema (
		version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT;
INSERT INTO "chat_schema" VALUES(1,'init','73d213590fa4f95b59eae4e1468790a2cb161198aad2cf2312c63059c71c75ad',1795475210198);
CREATE TABLE chat_users (
	no        INTEGER PRIMARY KEY,
	id        TEXT    NOT NULL UNIQUE,
	name      TEXT    NOT NULL,
	bot       INTEGER NOT NULL,
	rooms_rev INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO "chat_users" VALUES(1,'ann','Ann',0,3);
INSERT INTO "chat_users" VALUES(2,'bob','Bob',0,2);
INSERT INTO "chat_users" VALUES(3,'carl','Carl',0,2);
INSERT INTO "chat_users" VALUES(4,'bot:stock','Stock',1,0);
CREATE UNIQUE INDEX chat_rooms_by ON chat_rooms (by_no, by_id);
CREATE UNIQUE INDEX chat_rooms_direct ON chat_rooms (one_no, other_no) WHERE kind = 'direct';
CREATE INDEX chat_rooms_public ON chat_rooms (id) WHERE kind = 'public';
CREATE UNIQUE INDEX chat_members_by_room ON chat_members (room_no, user_id);
CREATE UNIQUE INDEX chat_events_once ON chat_events (room_no, user_no, id);
CREATE UNIQUE INDEX chat_calls_once ON chat_calls (user_no, key);
CREATE INDEX chat_calls_due ON chat_calls (due_at) WHERE status = 'pending';
CREATE INDEX chat_calls_of_user ON chat_calls (user_no, ended_at) WHERE ended_at > 0;
CREATE INDEX chat_calls_ended ON chat_calls (ended_at) WHERE ended_at > 0;
COMMIT;