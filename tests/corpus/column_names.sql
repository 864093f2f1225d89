-- Columns of one name in several tables of a join: what is learned of one of them says nothing about another.
create schema lika;
create table lika.a (id integer, v integer);
create table lika.b (id integer, aid integer, w integer);
create table lika.c (id integer, bid integer);
create table lika.s (x boolean, y boolean);
insert into lika.a select g, g from generate_series(1, 3000) g;
insert into lika.b select 100000 + g, g, g from generate_series(1, 3000) g;
insert into lika.c values (1, 100005), (2, 100010);
insert into lika.s select x, y from (values (true), (false), (null)) v (x), (values (true), (false), (null)) w (y);
select count(*), sum(a.id + b.id) from lika.a a join lika.b b on a.id = b.aid join lika.c c on c.bid = b.id;
select a.id, b.id, c.id from (lika.a a join lika.b b on a.id = b.aid) join lika.c c on c.bid = b.id and a.id <> b.id order by 1;
select a.id, b.id, c.id from (lika.a a full join lika.b b on a.id = b.aid) right join lika.c c on c.bid = b.id and a.id <> b.id order by 1;
select b.id, a.v from lika.b b left join lika.a a on a.id = b.aid join lika.c c on c.bid = b.id and a.id <> b.id order by 1;
select a.id, b.id, s.x from (select id as x, aid as y from lika.b union all select aid, id from lika.b) s join lika.a a on a.id = s.x join lika.b b on b.id = s.y where a.id < 4 order by 1, 2, 3;
select s.id, s.aid from (select id, aid from lika.b union all select aid as id, id as aid from lika.b) s join lika.c c on c.bid = s.id order by 1;
select s.id, s.n from (select id - 100000 as id, count(*) as n from lika.b group by id - 100000) s join (values (5), (7)) c (bid) on c.bid = s.id order by 1;
select h.id, h.aid from lika.b h join lika.c c on c.bid = h.id where exists (select 1 from lika.a where lika.a.v = h.aid and lika.a.id <> h.id) order by 1;
select h.v from lika.a h join (values (5), (7)) c (bid) on c.bid = h.id where exists (select 1 from lika.b where lika.b.aid = h.id and lika.b.id <> h.id) order by 1;
-- a filter over both sides of an outer join whose sides the engine swaps
select count(*) from lika.s a right join lika.s b on a.x = b.x where nullif(b.y, a.y);
select count(*) from lika.s a left join lika.s b on a.x = b.x where nullif(a.y, b.y);
select count(*) from lika.s a right join lika.s b on a.x = b.x where (a.y = b.y) is not true and b.y;
select count(*) from lika.s a right join lika.s b on a.x = b.x where a.y is distinct from b.y;
-- a subquery that relates two columns of one name to the outside
create table lika.d (id integer, aid integer);
insert into lika.d values (1, 1), (2, null), (3, 2), (5, 5);
select x.id from lika.d x where exists (select 1 from lika.d y, lika.d z where y.aid = x.id and z.aid is distinct from x.aid) order by 1;
select x.id from lika.d x where not exists (select 1 from lika.d y, lika.d z where y.aid = x.id and z.aid is distinct from x.aid) order by 1;
select x.id from lika.d x where x.id in (select y.aid from lika.d y, lika.d z where y.id <> x.aid and z.id > x.aid) order by 1;
select x.id, (select max(y.aid) from lika.d y, lika.d z where y.aid = x.id and z.aid = x.aid) from lika.d x where (select count(*) from lika.d y, lika.d z where y.aid = x.id and z.aid = x.aid) > 0 order by 1;
select y.id from lika.d x right join lika.a y on x.aid = y.id where x.id is null and y.id < 6 order by 1;
drop schema lika cascade;
