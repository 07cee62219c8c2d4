# sqlite3: a table filled, indexed, joined and vacuumed
# needs: sqlite3=sqlite3
sqlite3 data.db <<'SQL'
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, size INTEGER);
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 150000)
    INSERT INTO item SELECT x, 'item ' || (x * 7919 % 150000), x * x % 1009 FROM n;
CREATE INDEX by_name ON item(name);
SELECT count(*), sum(size), min(name), max(name) FROM item;
SELECT a.size, count(*) FROM item a JOIN item b ON b.name = 'item ' || a.id
    GROUP BY a.size ORDER BY 2 DESC, 1 LIMIT 20;
DELETE FROM item WHERE size % 3 = 0;
VACUUM;
SELECT group_concat(name) FROM (SELECT name FROM item ORDER BY size, name LIMIT 50);
PRAGMA integrity_check;
SQL
