create table w1 (a integer, b text);
create table w2 (a integer, b text, c integer default 7);
create table w3 (a integer);
insert into w1 select g, 'row ' || g from generate_series(1, 10) g;
with x as (insert into w2 (a, b) select a, b from w1 where a <= 3 returning *) select * from x order by a;
with x as (insert into w2 (a) values (100) returning a, c) select x.a, y.c, x.a + y.a from x join x y on x.a = y.a;
-- what is not read is done all the same, and done to the end
with x as (insert into w3 select a from w1) select 1 as one;
with x as (insert into w3 select a + 100 from w1 returning a) select a from x order by a limit 2;
select count(*), sum(a) from w3;
-- every part sees the rows of before
with x as (delete from w3 where a > 100 returning a) select (select count(*) from w3), count(*) from x;
select count(*) from w3;
with x as (update w1 set b = 'changed' where a = 1 returning b) select x.b, w1.b from x, w1 where w1.a = 1;
with moved as (delete from w1 where a > 8 returning *) insert into w2 (a, b) select a, b || '!' from moved returning a, b, c;
select * from w1 order by a;
with x as (insert into w3 values (501)), y as (insert into w3 values (502) returning a) insert into w3 select a + 1 from y returning a;
select a from w3 where a > 500 order by a;
-- of two parts that change one row, one does; one table can be changed by several
with x as (update w3 set a = a + 1000 where a = 501 returning a), y as (insert into w3 values (504) returning a), z as (delete from w3 where a = 502 returning a) select 'x', a from x union all select 'y', a from y union all select 'z', a from z order by 1;
select a from w3 where a > 500 order by a;
with d as (delete from w3 where a > 500 returning a) update w2 set c = d.a from d where w2.a = 100 and d.a = 503 returning w2.a, w2.c;
select a from w3 where a > 500 order by a;
-- plain queries beside
with src as (select a from w1 where a < 3), x as (insert into w3 select a + 600 from src returning a), n as (select count(*) as n from x) select * from n, src order by src.a;
with src as materialized (select a from w1 where a < 4), x as (insert into w3 select a + 700 from src returning a), y as (delete from w3 where a in (select a from src) returning a) select (select count(*) from x), (select count(*) from y), (select count(*) from src);
with once as (select random() as r), x as (insert into w2 (a, b) select 900, r::text from once returning b) select x.b = once.r::text as same from x, once;
with few as (select a from w1 order by a limit 2), x as (delete from w3 where a in (select a + 600 from few) returning a) select a from x order by a;
with x as (with inner_one as (select 41 as k) insert into w3 select k + 1 from inner_one returning a) select a + 1 as next from x;
-- names, aliases, types
with x (one, two) as (update w2 set c = c + 1 where a = 100 returning a, c) select * from x;
with x (one, two, three, four) as (delete from w3 where a = 0 returning a) select * from x;
with x as (insert into w2 as t (a, b) values (5, 'five') returning t.a as k, upper(t.b), t.*) select * from x;
with x as (delete from w2 using w1 where w1.a = w2.a and w1.a = 2 returning w1.b, w2.c) select * from x;
with x as (update w1 t set b = s.b from (values (3, 'drei'), (4, 'vier')) s (a, b) where t.a = s.a returning t.*, s.b as new) select * from x order by a;
values (1) union all select 2 order by 1;
with x as (insert into w3 values (801) returning a) values (1), ((select a from x));
with x as (insert into w3 values (802) returning a) table x;
with x as (insert into w3 values (803) returning a) (select a from x) union all select 0 order by 1;
-- the tag counts the last part
with x as (insert into w3 select g + 900 from generate_series(1, 5) g) update w1 set b = b where a = 1;
with x as (insert into w3 values (1)) delete from w3 where a = 801 or a = 802;
with x as (insert into w3 values (2)) insert into w3 values (3), (4);
with x as (update w1 set b = 'merged' where a = 1 returning a) merge into w2 using x on w2.a = x.a when matched then update set b = 'hit' when not matched then insert (a) values (x.a);
-- parameters: 3 | par
with x as (update w1 set b = $2 where a = $1 returning a, b) select * from x;
-- parameters: 7
with x as (insert into w3 values ($1) returning a) insert into w3 select a + $1 from x returning a;
-- refused
with x as (insert into w3 values (1)) select * from x;
with x as (insert into w3 values (1) returning a), x as (select 1) select * from x;
select * from (with x as (insert into w3 values (1) returning a) select * from x) s;
insert into w3 with x as (delete from w3 returning a) select a from x;
with x as (with y as (insert into w3 values (1) returning a) select * from y) select * from x;
with recursive x as (insert into w3 select a from x returning a) select * from x;
with x as (merge into w3 using w1 on w1.a = w3.a when matched then delete) select 1;
with x as (insert into w3 values ('nope') returning a) select * from x;
with x as (insert into w3 values (1) returning nope) select * from x;
with x as (insert into w3 values (1) returning a) select b from x;
with x as (insert into nowhere values (1) returning a) select a from x;
with x as (insert into w3 values (1) returning 1 / (a - 1)) select 1;
with x as (insert into w3 values (1000) returning a) select 1 / (a - 1000) from x;
select count(*) from w3 where a = 1000;
-- words: which of the two rules is named
create view v as with x as (insert into w3 values (1) returning a) select a from x;
begin;
-- words: which of the two rules is named
declare c cursor for with x as (insert into w3 values (1) returning a) select a from x;
rollback;
begin;
with x as (insert into w3 values (2000) returning a) select a from x;
select count(*) from w3 where a = 2000;
with x as (delete from w3 where a = 2000 returning a) select count(*) from x;
rollback;
begin read only;
with x as (insert into w3 values (1) returning a) select a from x;
rollback;
prepare p as with x as (insert into w3 values ($1) returning a) select a from x;
execute p (3001);
execute p (3002);
deallocate p;
select a from w3 where a > 3000 order by a;
drop table w1, w2, w3;
