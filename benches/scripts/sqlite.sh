# sqlite3 under load: a table in memory filled, indexed, joined, grouped and emptied
# needs: sqlite3=sqlite3
env LD_PRELOAD="$LIBRARY" sqlite3 :memory: <<SQL
CREATE TABLE item(id INTEGER PRIMARY KEY, name TEXT, size INTEGER);
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < $((1200 * SCALE)))
    INSERT INTO item SELECT x, 'item ' || (x * 7919 % 150000), x * x % 1009 FROM n;
CREATE INDEX by_name ON item(name);
SELECT a.size, count(*) FROM item a JOIN item b ON b.name = 'item ' || a.id GROUP BY a.size ORDER BY 2 DESC, 1 LIMIT 5;
SELECT length(group_concat(upper(name) || hex(id))) FROM (SELECT * FROM item ORDER BY size, name);
SELECT count(*), max(n) FROM (SELECT substr(name, 1, 8) AS part, count(*) AS n FROM item GROUP BY part);
UPDATE item SET name = name || printf(' of size %d', size) WHERE size % 3 = 0;
DELETE FROM item WHERE size % 5 = 0;
SELECT count(*), sum(length(name)) FROM item;
SQL
